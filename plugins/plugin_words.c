/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin is started with. */
#include "plugins/plugin_words.h"

#include <talloc.h>

const char plugin_words_placeholder[] = "{socket}";

struct words {
	char **items; /* talloc array, its last is NULL */
	const char *socket;
};

static char *fill_in(const void *parent, struct slice word, const char *socket)
{
	char *text = slice_keep(parent, word), *rest = text, *at;
	char *filled;

	if (!socket || !strstr(text, plugin_words_placeholder))
		return text;
	filled = talloc_strdup(parent, "");
	while ((at = strstr(rest, plugin_words_placeholder))) {
		filled = talloc_asprintf_append_buffer(
			filled, "%.*s%s", (int)(at - rest), rest, socket);
		rest = at + strlen(plugin_words_placeholder);
	}
	filled = talloc_strdup_append_buffer(filled, rest);
	talloc_free(text);
	return filled;
}

static void add(struct words *words, struct slice word, const char *socket)
{
	size_t count = talloc_array_length(words->items);

	words->items = talloc_realloc(NULL, words->items, char *, count + 1);
	words->items[count - 1] = fill_in(words->items, word, socket);
	words->items[count] = NULL;
}

/* False when there are no more. */
static bool next_word(struct slice *rest, struct slice *word)
{
	do
		*word = slice_cut(rest, ' ');
	while (!word->size && rest->size);
	return word->size > 0;
}

char **plugin_words_new(const void *parent, const struct plugin_options *options, const char *host,
	const char *socket)
{
	struct words words = {talloc_zero_array(parent, char *, 1), socket};
	struct slice rest = slice_of(options->exec ? options->exec : ""), word;

	while (next_word(&rest, &word))
		add(&words, word, socket);
	if (options->path) {
		add(&words, slice_of(host), NULL);
		add(&words, slice_of(options->milter.name), NULL);
		add(&words, slice_of(socket), NULL);
		add(&words, slice_of(options->path), NULL);
	}
	for (size_t i = 0; i < options->arguments.count; i++)
		add(&words, slice_of(options->arguments.items[i]), options->exec ? socket : NULL);
	return words.items;
}

char *plugin_words_program(const void *parent, const char *exec)
{
	struct slice rest = slice_of(exec), word;

	return next_word(&rest, &word) ? slice_keep(parent, word) : NULL;
}

bool plugin_words_name_socket(const struct plugin_options *options)
{
	bool found = options->exec && strstr(options->exec, plugin_words_placeholder);

	for (size_t i = 0; i < options->arguments.count; i++)
		found |= strstr(options->arguments.items[i], plugin_words_placeholder) != NULL;
	return found;
}
