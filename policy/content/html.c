/* SPDX-License-Identifier: Apache-2.0 */
/* HTML in one pass: a tokenizer and what its tokens mean for a reader. */
#include "policy/content/html.h"

#include "base/utf8.h"
#include "policy/content/html_entity.h"
#include "policy/content/html_style.h"

#include <ctype.h>
#include <talloc.h>

#define NAME_SIZE 16
#define BASE_MAXIMUM 2048
#define LITERAL_MAXIMUM 2048 /* characters of base64 in a row that no honest script holds */

const char *const html_flag_names[] = {"script", "smuggling", "hidden_text", "zero_width", "bidi",
	"form", "password", "refresh", "base", "nul", "unclosed", "too_many", NULL};
const char *const html_flag_manual[] = {"scripts or event handlers",
	"a script or link that makes a file in the reader's program",
	"text that nobody sees: by style, colour, size or place",
	"characters without width inside of words", "characters that turn the direction of writing",
	"a form", "an input for a password", "a page that goes elsewhere by itself",
	"a base for all addresses", "a NUL", "a tag, comment or script without its end",
	"more addresses or nested elements than are looked at", NULL};

enum attribute {
	ATTRIBUTE_HREF,
	ATTRIBUTE_SRC,
	ATTRIBUTE_ACTION,
	ATTRIBUTE_FORMACTION,
	ATTRIBUTE_DATA,
	ATTRIBUTE_BACKGROUND,
	ATTRIBUTE_STYLE,
	ATTRIBUTE_HIDDEN,
	ATTRIBUTE_TYPE,
	ATTRIBUTE_CONTENT,
	ATTRIBUTE_HTTP_EQUIV,
	ATTRIBUTE_COLOR,
	ATTRIBUTE_TEXT,
	ATTRIBUTE_BGCOLOR,
	ATTRIBUTE_DOWNLOAD,
	ATTRIBUTE_SIZE,
	ATTRIBUTES
};

static const char *const attribute_names[ATTRIBUTES] = {"href", "src", "action", "formaction",
	"data", "background", "style", "hidden", "type", "content", "http-equiv", "color", "text",
	"bgcolor", "download", "size"};

struct tag {
	char name[NAME_SIZE];
	bool is_end, is_closed; /* <br/> */
	bool has[ATTRIBUTES];
	struct slice values[ATTRIBUTES];
};

enum trait {
	TRAIT_BLOCK = 1,   /* stands on lines of its own */
	TRAIT_VOID = 2,    /* has no end tag */
	TRAIT_RAW = 4,     /* no tags inside */
	TRAIT_UNSEEN = 8,  /* nobody sees what is inside */
	TRAIT_IMPLIED = 16 /* ends where the next of its kind begins */
};

static const struct {
	const char *name;
	unsigned traits;
} elements[] = {
	{"address", TRAIT_BLOCK},
	{"area", TRAIT_VOID},
	{"base", TRAIT_VOID},
	{"blockquote", TRAIT_BLOCK},
	{"br", TRAIT_BLOCK | TRAIT_VOID},
	{"center", TRAIT_BLOCK},
	{"col", TRAIT_VOID},
	{"dd", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"div", TRAIT_BLOCK},
	{"dl", TRAIT_BLOCK},
	{"dt", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"embed", TRAIT_VOID},
	{"fieldset", TRAIT_BLOCK},
	{"form", TRAIT_BLOCK},
	{"frame", TRAIT_VOID},
	{"h1", TRAIT_BLOCK},
	{"h2", TRAIT_BLOCK},
	{"h3", TRAIT_BLOCK},
	{"h4", TRAIT_BLOCK},
	{"h5", TRAIT_BLOCK},
	{"h6", TRAIT_BLOCK},
	{"hr", TRAIT_BLOCK | TRAIT_VOID},
	{"iframe", TRAIT_RAW | TRAIT_UNSEEN},
	{"img", TRAIT_VOID},
	{"input", TRAIT_VOID},
	{"li", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"link", TRAIT_VOID},
	{"meta", TRAIT_VOID},
	{"noembed", TRAIT_RAW | TRAIT_UNSEEN},
	{"noframes", TRAIT_RAW | TRAIT_UNSEEN},
	{"ol", TRAIT_BLOCK},
	{"option", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"p", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"param", TRAIT_VOID},
	{"pre", TRAIT_BLOCK},
	{"script", TRAIT_RAW | TRAIT_UNSEEN},
	{"section", TRAIT_BLOCK},
	{"source", TRAIT_VOID},
	{"style", TRAIT_RAW | TRAIT_UNSEEN},
	{"table", TRAIT_BLOCK},
	{"td", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"template", TRAIT_UNSEEN},
	{"textarea", TRAIT_RAW},
	{"th", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"title", TRAIT_RAW | TRAIT_UNSEEN},
	{"tr", TRAIT_BLOCK | TRAIT_IMPLIED},
	{"track", TRAIT_VOID},
	{"ul", TRAIT_BLOCK},
	{"wbr", TRAIT_VOID},
	{"xmp", TRAIT_BLOCK | TRAIT_RAW},
};

