/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit together in a configuration. */
#include "proxy/coherence.h"

#include "policy/mail/domain.h"
#include "proxy/route.h"
#include "proxy/server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

#define MESSAGES_OF_A_STORE 16 /* of the largest that it may keep, at least */

static struct place place_of(const struct reading *reading, const void *section, const char *option)
{
	return settings_place(reading->settings, section, option);
}

/* --- listeners and backends --- */

static bool same_address(const struct listen_options *a, const struct listen_options *b)
{
	struct ip first, second;

	if (a->port != b->port || !a->address || !b->address)
		return false;
	if (ip_parse(slice_of(a->address), &first) && ip_parse(slice_of(b->address), &second))
		return ip_equals(&first, &second);
	return strcmp(a->address, b->address) == 0;
}

static void check_address(const struct reading *reading, size_t index)
{
	const struct listen_options **listens = reading->configuration->listens;
	const struct listen_options *listen = listens[index];
	struct ip ip;

	if (!listen->address)
		return; /* the reader has complained */
	struct place place = place_of(reading, listen, "address");
	if (strcmp(listen->address, "*") != 0 && !ip_parse(slice_of(listen->address), &ip)) {
		complaint_error(reading->complaints, place,
			"\"%s\" is no IP address; \"*\" means all of them", listen->address);
	}
	for (size_t i = 0; i < index; i++) {
		if (same_address(listens[i], listen)) {
			complaint_error(reading->complaints, place,
				"listen \"%s\" has the address and port of listen \"%s\"",
				listen->name, listens[i]->name);
		}
	}
}

static const char *backend_suggestion(const struct reading *reading, const char *name)
{
	const struct configuration *configuration = reading->configuration;
	const char **names = talloc_array(
		reading->configuration, const char *, configuration->backend_count + 1);

	for (size_t i = 0; i < configuration->backend_count; i++)
		names[i] = configuration->backends[i]->name;
	const char *found = complaint_suggestion(name, names, configuration->backend_count);
	talloc_free(names);
	return found;
}

static void check_backend_name(const struct reading *reading, const char *name, struct place place)
{
	if (!name || configuration_backend_named(reading->configuration, name))
		return;
	const char *meant = backend_suggestion(reading, name);
	complaint_error(reading->complaints, place,
		meant ? "there is no backend \"%s\": did you mean \"%s\"?"
		      : "there is no backend \"%s\"",
		name, meant);
}

/* Such a file may be for `postern milter` alone. */
static bool is_milters(const struct reading *reading)
{
	const struct configuration *configuration = reading->configuration;

	return configuration->socket || place_of(reading, configuration->as_milter, "group").line;
}

static const char no_listener[] = "no listen section: nobody could connect";
static const char no_backend[] = "no backend section: mail would have nowhere to go";

static void check_listens(const struct reading *reading)
{
	const struct configuration *configuration = reading->configuration;

	if (configuration->listen_count == 0 && !is_milters(reading)) {
		complaint_error(reading->complaints, (struct place){.file = reading->file}, "%s",
			no_listener);
	}
	for (size_t i = 0; i < configuration->listen_count; i++) {
		check_address(reading, i);
		check_backend_name(reading, configuration->listens[i]->backend,
			place_of(reading, configuration->listens[i], "backend"));
	}
}

static bool is_same_server(const struct server *a, const struct server *b)
{
	return a->port == b->port && ip_equals(&a->ip, &b->ip);
}

static void check_server(const struct reading *reading, const struct backend_options *backend,
	struct server *servers, size_t index)
{
	size_t offset;
	const char *bad =
		server_parse(servers, backend->servers.items[index], &servers[index], &offset);

	if (bad) {
		complaint_error(reading->complaints,
			settings_item_place(reading->settings, backend, "servers", index, offset),
			"%s", bad);
		return;
	}
	for (size_t i = 0; i < index; i++) {
		if (is_same_server(&servers[i], &servers[index]))
			complaint_warning(reading->complaints,
				settings_item_place(
					reading->settings, backend, "servers", index, 0),
				"the server %s stands there twice", servers[index].name);
	}
}

