/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugins of the master. A generation that starts names those that it wants: one that runs already, from the same row of the configuration
 * and the same file, is shared with the generations before it; others are started beside. A plugin ends when no generation
 * is left that wants it.
 */
#pragma once

#include "proxy/configuration.h"

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct handover;
struct loop;
struct plugin;
struct plugin_set;

/* on_empty: the last has ended. */
struct plugin_set *plugin_set_new(
	const void *parent, struct loop *loop, void (*on_empty)(void *owner), void *owner);

/* A generation wants what its configuration says, which from now on knows where to connect to. False, with a word in the log, when there is no
 * socket to be had. */
bool plugin_set_use(struct plugin_set *set, const struct configuration *configuration,
	unsigned generation) __attribute__((warn_unused_result));

/* Ends those that none of these generations want. */
void plugin_set_retire(struct plugin_set *set, const struct generation *generations);

/* Whether one is left, ending or not. */
bool plugin_set_is_empty(const struct plugin_set *set);

/* True when the process that died was one of them. */
bool plugin_set_bury(struct plugin_set *set, pid_t pid, int status);

/* The first of their list. */
const struct plugin *plugin_set_first(const struct plugin_set *set);

/* In a worker: the entrances go to `kept`, and stay open when the set is freed. */
void plugin_set_leave_entrances(struct plugin_set *set, const void *kept);

/* What a program that takes our place needs of them; and taking them over. */
void plugin_set_hand_over(const struct plugin_set *set, struct handover *handover);
void plugin_set_take_over(struct plugin_set *set, const struct handover *handover);