/* An open element that changes what can be seen. */
struct scope {
	char name[NAME_SIZE];
	unsigned nested; /* open elements of its name inside */
	struct html_style style;
};

struct output {
	char *data;
	size_t used;
};

struct reader {
	struct html *html;
	struct slice rest;
	struct output text, hidden, script;
	struct scope scopes[HTML_SCOPES];
	unsigned depth;
	struct html_style initial;
	unsigned conditional;              /* inside of a conditional comment */
	size_t anchor;                     /* index of the open anchor + 1, or 0 */
	size_t anchor_text, anchor_hidden; /* where its texts begin */
	struct slice base;
	size_t room;
};

/* --- output --- */

static const struct html_style *style_of(const struct reader *reader)
{
	return reader->depth ? &reader->scopes[reader->depth - 1].style : &reader->initial;
}

static bool is_unseen(const struct reader *reader)
{
	return reader->conditional || html_style_is_hidden(style_of(reader));
}

static bool ends_with_blank(const struct output *output)
{
	return !output->used || strchr(" \n", output->data[output->used - 1]);
}

static void add_blank(struct output *output)
{
	if (!ends_with_blank(output))
		output->data[output->used++] = ' ';
}

static void add_break(struct output *output)
{
	if (output->used && output->data[output->used - 1] == ' ')
		output->used--;
	if (output->used && output->data[output->used - 1] != '\n')
		output->data[output->used++] = '\n';
}

static bool is_zero_width(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff ||
		c == 0xad || c == 0x34f || c == 0x180e;
}

static bool is_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Characters that are no ASCII. */
static void add_wide(struct reader *reader, struct output *output, uint32_t c)
{
	if (is_zero_width(c)) {
		reader->html->zero_width++;
		if (!ends_with_blank(output))
			reader->html->flags |= HTML_ZERO_WIDTH;
		return;
	}
	if (is_direction(c))
		reader->html->flags |= HTML_BIDI;
	if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x3000) {
		add_blank(output);
		return;
	}
	output->used = (size_t)(html_entity_put(output->data + output->used, c) - output->data);
}

static uint32_t decode(const char *at, size_t length)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)at[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		c = c << 6 | ((unsigned char)at[i] & 0x3f);
	return c;
}

static void add_character(struct reader *reader, struct output *output, uint32_t c)
{
	if (c >= 0x80)
		add_wide(reader, output, c);
	else if (c <= ' ')
		add_blank(output);
	else
		output->data[output->used++] = (char)c;
}

/* Takes one character of text, a reference resolved, off the front. */
static uint32_t take_character(struct slice *text)
{
	uint32_t c = text->data[0] == '&' ? html_entity_take(text) : 0;
	size_t length;

	if (c)
		return c;
	length = (unsigned char)text->data[0] < 0x80 ? 1 : utf8_length(*text);
	c = length ? decode(text->data, length) : 0xfffd;
	*text = slice_from(*text, length ? length : 1);
	return c;
}