static void check_servers(const struct reading *reading, const struct backend_options *backend)
{
	size_t count = backend->servers.count, backups = 0;
	struct server *servers = talloc_zero_array(reading->configuration, struct server, count);

	for (size_t i = 0; i < count; i++) {
		check_server(reading, backend, servers, i);
		backups += servers[i].backup;
	}
	if (count && backups == count)
		complaint_error(reading->complaints, place_of(reading, backend, "servers"),
			"all servers of backend \"%s\" are for backup: one must not be",
			backend->name);
	if (count > SERVER_MOST)
		complaint_error(reading->complaints, place_of(reading, backend, "servers"),
			"a backend has at most %d servers", SERVER_MOST);
	talloc_free(servers);
}

static void check_backends(const struct reading *reading)
{
	const struct configuration *configuration = reading->configuration;

	if (configuration->backend_count == 0 && !is_milters(reading)) {
		complaint_error(reading->complaints, (struct place){.file = reading->file}, "%s",
			no_backend);
	}
	for (size_t i = 0; i < configuration->backend_count; i++)
		check_servers(reading, configuration->backends[i]);
}

/* --- routes --- */

static const struct listen_options *listen_named(
	const struct configuration *configuration, const char *name)
{
	for (size_t i = 0; i < configuration->listen_count; i++) {
		if (strcmp(configuration->listens[i]->name, name) == 0)
			return configuration->listens[i];
	}
	return NULL;
}

static void check_listener_name(const struct reading *reading, const struct route_options *route)
{
	const struct configuration *configuration = reading->configuration;
	const char **names =
		talloc_array(configuration, const char *, configuration->listen_count + 1);

	for (size_t i = 0; i < configuration->listen_count; i++)
		names[i] = configuration->listens[i]->name;
	if (route->listener && !listen_named(configuration, route->listener)) {
		const char *meant =
			complaint_suggestion(route->listener, names, configuration->listen_count);
		complaint_error(reading->complaints, place_of(reading, route, "listener"),
			meant ? "there is no listener \"%s\": did you mean \"%s\"?"
			      : "there is no listener \"%s\"",
			route->listener, meant);
	}
	talloc_free(names);
}

/* A domain that the pattern names: itself, or one below. */
static const char *example_of(const void *parent, const char *pattern)
{
	return talloc_asprintf(parent, "%s%s", pattern[0] == '.' ? "any" : "", pattern);
}

/* Whether some of what the pattern names is ours. */
static bool is_ever_ours(const struct reading *reading, const char *pattern)
{
	const struct policy *policy = reading->configuration->policy;
	const struct texts *ours = &policy->relay->domains;
	const char *example = example_of(NULL, pattern);
	bool is_ours = policy_is_our_domain(policy, example);

	for (size_t i = 0; i < ours->count && pattern[0] == '.'; i++)
		is_ours |= domain_matches(ours->items[i] + (ours->items[i][0] == '.'), pattern);
	talloc_free((void *)example);
	return is_ours;
}

static bool is_covered(
	const struct route_options *earlier, const struct route_options *route, const char *pattern)
{
	const char *example = example_of(NULL, pattern);
	bool covered = false;

	for (size_t i = 0; i < earlier->domains.count; i++)
		covered |= domain_matches(example, route_pattern(earlier->domains.items[i]));
	talloc_free((void *)example);
	return covered &&
		(!earlier->listener ||
			(route->listener && strcmp(earlier->listener, route->listener) == 0));
}

static void check_domain(const struct reading *reading, size_t index, size_t item)
{
	const struct route_options **routes = reading->configuration->routes;
	const struct route_options *route = routes[index];
	const char *written = route->domains.items[item], *pattern = route_pattern(written);
	struct place place = settings_item_place(reading->settings, route, "domains", item, 0);

	if (!domain_is_valid(slice_of(pattern + (pattern[0] == '.')), true)) {
		complaint_error(reading->complaints, place, "\"%s\" is no domain", written);
		return;
	}
	if (!is_ever_ours(reading, pattern))
		complaint_warning(reading->complaints, place,
			"\"%s\" is not in relay.domains: only mail from relay.networks is taken "
			"for it",
			written);
	for (size_t i = 0; i < index; i++) {
		if (is_covered(routes[i], route, pattern))
			complaint_warning(reading->complaints, place,
				"\"%s\" never comes here: route \"%s\" stands before and has it",
				written, routes[i]->name);
	}
}

