/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values of options, by a table of the types. */
#include "base/option.h"

#include "base/quantity.h"

#include <assert.h>
#include <talloc.h>

struct reading {
	const struct option *option;
	void *values; /* the section's struct, and parent of what is kept */
	void *field;
	const struct token *tokens;
	size_t count;
	struct complaints *complaints;
};

struct type {
	const char *takes;
	bool is_list;
	enum quantity quantity;
	void (*read)(const struct reading *reading);
};

static const struct type *type_of(const struct option *option);

/* Out of bounds is what lies beyond a bound that was given. */
static bool is_bounded(const struct option *option)
{
	return option->minimum || option->maximum;
}

char *option_bounds(const void *parent, const struct option *option)
{
	enum quantity kind = type_of(option)->quantity;
	char least[QUANTITY_TEXT_SIZE], most[QUANTITY_TEXT_SIZE];

	if (!is_bounded(option))
		return NULL;
	quantity_print(kind, option->minimum, least);
	quantity_print(kind, option->maximum, most);
	if (option->maximum == INT64_MAX)
		return talloc_asprintf(parent, "at least %s", least);
	if (option->minimum == INT64_MIN)
		return talloc_asprintf(parent, "at most %s", most);
	return talloc_asprintf(parent, "between %s and %s", least, most);
}

static void complain_type(const struct reading *reading)
{
	const struct token *token = &reading->tokens[0];
	const struct type *type = type_of(reading->option);
	const char *hint = NULL;

	if (reading->option->type == OPTION_SIZE || reading->option->type == OPTION_DURATION)
		hint = quantity_hint(type->quantity, token->text);
	complaint_error(reading->complaints, token->place, "%s takes a %s, not \"%.*s\"%s%s",
		reading->option->name, type->takes, SLICE_ARGS(token->text), hint ? ": " : "",
		hint ? hint : "");
}

static void complain_bounds(const struct reading *reading)
{
	const struct token *token = &reading->tokens[0];
	char *bounds = option_bounds(NULL, reading->option);

	complaint_error(reading->complaints, token->place, "%s must be %s, not %.*s",
		reading->option->name, bounds, SLICE_ARGS(token->text));
	talloc_free(bounds);
}

static void read_bool(const struct reading *reading)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (slice_equals(reading->tokens[0].text, words[i])) {
			*(bool *)reading->field = i % 2;
			return;
		}
	}
	complaint_error(reading->complaints, reading->tokens[0].place,
		"%s takes yes or no, not \"%.*s\"", reading->option->name,
		SLICE_ARGS(reading->tokens[0].text));
}

static void read_quantity(const struct reading *reading)
{
	const struct option *option = reading->option;
	int64_t value;

	if (!quantity_parse(type_of(option)->quantity, reading->tokens[0].text, &value))
		complain_type(reading);
	else if (is_bounded(option) && (value < option->minimum || value > option->maximum))
		complain_bounds(reading);
	else
		*(int64_t *)reading->field = value;
}

static void read_score(const struct reading *reading)
{
	const struct option *option = reading->option;
	double value;

	if (!quantity_parse_decimal(reading->tokens[0].text, &value))
		complain_type(reading);
	else if (is_bounded(option) &&
		(value < (double)option->minimum || value > (double)option->maximum))
		complain_bounds(reading);
	else
		*(double *)reading->field = value;
}

static void complain_choice(const struct reading *reading, size_t count)
{
	const struct option *option = reading->option;
	char *name = slice_keep(NULL, reading->tokens[0].text);
	const char *suggestion = complaint_suggestion(name, option->choices, count);
	char *all = talloc_strdup(name, option->choices[0]);

	for (size_t i = 1; i < count; i++)
		all = talloc_asprintf_append(all, ", %s", option->choices[i]);
	complaint_error(reading->complaints, reading->tokens[0].place,
		"%s must be one of %s, not \"%s\"%s%s%s", option->name, all, name,
		suggestion ? ": did you mean \"" : "", suggestion ? suggestion : "",
		suggestion ? "\"?" : "");
	talloc_free(name);
}

static void read_choice(const struct reading *reading)
{
	const char *const *choices = reading->option->choices;
	size_t i;

	for (i = 0; choices[i]; i++) {
		if (slice_equals(reading->tokens[0].text, choices[i])) {
			*(int *)reading->field = (int)i;
			return;
		}
	}
	complain_choice(reading, i);
}

