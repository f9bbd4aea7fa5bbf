/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin writes to its standard output and error: each line becomes one of the log, under the plugin's name, however it ends. A line that
 * is too long is cut in pieces. More than PLUGIN_OUTPUT_LINES a second are counted and not kept; more than PLUGIN_OUTPUT_BYTES are not even
 * read until the second is over, and the plugin waits.
 */
#pragma once

#define PLUGIN_OUTPUT_LINES 200
#define PLUGIN_OUTPUT_BYTES (1 << 20)

struct loop;
struct plugin_output;

/* Takes the descriptor, the reading end of a pipe. Freeing it closes that. */
struct plugin_output *plugin_output_new(
	const void *parent, struct loop *loop, const char *name, int descriptor);

int plugin_output_descriptor(const struct plugin_output *output);

/* The plugin is dead: reads its last words. */
void plugin_output_finish(struct plugin_output *output);
