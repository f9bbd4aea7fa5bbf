/* SPDX-License-Identifier: Apache-2.0 */
/* As much of CSS as hides text. */
#include "policy/content/html_style.h"

#include <stdlib.h>

#define NEAR 24       /* per channel: who could tell these apart */
#define FAR_AWAY -400 /* pixels */
#define VALUE_SIZE 128
#define TRANSPARENT (-2)
#define UNKNOWN (-1)

/* What a declaration list says that only hides together with something else. */
struct together {
	bool is_positioned, is_away, is_clipped, has_no_size;
};

struct html_style html_style_initial(void)
{
	return (struct html_style){.color = 0, .background = 0xffffff};
}

static const struct {
	const char *name;
	int32_t color;
} colors[] = {{"black", 0}, {"white", 0xffffff}, {"red", 0xff0000}, {"green", 0x8000},
	{"blue", 0xff}, {"yellow", 0xffff00}, {"gray", 0x808080}, {"grey", 0x808080},
	{"silver", 0xc0c0c0}, {"navy", 0x80}, {"orange", 0xffa500}, {"snow", 0xfffafa},
	{"ivory", 0xfffff0}, {"whitesmoke", 0xf5f5f5}, {"ghostwhite", 0xf8f8ff},
	{"floralwhite", 0xfffaf0}, {"transparent", TRANSPARENT}};

static int32_t hex_color(struct slice text)
{
	char digits[8];
	char *end;
	long value;

	if (text.size != 3 && text.size != 6 && text.size != 4 && text.size != 8)
		return UNKNOWN;
	for (size_t i = 0; i < 6; i++)
		digits[i] = text.data[text.size < 6 ? i / 2 : i];
	digits[6] = '\0';
	value = strtol(digits, &end, 16);
	return *end ? UNKNOWN : (int32_t)value;
}

/* rgb(1, 2, 3), rgba(1, 2, 3, 0). */
static int32_t function_color(const char *text)
{
	double channels[4] = {0, 0, 0, 1};
	const char *at = strchr(text, '(');

	for (size_t i = 0; at && i < 4; i++) {
		char *end;
		at++;
		channels[i] = strtod(at, &end);
		if (*end == '%' && i < 3)
			channels[i] *= 2.55;
		at = strpbrk(end, ", /)");
		if (at && (*at == ')' || (*at == ' ' && at[1] == ')')))
			break;
	}
	if (channels[3] <= 0.02)
		return TRANSPARENT;
	for (size_t i = 0; i < 3; i++)
		channels[i] = channels[i] < 0 ? 0 : channels[i] > 255 ? 255 : channels[i];
	return (int32_t)channels[0] << 16 | (int32_t)channels[1] << 8 | (int32_t)channels[2];
}

static void copy(char out[static VALUE_SIZE], struct slice text)
{
	size_t size = text.size < VALUE_SIZE - 1 ? text.size : VALUE_SIZE - 1, used = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text.data[i];
		out[used++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c ? c : ' ';
	}
	out[used] = '\0';
}

static int32_t read_color(struct slice text)
{
	char value[VALUE_SIZE];

	text = slice_trim(text);
	if (text.size && text.data[0] == '#')
		return hex_color(slice_from(text, 1));
	copy(value, text);
	if (strncmp(value, "rgb", 3) == 0)
		return function_color(value);
	for (size_t i = 0; i < sizeof colors / sizeof *colors; i++) {
		if (strcmp(value, colors[i].name) == 0)
			return colors[i].color;
	}
	return hex_color(text);
}

void html_style_set_color(struct html_style *style, struct slice value)
{
	int32_t color = read_color(value);

	if (color != UNKNOWN)
		style->color = color;
}

void html_style_set_background(struct html_style *style, struct slice value)
{
	bool is_function = memchr(value.data, '(', value.size) != NULL;
	int32_t color;

	style->is_image |= memmem(value.data, value.size, "url(", 4) != NULL;
	value = slice_trim(value);
	color = read_color(is_function ? value : slice_cut(&value, ' '));
	if (color >= 0) {
		style->background = color;
		style->is_image = false;
	}
}

/* --- declarations --- */