static void add_text(struct reader *reader, struct slice text)
{
	bool unseen = is_unseen(reader);
	struct output *output = unseen ? &reader->hidden : &reader->text;
	size_t before = output->used;

	while (text.size) {
		/* Broken bytes must not grow: U+FFFD is longer than they are. */
		uint32_t c = take_character(&text);
		add_character(reader, output, c == 0xfffd ? '?' : c);
	}
	for (; unseen && !reader->conditional && before < output->used; before++) {
		if (output->data[before] > ' ' || output->data[before] < 0)
			reader->html->flags |= HTML_HIDDEN_TEXT;
	}
}

static void add_bytes(struct output *output, struct slice text)
{
	memcpy(output->data + output->used, text.data, text.size);
	output->used += text.size;
	add_break(output);
}

/* --- addresses --- */

static bool has_scheme(struct slice address)
{
	size_t i = 0;

	while (i < address.size &&
		(isalnum((unsigned char)address.data[i]) || strchr("+-.", address.data[i])))
		i++;
	return i && i < address.size && address.data[i] == ':';
}

/* Without blanks at both ends, and without line ends and tabs, as browsers read them. */
static struct slice clean_address(struct reader *reader, struct slice value)
{
	bool is_joined = reader->base.size && !has_scheme(slice_trim(value)) && value.size &&
		value.data[0] != '#';
	char *out = talloc_array(reader->html, char, value.size + reader->base.size + 1);
	size_t used = 0, size;

	if (is_joined) {
		memcpy(out, reader->base.data, reader->base.size);
		used = reader->base.size;
	}
	size = html_entity_resolve(out + used, value);
	for (size_t i = 0, from = used; i < size; i++) {
		char c = out[from + i];
		if (c != '\t' && c != '\n' && c != '\r' && !(c == ' ' && used == from))
			out[used++] = c;
	}
	while (used && (unsigned char)out[used - 1] <= ' ')
		used--;
	return slice_make(out, used);
}

static bool add_link(struct reader *reader, struct slice value, enum html_link_kind kind)
{
	struct html *html = reader->html;

	if (html->link_count == HTML_LINKS_MAXIMUM) {
		html->flags |= HTML_TOO_MANY;
		return false;
	}
	if (html->link_count == reader->room) {
		reader->room = reader->room ? reader->room * 2 : 8;
		html->links = talloc_realloc(html, html->links, struct html_link, reader->room);
	}
	html->links[html->link_count++] =
		(struct html_link){clean_address(reader, value), slice_of(""), kind};
	return true;
}

/* --- attributes --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void skip_spaces(struct slice *rest)
{
	while (rest->size && (is_space(rest->data[0]) || rest->data[0] == '/'))
		*rest = slice_from(*rest, 1);
}

/* Up to a character that ends it, which stays. */
static struct slice take_until(struct slice *rest, const char *ends)
{
	size_t i = 0;

	while (i < rest->size && !strchr(ends, rest->data[i]))
		i++;
	*rest = slice_from(*rest, i);
	return slice_make(rest->data - i, i);
}

static struct slice take_attribute_value(struct reader *reader)
{
	struct slice *rest = &reader->rest, value;
	char quote;

	while (rest->size && is_space(rest->data[0]))
		*rest = slice_from(*rest, 1);
	if (!rest->size || (rest->data[0] != '"' && rest->data[0] != '\''))
		return take_until(rest, " \t\n\r\f>");
	quote = rest->data[0];
	*rest = slice_from(*rest, 1);
	value = slice_cut(rest, quote);
	if (value.data + value.size == rest->data)
		reader->html->flags |= HTML_UNCLOSED;
	return value;
}

static void keep_attribute(
	struct reader *reader, struct tag *tag, struct slice name, struct slice value)
{
	if (name.size > 2 && (name.data[0] | 0x20) == 'o' && (name.data[1] | 0x20) == 'n') {
		reader->html->flags |= HTML_SCRIPT;
		add_bytes(&reader->script, value);
		return;
	}
	for (enum attribute i = 0; i < ATTRIBUTES; i++) {
		if (tag->has[i] || !slice_equals_nocase(name, attribute_names[i]))
			continue;
		tag->has[i] = true;
		tag->values[i] = value;
	}
}

