/* SPDX-License-Identifier: Apache-2.0 */
/* Takes texts with facts in them apart. */
#include "rules/template.h"

#include "rules/parse.h"
#include "rules/resolve.h"

#include <talloc.h>

static void add_part(struct template *template, struct template_part part)
{
	template->parts = talloc_realloc(
		template, template->parts, struct template_part, template->count + 1);
	template->parts[template->count++] = part;
}

static void add_text(struct template *template, const char *text, size_t size)
{
	if (size)
		add_part(template,
			(struct template_part){.text = talloc_strndup(template, text, size)});
}

static bool add_fact(
	struct builder *builder, struct template *template, struct slice inside, struct place place)
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
	add_part(template, (struct template_part){.reference = reference});
	return true;
}

/* One step: "{{", "{fact}", or text up to the next brace. */
static bool read_part(
	struct builder *builder, struct template *template, const char **text, struct place place)
{
	size_t plain = strcspn(*text, "{");
	const char *end;

	add_text(template, *text, plain);
	*text += plain;
	if (!**text)
		return true;
	if ((*text)[1] == '{') {
		add_text(template, "{", 1);
		*text += 2;
		return true;
	}
	end = strchr(*text, '}');
	if (!end) {
		complaint_error(builder->complaints, place,
			"\"{\" begins a fact that \"}\" must end; a brace itself is written {{");
		return false;
	}
	if (!add_fact(builder, template, slice_make(*text + 1, (size_t)(end - *text) - 1), place))
		return false;
	*text = end + 1;
	return true;
}

struct template *template_new(struct builder *builder, const struct literal *literal)
{
	struct template *template = talloc_zero(builder->program, struct template);
	const char *text = literal->text;

	while (*text) {
		if (!read_part(builder, template, &text, literal->place))
			return NULL;
	}
	return template;
}

struct template *template_of(const void *parent, const char *text)
{
	struct template *template = talloc_zero(parent, struct template);

	add_text(template, text, strlen(text));
	return template;
}
