/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the harm that rules do to the known-good, and decides which fall. */
#include "policy/breaker.h"

#include "base/table.h"
#include "rules/print.h"

#include <assert.h>
#include <talloc.h>
#include <time.h>

#define MILLISECONDS 1000 /* of a second */
#define PERCENT 100
#define HASH_BEGIN UINT64_C(14695981039346656037)
#define HASH_PRIME UINT64_C(1099511628211)

/* The words of a rule's name. */
enum {
	WORD_CHANGED, /* of the text that counts: the youngest that was seen */
	WORD_TEXT,
	WORD_BEGUN, /* of the window, in seconds; 0: none has begun */
	WORD_HITS,
	WORD_BEFORE, /* transactions of the known-good before the window */
	WORD_ALARMED,
	WORD_FALLEN,
	WORDS
};
_Static_assert(WORDS <= TABLE_WORDS, "they have room");

/* What is known of a rule; its words are looked for when a rule may have any. */
struct watched {
	uint64_t key;
	uint64_t text;
	uint64_t changed;
	_Atomic uint64_t *words;
};

struct breaker {
	const struct breaker_options *options;
	struct table *table; /* NULL: nothing is counted */
	uint8_t kind;
	unsigned counter;
	_Atomic uint64_t *marked; /* how many rules have raised an alarm or fallen, ever */
	struct watched *rules;
	size_t count;
};

/* --- deciding --- */

enum breaker_step breaker_decide(
	const struct breaker_options *options, const struct breaker_count *count)
{
	uint64_t age = count->now > count->changed ? count->now - count->changed : 0;
	bool is_many = options->hits && count->hits >= (uint64_t)options->hits;
	bool is_much = count->hits * PERCENT >= (uint64_t)options->share * count->judged;

	if (!is_many || !is_much)
		return BREAKER_HOLDS;
	return age < (uint64_t)options->age / MILLISECONDS ? BREAKER_FALL : BREAKER_ALARM;
}

/* --- texts --- */

static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * HASH_PRIME;
	return hash;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return add_bytes(hash, text, strlen(text) + 1);
}

/* Leaves say what they compare, the others how their operands are joined: so it is the text with all lets in their places. */
static uint64_t add_node(uint64_t hash, const struct node *node)
{
	hash = add_bytes(hash, &node->kind, sizeof node->kind);
	hash = add_bytes(hash, &node->count, sizeof node->count);
	if (node->text)
		hash = add_text(hash, node->text);
	for (size_t i = 0; i < node->count; i++)
		hash = add_node(hash, node->operands[i]);
	return hash;
}

static uint64_t hash_of(const struct rule *rule)
{
	uint64_t hash =
		add_node(add_bytes(HASH_BEGIN, &rule->stage, sizeof rule->stage), rule->condition);
	const struct item *item = rule->item;

	for (size_t i = 0; i < item->action_count; i++) {
		char *text = print_action(NULL, &item->actions[i]);
		hash = add_text(hash, text);
		talloc_free(text);
	}
	return rule->on_error ? add_text(hash, rule->on_error->row->name) : hash;
}

/* --- life --- */

struct breaker *breaker_new(
	const void *parent, const struct breaker_options *options, const struct program *program)
{
	struct breaker *breaker = talloc_zero(parent, struct breaker);
	uint64_t now = (uint64_t)time(NULL);

	breaker->options = options;
	breaker->count = program->rule_count;
	breaker->rules = talloc_zero_array(breaker, struct watched, breaker->count);
	for (size_t i = 0; i < breaker->count; i++) {
		const struct rule *rule = program->rules[i];
		breaker->rules[i] = (struct watched){.key = add_text(HASH_BEGIN, rule->name),
			.text = hash_of(rule),
			.changed = now};
	}
	return breaker;
}

void breaker_use_table(struct breaker *breaker, struct table *table, uint8_t kind, unsigned counter)
{
	breaker->table = table;
	breaker->kind = kind;
	breaker->counter = counter;
	breaker->marked = table ? table_words(table, kind, "", 0) : NULL;
}

bool breaker_is_counting(const struct breaker *breaker)
{
	return breaker && breaker->table && breaker->marked && breaker->options->hits;
}

uint64_t breaker_text(const struct breaker *breaker, size_t rule)
{
	return breaker->rules[rule].text;
}

void breaker_set_changed(struct breaker *breaker, size_t rule, uint64_t seconds)
{
	breaker->rules[rule].changed = seconds;
}

