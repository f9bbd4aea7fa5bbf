/* SPDX-License-Identifier: Apache-2.0 */
/* Takes texts with facts in them apart. */
#include "rules/wording.h"

#include "rules/parse.h"
#include "rules/resolve.h"

#include <talloc.h>

static void add_part(struct wording *wording, struct wording_part part)
{
	wording->parts =
		talloc_realloc(wording, wording->parts, struct wording_part, wording->count + 1);
	wording->parts[wording->count++] = part;
}

static void add_text(struct wording *wording, const char *text, size_t size)
{
	if (size)
		add_part(wording,
			(struct wording_part){.text = talloc_strndup(wording, text, size)});
}

static bool add_fact(
	struct builder *builder, struct wording *wording, struct slice inside, struct place place)
{
	struct fact_name *name = parse_fact(builder->program, place, inside, builder->complaints);
	const struct reference *any;
	struct reference *reference = name ? resolve_fact(builder, name, &any) : NULL;

	if (!reference)
		return false;
	if (reference->fact->counting) {
		complaint_error(builder->complaints, place,
			"%s counts when it is asked for, and cannot stand in a text",
			reference->text);
		return false;
	}
	add_part(wording, (struct wording_part){.reference = reference});
	return true;
}

/* One step: "{{", "{fact}", or text up to the next brace. */
static bool read_part(
	struct builder *builder, struct wording *wording, const char **text, struct place place)
{
	size_t plain = strcspn(*text, "{");
	const char *end;

	add_text(wording, *text, plain);
	*text += plain;
	if (!**text)
		return true;
	if ((*text)[1] == '{') {
		add_text(wording, "{", 1);
		*text += 2;
		return true;
	}
	end = strchr(*text, '}');
	if (!end) {
		complaint_error(builder->complaints, place,
			"\"{\" begins a fact that \"}\" must end; a brace itself is written {{");
		return false;
	}
	if (!add_fact(builder, wording, slice_make(*text + 1, (size_t)(end - *text) - 1), place))
		return false;
	*text = end + 1;
	return true;
}

struct wording *wording_new(struct builder *builder, const struct literal *literal)
{
	struct wording *wording = talloc_zero(builder->program, struct wording);
	const char *text = literal->text;

	while (*text) {
		if (!read_part(builder, wording, &text, literal->place))
			return NULL;
	}
	return wording;
}

struct wording *wording_of(const void *parent, const char *text)
{
	struct wording *wording = talloc_zero(parent, struct wording);

	add_text(wording, text, strlen(text));
	return wording;
}
