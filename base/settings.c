/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: from a file to entries, and what their users ask of them. */
#include "base/settings.h"

#include "base/option.h"
#include "base/schema.h"
#include "base/settings_parse.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <talloc.h>

#define FILE_SIZE_MAX (4 * 1024 * 1024)

struct mention *settings_mention(const struct entry *entry, const struct option *option)
{
	return &entry->mentions[option - entry->section->options];
}

static const char *name_of(const struct entry *entry)
{
	return entry->section->named ? *(const char **)entry->values : "";
}

struct entry *settings_find_entry(
	const struct settings *settings, const struct section *section, const char *name)
{
	for (struct entry *entry = settings->entries; entry; entry = entry->next) {
		if (entry->section == section && strcmp(name_of(entry), name) == 0)
			return entry;
	}
	return NULL;
}

struct entry *settings_add_entry(
	struct settings *settings, const struct section *section, const char *name)
{
	struct entry *entry = talloc_zero(settings, struct entry);

	entry->section = section;
	entry->place.file = settings->file;
	entry->values = talloc_zero_size(entry, section->size);
	entry->mentions = talloc_zero_array(entry, struct mention, schema_options(section));
	if (section->named)
		*(const char **)entry->values = talloc_strdup(entry->values, name);
	for (const struct option *option = section->options; option->name; option++)
		option_preset(option, entry->values);
	*settings->end = entry;
	settings->end = &entry->next;
	return entry;
}

static struct settings *settings_new(
	const void *parent, const char *file, const struct section *const *tables)
{
	struct settings *settings = talloc_zero(parent, struct settings);

	settings->file = talloc_strdup(settings, file);
	settings->tables = tables;
	settings->end = &settings->entries;
	for (size_t i = 0; tables[i]; i++) {
		for (const struct section *section = tables[i]; section->name; section++) {
			if (!section->named)
				settings_add_entry(settings, section, "");
		}
	}
	return settings;
}

struct settings *settings_read_text(const void *parent, const char *file, const char *text,
	const struct section *const *tables, struct complaints *complaints)
{
	struct settings *settings = settings_new(parent, file, tables);

	settings_parse(settings, slice_of(text), complaints);
	return settings;
}

/* The whole file under the parent, or NULL with errno. */
static char *load(const void *parent, const char *file, size_t *size)
{
	FILE *in = fopen(file, "re");
	char *text;
	int error;

	if (!in)
		return NULL;
	text = talloc_array(parent, char, FILE_SIZE_MAX + 1);
	*size = fread(text, 1, FILE_SIZE_MAX + 1, in);
	error = ferror(in) ? errno : *size > FILE_SIZE_MAX ? EFBIG : 0;
	fclose(in);
	errno = error;
	return error ? NULL : text;
}

static struct place place_of(const char *file, struct slice text, size_t offset)
{
	struct place place = {file, 1, 1};

	for (size_t i = 0; i < offset; i++) {
		place.column++;
		if (text.data[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

struct settings *settings_read(const void *parent, const char *file,
	const struct section *const *tables, struct complaints *complaints)
{
	struct settings *settings = settings_new(parent, file, tables);
	void *scratch = talloc_new(settings);
	struct slice text = {0};

	text.data = load(scratch, file, &text.size);
	if (!text.data)
		complaint_error(complaints, (struct place){file, 0, 0}, "cannot be read: %s",
			strerror(errno));
	else if (slice_find(text, '\0') != SIZE_MAX)
		complaint_error(complaints, place_of(file, text, slice_find(text, '\0')),
			"there is a NUL byte here: this is not a text file");
	else
		settings_parse(settings, text, complaints);
	if (text.data && slice_find(text, '\0') == SIZE_MAX)
		complaints_show(
			complaints, file, slice_make(slice_keep(complaints, text), text.size));
	talloc_free(scratch);
	return settings;
}

/* For those who use the settings. */

static const struct entry *entry_at(
	const struct settings *settings, const struct section *section, size_t index)
{
	const struct entry *entry = settings->entries;

	while (entry && (entry->section != section || index--))
		entry = entry->next;
	return entry;
}

const void *settings_section(const struct settings *settings, const char *name)
{
	const struct section *section = schema_section(settings->tables, slice_of(name));

	assert(section && !section->named);
	return entry_at(settings, section, 0)->values;
}

bool settings_list_has(const struct texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

size_t settings_count(const struct settings *settings, const char *name)
{
	const struct section *section = schema_section(settings->tables, slice_of(name));
	size_t count = 0;

	assert(section);
	for (const struct entry *entry = settings->entries; entry; entry = entry->next)
		count += entry->section == section;
	return count;
}

const void *settings_named(const struct settings *settings, const char *name, size_t index)
{
	const struct section *section = schema_section(settings->tables, slice_of(name));
	const struct entry *entry;

	assert(section && section->named);
	entry = entry_at(settings, section, index);
	assert(entry);
	return entry->values;
}

static const struct entry *entry_of(const struct settings *settings, const void *section_struct)
{
	const struct entry *entry = settings->entries;

	while (entry && entry->values != section_struct)
		entry = entry->next;
	assert(entry);
	return entry;
}

size_t settings_rank(const struct settings *settings, const void *section_struct)
{
	const struct entry *entry = settings->entries;
	size_t rank = 0;

	for (; entry && entry->values != section_struct; entry = entry->next)
		rank++;
	assert(entry);
	return rank;
}

struct place settings_place(
	const struct settings *settings, const void *section_struct, const char *name)
{
	const struct entry *entry = entry_of(settings, section_struct);
	const struct option *option = schema_option(entry->section, slice_of(name));

	assert(option);
	return settings_mention(entry, option)->place.line ? settings_mention(entry, option)->place
							   : entry->place;
}

struct place settings_item_place(const struct settings *settings, const void *section_struct,
	const char *name, size_t index, size_t offset)
{
	const struct entry *entry = entry_of(settings, section_struct);
	const struct option *option = schema_option(entry->section, slice_of(name));

	assert(option);
	const struct place *items = settings_mention(entry, option)->items;
	if (index >= talloc_array_length(items))
		return settings_place(settings, section_struct, name);
	struct place place = items[index];
	place.column += (unsigned)offset;
	return place;
}