/* The number at the front, in pixels or so; fallback when there is none. */
static double number(const char *value, double fallback)
{
	char *end;
	double size = strtod(value, &end);

	if (end == value)
		return fallback;
	if (strncmp(end, "em", 2) == 0 || strncmp(end, "rem", 3) == 0)
		return size * 16;
	if (*end == '%')
		return size * 0.16;
	return size;
}

static void hide_display(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (strncmp(value, "none", 4) == 0)
		style->is_hidden = true;
}

static void hide_visibility(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (strncmp(value, "hidden", 6) == 0 || strncmp(value, "collapse", 8) == 0)
		style->is_hidden = true;
}

static void hide_opacity(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (number(value, 1) <= 0.05)
		style->is_hidden = true;
}

static void hide_font(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (number(value, 10) <= 2)
		style->is_hidden = true;
}

static void hide_everything(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (strncmp(value, "all", 3) == 0)
		style->is_hidden = true;
}

static void hide_indent(struct html_style *style, struct together *together, const char *value)
{
	(void)together;
	if (number(value, 0) <= FAR_AWAY)
		style->is_hidden = true;
}

static void take_position(struct html_style *style, struct together *together, const char *value)
{
	(void)style;
	together->is_positioned = strncmp(value, "absolute", 8) == 0 ||
		strncmp(value, "fixed", 5) == 0 || strncmp(value, "relative", 8) == 0;
}

static void take_place(struct html_style *style, struct together *together, const char *value)
{
	(void)style;
	together->is_away |= number(value, 0) <= FAR_AWAY;
}

static void take_overflow(struct html_style *style, struct together *together, const char *value)
{
	(void)style;
	together->is_clipped = strncmp(value, "hidden", 6) == 0;
}

static void take_size(struct html_style *style, struct together *together, const char *value)
{
	(void)style;
	together->has_no_size |= number(value, 10) <= 1;
}

typedef void declaration_fn(struct html_style *style, struct together *together, const char *value);

static const struct {
	const char *name;
	declaration_fn *apply;
} declarations_known[] = {
	{"display", hide_display},
	{"visibility", hide_visibility},
	{"opacity", hide_opacity},
	{"font-size", hide_font},
	{"mso-hide", hide_everything},
	{"text-indent", hide_indent},
	{"position", take_position},
	{"left", take_place},
	{"top", take_place},
	{"margin-left", take_place},
	{"overflow", take_overflow},
	{"height", take_size},
	{"max-height", take_size},
	{"width", take_size},
	{"max-width", take_size},
};

static void apply_one(struct html_style *style, struct together *together, struct slice declaration)
{
	struct slice value = declaration, name = slice_trim(slice_cut(&value, ':'));
	char text[VALUE_SIZE];

	if (slice_equals_nocase(name, "color")) {
		html_style_set_color(style, value);
		return;
	}
	if (slice_equals_nocase(name, "background") ||
		slice_equals_nocase(name, "background-color") ||
		slice_equals_nocase(name, "background-image")) {
		html_style_set_background(style, value);
		return;
	}
	for (size_t i = 0; i < sizeof declarations_known / sizeof *declarations_known; i++) {
		if (!slice_equals_nocase(name, declarations_known[i].name))
			continue;
		copy(text, slice_trim(value));
		declarations_known[i].apply(style, together, text);
	}
}

void html_style_apply(struct html_style *style, struct slice declarations)
{
	struct together together = {.is_clipped = false};

	while (declarations.size)
		apply_one(style, &together, slice_cut(&declarations, ';'));
	if ((together.is_positioned && together.is_away) ||
		(together.is_clipped && together.has_no_size))
		style->is_hidden = true;
}

static bool is_near(int32_t a, int32_t b)
{
	for (int shift = 0; shift < 24; shift += 8) {
		if (abs((a >> shift & 255) - (b >> shift & 255)) > NEAR)
			return false;
	}
	return true;
}

bool html_style_is_hidden(const struct html_style *style)
{
	if (style->is_hidden || style->color == TRANSPARENT)
		return true;
	return !style->is_image && is_near(style->color, style->background);
}

bool html_style_is_same(const struct html_style *a, const struct html_style *b)
{
	return a->color == b->color && a->background == b->background &&
		a->is_hidden == b->is_hidden && a->is_image == b->is_image;
}
