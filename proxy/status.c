/* SPDX-License-Identifier: Apache-2.0 */
/* What the master tells about itself and its processes. */
#include "config.h"

#include "proxy/status.h"

#include "base/log.h"
#include "policy/breaker.h"
#include "policy/rulebook.h"
#include "proxy/plugin.h"
#include "proxy/server.h"

#include <jansson.h>
#include <stdlib.h>
#include <talloc.h>
#include <time.h>
#include <utlist.h>

static unsigned active_number(const struct status *status)
{
	return status->active ? status->active->number : 0;
}

static char *add_process(
	char *text, const struct generation *generation, const struct process *process)
{
	return talloc_asprintf_append_buffer(text,
		"process kind=%s number=%u generation=%u pid=%d state=%s restarts=%u\n",
		process->kind->name, process->number, generation->number, (int)process->pid,
		process_state_name(process->state), process->restarts);
}

static char *add_processes(char *text, const struct generation *generation)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++)
		text = add_process(text, generation, generation->processes[i]);
	return text;
}

static char *add_plugin(char *text, const struct plugin *plugin)
{
	return talloc_asprintf_append_buffer(text, "plugin name=%s pid=%d state=%s restarts=%u\n",
		plugin->name, (int)plugin->pid, plugin_state_name(plugin->state), plugin->restarts);
}

/* --- the servers behind --- */

/* Calls tell for each server of the generation that serves. */
static void tell_servers(const struct status *status,
	void (*tell)(void *owner, const char *backend, const struct server *server), void *owner)
{
	const struct configuration *configuration =
		status->active ? status->active->configuration : NULL;

	for (size_t i = 0; configuration && i < configuration->backend_count; i++) {
		const struct backend_options *backend = configuration->backends[i];

		for (size_t j = 0; j < backend->servers.count; j++) {
			struct server *server = talloc_zero(NULL, struct server);
			size_t offset;

			if (!server_parse(server, backend->servers.items[j], server, &offset)) {
				health_init(
					&server->health, status->table, &server->ip, server->port);
				tell(owner, backend->name, server);
			}
			talloc_free(server);
		}
	}
}

static void add_server(void *owner, const char *backend, const struct server *server)
{
	char **text = owner;

	*text = talloc_asprintf_append_buffer(*text,
		"server backend=%s address=%s state=%s failures=%u connections=%u\n", backend,
		server->name, health_state_name(health_state(&server->health)),
		health_failures(&server->health), health_places_taken(&server->health));
}

static void add_server_object(void *owner, const char *backend, const struct server *server)
{
	json_array_append_new(owner,
		json_pack("{s:s, s:s, s:s, s:i, s:i}", "backend", backend, "address", server->name,
			"state", health_state_name(health_state(&server->health)), "failures",
			(int)health_failures(&server->health), "connections",
			(int)health_places_taken(&server->health)));
}

/* --- the rules that are watched --- */

#define TIME_SIZE 32

/* Calls tell for each rule of the generation that serves which has fallen, or raised an alarm. */
static void tell_rules(const struct status *status,
	void (*tell)(void *owner, const struct rule *rule, const struct breaker_view *view),
	void *owner)
{
	const struct configuration *configuration =
		status->active ? status->active->configuration : NULL;
	const struct rulebook *rulebook = configuration ? configuration->policy->rulebook : NULL;
	struct breaker_view view;

	for (size_t i = 0; rulebook && i < rulebook->program->rule_count; i++) {
		if (breaker_look(rulebook->breaker, i, &view))
			tell(owner, rulebook->program->rules[i], &view);
	}
}

static const char *state_of(const struct breaker_view *view)
{
	return view->fallen ? "fallen" : "alarm";
}

static char *time_of(const struct breaker_view *view, char text[static TIME_SIZE])
{
	time_t time = (time_t)(view->fallen ? view->fallen : view->alarmed);
	struct tm tm;

	strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &tm));
	return text;
}

