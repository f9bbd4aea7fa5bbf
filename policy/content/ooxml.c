/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of Office Open XML (ECMA-376). */
#include "policy/content/ooxml.h"

#include "policy/content/file_type.h"
#include "policy/content/vba.h"
#include "policy/content/zip.h"

#include <talloc.h>

#define INSTRUCTION_MOST 65536
#define PROJECT "vbaproject.bin"

/* What a relationship to somewhere else is for: the end of its type. */
static const struct {
	const char *type;
	uint64_t finding;
} relationships[] = {
	{"/attachedTemplate", FINDING_EXTERNAL_TEMPLATE},
	{"/oleObject", FINDING_EXTERNAL_TEMPLATE},
	{"/frame", FINDING_EXTERNAL_TEMPLATE},
	{"/subDocument", FINDING_EXTERNAL_TEMPLATE},
	{"/externalLinkPath", FINDING_EXTERNAL_LINK},
	{"/image", FINDING_EXTERNAL_LINK},
	{"/mailMergeSource", FINDING_EXTERNAL_LINK},
	{"/hyperlink", 0},
};

/* Folders and names of parts that say something by being there. */
static const struct {
	const char *word;
	uint64_t finding;
} places[] = {
	{PROJECT, FINDING_MACROS},
	{"/macrosheets/", FINDING_EXCEL4_MACROS | FINDING_MACROS},
	{"/activex/", FINDING_ACTIVEX},
	{"/embeddings/", FINDING_EMBEDDED_OBJECT},
	{"basic/script-lc.xml", FINDING_MACROS},
	{"scripts/python/", FINDING_MACROS},
};

static char *fold(const void *parent, struct slice text)
{
	char *folded = talloc_array(parent, char, text.size + 1);

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		folded[i] = c == '\\' ? '/' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	folded[text.size] = '\0';
	return folded;
}

static bool has(struct slice text, const char *word)
{
	return bytes_find(text, 0, word, strlen(word)) != SIZE_MAX;
}

/* Markup of two bytes a character as one of one. */
static struct slice narrow(const void *parent, struct slice text)
{
	bool is_big = bytes_are(text, 0, "\xfe\xff", 2);
	char *out;
	size_t used = 0;

	if (!is_big && !bytes_are(text, 0, "\xff\xfe", 2))
		return text;
	out = talloc_array(parent, char, text.size / 2 + 1);
	for (size_t i = 2; i + 1 < text.size; i += 2)
		out[used++] = text.data[i + (is_big ? 1 : 0)];
	return slice_make(out, used);
}

static struct slice skip_blanks(struct slice s)
{
	while (s.size && memchr(" \t\r\n", s.data[0], 4))
		s = slice_from(s, 1);
	return s;
}

/* The value of an attribute within a tag; empty: it has none. */
static struct slice attribute(struct slice tag, const char *name)
{
	size_t size = strlen(name), at = 0;

	while ((at = bytes_find(tag, at, name, size)) != SIZE_MAX) {
		struct slice rest = skip_blanks(slice_from(tag, at + size));
		bool is_word = at == 0 || strchr(" \t\r\n:", tag.data[at - 1]);
		at += size;
		if (!is_word || !rest.size || rest.data[0] != '=')
			continue;
		rest = skip_blanks(slice_from(rest, 1));
		if (rest.size && (rest.data[0] == '"' || rest.data[0] == '\'')) {
			char quote = rest.data[0];
			rest = slice_from(rest, 1);
			return slice_cut(&rest, quote);
		}
	}
	return slice_of("");
}

static bool ends_with(struct slice s, const char *end)
{
	size_t size = strlen(end);

	return s.size >= size && slice_equals_nocase(slice_from(s, s.size - size), end);
}

static void judge_relationship(struct slice tag, struct unpacked *out)
{
	struct slice type = attribute(tag, "Type");
	struct slice target = attribute(tag, "Target");
	uint64_t finding = FINDING_EXTERNAL_LINK;

	if (!slice_equals_nocase(attribute(tag, "TargetMode"), "External"))
		return;
	for (size_t i = 0; i < sizeof relationships / sizeof *relationships; i++) {
		if (ends_with(type, relationships[i].type))
			finding = relationships[i].finding;
	}
	out->findings |= finding;
	unpacked_point(out, target);
}