static void take_attributes(struct reader *reader, struct tag *tag)
{
	struct slice *rest = &reader->rest;

	for (;;) {
		struct slice name, value = slice_of("");
		skip_spaces(rest);
		if (!rest->size) {
			reader->html->flags |= HTML_UNCLOSED;
			return;
		}
		if (rest->data[0] == '>')
			break;
		name = slice_make(rest->data, 1);
		*rest = slice_from(*rest, 1);
		name.size += take_until(rest, " \t\n\r\f/>=").size;
		while (rest->size && is_space(rest->data[0]))
			*rest = slice_from(*rest, 1);
		if (rest->size && rest->data[0] == '=') {
			*rest = slice_from(*rest, 1);
			value = take_attribute_value(reader);
		}
		keep_attribute(reader, tag, name, value);
	}
	tag->is_closed = rest->data[-1] == '/';
	*rest = slice_from(*rest, 1);
}

/* --- elements --- */

static unsigned traits_of(const char *name)
{
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
		if (strcmp(elements[i].name, name) == 0)
			return elements[i].traits;
	}
	return 0;
}

static void apply_attributes(struct html_style *style, const struct tag *tag)
{
	if (tag->has[ATTRIBUTE_COLOR])
		html_style_set_color(style, tag->values[ATTRIBUTE_COLOR]);
	if (tag->has[ATTRIBUTE_TEXT])
		html_style_set_color(style, tag->values[ATTRIBUTE_TEXT]);
	if (tag->has[ATTRIBUTE_BGCOLOR])
		html_style_set_background(style, tag->values[ATTRIBUTE_BGCOLOR]);
	style->is_image |= tag->has[ATTRIBUTE_BACKGROUND];
	style->is_hidden |= tag->has[ATTRIBUTE_HIDDEN];
	if (tag->has[ATTRIBUTE_STYLE])
		html_style_apply(style, tag->values[ATTRIBUTE_STYLE]);
}

static struct scope *find_scope(struct reader *reader, const char *name)
{
	for (unsigned i = reader->depth; i--;) {
		if (strcmp(reader->scopes[i].name, name) == 0)
			return &reader->scopes[i];
	}
	return NULL;
}

static void open_scope(struct reader *reader, const struct tag *tag, unsigned traits)
{
	struct html_style style;
	struct scope *scope = find_scope(reader, tag->name);
	bool is_top = scope == &reader->scopes[reader->depth - (reader->depth > 0)];

	if (scope && is_top && !scope->nested && traits & TRAIT_IMPLIED) {
		reader->depth--;
		scope = NULL;
	}
	style = *style_of(reader);
	apply_attributes(&style, tag);
	style.is_hidden |= (traits & TRAIT_UNSEEN) != 0;
	if (html_style_is_same(&style, style_of(reader))) {
		if (scope)
			scope->nested++;
		return;
	}
	if (reader->depth == HTML_SCOPES) {
		reader->html->flags |= HTML_TOO_MANY;
		return;
	}
	scope = &reader->scopes[reader->depth++];
	scope->nested = 0;
	scope->style = style;
	memcpy(scope->name, tag->name, NAME_SIZE);
}

static void close_scope(struct reader *reader, const char *name)
{
	struct scope *scope = find_scope(reader, name);

	if (scope && scope->nested)
		scope->nested--;
	else if (scope)
		reader->depth = (unsigned)(scope - reader->scopes);
}

static void close_anchor(struct reader *reader)
{
	struct html_link *link;

	if (!reader->anchor)
		return;
	link = &reader->html->links[reader->anchor - 1];
	link->text = slice_make(
		reader->text.data + reader->anchor_text, reader->text.used - reader->anchor_text);
	if (reader->text.used <= reader->anchor_text)
		link->text = slice_make(reader->hidden.data + reader->anchor_hidden,
			reader->hidden.used - reader->anchor_hidden);
	reader->anchor = 0;
}

