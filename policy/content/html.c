/* SPDX-License-Identifier: Apache-2.0 */
/* HTML in one pass: a tokenizer and what its tokens mean for a reader. */
#include "policy/content/html.h"

#include "base/bulk.h"

#include "policy/content/html_entity.h"
#include "policy/content/html_style.h"
#include "policy/content/html_tag.h"
#include "policy/content/html_text.h"

#include <ctype.h>
#include <talloc.h>

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

/* An open element that changes what can be seen. */
struct scope {
	char name[HTML_TAG_NAME];
	unsigned nested; /* open elements of its name inside */
	struct html_style style;
};

struct reader {
	struct html *html;
	struct slice rest;
	struct html_text text, hidden, script;
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

static void add_text(struct reader *reader, struct slice text)
{
	bool unseen = is_unseen(reader);
	struct html_text *output = unseen ? &reader->hidden : &reader->text;
	size_t before = output->used;

	html_text_add(output, text);
	for (; unseen && !reader->conditional && before < output->used; before++) {
		if (output->data[before] > ' ' || output->data[before] < 0)
			reader->html->flags |= HTML_HIDDEN_TEXT;
	}
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

/* --- elements --- */

static void apply_attributes(struct html_style *style, const struct html_tag *tag)
{
	if (tag->has[HTML_ATTRIBUTE_COLOR])
		html_style_set_color(style, tag->values[HTML_ATTRIBUTE_COLOR]);
	if (tag->has[HTML_ATTRIBUTE_TEXT])
		html_style_set_color(style, tag->values[HTML_ATTRIBUTE_TEXT]);
	if (tag->has[HTML_ATTRIBUTE_BGCOLOR])
		html_style_set_background(style, tag->values[HTML_ATTRIBUTE_BGCOLOR]);
	style->is_image |= tag->has[HTML_ATTRIBUTE_BACKGROUND];
	style->is_hidden |= tag->has[HTML_ATTRIBUTE_HIDDEN];
	if (tag->has[HTML_ATTRIBUTE_STYLE])
		html_style_apply(style, tag->values[HTML_ATTRIBUTE_STYLE]);
}

static struct scope *find_scope(struct reader *reader, const char *name)
{
	for (unsigned i = reader->depth; i--;) {
		if (strcmp(reader->scopes[i].name, name) == 0)
			return &reader->scopes[i];
	}
	return NULL;
}

static void open_scope(struct reader *reader, const struct html_tag *tag, unsigned traits)
{
	struct html_style style;
	struct scope *scope = find_scope(reader, tag->name);
	bool is_top = scope == &reader->scopes[reader->depth - (reader->depth > 0)];

	if (scope && is_top && !scope->nested && traits & HTML_TRAIT_IMPLIED) {
		reader->depth--;
		scope = NULL;
	}
	style = *style_of(reader);
	apply_attributes(&style, tag);
	style.is_hidden |= (traits & HTML_TRAIT_UNSEEN) != 0;
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
	memcpy(scope->name, tag->name, HTML_TAG_NAME);
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

static void open_anchor(struct reader *reader, const struct html_tag *tag)
{
	close_anchor(reader);
	if (!tag->has[HTML_ATTRIBUTE_HREF] ||
		!add_link(reader, tag->values[HTML_ATTRIBUTE_HREF], HTML_LINK_ANCHOR))
		return;
	if (strcmp(tag->name, "a") != 0)
		return;
	reader->anchor = reader->html->link_count;
	reader->anchor_text = reader->text.used;
	reader->anchor_hidden = reader->hidden.used;
	if (tag->has[HTML_ATTRIBUTE_DOWNLOAD] &&
		(slice_starts_nocase(slice_trim(tag->values[HTML_ATTRIBUTE_HREF]), "data:") ||
			slice_starts_nocase(slice_trim(tag->values[HTML_ATTRIBUTE_HREF]), "blob:")))
		reader->html->flags |= HTML_SMUGGLING;
}

/* <base href>: up to its last slash. */
static void take_base(struct reader *reader, const struct html_tag *tag)
{
	struct slice base;

	if (!tag->has[HTML_ATTRIBUTE_HREF] || reader->base.size)
		return;
	reader->html->flags |= HTML_BASE;
	base = clean_address(reader, tag->values[HTML_ATTRIBUTE_HREF]);
	if (base.size > BASE_MAXIMUM)
		return;
	while (base.size && base.data[base.size - 1] != '/')
		base.size--;
	if (base.size > 3 && base.data[base.size - 2] != '/')
		reader->base = base;
	add_link(reader, tag->values[HTML_ATTRIBUTE_HREF], HTML_LINK_REFRESH);
	if (!reader->base.size)
		reader->base = slice_of(talloc_asprintf(reader->html, "%.*s/",
			SLICE_ARGS(reader->html->links[reader->html->link_count - 1].address)));
}

/* <meta http-equiv=refresh content="0; url=…"> */
static void take_meta(struct reader *reader, const struct html_tag *tag)
{
	struct slice content = tag->values[HTML_ATTRIBUTE_CONTENT], address;

	if (!slice_equals_nocase(slice_trim(tag->values[HTML_ATTRIBUTE_HTTP_EQUIV]), "refresh") ||
		!tag->has[HTML_ATTRIBUTE_CONTENT])
		return;
	html_tag_take_until(&content, ";,");
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
	add_link(reader, html_tag_take_until(&address, "\"'"), HTML_LINK_REFRESH);
}

static void take_form(struct reader *reader, const struct html_tag *tag)
{
	(void)tag;
	reader->html->flags |= HTML_FORM;
}

static void take_input(struct reader *reader, const struct html_tag *tag)
{
	if (slice_equals_nocase(slice_trim(tag->values[HTML_ATTRIBUTE_TYPE]), "password"))
		reader->html->flags |= HTML_PASSWORD;
}

static void take_script(struct reader *reader, const struct html_tag *tag)
{
	(void)tag;
	reader->html->flags |= HTML_SCRIPT;
}

/* Whether an address is a file of its own that is no picture; of pictures, SVG has scripts. */
static bool is_made_here(struct slice address)
{
	if (slice_starts_nocase(address, "blob:"))
		return true;
	return slice_starts_nocase(address, "data:") &&
		(!slice_starts_nocase(address, "data:image/") ||
			slice_starts_nocase(address, "data:image/svg"));
}

/* A page within the page. */
static void take_frame(struct reader *reader, const struct html_tag *tag)
{
	struct slice page = clean_address(reader, tag->values[HTML_ATTRIBUTE_SRCDOC]);

	if (is_made_here(clean_address(reader, tag->values[HTML_ATTRIBUTE_SRC])) ||
		is_made_here(clean_address(reader, tag->values[HTML_ATTRIBUTE_DATA])))
		reader->html->flags |= HTML_SMUGGLING;
	for (size_t at; (at = slice_find(page, '<')) != SIZE_MAX;) {
		page = slice_from(page, at);
		if (slice_starts_nocase(page, "<script"))
			reader->html->flags |= HTML_SCRIPT;
		page = slice_from(page, 1);
	}
}

static const struct {
	const char *name;
	void (*take)(struct reader *reader, const struct html_tag *tag);
} meanings[] = {{"a", open_anchor}, {"area", open_anchor}, {"base", take_base}, {"meta", take_meta},
	{"form", take_form}, {"input", take_input}, {"script", take_script}, {"iframe", take_frame},
	{"frame", take_frame}, {"embed", take_frame}, {"object", take_frame}};

static const struct {
	enum html_attribute attribute;
	enum html_link_kind kind;
} sources[] = {{HTML_ATTRIBUTE_SRC, HTML_LINK_SOURCE}, {HTML_ATTRIBUTE_DATA, HTML_LINK_SOURCE},
	{HTML_ATTRIBUTE_BACKGROUND, HTML_LINK_SOURCE}, {HTML_ATTRIBUTE_ACTION, HTML_LINK_ACTION},
	{HTML_ATTRIBUTE_FORMACTION, HTML_LINK_ACTION}};

static void take_meaning(struct reader *reader, const struct html_tag *tag)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if (meanings[i].name[0] == tag->name[0] && strcmp(meanings[i].name, tag->name) == 0)
			meanings[i].take(reader, tag);
	}
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if (tag->has[sources[i].attribute])
			add_link(reader, tag->values[sources[i].attribute], sources[i].kind);
	}
}

