/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the language, and what its literals look like. */
#include "rules/tree.h"

#include "base/quantity.h"
#include "rules/value.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const compare_names[] = {"==", "!=", "<", "<=", ">", ">="};
static const char *const clause_names[] = {
	"stage", "when", "then", "mode", "on_error", "owner", "ref", "until", "test"};
static const char *const item_names[] = {"include", "list", "let", "rule"};
static const char *const other_words[] = {"version", "and", "or", "not", "true", "false", "exists",
	"any", "all", "count", "in", "contains", "starts", "ends", "matches", "has", "has_any"};
static const char *const kind_names[] = {"string", "number", "size", "duration", "date", "address",
	"IP address", "network", "status", "name"};

const char *tree_compare_name(enum compare compare)
{
	assert(compare < COUNT(compare_names));
	return compare_names[compare];
}

const char *tree_clause_name(enum clause clause)
{
	assert(clause < COUNT(clause_names));
	return clause_names[clause];
}

const char *tree_item_name(enum item_kind kind)
{
	assert(kind < COUNT(item_names));
	return item_names[kind];
}

const char *tree_literal_kind_name(enum literal_kind kind)
{
	assert(kind < COUNT(kind_names));
	return kind_names[kind];
}

static bool is_one_of(struct slice name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equals(name, words[i]))
			return true;
	}
	return false;
}

bool tree_is_keyword(struct slice word)
{
	return is_one_of(word, clause_names, COUNT(clause_names)) ||
		is_one_of(word, item_names, COUNT(item_names)) ||
		is_one_of(word, other_words, COUNT(other_words));
}

static bool is_name(struct slice word)
{
	if (!word.size || word.data[0] < 'a' || word.data[0] > 'z')
		return false;
	for (size_t i = 1; i < word.size; i++) {
		char c = word.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

bool tree_is_name(const char *name)
{
	return is_name(slice_of(name)) && !tree_is_keyword(slice_of(name));
}

/* n.n.n of one, one to three, and one to three digits. */
static bool is_status(struct slice word)
{
	struct slice class = slice_cut(&word, '.'), subject = slice_cut(&word, '.');
	uint64_t number;

	return class.size == 1 && slice_to_number(class, &number) && subject.size >= 1 &&
		subject.size <= 3 && slice_to_number(subject, &number) && word.size >= 1 &&
		word.size <= 3 && slice_to_number(word, &number);
}

bool tree_literal_kind(struct slice word, enum literal_kind *kind)
{
	struct ip ip;
	int64_t number;
	double decimal;

	if (is_name(word))
		*kind = LITERAL_NAME;
	else if (quantity_parse_decimal(word, &decimal))
		*kind = LITERAL_NUMBER;
	else if (value_parse_date(word, &number))
		*kind = LITERAL_DATE;
	else if (is_status(word))
		*kind = LITERAL_STATUS;
	else if (ip_parse(word, &ip))
		*kind = LITERAL_IP;
	else if (slice_find(word, '/') != SIZE_MAX)
		*kind = LITERAL_CIDR;
	else if (quantity_parse(QUANTITY_SIZE, word, &number))
		*kind = LITERAL_SIZE;
	else if (quantity_parse(QUANTITY_DURATION, word, &number))
		*kind = LITERAL_DURATION;
	else
		return false;
	return true;
}