static void open_anchor(struct reader *reader, const struct tag *tag)
{
	close_anchor(reader);
	if (!tag->has[ATTRIBUTE_HREF] ||
		!add_link(reader, tag->values[ATTRIBUTE_HREF], HTML_LINK_ANCHOR))
		return;
	if (strcmp(tag->name, "a") != 0)
		return;
	reader->anchor = reader->html->link_count;
	reader->anchor_text = reader->text.used;
	reader->anchor_hidden = reader->hidden.used;
	if (tag->has[ATTRIBUTE_DOWNLOAD] &&
		(slice_starts_nocase(slice_trim(tag->values[ATTRIBUTE_HREF]), "data:") ||
			slice_starts_nocase(slice_trim(tag->values[ATTRIBUTE_HREF]), "blob:")))
		reader->html->flags |= HTML_SMUGGLING;
}

/* <base href>: up to its last slash. */
static void take_base(struct reader *reader, const struct tag *tag)
{
	struct slice base;

	if (!tag->has[ATTRIBUTE_HREF] || reader->base.size)
		return;
	reader->html->flags |= HTML_BASE;
	base = clean_address(reader, tag->values[ATTRIBUTE_HREF]);
	if (base.size > BASE_MAXIMUM)
		return;
	while (base.size && base.data[base.size - 1] != '/')
		base.size--;
	if (base.size > 3 && base.data[base.size - 2] != '/')
		reader->base = base;
	add_link(reader, tag->values[ATTRIBUTE_HREF], HTML_LINK_REFRESH);
	if (!reader->base.size)
		reader->base = slice_of(talloc_asprintf(reader->html, "%.*s/",
			SLICE_ARGS(reader->html->links[reader->html->link_count - 1].address)));
}

/* <meta http-equiv=refresh content="0; url=…"> */
static void take_meta(struct reader *reader, const struct tag *tag)
{
	struct slice content = tag->values[ATTRIBUTE_CONTENT], address;

	if (!slice_equals_nocase(slice_trim(tag->values[ATTRIBUTE_HTTP_EQUIV]), "refresh") ||
		!tag->has[ATTRIBUTE_CONTENT])
		return;
	take_until(&content, ";,");
	if (!content.size)
		return;
	address = slice_trim(slice_from(content, 1));
	if (slice_starts_nocase(address, "url")) {
		slice_cut(&address, '=');
		address = slice_trim(address);
	}
	while (address.size && (address.data[0] == '"' || address.data[0] == '\''))
		address = slice_from(address, 1);
	reader->html->flags |= HTML_REFRESH;
	add_link(reader, take_until(&address, "\"'"), HTML_LINK_REFRESH);
}

static void take_form(struct reader *reader, const struct tag *tag)
{
	(void)tag;
	reader->html->flags |= HTML_FORM;
}

static void take_input(struct reader *reader, const struct tag *tag)
{
	if (slice_equals_nocase(slice_trim(tag->values[ATTRIBUTE_TYPE]), "password"))
		reader->html->flags |= HTML_PASSWORD;
}

static void take_script(struct reader *reader, const struct tag *tag)
{
	(void)tag;
	reader->html->flags |= HTML_SCRIPT;
}

static const struct {
	const char *name;
	void (*take)(struct reader *reader, const struct tag *tag);
} meanings[] = {{"a", open_anchor}, {"area", open_anchor}, {"base", take_base}, {"meta", take_meta},
	{"form", take_form}, {"input", take_input}, {"script", take_script}};

static const struct {
	enum attribute attribute;
	enum html_link_kind kind;
} sources[] = {{ATTRIBUTE_SRC, HTML_LINK_SOURCE}, {ATTRIBUTE_DATA, HTML_LINK_SOURCE},
	{ATTRIBUTE_BACKGROUND, HTML_LINK_SOURCE}, {ATTRIBUTE_ACTION, HTML_LINK_ACTION},
	{ATTRIBUTE_FORMACTION, HTML_LINK_ACTION}};