/* --- tokens --- */

static void take_raw(struct reader *reader, const struct html_tag *tag, unsigned traits)
{
	size_t size = html_tag_find_end(reader->rest, tag->name);
	struct slice inside = slice_make(reader->rest.data, size);

	if (size == reader->rest.size)
		reader->html->flags |= HTML_UNCLOSED;
	reader->rest = slice_from(reader->rest, size);
	if (!(traits & HTML_TRAIT_UNSEEN))
		add_text(reader, inside);
	else
		html_text_add_bytes(&reader->script, inside);
}

static void start_tag(struct reader *reader, const struct html_tag *tag)
{
	unsigned traits = html_tag_traits(tag->name);

	if (traits & HTML_TRAIT_BLOCK) {
		html_text_break(&reader->text);
		html_text_break(&reader->hidden);
	}
	take_meaning(reader, tag);
	if (traits & HTML_TRAIT_RAW) {
		take_raw(reader, tag, traits);
		return;
	}
	if (!(traits & HTML_TRAIT_VOID))
		open_scope(reader, tag, traits);
}

static void end_tag(struct reader *reader, const struct html_tag *tag)
{
	if (html_tag_traits(tag->name) & HTML_TRAIT_BLOCK) {
		html_text_break(&reader->text);
		html_text_break(&reader->hidden);
	}
	if (strcmp(tag->name, "a") == 0)
		close_anchor(reader);
	close_scope(reader, tag->name);
}

/* At "<" or "</" and a letter. */
static void take_tag(struct reader *reader)
{
	struct html_tag tag;

	html_tag_take(&reader->rest, &tag);
	if (tag.is_unclosed)
		reader->html->flags |= HTML_UNCLOSED;
	if (tag.handler_count)
		reader->html->flags |= HTML_SCRIPT;
	for (unsigned i = 0; i < tag.handler_count; i++)
		html_text_add_bytes(&reader->script, tag.handlers[i]);
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

static void finish(struct reader *reader)
{
	struct html *html = reader->html;

	html->text = html_text_finish(&reader->text);
	html->hidden = html_text_finish(&reader->hidden);
	html->script = html_text_finish(&reader->script);
	html->zero_width = reader->text.zero_width + reader->hidden.zero_width;
	if (reader->text.has_zero_width || reader->hidden.has_zero_width)
		html->flags |= HTML_ZERO_WIDTH;
	if (reader->text.has_bidi || reader->hidden.has_bidi)
		html->flags |= HTML_BIDI;
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
	reader->text.data = bulk_new(html, text.size + 8);
	reader->hidden.data = bulk_new(html, text.size + 8);
	reader->script.data = bulk_new(html, text.size + 8);
	reader->rest = text;
	while (reader->rest.size)
		take_token(reader);
	close_anchor(reader);
	finish(reader);
	judge_script(html);
	talloc_free(reader);
	return html;
}