static void check_routes(const struct reading *reading)
{
	for (size_t i = 0; i < reading->configuration->route_count; i++) {
		const struct route_options *route = reading->configuration->routes[i];

		check_backend_name(reading, route->backend, place_of(reading, route, "backend"));
		check_listener_name(reading, route);
		for (size_t j = 0; j < route->domains.count; j++)
			check_domain(reading, i, j);
	}
}

/* --- as a milter --- */

static void check_as_milter(const struct reading *reading)
{
	const struct as_milter_options *options = reading->configuration->as_milter;
	const struct quarantine_options *quarantine = reading->configuration->policy->quarantine;

	if (options->group && !getgrnam(options->group))
		complaint_error(reading->complaints, place_of(reading, options, "group"),
			"there is no group \"%s\" on this machine", options->group);
	if (options->quarantine == AS_MILTER_QUARANTINE_MAIL_SERVER &&
		(quarantine->path || quarantine->redirect))
		complaint_error(reading->complaints, place_of(reading, options, "quarantine"),
			"mail is kept by the mail server, or by the section quarantine: one of "
			"them must go");
}

/* --- processes --- */

static void check_user(const struct reading *reading)
{
	const struct process_options *process = reading->configuration->process;

	if (process->user && geteuid() == 0 && !getpwnam(process->user)) {
		complaint_error(reading->complaints, place_of(reading, process, "user"),
			"there is no user \"%s\" on this machine", process->user);
	}
}

static void check_control(const struct reading *reading)
{
	const struct control_options *control = reading->configuration->control;
	const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

	if (strlen(control->socket) > most) {
		complaint_error(reading->complaints, place_of(reading, control, "socket"),
			"the path of a socket has at most %zu bytes", most);
	}
}

static void check_dns(const struct reading *reading)
{
	const struct dns_options *dns = reading->configuration->dns;
	struct ip ip;
	uint16_t port;

	for (size_t i = 0; i < dns->servers.count; i++) {
		if (!ip_parse_with_port(slice_of(dns->servers.items[i]), &ip, &port))
			complaint_error(reading->complaints, place_of(reading, dns, "servers"),
				"\"%s\" is no name server: it is written ADDRESS:PORT, as "
				"127.0.0.1:53",
				dns->servers.items[i]);
	}
	if (dns->trust_anchor && access(dns->trust_anchor, R_OK) != 0)
		complaint_error(reading->complaints, place_of(reading, dns, "trust_anchor"),
			"%s cannot be read: %s", dns->trust_anchor, strerror(errno));
}

static void check_store(const struct reading *reading)
{
	const struct store_options *store = reading->configuration->store;
	const struct policy *policy = reading->configuration->policy;
	bool is_there = store->path || store->redis;
	struct ip ip;
	uint16_t port;

	if (store->redis && !ip_parse_with_port(slice_of(store->redis), &ip, &port))
		complaint_error(reading->complaints, place_of(reading, store, "redis"),
			"\"%s\" is no Redis: it is written ADDRESS:PORT, as 127.0.0.1:6379",
			store->redis);
	if (store->redis_password && !store->redis)
		complaint_warning(reading->complaints, place_of(reading, store, "redis_password"),
			"nobody is told it: there is no store.redis");
	if (store->messages && !store->record)
		complaint_warning(reading->complaints, place_of(reading, store, "messages"),
			"no message is kept: store.messages needs store.record");
	if (store->record && !store->path)
		complaint_warning(reading->complaints, place_of(reading, store, "record"),
			"nothing is recorded: there is no store.path");
	if (store->messages_size < MESSAGES_OF_A_STORE * store->message_size)
		complaint_error(reading->complaints, place_of(reading, store, "messages_size"),
			"store.messages_size must be %d times store.message_size at least",
			MESSAGES_OF_A_STORE);
	if (policy->greylist->enabled && !is_there)
		complaint_warning(reading->complaints,
			place_of(reading, policy->greylist, "enabled"),
			"nothing is put off: there is neither store.path nor store.redis");
	if (policy->rate_count && !is_there)
		complaint_warning(reading->complaints, place_of(reading, policy->rates[0], "limit"),
			"nothing is counted: there is neither store.path nor store.redis");
}

