/* SPDX-License-Identifier: Apache-2.0 */
/* Edits held against signatures: RFC 6376 §3.5, §5.4.2. */
#include "policy/dkim_damage.h"

#include <talloc.h>

#define SIGNATURES_MOST 20

/* Without the blanks and folds around it. */
static struct slice bare(struct slice text)
{
	while (text.size && strchr(" \t\r\n", text.data[0]))
		text = slice_from(text, 1);
	while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
		text.size--;
	return text;
}

/* The value of a tag, without the blanks and folds around it. */
static struct slice tag_of(struct slice value, char name)
{
	while (value.size) {
		struct slice tag = bare(slice_cut(&value, ';'));
		struct slice key = slice_cut(&tag, '=');

		key = bare(key);
		if (key.size == 1 && key.data[0] == name)
			return bare(tag);
	}
	return slice_of("");
}

static size_t count_named(struct slice list, struct slice name)
{
	size_t count = 0;

	while (list.size)
		count += slice_is_same_nocase(bare(slice_cut(&list, ':')), name);
	return count;
}

static size_t count_fields(const struct header *header, struct slice name)
{
	size_t count = 0;

	for (size_t i = 0; i < header->count; i++)
		count += slice_is_same_nocase(header->fields[i].name, name);
	return count;
}

static bool breaks(const struct edits *edits, const struct edit *edit, struct slice fields)
{
	size_t signed_fields;

	if (edit->action == EDIT_BYTES)
		return true;
	signed_fields = count_named(fields, edit->name);
	if (edit->action != EDIT_ADD)
		return signed_fields > 0;
	return signed_fields > count_fields(edits->header, edit->name) ||
		(signed_fields && edit->at == edits->header->size);
}

static bool is_broken(const struct edits *edits, struct slice signature)
{
	struct slice fields = tag_of(signature, 'h');
	bool broken = false;

	for (size_t i = 0; i < edits->count && !broken; i++)
		broken = breaks(edits, &edits->items[i], fields);
	return broken;
}

/* What stands there is a stranger's: of a domain only its letters. */
static bool is_domain(struct slice text)
{
	size_t i = 0;

	while (i < text.size &&
		strchr("-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
			text.data[i]))
		i++;
	return text.size && i == text.size && text.size < 256;
}

char *dkim_damage_domains(const void *parent, const struct edits *edits)
{
	char *domains = NULL;
	const struct field *field;

	for (size_t i = 0; i < SIGNATURES_MOST; i++) {
		field = header_find(edits->header, "DKIM-Signature", i);
		if (!field)
			break;
		struct slice domain = tag_of(field->value, 'd');
		if (!is_domain(domain) || !is_broken(edits, field->value))
			continue;
		domains = domains ? talloc_asprintf_append(domains, ", %.*s", SLICE_ARGS(domain))
				  : talloc_asprintf(parent, "%.*s", SLICE_ARGS(domain));
	}
	return domains;
}
