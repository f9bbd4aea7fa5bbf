/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may not bring: RFC 8601 §5. */
#include "policy/hygiene.h"

#include <inttypes.h>
#include <talloc.h>

#define NAMES_MAXIMUM 8 /* told in the trace */
#define NAME_SHOWN 64

/* --- authserv-id --- */

/* The size of the comment at the front (comments nest), 0 when it is not closed. */
static size_t comment_size(struct slice text)
{
	unsigned depth = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\\')
			i++;
		else if (text.data[i] == '(')
			depth++;
		else if (text.data[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* CFWS; false when a comment has no end. */
static bool skip_comments(struct slice *text)
{
	while (text->size && (slice_is_blank(text->data[0]) || text->data[0] == '(')) {
		size_t size = text->data[0] == '(' ? comment_size(*text) : 1;
		if (!size)
			return false;
		*text = slice_from(*text, size);
	}
	return true;
}

/* Appends the character at i, of a pair with a backslash the second; the index of the next. */
static size_t take_character(struct slice text, size_t i, char *out, size_t *used)
{
	if (text.data[i] == '\\' && i + 1 < text.size)
		i++;
	out[(*used)++] = text.data[i];
	return i + 1;
}

/* value = token / quoted-string. A token ends where no token goes on, whatever follows. */
static size_t take_value(struct slice text, char *out)
{
	bool is_quoted = text.size && text.data[0] == '"';
	size_t used = 0, i = is_quoted;

	while (i < text.size) {
		char c = text.data[i];
		if (is_quoted ? c == '"' : slice_is_blank(c) || strchr("()<>@,;:\\\"/[]?=", c))
			break;
		i = take_character(text, i, out, &used);
	}
	return used;
}

char *hygiene_authserv_id(const void *parent, struct slice value)
{
	char *line = header_unfold(NULL, value), *id = NULL;
	struct slice text = slice_of(line);
	size_t size;

	if (skip_comments(&text)) {
		id = talloc_array(parent, char, text.size + 1);
		size = take_value(text, id);
		size -= size && id[size - 1] == '.';
		id[size] = '\0';
		if (!size)
			TALLOC_FREE(id);
	}
	talloc_free(line);
	return id;
}

/* --- what goes --- */

static bool contains_nocase(struct slice text, const char *name)
{
	for (; text.size; text = slice_from(text, 1)) {
		if (slice_starts_nocase(text, name))
			return true;
	}
	return false;
}

static bool is_our_name(const struct site *site, struct slice name)
{
	return slice_equals_nocase(name, site->authserv_id) ||
		slice_equals_nocase(name, site->hostname);
}

/* One that cannot be read counts as ours when our name stands anywhere in it: who knows what others read. */
static bool is_in_our_name(const struct site *site, struct slice value)
{
	char *id = hygiene_authserv_id(NULL, value);
	bool is_ours;

	if (id)
		is_ours = is_our_name(site, slice_of(id));
	else
		is_ours = contains_nocase(value, site->authserv_id) ||
			contains_nocase(value, site->hostname);
	talloc_free(id);
	return is_ours;
}

static bool name_matches(struct slice name, const char *pattern)
{
	size_t size;

	if (!name.size || (name.data[0] ^ pattern[0]) & ~('a' ^ 'A')) /* most differ there */
		return false;
	size = strlen(pattern);
	if (!size || pattern[size - 1] != '*')
		return slice_equals_nocase(name, pattern);
	if (name.size < size - 1)
		return false;
	name.size = size - 1;
	return slice_is_same_nocase(name, slice_make(pattern, size - 1));
}

static bool is_unwanted(const struct policy *policy, const struct field *field)
{
	const struct texts *fields = &policy->hygiene->fields;

	if (slice_equals_nocase(field->name, "Authentication-Results"))
		return is_in_our_name(policy->site, field->value);
	for (size_t i = 0; i < fields->count; i++) {
		if (name_matches(field->name, fields->items[i]))
			return true;
	}
	return false;
}

/* --- telling it --- */

/* Which names, and how often each. */
struct tally {
	struct slice names[NAMES_MAXIMUM];
	size_t counts[NAMES_MAXIMUM];
	size_t others;
	size_t all;
};

static void count(struct tally *tally, struct slice name)
{
	size_t i = 0;

	tally->all++;
	while (i < NAMES_MAXIMUM && tally->counts[i] &&
		!slice_is_same_nocase(name, tally->names[i]))
		i++;
	if (i == NAMES_MAXIMUM) {
		tally->others++;
		return;
	}
	if (!tally->counts[i]++)
		tally->names[i] = name;
}

/* "2 Authentication-Results, 1 X-Spam-Flag" */
static char *print(const void *parent, const struct tally *tally)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < NAMES_MAXIMUM && tally->counts[i]; i++) {
		struct slice name = tally->names[i];
		name.size = name.size < NAME_SHOWN ? name.size : NAME_SHOWN;
		text = talloc_asprintf_append_buffer(
			text, "%s%zu %.*s", i ? ", " : "", tally->counts[i], SLICE_ARGS(name));
	}
	if (tally->others)
		text = talloc_asprintf_append_buffer(text, ", %zu others", tally->others);
	return text;
}

static void clean_field(const struct policy *policy, const struct field *field, struct tally *tally,
	struct edits *edits)
{
	if (!is_unwanted(policy, field))
		return;
	count(tally, field->name);
	if (policy->site->mode != MODE_OBSERVE)
		edits_remove_field(edits, field);
}

/* Also those that stand behind what made the header end for us. */
static void clean_fields(const struct policy *policy, struct tally *tally, struct edits *edits)
{
	const struct header *header = edits->header;
	struct slice rest = slice_from(edits->message, header->size);
	struct field field;

	for (size_t i = 0; i < header->count; i++)
		clean_field(policy, &header->fields[i], tally, edits);
	while (edits->message.size - rest.size < HEADER_SIZE_MAXIMUM && header_next(&rest, &field))
		clean_field(policy, &field, tally, edits);
}

void hygiene_clean(struct inquiry *inquiry, struct edits *edits)
{
	const struct policy *policy = inquiry->policy;
	struct tally tally = {0};

	if (!policy->hygiene->enabled || !inquiry_is_at_border(inquiry))
		return;
	clean_fields(policy, &tally, edits);
	if (!tally.all)
		return;
	inquiry_record(inquiry,
		&(struct trace_entry){.stage = inquiry->stage,
			.check = "hygiene",
			.result = "removed",
			.detail = print(inquiry, &tally),
			.monitored = policy->site->mode == MODE_OBSERVE});
}