static void check_quarantine(const struct reading *reading)
{
	const struct quarantine_options *quarantine = reading->configuration->policy->quarantine;
	struct stat status;

	if (!quarantine->path)
		return;
	if (!reading->configuration->store->path)
		complaint_error(reading->complaints, place_of(reading, quarantine, "path"),
			"quarantine.path needs store.path: the process that keeps both is only "
			"there with it");
	if (stat(quarantine->path, &status) == 0 && !S_ISDIR(status.st_mode))
		complaint_error(reading->complaints, place_of(reading, quarantine, "path"),
			"%s is no directory", quarantine->path);
}

static bool is_store(const struct reading *reading, const char *folder)
{
	const char *path = reading->configuration->store->path;

	return path && strcmp(path, folder) == 0;
}

/* Without its folder the process that is to write there could not start; the store's is made when it is not there. */
static void check_folder(const struct reading *reading)
{
	const struct recipients_options *recipients = reading->configuration->policy->recipients;
	const char *slash = recipients->file ? strrchr(recipients->file, '/') : NULL;
	char *folder;

	if (!slash)
		return;
	folder = talloc_strndup(NULL, recipients->file,
		slash > recipients->file ? (size_t)(slash - recipients->file) : 1);
	if (!is_store(reading, folder) && access(folder, X_OK) != 0)
		complaint_error(reading->complaints, place_of(reading, recipients, "file"),
			"%s: %s", folder, strerror(errno));
	talloc_free(folder);
}

/* What recipients.source = "ldap" needs besides. */
static void check_directory(const struct reading *reading)
{
	const struct ldap_options *ldap = reading->configuration->ldap;
	const struct recipients_options *recipients = reading->configuration->policy->recipients;
	struct slice url = slice_of(ldap->url);
	bool is_ldaps = slice_starts_nocase(url, "ldaps://");

	if (recipients->source != RECIPIENTS_LDAP)
		return;
	if (!is_ldaps && !slice_starts_nocase(url, "ldap://"))
		complaint_error(reading->complaints, place_of(reading, ldap, "url"),
			"recipients.source = \"ldap\" needs ldap.url: ldaps://HOST or ldap://HOST");
	if (!ldap->base)
		complaint_error(reading->complaints, place_of(reading, ldap, "base"),
			"recipients.source = \"ldap\" needs ldap.base, where to search");
	if (ldap->tls == LDAP_TLS_OFF && !is_ldaps && ldap->bind)
		complaint_warning(reading->complaints, place_of(reading, ldap, "tls"),
			"without TLS the password of ldap.bind can be read on its way");
	if (ldap->bind && !ldap->password_file)
		complaint_error(reading->complaints, place_of(reading, ldap, "bind"),
			"ldap.bind needs ldap.password_file");
	if (ldap->password_file && access(ldap->password_file, R_OK) != 0)
		complaint_error(reading->complaints, place_of(reading, ldap, "password_file"),
			"%s cannot be read: %s", ldap->password_file, strerror(errno));
	if (ldap->ca && access(ldap->ca, R_OK) != 0)
		complaint_error(reading->complaints, place_of(reading, ldap, "ca"),
			"%s cannot be read: %s", ldap->ca, strerror(errno));
	if (!reading->configuration->recipients_file)
		complaint_error(reading->complaints, place_of(reading, recipients, "source"),
			"recipients.source = \"ldap\" needs recipients.file or store.path, to keep "
			"the list");
	check_folder(reading);
}

/* --- all together --- */

void coherence_check_ways(const struct reading *reading)
{
	if (!reading->configuration->socket)
		check_listens(reading);
	check_as_milter(reading);
	check_backends(reading);
	check_routes(reading);
}

void coherence_check_processes(const struct reading *reading)
{
	check_user(reading);
	check_control(reading);
	check_dns(reading);
	check_store(reading);
	check_quarantine(reading);
	check_directory(reading);
}

void coherence_try(const struct configuration *configuration, struct complaints *complaints)
{
	const struct place nowhere = {.file = configuration->file};

	if (!configuration->listen_count)
		complaint_error(complaints, nowhere, "%s", no_listener);
	if (!configuration->backend_count && !configuration->socket)
		complaint_error(complaints, nowhere, "%s", no_backend);
}
