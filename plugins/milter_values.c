/* SPDX-License-Identifier: Apache-2.0 */
/* Macros that were told. */
#include "plugins/milter_values.h"

#include <talloc.h>

/* In the order of a session. */
static const char commands[] = {MILTER_CONNECT, MILTER_HELO, MILTER_MAIL, MILTER_RCPT, MILTER_DATA,
	MILTER_HEADER, MILTER_EOH, MILTER_BODY, MILTER_EOM};

#define COMMANDS sizeof commands

struct told {
	char **texts; /* names and values in turn, a talloc array; NULL: none */
	size_t count;
};

struct milter_values {
	struct told told[COMMANDS];
};

static size_t place_of(char command)
{
	size_t i = 0;

	while (i < COMMANDS && commands[i] != command)
		i++;
	return i;
}

struct milter_values *milter_values_new(const void *parent)
{
	return talloc_zero(parent, struct milter_values);
}

static void drop(struct told *told)
{
	TALLOC_FREE(told->texts);
	told->count = 0;
}

static struct slice bare(struct slice name)
{
	bool is_braced = name.size > 2 && name.data[0] == '{' && name.data[name.size - 1] == '}';

	return is_braced ? slice_make(name.data + 1, name.size - 2) : name;
}

void milter_values_take(struct milter_values *values, const struct milter_packet *packet)
{
	size_t place = place_of(packet->kind), used = 0;
	struct told *told;

	if (place == COMMANDS)
		return;
	told = &values->told[place];
	drop(told);
	told->texts = talloc_array(values, char *, packet->text_count);
	for (size_t i = 0; i + 1 < packet->text_count; i += 2) {
		struct slice name = bare(packet->texts[i]), value = packet->texts[i + 1];
		used += name.size + value.size;
		if (used > MILTER_VALUES_SIZE)
			break;
		told->texts[told->count++] = slice_keep(told->texts, name);
		told->texts[told->count++] = slice_keep(told->texts, value);
	}
}

void milter_values_forget(struct milter_values *values, char command)
{
	for (size_t i = place_of(command); i < COMMANDS; i++)
		drop(&values->told[i]);
}

const char *milter_values_get(const struct milter_values *values, const char *name)
{
	for (size_t i = COMMANDS; i-- > 0;) {
		const struct told *told = &values->told[i];
		for (size_t j = 0; j < told->count; j += 2) {
			if (strcmp(told->texts[j], name) == 0)
				return *told->texts[j + 1] ? told->texts[j + 1] : NULL;
		}
	}
	return NULL;
}
