/* SPDX-License-Identifier: Apache-2.0 */
/* Searches texts for many patterns at once, within limits. */
#include "rules/match.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "rules/automaton.h"
#include "rules/fold.h"
#include "rules/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <assert.h>
#include <pcre2.h>
#include <talloc.h>

#define MATCH_LIMIT 50000 /* of PCRE2: steps for one place where a match may begin */
#define DEPTH_LIMIT 5000
#define HEAP_LIMIT 1024 /* KiB */
#define JIT_STACK (256 * 1024)
#define WINDOW 512 /* places at first; a cheap window is followed by one of twice the size */
#define CHEAP 200  /* microseconds */

struct pattern_entry {
	pcre2_code *code;     /* NULL for a literal */
	struct slice literal; /* folded */
	bool is_candidate;    /* always: nothing is known that it requires */
};

struct match_set {
	struct pattern_entry *entries;
	size_t count;
	struct automaton *automaton;
	bool has_jit;
};

struct match_room {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t *marks;
	uint32_t mark;
};

/* --- making a set --- */

static int destroy_set(struct match_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		pcre2_code_free(set->entries[i].code);
	return 0;
}

struct match_set *match_set_new(const void *parent)
{
	struct match_set *set = talloc_zero(parent, struct match_set);

	set->automaton = automaton_new(set);
	set->has_jit = true;
	talloc_set_destructor(set, destroy_set);
	return set;
}

static size_t add(struct match_set *set, struct pattern_entry entry)
{
	size_t room = talloc_array_length(set->entries);

	if (set->count == room)
		set->entries = talloc_realloc(
			set, set->entries, struct pattern_entry, room ? 2 * room : 8);
	set->entries[set->count] = entry;
	return set->count++;
}

static uint32_t options_of(const char *flags)
{
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF |
		PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;

	options |= strchr(flags, 'i') ? PCRE2_CASELESS : 0;
	options |= strchr(flags, 'm') ? PCRE2_MULTILINE : 0;
	options |= strchr(flags, 's') ? PCRE2_DOTALL : 0;
	options |= strchr(flags, 'x') ? PCRE2_EXTENDED : 0;
	return options;
}

static const char *reason_of(const void *parent, int error)
{
	PCRE2_UCHAR8 text[256] = "";

	pcre2_get_error_message(error, text, sizeof text);
	return talloc_strdup(parent, (const char *)text);
}

size_t match_set_add_regex(struct match_set *set, struct slice regex, const char *flags,
	const char **reason, size_t *offset)
{
	struct pattern_entry entry = {0};
	struct pattern pattern;
	int error;

	entry.code = pcre2_compile(
		(PCRE2_SPTR8)regex.data, regex.size, options_of(flags), &error, offset, NULL);
	if (!entry.code) {
		*reason = reason_of(set, error);
		return SIZE_MAX;
	}
	if (pcre2_jit_compile(entry.code, PCRE2_JIT_COMPLETE) != 0)
		set->has_jit = false;
	void *scratch = talloc_new(NULL);
	pattern_read(scratch, regex, flags, &pattern);
	entry.is_candidate = pattern.count == 0;
	for (size_t i = 0; i < pattern.count; i++)
		automaton_add(set->automaton, pattern.literals[i], (uint32_t)set->count);
	talloc_free(scratch);
	return add(set, entry);
}

size_t match_set_add_literal(struct match_set *set, struct slice folded)
{
	struct pattern_entry entry = {.is_candidate = folded.size == 0};

	entry.literal = slice_make(slice_keep(set, folded), folded.size);
	if (folded.size)
		automaton_add(set->automaton, folded, (uint32_t)set->count);
	return add(set, entry);
}

void match_set_finish(struct match_set *set)
{
	automaton_finish(set->automaton);
}

size_t match_set_count(const struct match_set *set)
{
	return set->count;
}

bool match_set_has_jit(const struct match_set *set)
{
	return set->has_jit;
}

/* --- what searching needs --- */

static int destroy_room(struct match_room *room)
{
	pcre2_match_data_free(room->data);
	pcre2_match_context_free(room->context);
	pcre2_jit_stack_free(room->stack);
	return 0;
}

struct matcher *match_matcher_new(const void *parent)
{
	struct matcher *matcher = talloc_zero(parent, struct matcher);
	struct match_room *room = talloc_zero(matcher, struct match_room);

