/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from the store. */
#include "policy/store_learner.h"

#include "policy/greylist.h"
#include "policy/known_good.h"
#include "policy/rates.h"

#include <assert.h>
#include <talloc.h>

struct learning;

/* One operation on the store. */
struct operation {
	struct learning *learning;
	struct store_entry entry;
	struct await await;
};

#define OPERATIONS 2

/* One question under way. */
struct learning {
	struct store *store;
	struct inquiry *inquiry;
	struct question question;
	const struct remembered *row;
	struct rates_counter counter;
	uint64_t wall;
	struct operation operations[OPERATIONS];
	size_t count;
	bool is_beginning;
	struct await *caller;
};

/* --- operations --- */

static void on_operation(void *owner);

static struct operation *next_operation(struct learning *learning)
{
	struct operation *operation = &learning->operations[learning->count++];

	assert(learning->count <= OPERATIONS);
	operation->learning = learning;
	await_init(&operation->await, learning->caller->clock, on_operation, operation);
	return operation;
}

static void get(struct learning *learning, struct store_key key)
{
	struct operation *operation = next_operation(learning);

	store_begin_getting(learning->store, &key, &operation->entry, &operation->await);
}

static void add(struct learning *learning, struct store_note note)
{
	struct operation *operation = next_operation(learning);

	store_begin_adding(learning->store, &note, &operation->entry, &operation->await);
}

/* --- what each fact is --- */

/* False when the argument says nothing. */
static bool begin_known_good(struct learning *learning)
{
	get(learning, known_good_key(learning->question.argument));
	return true;
}

static bool begin_passed(struct learning *learning)
{
	get(learning, greylist_key(FACT_GREYLIST_PASSED, learning->question.argument));
	return true;
}

static bool begin_age(struct learning *learning)
{
	struct store_key key = greylist_key(FACT_GREYLIST_AGE, learning->question.argument);

	add(learning,
		(struct store_note){key, 1, (uint64_t)learning->inquiry->policy->greylist->retry});
	return true;
}

static void begin_counting(struct learning *learning)
{
	const struct rates_counter *counter = &learning->counter;

	if (counter->amount)
		add(learning, rates_note(counter, learning->wall));
	else
		get(learning, rates_window(counter, learning->wall, 0));
	get(learning, rates_window(counter, learning->wall, 1));
}

static bool begin_rate(struct learning *learning)
{
	if (!rates_read_rate(learning->question.argument, &learning->counter))
		return false;
	begin_counting(learning);
	return true;
}

static bool begin_usage(struct learning *learning)
{
	if (!rates_read_usage(
		    learning->inquiry->policy, learning->question.argument, &learning->counter))
		return false;
	begin_counting(learning);
	return true;
}

static bool begin_seen(struct learning *learning)
{
	struct rates_counter *counter = &learning->counter;

	if (!rates_read_rate(learning->question.argument, counter))
		return false;
	add(learning,
		(struct store_note){store_key("seen", counter->key), 1, (uint64_t)counter->period});
	return true;
}

static struct value is_there(const struct learning *learning)
{
	return (struct value){
		.type = VALUE_BOOL, .boolean = learning->operations[0].entry.count > 0};
}

static struct value was_there(const struct learning *learning)
{
	return (struct value){
		.type = VALUE_BOOL, .boolean = learning->operations[0].entry.count > 1};
}

static struct value age(const struct learning *learning)
{
	const struct store_entry *entry = &learning->operations[0].entry;
	uint64_t since = learning->wall > entry->first ? learning->wall - entry->first : 0;

	return (struct value){.type = VALUE_DURATION, .number = (int64_t)since};
}

static struct value sum(const struct learning *learning)
{
	return (struct value){.type = VALUE_INT,
		.number = rates_sum(&learning->counter, learning->wall,
			learning->operations[0].entry.count, learning->operations[1].entry.count)};
}

static const struct remembered {
	enum fact fact;
	bool (*begin)(struct learning *learning);
	struct value (*conclude)(const struct learning *learning);
} rows[] = {
	{FACT_KNOWN_GOOD, begin_known_good, is_there},
	{FACT_GREYLIST_PASSED, begin_passed, is_there},
	{FACT_GREYLIST_AGE, begin_age, age},
	{FACT_RATE, begin_rate, sum},
	{FACT_SEEN, begin_seen, was_there},
	{FACT_USAGE, begin_usage, sum},
};

static const struct remembered *row_of(enum fact fact)
{
	size_t i = 0;

	while (rows[i].fact != fact)
		i++;
	return &rows[i];
}

/* --- learning --- */

static bool has_failed(const struct learning *learning)
{
	for (size_t i = 0; i < learning->count; i++) {
		if (learning->operations[i].await.outcome != OUTCOME_DONE)
			return true;
	}
	return false;
}

static void settle(const struct learning *learning)
{
	struct facts *facts = facts_keeper(learning->inquiry->facts, learning->question.fact);

	if (has_failed(learning))
		facts_answer(facts, &learning->question, FACT_FAILED,
			(struct value){.text = "the store does not answer"});
	else
		facts_answer(
			facts, &learning->question, FACT_KNOWN, learning->row->conclude(learning));
}

static bool is_pending(const struct learning *learning)
{
	for (size_t i = 0; i < learning->count; i++) {
		if (learning->operations[i].await.pending)
			return true;
	}
	return false;
}

static void on_operation(void *owner)
{
	struct operation *operation = owner;
	struct learning *learning = operation->learning;
	struct await *caller = learning->caller;

	if (learning->is_beginning || is_pending(learning))
		return;
	settle(learning);
	talloc_free(learning);
	await_end(caller, OUTCOME_DONE);
}

static int give_up(struct learning *learning)
{
	for (size_t i = 0; i < learning->count; i++)
		await_cancel(&learning->operations[i].await);
	return 0;
}

static void cancel(void *operation)
{
	talloc_free(operation);
}

static void answer(struct inquiry *inquiry, const struct question *question, enum fact_state state,
	const char *reason)
{
	facts_answer(facts_keeper(inquiry->facts, question->fact), question, state,
		(struct value){.text = reason});
}

static struct learning *learning_new(struct store *store, struct inquiry *inquiry,
	const struct question *question, struct await *await)
{
	struct learning *learning = talloc_zero(inquiry, struct learning);

	learning->store = store;
	learning->inquiry = inquiry;
	learning->question =
		(struct question){question->fact, talloc_strdup(learning, question->argument)};
	learning->row = row_of(question->fact);
	learning->wall = store_wall(store);
	learning->caller = await;
	talloc_set_destructor(learning, give_up);
	return learning;
}

static void learn(struct store *store, struct inquiry *inquiry, const struct question *question,
	struct await *await)
{
	struct learning *learning = learning_new(store, inquiry, question, await);

	learning->is_beginning = true;
	bool is_good = learning->row->begin(learning);
	learning->is_beginning = false;
	if (is_good && is_pending(learning)) {
		await_begin(await, AWAIT_FOR_EVER, cancel, learning);
		return;
	}
	if (is_good)
		settle(learning);
	else
		answer(inquiry, question, FACT_FAILED,
			"it is asked with a key and a period between 1s and 366d");
	talloc_free(learning);
	await_skip(await, OUTCOME_DONE);
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	if (owner) {
		learn(owner, inquiry, question, await);
		return;
	}
	answer(inquiry, question, FACT_ABSENT, NULL);
	await_skip(await, OUTCOME_DONE);
}

struct learner store_learner(struct store *store)
{
	return (struct learner){begin, store};
}