static void take_meaning(struct reader *reader, const struct tag *tag)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if (strcmp(meanings[i].name, tag->name) == 0)
			meanings[i].take(reader, tag);
	}
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if (tag->has[sources[i].attribute])
			add_link(reader, tag->values[sources[i].attribute], sources[i].kind);
	}
}

/* --- tokens --- */

/* Where the end tag of that name begins, or the end. */
static size_t find_end_tag(struct slice text, const char *name)
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

static void take_raw(struct reader *reader, const struct tag *tag, unsigned traits)
{
	size_t size = find_end_tag(reader->rest, tag->name);
	struct slice inside = slice_make(reader->rest.data, size);

	if (size == reader->rest.size)
		reader->html->flags |= HTML_UNCLOSED;
	reader->rest = slice_from(reader->rest, size);
	if (!(traits & TRAIT_UNSEEN))
		add_text(reader, inside);
	else
		add_bytes(&reader->script, inside);
}

static void start_tag(struct reader *reader, const struct tag *tag)
{
	unsigned traits = traits_of(tag->name);

	if (traits & TRAIT_BLOCK) {
		add_break(&reader->text);
		add_break(&reader->hidden);
	}
	take_meaning(reader, tag);
	if (traits & TRAIT_RAW) {
		take_raw(reader, tag, traits);
		return;
	}
	if (!(traits & TRAIT_VOID))
		open_scope(reader, tag, traits);
}

static void end_tag(struct reader *reader, const struct tag *tag)
{
	if (traits_of(tag->name) & TRAIT_BLOCK) {
		add_break(&reader->text);
		add_break(&reader->hidden);
	}
	if (strcmp(tag->name, "a") == 0)
		close_anchor(reader);
	close_scope(reader, tag->name);
}

/* At "<" or "</" and a letter. */
static void take_tag(struct reader *reader)
{
	struct tag tag = {.is_end = reader->rest.data[1] == '/'};
	struct slice name;

	reader->rest = slice_from(reader->rest, tag.is_end ? 2 : 1);
	name = take_until(&reader->rest, " \t\n\r\f/>");
	for (size_t i = 0; i < name.size && i < NAME_SIZE - 1; i++)
		tag.name[i] = (char)tolower((unsigned char)name.data[i]);
	take_attributes(reader, &tag);
	(tag.is_end ? end_tag : start_tag)(reader, &tag);
}

/* Past the end of a comment: "-->" or "--!>"; "<!-->" is one already. */
static void skip_comment(struct reader *reader)
{
	struct slice text = slice_from(reader->rest, 2);
	const char *found = text.data;

	while ((found = memmem(found, (size_t)(text.data + text.size - found), "--", 2))) {
		struct slice behind = slice_make(found, (size_t)(text.data + text.size - found));
		size_t dashes = 2;
		while (dashes < behind.size && behind.data[dashes] == '-')
			dashes++;
		if (dashes < behind.size && behind.data[dashes] == '!')
			dashes++;
		if (dashes < behind.size && behind.data[dashes] == '>') {
			reader->rest = slice_from(behind, dashes + 1);
			return;
		}
		found += dashes;
	}
	reader->html->flags |= HTML_UNCLOSED;
	reader->rest = slice_from(text, text.size);
}

static void skip_markup(struct reader *reader)
{
	slice_cut(&reader->rest, '>');
}

/* At "<!", "<?" or "</": comments, and what is taken for one. */
static void take_markup(struct reader *reader)
{
	struct slice rest = reader->rest;

	if (slice_starts_nocase(rest, "<!--[if")) {
		skip_markup(reader);
		reader->conditional += !slice_starts_nocase(reader->rest, "<!--") &&
			!slice_starts_nocase(reader->rest, "-->");
	} else if (slice_starts_nocase(rest, "<!--<![endif]") ||
		slice_starts_nocase(rest, "<![endif]")) {
		reader->conditional -= reader->conditional > 0;
		skip_markup(reader);
	} else if (slice_starts_nocase(rest, "<![cdata[")) {
		reader->rest = slice_from(rest, 9);
	} else if (slice_starts_nocase(rest, "<!--")) {
		skip_comment(reader);
	} else {
		skip_markup(reader);
	}
}

