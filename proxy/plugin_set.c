/* SPDX-License-Identifier: Apache-2.0 */
/* Which plugins are wanted, and by whom. */
#include "proxy/plugin_set.h"

#include "proxy/generation.h"
#include "proxy/handover.h"
#include "proxy/plugin.h"

#include <talloc.h>
#include <utlist.h>

struct plugin_set {
	struct loop *loop;
	struct plugin *plugins;
	void *entrances; /* the parent of them all */
	unsigned last_serial;
	void (*on_empty)(void *owner);
	void *owner;
};

static void on_gone(void *owner, struct plugin *plugin)
{
	struct plugin_set *set = owner;

	DL_DELETE(set->plugins, plugin);
	talloc_free(plugin->entrance);
	talloc_free(plugin);
	if (!set->plugins)
		set->on_empty(set->owner);
}

struct plugin_set *plugin_set_new(
	const void *parent, struct loop *loop, void (*on_empty)(void *owner), void *owner)
{
	struct plugin_set *set = talloc_zero(parent, struct plugin_set);

	set->loop = loop;
	set->entrances = talloc_new(set);
	set->on_empty = on_empty;
	set->owner = owner;
	return set;
}

static void add(struct plugin_set *set, struct plugin *plugin)
{
	DL_APPEND(set->plugins, plugin);
	if (plugin->serial > set->last_serial)
		set->last_serial = plugin->serial;
}

/* --- wanting --- */

static struct plugin *find(const struct plugin_set *set, const char *digest)
{
	struct plugin *plugin;

	DL_FOREACH(set->plugins, plugin)
	{
		if (plugin->state != PLUGIN_ENDING && strcmp(plugin->digest, digest) == 0)
			return plugin;
	}
	return NULL;
}

static struct plugin *begin(
	struct plugin_set *set, struct plugin_command *command, unsigned generation)
{
	struct plugin *plugin = plugin_new(set, set->entrances, set->loop, command,
		set->last_serial + 1, (struct plugin_events){on_gone, set});

	if (!plugin)
		return NULL;
	plugin->first = generation;
	add(set, plugin);
	plugin_start(plugin);
	return plugin;
}

/* No two plugins that have their socket from us look alike, even when one has the other's name and descriptor. */
static void tell_entrance(struct plugin_options *options, const struct plugin *plugin)
{
	if (!plugin->entrance)
		return;
	options->milter.entrance = talloc_asprintf(options, "/proc/self/fd/%d", *plugin->entrance);
	options->milter.socket =
		talloc_asprintf(options, "the gateway's own, no. %u", plugin->serial);
}

static bool want(struct plugin_set *set, struct plugin_options *options, const char *user,
	unsigned generation)
{
	struct plugin_command *command = plugin_command_new(set, options, user, false);
	struct plugin *plugin = find(set, command->digest);

	if (plugin)
		plugin_keep(plugin, command);
	else
		plugin = begin(set, command, generation);
	if (!plugin)
		return false;
	plugin->last = generation;
	tell_entrance(options, plugin);
	return true;
}

bool plugin_set_use(
	struct plugin_set *set, const struct configuration *configuration, unsigned generation)
{
	const struct plugins *plugins = configuration->plugins;

	for (size_t i = 0; i < plugins->plugin_count; i++) {
		if (!want(set, plugins->plugins[i], configuration->user, generation))
			return false;
	}
	return true;
}

/* --- wanting no more --- */

static bool is_wanted(const struct plugin *plugin, const struct generation *generations)
{
	const struct generation *generation;

	DL_FOREACH(generations, generation)
	{
		if (generation->number >= plugin->first && generation->number <= plugin->last)
			return true;
	}
	return false;
}

void plugin_set_retire(struct plugin_set *set, const struct generation *generations)
{
	struct plugin *plugin;

	DL_FOREACH(set->plugins, plugin)
	{
		if (!is_wanted(plugin, generations))
			plugin_end(plugin);
	}
}

bool plugin_set_is_empty(const struct plugin_set *set)
{
	return !set->plugins;
}

/* --- what has happened --- */

bool plugin_set_bury(struct plugin_set *set, pid_t pid, int status)
{
	struct plugin *plugin;

	DL_FOREACH(set->plugins, plugin)
	{
		if (plugin->pid == pid) {
			plugin_bury(plugin, status);
			return true;
		}
	}
	return false;
}

const struct plugin *plugin_set_first(const struct plugin_set *set)
{
	return set->plugins;
}

void plugin_set_leave_entrances(struct plugin_set *set, const void *kept)
{
	talloc_steal(kept, set->entrances);
}

/* --- from one master to the next --- */

void plugin_set_hand_over(const struct plugin_set *set, struct handover *handover)
{
	const struct plugin *plugin;
	size_t count = 0;

	DL_FOREACH(set->plugins, plugin)
	{
		handover->plugins = talloc_realloc(
			handover, handover->plugins, struct handover_plugin, count + 1);
		handover->plugins[count++] = plugin_hand_over(plugin);
	}
}

void plugin_set_take_over(struct plugin_set *set, const struct handover *handover)
{
	for (size_t i = 0; i < talloc_array_length(handover->plugins); i++)
		add(set,
			plugin_take_over(set, set->entrances, set->loop, &handover->plugins[i],
				(struct plugin_events){on_gone, set}));
}