/* --- what is known of a rule --- */

/* NULL: no rule of this name has done harm. */
static _Atomic uint64_t *words_of(const struct breaker *breaker, size_t rule)
{
	struct watched *watched = &breaker->rules[rule];

	assert(rule < breaker->count);
	if (!watched->words)
		watched->words = table_find_words(
			breaker->table, breaker->kind, &watched->key, sizeof watched->key);
	return watched->words;
}

/* The words may be those of another text of the rule, which an older or a newer generation has. */
static bool is_ours(const struct watched *watched, _Atomic uint64_t *words)
{
	return words && words[WORD_TEXT] == watched->text &&
		words[WORD_CHANGED] == watched->changed;
}

bool breaker_has_fallen(const struct breaker *breaker, size_t rule)
{
	if (!breaker_is_counting(breaker) || *breaker->marked == 0)
		return false;
	_Atomic uint64_t *words = words_of(breaker, rule);
	return is_ours(&breaker->rules[rule], words) && words[WORD_FALLEN];
}

bool breaker_look(const struct breaker *breaker, size_t rule, struct breaker_view *view)
{
	if (!breaker_is_counting(breaker) || *breaker->marked == 0)
		return false;
	_Atomic uint64_t *words = words_of(breaker, rule);
	if (!is_ours(&breaker->rules[rule], words))
		return false;
	*view = (struct breaker_view){.changed = words[WORD_CHANGED],
		.alarmed = words[WORD_ALARMED],
		.fallen = words[WORD_FALLEN],
		.hits = words[WORD_HITS]};
	return view->alarmed || view->fallen;
}

/* --- counting --- */

static void begin_window(const struct breaker *breaker, _Atomic uint64_t *words, uint64_t seconds)
{
	uint64_t judged = (uint64_t)table_sum(breaker->table, breaker->counter);

	words[WORD_BEGUN] = seconds;
	words[WORD_HITS] = 0;
	words[WORD_BEFORE] = judged ? judged - 1 : 0;
}

/* Makes the words ours, if our text is the younger; another text begins anew. */
static bool claim(const struct watched *watched, _Atomic uint64_t *words)
{
	if (is_ours(watched, words))
		return true;
	if (words[WORD_CHANGED] > watched->changed)
		return false;
	words[WORD_FALLEN] = words[WORD_ALARMED] = words[WORD_BEGUN] = 0;
	words[WORD_TEXT] = watched->text;
	words[WORD_CHANGED] = watched->changed;
	return true;
}

static bool is_window_over(const struct breaker *breaker, _Atomic uint64_t *words, uint64_t seconds)
{
	uint64_t begun = words[WORD_BEGUN];

	return !begun || seconds < begun ||
		seconds - begun >= (uint64_t)breaker->options->window / MILLISECONDS;
}

/* Whoever is the first says so; an alarm is raised once a window. */
static enum breaker_step mark(const struct breaker *breaker, _Atomic uint64_t *words,
	enum breaker_step step, uint64_t seconds)
{
	uint64_t none = 0, begun = words[WORD_BEGUN];
	bool is_first = false;

	if (step == BREAKER_ALARM)
		is_first = atomic_exchange(&words[WORD_ALARMED], begun) != begun;
	if (step == BREAKER_FALL)
		is_first = atomic_compare_exchange_strong(&words[WORD_FALLEN], &none, seconds);
	*breaker->marked += is_first;
	return is_first ? step : BREAKER_HOLDS;
}

enum breaker_step breaker_note(
	struct breaker *breaker, size_t rule, uint64_t seconds, bool *is_blind)
{
	struct watched *watched = &breaker->rules[rule];
	struct breaker_count count = {.now = seconds, .changed = watched->changed};

	*is_blind = false;
	if (!breaker_is_counting(breaker))
		return BREAKER_HOLDS;
	watched->words =
		table_words(breaker->table, breaker->kind, &watched->key, sizeof watched->key);
	*is_blind = !watched->words;
	if (*is_blind || !claim(watched, watched->words))
		return BREAKER_HOLDS;
	if (is_window_over(breaker, watched->words, seconds))
		begin_window(breaker, watched->words, seconds);
	count.hits = ++watched->words[WORD_HITS];
	count.judged =
		(uint64_t)table_sum(breaker->table, breaker->counter) - watched->words[WORD_BEFORE];
	return mark(breaker, watched->words, breaker_decide(breaker->options, &count), seconds);
}
