/* SPDX-License-Identifier: Apache-2.0 */
/* All settings of a generation, read and joined. */
#include "proxy/configuration.h"

#include "plugins/milter_address.h"
#include "policy/checks/table.h"
#include "policy/rulebook.h"
#include "proxy/coherence.h"
#include "proxy/file_watch.h"
#include "proxy/laboratory.h"
#include "proxy/milter_tls.h"

#include <grp.h>
#include <pwd.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

const struct section *const configuration_sections[] = {
	policy_sections, plugins_sections, proxy_sections, NULL};

/* --- as a milter --- */

static const char *choose_group(const struct as_milter_options *options)
{
	if (options->group)
		return options->group;
	return getgrnam("postfix") ? "postfix" : NULL;
}

/* A listener that no section has. */
static void listen_as_milter(const struct reading *reading, struct configuration *configuration)
{
	struct listen_options *listen = talloc_zero(configuration, struct listen_options);
	struct milter_address address;
	const char *reason;
	char ip[IP_TEXT_SIZE];
	uint16_t port;

	*listen = (struct listen_options){
		.name = "milter", .backlog = 1024, .tls = LISTEN_TLS_OFF, .is_milter = true};
	configuration->listens = talloc_array(configuration, const struct listen_options *, 1);
	configuration->listens[0] = listen;
	configuration->listen_count = 1;
	configuration->route_count = 0;
	if (!milter_address_parse(configuration->socket, &address, &reason)) {
		complaint_error(reading->complaints, (struct place){.file = reading->file},
			"\"%s\" is no socket of a milter: %s", configuration->socket, reason);
		return;
	}
	if (address.address.ss_family == AF_UNIX) {
		listen->address = listen->path =
			talloc_strdup(listen, ((struct sockaddr_un *)&address.address)->sun_path);
		listen->group = choose_group(configuration->as_milter);
		return;
	}
	struct ip its = ip_of_sockaddr((struct sockaddr *)&address.address, &port);
	listen->address = talloc_strdup(listen, ip_print(&its, ip));
	listen->port = port;
}

static const char *choose_list(const struct configuration *configuration)
{
	const struct recipients_options *recipients = configuration->policy->recipients;
	const char *store = configuration->store->path;

	if (recipients->source == RECIPIENTS_BACKEND)
		return NULL;
	if (recipients->file || !store)
		return recipients->file;
	return talloc_asprintf(configuration, "%s/recipients", store);
}

static const char *choose_user(const struct process_options *process)
{
	if (geteuid() != 0)
		return NULL;
	if (process->user)
		return process->user;
	return getpwnam("postern") ? "postern" : "nobody";
}

/* --- all together --- */

static void join_named(struct configuration *configuration, const struct settings *settings)
{
	configuration->listen_count = settings_count(settings, "listen");
	configuration->backend_count = settings_count(settings, "backend");
	configuration->listens = talloc_array(
		configuration, const struct listen_options *, configuration->listen_count + 1);
	configuration->backends = talloc_array(
		configuration, const struct backend_options *, configuration->backend_count + 1);
	configuration->route_count = settings_count(settings, "route");
	configuration->routes = talloc_array(
		configuration, const struct route_options *, configuration->route_count + 1);
	for (size_t i = 0; i < configuration->listen_count; i++)
		configuration->listens[i] = settings_named(settings, "listen", i);
	for (size_t i = 0; i < configuration->route_count; i++)
		configuration->routes[i] = settings_named(settings, "route", i);
	for (size_t i = 0; i < configuration->backend_count; i++)
		configuration->backends[i] = settings_named(settings, "backend", i);
}

static void join(struct configuration *configuration, const struct settings *settings)
{
	configuration->settings = settings;
	join_named(configuration, settings);
	configuration->tls = settings_section(settings, "tls");
	configuration->smtp = settings_section(settings, "smtp");
	configuration->process = settings_section(settings, "process");
	configuration->log = settings_section(settings, "log");
	configuration->control = settings_section(settings, "control");
	configuration->store = settings_section(settings, "store");
	configuration->dns = settings_section(settings, "dns");
	configuration->ldap = settings_section(settings, "ldap");
	configuration->as_milter = settings_section(settings, "as_milter");
	configuration->user = choose_user(configuration->process);
}