/* Text between tags. A conditional comment without its own end is over where any comment is. */
static void take_text(struct reader *reader, struct slice text)
{
	const char *end = reader->conditional ? memmem(text.data, text.size, "-->", 3) : NULL;

	if (end) {
		add_text(reader, slice_make(text.data, (size_t)(end - text.data)));
		text = slice_from(text, (size_t)(end - text.data) + 3);
		reader->conditional = 0;
	}
	add_text(reader, text);
}

static void take_token(struct reader *reader)
{
	struct slice rest = reader->rest;
	const char *found = memchr(rest.data, '<', rest.size);
	char next, second;

	if (found != rest.data) {
		size_t size = found ? (size_t)(found - rest.data) : rest.size;
		take_text(reader, slice_make(rest.data, size));
		reader->rest = slice_from(rest, size);
		return;
	}
	next = rest.size > 1 ? rest.data[1] : ' ';
	second = rest.size > 2 ? rest.data[2] : ' ';
	if (isalpha((unsigned char)next) || (next == '/' && isalpha((unsigned char)second))) {
		take_tag(reader);
	} else if (next == '!' || next == '?' || next == '/') {
		take_markup(reader);
	} else {
		add_text(reader, slice_make(rest.data, 1));
		reader->rest = slice_from(rest, 1);
	}
}

/* --- scripts --- */

static const char *const makers[] = {"createObjectURL", "msSaveBlob", "msSaveOrOpenBlob",
	"new Blob", "new File(", "webkitRelativePath", ".download"};
static const char *const decoders[] = {"atob(", "atob (", "fromCharCode", "unescape(", "Uint8Array",
	"decodeURIComponent(", "charCodeAt"};

static bool has_one(struct slice text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (memmem(text.data, text.size, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

/* A literal of base64 or numbers, longer than honest ones. */
static bool has_long_literal(struct slice text)
{
	size_t run = 0;

	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool is_part = isalnum(c) || c == '+' || c == '/' || c == '=' || c == ',';
		run = is_part ? run + 1 : 0;
		if (run > LITERAL_MAXIMUM)
			return true;
	}
	return false;
}

static void judge_script(struct html *html)
{
	bool decodes, makes;

	if (!(html->flags & HTML_SCRIPT))
		return;
	makes = has_one(html->script, makers, sizeof makers / sizeof *makers);
	decodes = has_one(html->script, decoders, sizeof decoders / sizeof *decoders);
	if (makes || (decodes && has_long_literal(html->script)))
		html->flags |= HTML_SMUGGLING;
}

/* --- all --- */

static struct slice without_nuls(const void *parent, struct slice text)
{
	char *out = talloc_array(parent, char, text.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i])
			out[used++] = text.data[i];
	}
	return slice_make(out, used);
}

static struct slice finish(struct output *output)
{
	while (ends_with_blank(output) && output->used)
		output->used--;
	return slice_make(output->data, output->used);
}

struct html *html_read(const void *parent, struct slice text)
{
	struct html *html = talloc_zero(parent, struct html);
	struct reader *reader = talloc_zero(html, struct reader);

	reader->html = html;
	reader->initial = html_style_initial();
	if (memchr(text.data, '\0', text.size)) {
		html->flags |= HTML_NUL;
		text = without_nuls(html, text);
	}
	reader->text.data = talloc_array(html, char, text.size + 8);
	reader->hidden.data = talloc_array(html, char, text.size + 8);
	reader->script.data = talloc_array(html, char, text.size + 8);
	reader->rest = text;
	while (reader->rest.size)
		take_token(reader);
	close_anchor(reader);
	html->text = finish(&reader->text);
	html->hidden = finish(&reader->hidden);
	html->script = finish(&reader->script);
	judge_script(html);
	talloc_free(reader);
	return html;
}
