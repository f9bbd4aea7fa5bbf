/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is to read in a message, gathered from all its parts: the text a reader sees, the text he does not, the sources of HTML,
 * and all addresses with what is shown over them. Everything is UTF-8 and under the parent; each kind of text ends at
 * BODY_TEXT_MAXIMUM bytes, and addresses at BODY_TEXT_URLS, which is noted in is_cut.
 */
#pragma once

#include "policy/content/html.h"
#include "policy/content/url.h"

#define BODY_TEXT_MAXIMUM 4194304
#define BODY_TEXT_URLS 2000

enum body_text_kind {
	BODY_TEXT_SEEN,   /* of plain text and of HTML */
	BODY_TEXT_HIDDEN, /* in HTML, and between the parts of a message */
	BODY_TEXT_HTML,   /* the sources */
	BODY_TEXT_SCRIPT, /* scripts and styles */
	BODY_TEXT_KINDS
};

/* Where an address was found. */
enum body_text_origin { BODY_TEXT_FROM_TEXT, BODY_TEXT_FROM_HTML, BODY_TEXT_FROM_FILE };

struct body_text_url {
	struct url url;
	struct slice shown; /* the text over it, "" for none */
	enum body_text_origin origin;
};

struct body_text {
	struct slice texts[BODY_TEXT_KINDS];
	size_t rooms[BODY_TEXT_KINDS]; /* that are allocated */
	struct body_text_url *urls;
	size_t url_count, url_room;
	struct url_memory hosts;
	unsigned html_flags; /* bits of enum html_flag, of all HTML */
	unsigned zero_width;
	bool is_cut;
};

struct body_text *body_text_new(const void *parent);

/* Appends a text as it is, with a line end. */
void body_text_append(struct body_text *body, enum body_text_kind kind, struct slice text);

/* A text: appended, and its addresses found. */
void body_text_add_plain(struct body_text *body, struct slice text, enum body_text_kind kind);

/* A source of HTML; of a file only flags and addresses are kept. */
void body_text_add_html(struct body_text *body, struct slice source, enum body_text_origin origin);

/* An address that was found elsewhere. */
void body_text_add_url(struct body_text *body, struct slice address, struct slice shown,
	enum body_text_origin origin);
