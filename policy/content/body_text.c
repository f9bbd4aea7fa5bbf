/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and addresses of a message. */
#include "policy/content/body_text.h"

#include "base/bulk.h"

#include <talloc.h>

struct body_text *body_text_new(const void *parent)
{
	struct body_text *body = talloc_zero(parent, struct body_text);

	for (size_t i = 0; i < BODY_TEXT_KINDS; i++)
		body->texts[i] = slice_of("");
	return body;
}

static char *make_room(struct body_text *body, enum body_text_kind kind, size_t size)
{
	char *text = body->rooms[kind] ? (char *)(uintptr_t)body->texts[kind].data : NULL;
	size_t needed = body->texts[kind].size + size;

	if (needed > body->rooms[kind]) {
		body->rooms[kind] = needed < 512 ? 1024 : needed * 2;
		text = bulk_resize(body, text, body->rooms[kind]);
		body->texts[kind].data = text;
	}
	return text + body->texts[kind].size;
}

void body_text_append(struct body_text *body, enum body_text_kind kind, struct slice text)
{
	size_t left = BODY_TEXT_MAXIMUM - body->texts[kind].size;
	char *to;

	if (!text.size)
		return;
	if (text.size >= left) {
		body->is_cut = true;
		text.size = left ? left - 1 : 0;
	}
	if (!left)
		return;
	to = make_room(body, kind, text.size + 1);
	memcpy(to, text.data, text.size);
	to[text.size] = '\n';
	body->texts[kind].size += text.size + 1;
}

void body_text_add_url(struct body_text *body, struct slice address, struct slice shown,
	enum body_text_origin origin)
{
	struct body_text_url found = {.shown = shown, .origin = origin};

	if (body->url_count == BODY_TEXT_URLS) {
		body->is_cut = true;
		return;
	}
	if (!url_parse(body, &body->hosts, address, &found.url))
		return;
	if (shown.size && url_differs(body, &body->hosts, &found.url, shown))
		found.url.flags |= URL_SHOWS_OTHER;
	if (body->url_count == body->url_room) {
		body->url_room = body->url_room ? body->url_room * 2 : 8;
		body->urls = talloc_realloc(body, body->urls, struct body_text_url, body->url_room);
	}
	found.shown = slice_make(slice_keep(body, shown), shown.size);
	body->urls[body->url_count++] = found;
}

static void find_urls(struct body_text *body, struct slice text, enum body_text_origin origin)
{
	struct slice found;

	while (body->url_count < BODY_TEXT_URLS && url_find(&text, &found))
		body_text_add_url(body, found, slice_of(""), origin);
}

void body_text_add_plain(struct body_text *body, struct slice text, enum body_text_kind kind)
{
	body_text_append(body, kind, text);
	find_urls(body, text, BODY_TEXT_FROM_TEXT);
}

void body_text_add_html(struct body_text *body, struct slice source, enum body_text_origin origin)
{
	void *scratch = talloc_new(body);
	struct html *html = html_read(scratch, source);

	body->html_flags |= html->flags;
	body->zero_width += html->zero_width;
	if (origin != BODY_TEXT_FROM_FILE) {
		body_text_append(body, BODY_TEXT_SEEN, html->text);
		body_text_append(body, BODY_TEXT_HIDDEN, html->hidden);
		body_text_append(body, BODY_TEXT_HTML, source);
	}
	body_text_append(body, BODY_TEXT_SCRIPT, html->script);
	for (size_t i = 0; i < html->link_count; i++)
		body_text_add_url(body, html->links[i].address, html->links[i].text, origin);
	find_urls(body, html->text, origin);
	find_urls(body, html->script, origin);
	talloc_free(scratch);
}
