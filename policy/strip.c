/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a message that are replaced by a word about them. */
#include "policy/strip.h"

#include "base/utf8.h"
#include "policy/mail/header.h"

#include <assert.h>
#include <stdlib.h>
#include <talloc.h>

#define NAMES_TOLD 20 /* of one part */
#define QP_LINE 72    /* RFC 2045 §6.7: 76 at most */
#define NEW_TYPE "text/plain; charset=utf-8"
#define NEW_ENCODING "quoted-printable"

/* Bytes of the message: where the header of a part begins, its body, and where it ends. */
struct cut {
	size_t header, body, end;
	const char *text; /* a line for each thing that was in it */
	unsigned told;
	size_t order;
	uint64_t *members; /* of an archive, that alone are to go; NULL: the whole part goes */
	size_t taken;      /* records it was made of: of each a member, where there are any */
	bool is_archive;   /* only what is in it has matched */
};

struct strip {
	struct inquiry *inquiry;
	struct cut *cuts;
	size_t count;
};

struct strip *strip_new(const void *parent, struct inquiry *inquiry)
{
	struct strip *strip = talloc_zero(parent, struct strip);

	strip->inquiry = inquiry;
	return strip;
}

static bool removes_members(const struct strip *strip)
{
	return strip->inquiry->policy->rules->strip_archives == STRIP_ARCHIVES_MEMBERS;
}

/* --- taking --- */

static size_t column(const char *name)
{
	const struct vocabulary_field *fields = fact_row(FACT_ATTACHMENT)->rules->fields;
	size_t i = 0;

	while (strcmp(fields[i].name, name) != 0) {
		i++;
		assert(fields[i].name);
	}
	return i;
}

static size_t number_in(const struct value_field *record, const char *name, size_t fallback)
{
	const struct value_field *field = &record[column(name)];

	return field->state == FACT_KNOWN ? (size_t)field->value.number : fallback;
}

/* The member alone that the record is about; NULL where more must go. */
static uint64_t *members_of(const struct strip *strip, const struct value_field *record)
{
	const struct value_field *member = &record[column("part_member")];
	uint64_t at = (uint64_t)member->value.number;

	if (!removes_members(strip) || member->state != FACT_KNOWN)
		return NULL;
	return talloc_memdup(strip, &at, sizeof at);
}

static bool is_in_archive(const struct value_field *record)
{
	const struct value_field *in_archive = &record[column("in_archive")];

	return in_archive->state == FACT_KNOWN && in_archive->value.boolean;
}

/* As people may see it: a stranger's name must not look like another one. */
static char *name_in(const void *parent, const struct value_field *record)
{
	const struct value_field *path = &record[column("path")];
	struct slice name =
		slice_of(path->state == FACT_KNOWN ? path->value.text : "(without a name)");
	char *clean = talloc_array(parent, char, name.size + 1);

	clean[utf8_clean_for_eyes(clean, name.size, name)] = '\0';
	return clean;
}

/* Where nobody knows where it stands, all goes. */
static struct cut cut_of(const struct value_field *record, size_t size)
{
	struct cut cut = {.header = number_in(record, "part_at", 0),
		.body = number_in(record, "part_body", 0),
		.end = number_in(record, "part_end", size)};

	if (cut.header > cut.body || cut.body > cut.end || cut.end > size)
		cut = (struct cut){.end = size};
	return cut;
}

void strip_take(struct strip *strip, const char *rule, const struct value_records *attachments)
{
	size_t size = message_bytes(inquiry_looked_at(strip->inquiry)).size;

	strip->cuts = talloc_realloc(
		strip, strip->cuts, struct cut, strip->count + attachments->count + 1);
	for (uint32_t i = 0; i < attachments->count; i++) {
		const struct value_field *record =
			&attachments->fields[(size_t)i * attachments->width];
		struct cut *cut = &strip->cuts[strip->count];
		char *name = name_in(NULL, record);

		*cut = cut_of(record, size);
		cut->members = members_of(strip, record);
		cut->taken = 1;
		cut->is_archive = is_in_archive(record);
		cut->order = strip->count++;
		cut->text = talloc_asprintf(strip, "%s (rule %s)\r\n", name, rule);
		talloc_free(name);
	}
}

void strip_take_all(struct strip *strip)
{
	for (size_t i = 0; i < strip->count; i++) {
		struct cut *cut = &strip->cuts[i];
		cut->header = cut->body = 0;
		cut->end = SIZE_MAX;
		TALLOC_FREE(cut->members);
	}
}

/* --- joining --- */

