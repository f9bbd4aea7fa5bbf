/* SPDX-License-Identifier: Apache-2.0 */
/* Tags and their attributes. */
#include "policy/content/html_tag.h"

#include <ctype.h>

static const char *const attribute_names[HTML_ATTRIBUTES] = {"href", "src", "action", "formaction",
	"data", "background", "style", "hidden", "type", "content", "http-equiv", "color", "text",
	"bgcolor", "download", "size", "srcdoc"};

static const struct {
	const char *name;
	unsigned traits;
} elements[] = {
	/* In the order of the alphabet. */
	{"address", HTML_TRAIT_BLOCK},
	{"area", HTML_TRAIT_VOID},
	{"base", HTML_TRAIT_VOID},
	{"blockquote", HTML_TRAIT_BLOCK},
	{"br", HTML_TRAIT_BLOCK | HTML_TRAIT_VOID},
	{"center", HTML_TRAIT_BLOCK},
	{"col", HTML_TRAIT_VOID},
	{"dd", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"div", HTML_TRAIT_BLOCK},
	{"dl", HTML_TRAIT_BLOCK},
	{"dt", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"embed", HTML_TRAIT_VOID},
	{"fieldset", HTML_TRAIT_BLOCK},
	{"form", HTML_TRAIT_BLOCK},
	{"frame", HTML_TRAIT_VOID},
	{"h1", HTML_TRAIT_BLOCK},
	{"h2", HTML_TRAIT_BLOCK},
	{"h3", HTML_TRAIT_BLOCK},
	{"h4", HTML_TRAIT_BLOCK},
	{"h5", HTML_TRAIT_BLOCK},
	{"h6", HTML_TRAIT_BLOCK},
	{"hr", HTML_TRAIT_BLOCK | HTML_TRAIT_VOID},
	{"iframe", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"img", HTML_TRAIT_VOID},
	{"input", HTML_TRAIT_VOID},
	{"li", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"link", HTML_TRAIT_VOID},
	{"meta", HTML_TRAIT_VOID},
	{"noembed", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"noframes", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"ol", HTML_TRAIT_BLOCK},
	{"option", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"p", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"param", HTML_TRAIT_VOID},
	{"pre", HTML_TRAIT_BLOCK},
	{"script", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"section", HTML_TRAIT_BLOCK},
	{"source", HTML_TRAIT_VOID},
	{"style", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"table", HTML_TRAIT_BLOCK},
	{"td", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"template", HTML_TRAIT_UNSEEN},
	{"textarea", HTML_TRAIT_RAW},
	{"th", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"title", HTML_TRAIT_RAW | HTML_TRAIT_UNSEEN},
	{"tr", HTML_TRAIT_BLOCK | HTML_TRAIT_IMPLIED},
	{"track", HTML_TRAIT_VOID},
	{"ul", HTML_TRAIT_BLOCK},
	{"wbr", HTML_TRAIT_VOID},
	{"xmp", HTML_TRAIT_BLOCK | HTML_TRAIT_RAW},
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void skip_spaces(struct slice *rest)
{
	while (rest->size && (is_space(rest->data[0]) || rest->data[0] == '/'))
		*rest = slice_from(*rest, 1);
}

/* Up to a character that ends it, which stays. Letters are none of these and are passed over without a look at them. */
struct slice html_tag_take_until(struct slice *rest, const char *ends)
{
	size_t i = 0;

	while (i < rest->size && (rest->data[i] > '>' || !strchr(ends, rest->data[i])))
		i++;
	*rest = slice_from(*rest, i);
	return slice_make(rest->data - i, i);
}

static struct slice take_attribute_value(struct html_tag *tag, struct slice *rest)
{
	struct slice value;
	char quote;

	while (rest->size && is_space(rest->data[0]))
		*rest = slice_from(*rest, 1);
	if (!rest->size || (rest->data[0] != '"' && rest->data[0] != '\''))
		return html_tag_take_until(rest, " \t\n\r\f>");
	quote = rest->data[0];
	*rest = slice_from(*rest, 1);
	value = slice_cut(rest, quote);
	if (value.data + value.size == rest->data)
		tag->is_unclosed = true;
	return value;
}

static void keep_attribute(struct html_tag *tag, struct slice name, struct slice value)
{
	if (name.size > 2 && (name.data[0] | 0x20) == 'o' && (name.data[1] | 0x20) == 'n') {
		if (tag->handler_count < HTML_TAG_HANDLERS)
			tag->handlers[tag->handler_count++] = value;
		return;
	}
	for (enum html_attribute i = 0; i < HTML_ATTRIBUTES; i++) {
		if (tag->has[i] || !slice_equals_nocase(name, attribute_names[i]))
			continue;
		tag->has[i] = true;
		tag->values[i] = value;
	}
}

static void take_attributes(struct slice *rest, struct html_tag *tag)
{
	for (;;) {
		struct slice name, value = slice_of("");
		skip_spaces(rest);
		if (!rest->size) {
			tag->is_unclosed = true;
			return;
		}
		if (rest->data[0] == '>')
			break;
		name = slice_make(rest->data, 1);
		*rest = slice_from(*rest, 1);
		name.size += html_tag_take_until(rest, " \t\n\r\f/>=").size;
		while (rest->size && is_space(rest->data[0]))
			*rest = slice_from(*rest, 1);
		if (rest->size && rest->data[0] == '=') {
			*rest = slice_from(*rest, 1);
			value = take_attribute_value(tag, rest);
		}
		keep_attribute(tag, name, value);
	}
	*rest = slice_from(*rest, 1);
}

void html_tag_take(struct slice *rest, struct html_tag *tag)
{
	struct slice name;

	*tag = (struct html_tag){.is_end = rest->data[1] == '/'};
	*rest = slice_from(*rest, tag->is_end ? 2 : 1);
	name = html_tag_take_until(rest, " \t\n\r\f/>");
	for (size_t i = 0; i < name.size && i < HTML_TAG_NAME - 1; i++)
		tag->name[i] = (char)tolower((unsigned char)name.data[i]);
	take_attributes(rest, tag);
}

unsigned html_tag_traits(const char *name)
{
	size_t low = 0, high = sizeof elements / sizeof *elements;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, elements[middle].name);
		if (order == 0)
			return elements[middle].traits;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return 0;
}

size_t html_tag_find_end(struct slice text, const char *name)
{
	size_t length = strlen(name), at = 0;

	while (at < text.size) {
		const char *found = memmem(text.data + at, text.size - at, "</", 2);
		struct slice here;
		if (!found)
			break;
		at = (size_t)(found - text.data);
		here = slice_from(text, at + 2);
		if (slice_starts_nocase(here, name) &&
			(here.size == length || strchr(" \t\n\r\f/>", here.data[length])))
			return at;
		at += 2;
	}
	return text.size;
}