static void watch_lists(struct file_watch *watch, const struct rulebook *rulebook)
{
	for (size_t i = 0; rulebook && i < rulebook->list_files.count; i++)
		file_watch_add(watch, rulebook->list_files.items[i]);
}

/* The files of lists are watched before they are read, so that no change falls between. */
static void read_rules(struct configuration *configuration, struct policy *policy, const char *file,
	struct complaints *complaints)
{
	rulebook_read(policy, file, complaints);
	configuration->list_files = file_watch_new(configuration);
	watch_lists(configuration->list_files, policy->rulebook);
	watch_lists(configuration->list_files, policy->shadow_rulebook);
	rulebook_compile(policy, complaints);
}

static struct configuration *complete(struct configuration *configuration, const char *file,
	const struct settings *settings, struct complaints *complaints)
{
	const struct reading reading = {configuration, settings, complaints, file};
	struct policy *policy;

	join(configuration, settings);
	if (configuration->socket)
		listen_as_milter(&reading, configuration);
	configuration->policy = policy = policy_new(configuration, settings, complaints);
	policy->is_kept_elsewhere =
		configuration->as_milter->quarantine == AS_MILTER_QUARANTINE_MAIL_SERVER;
	configuration->plugins = plugins_read(policy, settings, complaints);
	configuration->milter_tls = milter_tls_new(configuration, configuration, complaints);
	policy->content = laboratory_new(configuration, policy, configuration->user);
	read_rules(configuration, policy, file, complaints);
	configuration->recipients_file = choose_list(configuration);
	configuration->chain = chain_new(
		configuration, configuration->policy, checks_gates, checks_table, NULL, complaints);
	coherence_check_ways(&reading);
	configuration->tls_setup = tls_setup_new(configuration, configuration, complaints);
	coherence_check_processes(&reading);
	return configuration;
}

struct configuration *configuration_read(
	const void *parent, const char *file, struct complaints *complaints)
{
	return configuration_read_for(parent, file, NULL, complaints);
}

struct configuration *configuration_read_for(
	const void *parent, const char *file, const char *socket, struct complaints *complaints)
{
	struct configuration *configuration = talloc_zero(parent, struct configuration);

	configuration->file = talloc_strdup(configuration, file);
	configuration->socket = socket ? talloc_strdup(configuration, socket) : NULL;
	return complete(configuration, file,
		settings_read(configuration, file, configuration_sections, complaints), complaints);
}

struct configuration *configuration_read_text(
	const void *parent, const char *file, const char *text, struct complaints *complaints)
{
	struct configuration *configuration = talloc_zero(parent, struct configuration);

	configuration->file = talloc_strdup(configuration, file);
	return complete(configuration, file,
		settings_read_text(configuration, file, text, configuration_sections, complaints),
		complaints);
}

void configuration_try(const struct configuration *configuration, struct complaints *complaints)
{
	coherence_try(configuration, complaints);
	rulebook_try(configuration->policy, complaints);
}

const struct backend_options *configuration_backend_named(
	const struct configuration *configuration, const char *name)
{
	for (size_t i = 0; i < configuration->backend_count; i++) {
		if (strcmp(configuration->backends[i]->name, name) == 0)
			return configuration->backends[i];
	}
	return NULL;
}

const struct backend_options *configuration_backend(
	const struct configuration *configuration, const struct listen_options *listen)
{
	if (listen->backend)
		return configuration_backend_named(configuration, listen->backend);
	return configuration->backends[0];
}

const struct tls_server *configuration_tls_server(
	const struct configuration *configuration, const struct listen_options *listen)
{
	size_t i = 0;

	while (configuration->listens[i] != listen)
		i++;
	return configuration->tls_setup->servers[i];
}

const struct tls_client *configuration_tls_client(
	const struct configuration *configuration, const struct backend_options *backend)
{
	size_t i = 0;

	while (configuration->backends[i] != backend)
		i++;
	return configuration->tls_setup->clients[i];
}

void configuration_forget_keys(const struct configuration *configuration)
{
	struct configuration *own = (struct configuration *)configuration;

	talloc_free((void *)own->tls_setup);
	own->tls_setup = NULL;
}