static void read_text(const struct reading *reading)
{
	*(const char **)reading->field = slice_keep(reading->values, reading->tokens[0].text);
}

static void read_texts(const struct reading *reading)
{
	struct texts texts = {
		talloc_array(reading->values, const char *, reading->count), reading->count};

	for (size_t i = 0; i < reading->count; i++)
		texts.items[i] = slice_keep(texts.items, reading->tokens[i].text);
	*(struct texts *)reading->field = texts;
}

/* An address and a prefix that would do, were it not for bits behind the prefix. */
static bool has_host_bits(struct slice text)
{
	struct slice address = slice_cut(&text, '/');
	struct ip ip;
	uint64_t bits;

	return ip_parse(address, &ip) && slice_to_number(text, &bits) &&
		bits <= (ip.family == 4 ? 32 : 128);
}

static void read_networks(const struct reading *reading)
{
	struct cidrs networks = {talloc_array(reading->values, struct cidr, reading->count), 0};

	for (size_t i = 0; i < reading->count; i++) {
		const struct token *token = &reading->tokens[i];

		if (cidr_parse(token->text, &networks.items[networks.count]))
			networks.count++;
		else
			complaint_error(reading->complaints, token->place,
				"\"%.*s\" is no address or network%s", SLICE_ARGS(token->text),
				has_host_bits(token->text)
					? ": there are bits set behind the prefix"
					: "");
	}
	*(struct cidrs *)reading->field = networks;
}

// clang-format off
static const struct type types[] = {
	[OPTION_BOOL]     = {"yes or no", false, QUANTITY_NUMBER,   read_bool},
	[OPTION_NUMBER]   = {"number",    false, QUANTITY_NUMBER,   read_quantity},
	[OPTION_SIZE]     = {"size",      false, QUANTITY_SIZE,     read_quantity},
	[OPTION_DURATION] = {"duration",  false, QUANTITY_DURATION, read_quantity},
	[OPTION_SCORE]    = {"score",     false, QUANTITY_NUMBER,   read_score},
	[OPTION_CHOICE]   = {NULL,        false, QUANTITY_NUMBER,   read_choice},
	[OPTION_TEXT]     = {"text",      false, QUANTITY_NUMBER,   read_text},
	[OPTION_TEXTS]    = {"texts",     true,  QUANTITY_NUMBER,   read_texts},
	[OPTION_NETWORKS] = {"networks",  true,  QUANTITY_NUMBER,   read_networks},
};
// clang-format on

static const struct type *type_of(const struct option *option)
{
	assert((size_t)option->type < sizeof types / sizeof *types);
	return &types[option->type];
}

bool option_is_list(const struct option *option)
{
	return type_of(option)->is_list;
}

const char *option_takes(const struct option *option)
{
	return type_of(option)->takes;
}

void option_read(const struct option *option, void *values, const struct token *tokens,
	size_t count, struct complaints *complaints)
{
	struct reading reading = {.option = option,
		.values = values,
		.field = (char *)values + option->offset,
		.tokens = tokens,
		.count = count,
		.complaints = complaints};

	assert(count == 1 || option_is_list(option));
	type_of(option)->read(&reading);
}

/* The words of a default that is a list: braces and commas do not count. */
static struct token *words_of(struct lexer *lexer, size_t *count)
{
	struct token *tokens = talloc_array(lexer, struct token, 0);

	*count = 0;
	for (struct token token = lexer_take(lexer); token.kind != TOKEN_END;
		token = lexer_take(lexer)) {
		if (token.kind == TOKEN_PUNCTUATION)
			continue;
		tokens = talloc_realloc(lexer, tokens, struct token, *count + 1);
		tokens[(*count)++] = token;
	}
	return tokens;
}

void option_preset(const struct option *option, void *values)
{
	struct complaints *complaints = complaints_new(values);
	struct slice text = slice_of(option->preset);
	struct lexer *lexer = lexer_new(complaints, option->name, text);
	struct token token = lexer_peek(lexer), *tokens = &token;
	size_t count = 1;

	if (!option->preset) {
		talloc_free(complaints);
		return;
	}
	if (option_is_list(option))
		tokens = words_of(lexer, &count);
	else if (token.kind != TOKEN_STRING)
		token.text = text;
	option_read(option, values, tokens, count, complaints);
	complaints_print(complaints, stderr);
	assert(complaints_errors(complaints) == 0);
	talloc_free(complaints);
}
