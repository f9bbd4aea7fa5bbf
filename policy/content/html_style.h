/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether an element can be seen, by its style and its attributes: colours of text and background, sizes, places, visibility. Only what
 * stands in the element itself and is inherited is known, no style sheets; a background image counts as no colour.
 */
#pragma once

#include "base/slice.h"

struct html_style {
	int32_t color, background; /* 0xrrggbb */
	bool is_hidden;
	bool is_image; /* behind it: what colour it has is not known */
};

/* Black on white. */
struct html_style html_style_initial(void);

/* Applies a style attribute to what is inherited. */
void html_style_apply(struct html_style *style, struct slice declarations);

/* A color or bgcolor attribute. */
void html_style_set_color(struct html_style *style, struct slice value);
void html_style_set_background(struct html_style *style, struct slice value);

/* Hidden as such, or in a colour that is its background's. */
bool html_style_is_hidden(const struct html_style *style);

bool html_style_is_same(const struct html_style *a, const struct html_style *b);