static void judge_relationships(struct slice text, struct unpacked *out)
{
	struct slice rest = text;

	while (rest.size) {
		struct slice tag;
		(void)slice_cut(&rest, '<');
		tag = slice_cut(&rest, '>');
		judge_relationship(tag, out);
	}
}

/* The instructions of fields may be cut into pieces by other tags. */
static void judge_fields(struct slice text, struct unpacked *out)
{
	char *words = talloc_array(out->parent, char, INSTRUCTION_MOST + 1);
	struct slice rest = text;
	size_t used = 0;

	while (rest.size && used < INSTRUCTION_MOST) {
		struct slice tag, value, after;
		(void)slice_cut(&rest, '<');
		after = rest;
		tag = slice_cut(&rest, '>');
		if (has(tag, "ddeLink"))
			out->findings |= FINDING_DDE;
		value = has(tag, "instr=") ? attribute(tag, "instr") : slice_of("");
		if (has(tag, "instrText") && tag.data[0] != '/') {
			after = rest;
			value = slice_cut(&after, '<');
		}
		if (value.size > INSTRUCTION_MOST - used)
			value.size = INSTRUCTION_MOST - used;
		memcpy(words + used, value.data, value.size);
		used += value.size;
	}
	for (size_t i = 0; i < used; i++) {
		struct slice at = slice_make(words + i, used - i);
		if (slice_starts_nocase(at, "DDEAUTO") || slice_starts_nocase(at, "DDE "))
			out->findings |= FINDING_DDE;
	}
	talloc_free(words);
}

static bool is_part_of_document(enum file_type type)
{
	enum file_group group = file_type_group(type);

	return type == FILE_TYPE_XML || type == FILE_TYPE_EMPTY || group == FILE_GROUP_IMAGE ||
		group == FILE_GROUP_FONT || type == FILE_TYPE_UNKNOWN;
}

static uint64_t judge_place(const char *folded)
{
	uint64_t findings = 0;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (strstr(folded, places[i].word))
			findings |= places[i].finding;
	}
	return findings;
}

static bool is_markup(const char *folded)
{
	struct slice name = slice_of(folded);

	return ends_with(name, ".xml") || ends_with(name, ".rels") || ends_with(name, ".vml");
}

/* An embedded compound file may be a package of OLE 1, or a control. */
static void judge_part(
	const struct zip_entry *entry, struct slice bytes, uint64_t findings, struct unpacked *out)
{
	char *folded = fold(out->parent, entry->name);
	uint64_t place = judge_place(folded);
	struct slice text;

	out->findings |= place;
	if (strstr(folded, PROJECT))
		vba_judge_project(bytes, out);
	if (is_markup(folded)) {
		text = narrow(out->parent, bytes);
		if (ends_with(slice_of(folded), ".rels"))
			judge_relationships(text, out);
		else
			judge_fields(text, out);
		if (has(text, "manifest:encryption-data"))
			out->findings |= FINDING_ENCRYPTED;
	}
	if (place & FINDING_EMBEDDED_OBJECT ||
		(!(place & FINDING_MACROS) && !is_part_of_document(file_type_of(bytes)))) {
		struct member *member = zip_add(entry, out);
		if (member) {
			member->bytes = bytes;
			unpacked_find(out, member, findings);
		}
	}
	talloc_free(folded);
}

void ooxml_unpack(struct slice bytes, struct unpacked *out)
{
	size_t most = out->budget->limits.entries - out->budget->entries;
	struct zip_directory *directory = zip_directory_read(out->parent, bytes, most);

	out->findings |= directory->findings;
	for (size_t i = 0; i < directory->count; i++) {
		uint64_t findings = 0;
		struct slice part =
			zip_read(out->parent, &directory->entries[i], out->budget, &findings);
		out->findings |= findings;
		judge_part(&directory->entries[i], part, findings, out);
		if (!budget_has_time(out->budget))
			break;
	}
	talloc_free(directory);
}
