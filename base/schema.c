/* SPDX-License-Identifier: Apache-2.0 */
/* Finds sections and options in their tables. */
#include "base/schema.h"

#include <talloc.h>

const struct section *schema_section(const struct section *const *tables, struct slice name)
{
	for (size_t i = 0; tables[i]; i++) {
		for (const struct section *s = tables[i]; s->name; s++) {
			if (slice_equals(name, s->name))
				return s;
		}
	}
	return NULL;
}

const struct option *schema_option(const struct section *section, struct slice name)
{
	for (const struct option *option = section->options; option->name; option++) {
		if (slice_equals(name, option->name))
			return option;
	}
	return NULL;
}

size_t schema_options(const struct section *section)
{
	size_t count = 0;

	while (section->options[count].name)
		count++;
	return count;
}

const struct section *schema_suggest_section(const struct section *const *tables, struct slice name)
{
	char *word = slice_keep(NULL, name);
	const char **names = talloc_array(word, const char *, 0);
	size_t count = 0;
	const char *suggestion;

	for (size_t i = 0; tables[i]; i++) {
		for (const struct section *s = tables[i]; s->name; s++) {
			names = talloc_realloc(word, names, const char *, count + 1);
			names[count++] = s->name;
		}
	}
	suggestion = complaint_suggestion(word, names, count);
	talloc_free(word);
	return suggestion ? schema_section(tables, slice_of(suggestion)) : NULL;
}

const struct option *schema_suggest_option(const struct section *section, struct slice name)
{
	char *word = slice_keep(NULL, name);
	size_t count = schema_options(section);
	const char **names = talloc_array(word, const char *, count);
	const char *suggestion;

	for (size_t i = 0; i < count; i++)
		names[i] = section->options[i].name;
	suggestion = complaint_suggestion(word, names, count);
	talloc_free(word);
	return suggestion ? schema_option(section, slice_of(suggestion)) : NULL;
}