	room->data = pcre2_match_data_create(1, NULL);
	room->context = pcre2_match_context_create(NULL);
	room->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK, NULL);
	assert(room->data && room->context);
	pcre2_set_match_limit(room->context, MATCH_LIMIT);
	pcre2_set_depth_limit(room->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(room->context, HEAP_LIMIT);
	if (room->stack)
		pcre2_jit_stack_assign(room->context, NULL, room->stack);
	talloc_set_destructor(room, destroy_room);
	matcher->room = room;
	return matcher;
}

void match_subject_init(struct match_subject *subject, struct slice text, size_t longest)
{
	*subject = (struct match_subject){.text = text};
	if (text.size > longest) {
		subject->text.size = longest;
		subject->cut = true;
	}
}

static void prepare_marks(struct match_room *room, size_t states)
{
	if (talloc_array_length(room->marks) >= states && room->mark != UINT32_MAX) {
		room->mark++;
		return;
	}
	talloc_free(room->marks);
	room->marks = talloc_zero_array(room, uint32_t, states);
	room->mark = 1;
}

static void sieve(const struct match_set *set, const void *parent, struct match_subject *subject,
	struct matcher *matcher)
{
	struct match_room *room = matcher->room;

	if (!subject->folded.data)
		subject->folded = fold_text(parent, subject->text);
	subject->candidates = talloc_zero_array(parent, uint64_t, set->count / 64 + 1);
	prepare_marks(room, automaton_states(set->automaton));
	automaton_scan(
		set->automaton, subject->folded, subject->candidates, room->marks, room->mark);
}

/* --- searching --- */

static void charge(struct matcher *matcher, uint64_t microseconds)
{
	matcher->budget -= microseconds < matcher->budget ? microseconds : matcher->budget;
}

static enum match fail(struct matcher *matcher, const char *reason)
{
	matcher->limits_hit++;
	matcher->reason = reason;
	return MATCH_FAILED;
}

static enum match outcome_of(struct matcher *matcher, int result)
{
	if (result >= 0)
		return MATCH_YES;
	if (result == PCRE2_ERROR_NOMATCH)
		return MATCH_NO;
	return fail(matcher, "a regex reached its limit");
}

/* A place that is not inside a character. */
static size_t character_at(struct slice text, size_t at)
{
	while (at < text.size && ((unsigned char)text.data[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* Looks for matches that begin at places from..to. */
static int search_window(
	const pcre2_code *code, struct slice text, size_t from, size_t to, struct match_room *room)
{
	pcre2_set_offset_limit(room->context, to);
	return pcre2_match(
		code, (PCRE2_SPTR8)text.data, text.size, from, 0, room->data, room->context);
}

static enum match search(const pcre2_code *code, struct slice text, struct matcher *matcher)
{
	size_t from = 0, window = WINDOW;
	uint64_t began = clock_microseconds(), ended;

	for (;;) {
		size_t next = from + window < text.size ? character_at(text, from + window)
							: text.size + 1;
		int result;

		if (!matcher->budget)
			return fail(matcher, "the time for searching is used up");
		result = search_window(code, text, from, next - 1, matcher->room);
		ended = clock_microseconds();
		charge(matcher, ended - began);
		if (result != PCRE2_ERROR_NOMATCH || next > text.size)
			return outcome_of(matcher, result);
		if (ended - began < CHEAP)
			window *= 2;
		from = next;
		began = ended;
	}
}

static enum match test(const struct match_set *set, size_t pattern, struct match_subject *subject,
	struct matcher *matcher)
{
	const struct pattern_entry *entry = &set->entries[pattern];
	bool seen = subject->candidates[pattern / 64] >> pattern % 64 & 1;
	enum match match = MATCH_NO;

	if (entry->is_candidate || seen) {
		if (entry->code)
			match = search(entry->code, subject->text, matcher);
		else if (memmem(subject->folded.data, subject->folded.size, entry->literal.data,
				 entry->literal.size))
			match = MATCH_YES;
	}
	if (match == MATCH_NO && subject->cut)
		return fail(matcher, "the text is longer than what is searched");
	return match;
}

enum match match_set_test(const struct match_set *set, size_t pattern, const void *parent,
	struct match_subject *subject, struct matcher *matcher)
{
	assert(pattern < set->count);
	if (!subject->candidates)
		sieve(set, parent, subject, matcher);
	return test(set, pattern, subject, matcher);
}

enum match match_set_any(const struct match_set *set, const void *parent,
	struct match_subject *subject, struct matcher *matcher)
{
	enum match any = MATCH_NO;

	if (!subject->candidates)
		sieve(set, parent, subject, matcher);
	for (size_t i = 0; i < set->count && any != MATCH_YES; i++) {
		enum match match = test(set, i, subject, matcher);

		any = match != MATCH_NO ? match : any;
	}
	return any;
}
