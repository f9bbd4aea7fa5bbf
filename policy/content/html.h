/* SPDX-License-Identifier: Apache-2.0
 *
 * A text of HTML as a reader sees it, and what he does not see: visible text, hidden text (by style, colour, size, place or attribute),
 * the text of scripts and styles, addresses with the text they are shown under. One pass, a tokenizer in the spirit of the HTML standard:
 * comments, character references, attributes with and without quotes, tags that never end. It does not build a tree: what an element
 * hides ends with its end tag, the next element of a kind that ends it, or the end.
 *
 * Deviations: what stands in conditional comments for one mail program is hidden text with its addresses; NULs vanish;
 * characters without width vanish from the visible text and are counted.
 *
 * Limits: HTML_LINKS_MAXIMUM addresses, HTML_SCOPES open elements that change what can be seen; beyond is noted. None of the texts is
 * longer than the input.
 */
#pragma once

#include "base/slice.h"

#define HTML_LINKS_MAXIMUM 5000
#define HTML_SCOPES 64

/* Bits, named by html_flag_names. */
enum html_flag {
	HTML_SCRIPT = 1,      /* script elements, event handlers */
	HTML_SMUGGLING = 2,   /* a script or link that makes a file */
	HTML_HIDDEN_TEXT = 4, /* letters that nobody sees */
	HTML_ZERO_WIDTH = 8,  /* characters without width inside of words */
	HTML_BIDI = 16,       /* characters that turn the direction of writing */
	HTML_FORM = 32,       /* a form */
	HTML_PASSWORD = 64,   /* an input for a password */
	HTML_REFRESH = 128,   /* a page that goes elsewhere by itself */
	HTML_BASE = 256,      /* a base for all addresses */
	HTML_NUL = 512,       /* a NUL */
	HTML_UNCLOSED = 1024, /* a tag, comment or script without end */
	HTML_TOO_MANY = 2048  /* over a limit */
};

/* "script", "smuggling" … in the order of the bits, NULL-ended; and a line of manual each. */
extern const char *const html_flag_names[];
extern const char *const html_flag_manual[];

enum html_link_kind { HTML_LINK_ANCHOR, HTML_LINK_SOURCE, HTML_LINK_ACTION, HTML_LINK_REFRESH };

struct html_link {
	struct slice
		address;   /* character references resolved, joined with the base if there is one */
	struct slice text; /* of an anchor: what is shown, or what is hidden if nothing is */
	enum html_link_kind kind;
};

struct html {
	struct slice text, hidden, script;
	struct html_link *links;
	size_t link_count;
	unsigned flags;
	unsigned zero_width; /* characters */
};

/* The text is UTF-8. */
struct html *html_read(const void *parent, struct slice text);