static void add_rule(void *owner, const struct rule *rule, const struct breaker_view *view)
{
	char **text = owner, time[TIME_SIZE];

	*text = talloc_asprintf_append_buffer(*text,
		"rule name=%s state=%s since=%s known_good_hits=%llu\n", rule->name, state_of(view),
		time_of(view, time), (unsigned long long)view->hits);
}

static void add_rule_object(void *owner, const struct rule *rule, const struct breaker_view *view)
{
	char time[TIME_SIZE];

	json_array_append_new(owner,
		json_pack("{s:s, s:s, s:s, s:I}", "name", rule->name, "state", state_of(view),
			"since", time_of(view, time), "known_good_hits", (json_int_t)view->hits));
}

/* --- all together --- */

char *status_text(const void *parent, const struct status *status)
{
	const struct generation *generation;
	char *text = talloc_asprintf(parent, "version=%s\nstate=%s\ngeneration=%u\nuptime=%llus\n",
		PACKAGE_VERSION, status->state, active_number(status),
		(unsigned long long)status->uptime / 1000);

	DL_FOREACH(status->generations, generation)
	text = add_processes(text, generation);
	for (const struct plugin *plugin = status->plugins; plugin; plugin = plugin->next)
		text = add_plugin(text, plugin);
	tell_servers(status, add_server, &text);
	tell_rules(status, add_rule, &text);
	for (unsigned i = 0; i < table_counters(status->table); i++) {
		text = talloc_asprintf_append_buffer(text, "%s=%lld\n",
			table_name(status->table, i), (long long)table_sum(status->table, i));
	}
	return talloc_asprintf_append_buffer(text,
		"clients_not_counted=%llu\nmaster_log_lines_lost=%llu\n",
		(unsigned long long)table_unkeyed(status->table), (unsigned long long)log_lost());
}

static json_t *process_object(const struct generation *generation, const struct process *process)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:s, s:i}", "kind", process->kind->name, "number",
		(int)process->number, "generation", (int)generation->number, "pid",
		(int)process->pid, "state", process_state_name(process->state), "restarts",
		(int)process->restarts);
}

static json_t *processes_array(const struct status *status)
{
	const struct generation *generation;
	json_t *array = json_array();

	DL_FOREACH(status->generations, generation)
	{
		for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
			json_array_append_new(
				array, process_object(generation, generation->processes[i]));
		}
	}
	return array;
}

static json_t *plugins_array(const struct status *status)
{
	json_t *array = json_array();

	for (const struct plugin *plugin = status->plugins; plugin; plugin = plugin->next)
		json_array_append_new(array,
			json_pack("{s:s, s:i, s:s, s:i}", "name", plugin->name, "pid",
				(int)plugin->pid, "state", plugin_state_name(plugin->state),
				"restarts", (int)plugin->restarts));
	return array;
}

static json_t *counters_object(const struct table *table)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < table_counters(table); i++)
		json_object_set_new(
			object, table_name(table, i), json_integer(table_sum(table, i)));
	json_object_set_new(
		object, "clients_not_counted", json_integer((json_int_t)table_unkeyed(table)));
	json_object_set_new(object, "master_log_lines_lost", json_integer((json_int_t)log_lost()));
	return object;
}

char *status_json(const void *parent, const struct status *status)
{
	json_t *servers = json_array(), *rules = json_array();

	tell_servers(status, add_server_object, servers);
	tell_rules(status, add_rule_object, rules);
	json_t *object = json_pack("{s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "version",
		PACKAGE_VERSION, "state", status->state, "generation", (int)active_number(status),
		"uptime", (json_int_t)(status->uptime / 1000), "processes", processes_array(status),
		"plugins", plugins_array(status), "servers", servers, "rules", rules, "counters",
		counters_object(status->table));
	char *printed = json_dumps(object, JSON_INDENT(1));
	char *text = talloc_asprintf(parent, "%s\n", printed);

	free(printed);
	json_decref(object);
	return text;
}
