/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of macros as a mail server has told them, one packet for a command. A later packet for a command takes the place of the one before;
 * what was told for an event of the past is forgotten when the server begins anew at one before it. A name is looked up without braces,
 * with or without which it may have been told, at the latest stage first.
 */
#pragma once

#include "plugins/milter_wire.h"

#define MILTER_VALUES_SIZE                                                                         \
	65536 /* bytes kept for a command; the macros behind them are passed over */

struct milter_values;

struct milter_values *milter_values_new(const void *parent);

/* Keeps a packet of macros. */
void milter_values_take(struct milter_values *values, const struct milter_packet *packet);

/* Forgets those for this command and for all that come behind it in a session. */
void milter_values_forget(struct milter_values *values, char command);

/* NULL when it was not told, or is empty. */
const char *milter_values_get(const struct milter_values *values, const char *name);
