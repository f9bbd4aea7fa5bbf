/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's words in our log. */
#include "proxy/plugin_output.h"

#include "base/log.h"
#include "base/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <talloc.h>
#include <unistd.h>

#define LINE_MOST 1024
#define SECOND 1000

struct plugin_output {
	struct loop *loop;
	const char *name;
	int descriptor;
	struct event event;
	struct timer second; /* running: something was read in it */
	size_t lines, bytes; /* of this second */
	bool is_over;        /* nobody can write there any more */
	size_t used;
	char line[LINE_MOST];
};

/* --- lines --- */

static void end_line(struct plugin_output *output)
{
	struct log_line line;

	if (output->used && output->lines++ < PLUGIN_OUTPUT_LINES) {
		log_begin(&line, LEVEL_NOTICE, "plugin_output");
		log_text(&line, "plugin", output->name);
		log_slice(&line, "text", slice_make(output->line, output->used));
		log_end(&line);
	}
	output->used = 0;
}

static void take(struct plugin_output *output, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		char c = bytes.data[i];

		if (c == '\n' || output->used == LINE_MOST)
			end_line(output);
		if (c != '\n' && c != '\r')
			output->line[output->used++] = c;
	}
}

/* False when there is nothing more just now. */
static bool hear(struct plugin_output *output)
{
	char bytes[4096];
	ssize_t size = read(output->descriptor, bytes, sizeof bytes);

	output->is_over |= size == 0;
	if (size <= 0)
		return false;
	output->bytes += (size_t)size;
	take(output, slice_make(bytes, (size_t)size));
	return true;
}

/* --- time --- */

static void tell_lost(struct plugin_output *output)
{
	struct log_line line;

	if (output->lines <= PLUGIN_OUTPUT_LINES)
		return;
	log_begin(&line, LEVEL_WARNING, "plugin_output_lost");
	log_text(&line, "plugin", output->name);
	log_number(&line, "lines", (int64_t)(output->lines - PLUGIN_OUTPUT_LINES));
	log_end(&line);
}

static void on_second_over(void *owner)
{
	struct plugin_output *output = owner;

	tell_lost(output);
	output->lines = output->bytes = 0;
	if (!output->is_over)
		event_add(&output->event, NULL);
}

static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	struct plugin_output *output = owner;

	(void)descriptor;
	(void)what;
	if (!timer_is_running(&output->second))
		timer_start(&output->second, output->loop->clock, SECOND);
	if (!hear(output) || output->bytes >= PLUGIN_OUTPUT_BYTES)
		event_del(&output->event); /* until the second is over */
}

/* --- life --- */

void plugin_output_finish(struct plugin_output *output)
{
	output->bytes = 0;
	while (output->bytes < PLUGIN_OUTPUT_BYTES && hear(output))
		continue;
	end_line(output);
	tell_lost(output);
}

static int output_close(struct plugin_output *output)
{
	timer_stop(&output->second);
	event_del(&output->event);
	close(output->descriptor);
	return 0;
}

struct plugin_output *plugin_output_new(
	const void *parent, struct loop *loop, const char *name, int descriptor)
{
	struct plugin_output *output = talloc_zero(parent, struct plugin_output);

	fcntl(descriptor, F_SETFL, O_NONBLOCK);
	output->loop = loop;
	output->name = talloc_strdup(output, name);
	output->descriptor = descriptor;
	output->second = (struct timer){.on_due = on_second_over, .owner = output};
	event_assign(
		&output->event, loop->base, descriptor, EV_READ | EV_PERSIST, on_readable, output);
	event_add(&output->event, NULL);
	talloc_set_destructor(output, output_close);
	return output;
}

int plugin_output_descriptor(const struct plugin_output *output)
{
	return output->descriptor;
}
