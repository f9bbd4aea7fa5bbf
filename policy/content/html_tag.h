/* SPDX-License-Identifier: Apache-2.0
 *
 * One tag of HTML: its name, the attributes that matter here, and what kind of element it begins. Attributes are read as the HTML standard
 * has it: with quotes of both kinds and without, the first of a name counts. Values are slices of the source, character
 * references in them are not resolved.
 */
#pragma once

#include "base/slice.h"

#define HTML_TAG_NAME 16
#define HTML_TAG_HANDLERS 8

enum html_attribute {
	HTML_ATTRIBUTE_HREF,
	HTML_ATTRIBUTE_SRC,
	HTML_ATTRIBUTE_ACTION,
	HTML_ATTRIBUTE_FORMACTION,
	HTML_ATTRIBUTE_DATA,
	HTML_ATTRIBUTE_BACKGROUND,
	HTML_ATTRIBUTE_STYLE,
	HTML_ATTRIBUTE_HIDDEN,
	HTML_ATTRIBUTE_TYPE,
	HTML_ATTRIBUTE_CONTENT,
	HTML_ATTRIBUTE_HTTP_EQUIV,
	HTML_ATTRIBUTE_COLOR,
	HTML_ATTRIBUTE_TEXT,
	HTML_ATTRIBUTE_BGCOLOR,
	HTML_ATTRIBUTE_DOWNLOAD,
	HTML_ATTRIBUTE_SIZE,
	HTML_ATTRIBUTE_SRCDOC,
	HTML_ATTRIBUTES
};

struct html_tag {
	char name[HTML_TAG_NAME]; /* in small letters, cut */
	bool is_end;
	bool is_unclosed; /* the source ends before it does */
	bool has[HTML_ATTRIBUTES];
	struct slice values[HTML_ATTRIBUTES];
	struct slice handlers[HTML_TAG_HANDLERS]; /* of events: onclick and so on */
	unsigned handler_count;
};

/* What an element is; bits. */
enum html_trait {
	HTML_TRAIT_BLOCK = 1,   /* stands on lines of its own */
	HTML_TRAIT_VOID = 2,    /* has no end tag */
	HTML_TRAIT_RAW = 4,     /* no tags inside */
	HTML_TRAIT_UNSEEN = 8,  /* nobody sees what is inside */
	HTML_TRAIT_IMPLIED = 16 /* ends where the next of its kind begins */
};

/* Takes the tag at the front of *rest off, which begins with "<" or "</" and a letter. */
void html_tag_take(struct slice *rest, struct html_tag *tag);

/* Bits of enum html_trait. */
unsigned html_tag_traits(const char *name);

/* Where the end tag of that name begins in a text, or the text's size. */
size_t html_tag_find_end(struct slice text, const char *name);

/* Takes everything up to one of these characters off, which stays. None of them is a letter, or behind ">" in ASCII. */
struct slice html_tag_take_until(struct slice *rest, const char *ends);