static int compare(const void *first, const void *second)
{
	const struct cut *a = first, *b = second;

	if (a->header != b->header)
		return a->header < b->header ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Of two that are the same part and an archive, the members of both go; else nothing less than all of it. */
static void join_members(struct cut *into, const struct cut *cut)
{
	bool is_same =
		into->header == cut->header && into->body == cut->body && into->end == cut->end;

	into->is_archive &= cut->is_archive;
	if (!is_same || !into->members || !cut->members) {
		TALLOC_FREE(into->members);
		into->taken += cut->taken;
		return;
	}
	into->members = talloc_realloc(
		talloc_parent(into->members), into->members, uint64_t, into->taken + cut->taken);
	memcpy(into->members + into->taken, cut->members, cut->taken * sizeof *cut->members);
	into->taken += cut->taken;
}

static void join(struct cut *into, const struct cut *cut)
{
	join_members(into, cut);
	if (cut->end > into->end)
		into->end = cut->end;
	if (cut->header == into->header && cut->body < into->body)
		into->body = cut->body;
	if (strstr(into->text, cut->text))
		return;
	if (++into->told < NAMES_TOLD)
		into->text =
			talloc_asprintf(talloc_parent(into->text), "%s%s", into->text, cut->text);
	else if (into->told == NAMES_TOLD)
		into->text =
			talloc_asprintf(talloc_parent(into->text), "%sand more\r\n", into->text);
}

/* Those that overlap become one. */
static void join_all(struct strip *strip)
{
	size_t used = 0;

	if (strip->count)
		qsort(strip->cuts, strip->count, sizeof *strip->cuts, compare);
	for (size_t i = 0; i < strip->count; i++) {
		const struct cut *cut = &strip->cuts[i];
		struct cut *last = used ? &strip->cuts[used - 1] : NULL;
		if (last && (cut->header < last->end || cut->header == last->header))
			join(last, cut);
		else
			strip->cuts[used++] = *cut;
	}
	strip->count = used;
}

/* --- replacing --- */

/* Neither dots at the front of a line nor blanks at its end survive all ways. */
static bool may_stay(const char *at, size_t width)
{
	bool is_plain = *at >= ' ' && *at < 0x7f && *at != '=';

	return is_plain && !(width == 0 && *at == '.') && !(*at == ' ' && at[1] == '\r');
}

/* Text of CRLF lines in quoted-printable (RFC 2045 §6.7). */
static char *quote(const void *parent, const char *text)
{
	char *quoted = talloc_strdup(parent, "");
	size_t width = 0;

	for (; *text; text++) {
		if (strncmp(text, "\r\n", 2) == 0) {
			quoted = talloc_strdup_append_buffer(quoted, "\r\n");
			width = 0;
			text++;
			continue;
		}
		if (width >= QP_LINE) {
			quoted = talloc_strdup_append_buffer(quoted, "=\r\n");
			width = 0;
		}
		if (may_stay(text, width)) {
			quoted = talloc_asprintf_append_buffer(quoted, "%c", *text);
			width++;
		} else {
			quoted = talloc_asprintf_append_buffer(
				quoted, "=%02X", (unsigned char)*text);
			width += 3;
		}
	}
	return quoted;
}

static char *words_about(const void *parent, const struct strip *strip, const struct cut *cut)
{
	char *text = talloc_asprintf(parent,
		"%s has removed this part of the message. There was in it:\r\n\r\n%s",
		strip->inquiry->policy->site->hostname, cut->text);

	return quote(parent, text);
}

static bool is_about_content(const struct field *field)
{
	return field->name.size > 8 && slice_starts_nocase(field->name, "content-");
}

/* The part's own header, but for what it says of the content. */
static char *print_header(const void *parent, struct slice header)
{
	char *kept = talloc_strdup(parent, "");
	struct field field;

	while (header_next(&header, &field)) {
		if (!is_about_content(&field))
			kept = talloc_asprintf_append(kept, "%.*s%s", SLICE_ARGS(field.whole),
				field.whole.data[field.whole.size - 1] == '\n' ? "" : "\r\n");
	}
	return talloc_asprintf_append(kept,
		"Content-Type: " NEW_TYPE "\r\nContent-Transfer-Encoding: " NEW_ENCODING
		"\r\n\r\n");
}

static void replace(struct edits *edits, size_t at, size_t end, const char *text)
{
	if (!edits_replace_bytes(edits, at, end - at, slice_of(text)))
		assert(!"a place in the message");
}

/* Text before and behind the parts has no header. */
static void replace_part(
	const struct strip *strip, struct edits *edits, const struct cut *cut, const char *words)
{
	bool has_header = cut->header != cut->body;
	struct slice header =
		slice_make(edits->message.data + cut->header, cut->body - cut->header);
	char *front = has_header ? print_header(strip, header) : talloc_strdup(strip, "");

	replace(edits, cut->header, cut->end, talloc_asprintf(front, "%s%s", front, words));
	talloc_free(front);
}

static void add_field(struct edits *edits, const char *name, const char *value)
{
	if (!edits_add(edits, EDIT_END, name, value, EDIT_VERBATIM))
		assert(!"a field name of ours");
}

/* The message is that part: its header says what it is. */
static void replace_body(
	const struct strip *strip, struct edits *edits, const struct cut *cut, const char *words)
{
	const struct header *header = edits->header;
	size_t body = cut->body > header->size ? cut->body : header->size;
	size_t end = cut->end < edits->message.size ? cut->end : edits->message.size;
	char *text = talloc_asprintf(strip, "%s%s", body == header->size ? "\r\n" : "", words);

	for (size_t i = 0; i < header->count; i++) {
		if (is_about_content(&header->fields[i]))
			edits_remove_field(edits, &header->fields[i]);
	}
	if (!header_find(header, "MIME-Version", 0))
		add_field(edits, "MIME-Version", "1.0");
	add_field(edits, "Content-Type", NEW_TYPE);
	add_field(edits, "Content-Transfer-Encoding", NEW_ENCODING);
	replace(edits, body, end > body ? end : body, text);
	talloc_free(text);
}

/* --- archives --- */

struct strip_archive *strip_find_archives(struct strip *strip, size_t *count)
{
	struct strip_archive *found;

	join_all(strip);
	found = talloc_array(strip, struct strip_archive, strip->count);
	*count = 0;
	for (size_t i = 0; i < strip->count; i++) {
		const struct cut *cut = &strip->cuts[i];
		if (!cut->members)
			continue;
		found[*count] = (struct strip_archive){
			cut->header, cut->body, cut->end, cut->text, cut->taken, NULL};
		strip_archive_find(found, message_bytes(inquiry_looked_at(strip->inquiry)),
			&found[*count], cut->members, strip->inquiry->policy->site->hostname);
		(*count)++;
	}
	return found;
}

static const struct strip_archive *find_archive(const struct strip *strip, const struct cut *cut)
{
	const struct inquiry *inquiry = strip->inquiry;

	for (size_t i = 0; cut->members && i < inquiry->archive_count; i++) {
		const struct strip_archive *archive = &inquiry->archives[i];
		if (archive->header == cut->header && archive->body == cut->body &&
			archive->end == cut->end && archive->taken == cut->taken && archive->text &&
			strcmp(archive->text, cut->text) == 0)
			return archive;
	}
	return NULL;
}

static void keep_reason(struct strip *strip, const char *reason)
{
	struct inquiry *inquiry = strip->inquiry;
	const char *before = inquiry->stripped_whole;

	inquiry->stripped_whole = talloc_asprintf(
		inquiry, "%s%s%s", before ? before : "", before ? "; " : "", reason);
}

/* Only members go; false, and the reason kept, where the whole has to. */
static bool replace_members(struct strip *strip, struct edits *edits, const struct cut *cut)
{
	const struct strip_archive *archive = find_archive(strip, cut);
	const char *reason = archive ? archive->prune->reason
				     : "no scanner has looked at it as a plain ZIP file";
	char *body = NULL;

	if (cut->end == SIZE_MAX)
		keep_reason(strip, "the body was replaced after it had been looked at");
	if (!removes_members(strip) || !cut->is_archive || cut->end == SIZE_MAX)
		return false;
	if (archive && !reason)
		body = strip_archive_print(strip, edits->message, archive);
	if (!body) {
		keep_reason(strip, reason ? reason : "it is not what the scanner saw");
		return false;
	}
	if (cut->end == edits->message.size)
		body = talloc_strdup_append(body, "\r\n");
	replace(edits, cut->body, cut->end, body);
	talloc_free(body);
	return true;
}

size_t strip_edit(struct strip *strip, struct edits *edits)
{
	join_all(strip);
	for (size_t i = 0; i < strip->count; i++) {
		const struct cut *cut = &strip->cuts[i];
		char *words;

		if (replace_members(strip, edits, cut))
			continue;
		words = words_about(strip, strip, cut);
		if (cut->header < edits->header->size || cut->end == SIZE_MAX)
			replace_body(strip, edits, cut, words);
		else
			replace_part(strip, edits, cut, words);
		talloc_free(words);
	}
	return strip->count;
}
