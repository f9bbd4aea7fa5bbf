/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files of a policy, and their tests. */
#include "policy/rulebook.h"

#include "policy/breaker.h"
#include "policy/content/yara.h"
#include "policy/header_learner.h"
#include "policy/language.h"
#include "rules/lint.h"
#include "rules/sources.h"

#include "base/file.h"

#include <talloc.h>
#include <time.h>

#define TEST_MESSAGE_MOST (64UL * 1024 * 1024)
#define MICROSECONDS 1000 /* of a millisecond */

/* --- reading --- */

/* NULL-ended besides. */
static struct texts all_beside(const void *parent, const char *file, const struct texts *paths)
{
	const char **items = talloc_zero_array(parent, const char *, paths->count + 1);

	for (size_t i = 0; i < paths->count; i++)
		items[i] = file_beside(items, file, paths->items[i]);
	return (struct texts){items, paths->count};
}

static void note_lists(struct rulebook *rulebook)
{
	const struct sources *sources = rulebook->sources;
	struct texts *files = &rulebook->list_files;

	files->items = talloc_array(rulebook, const char *, sources->item_count);
	for (size_t i = 0; i < sources->item_count; i++) {
		const struct item *item = sources->items[i];
		if (item->kind == ITEM_LIST && item->text)
			files->items[files->count++] =
				file_beside(rulebook, item->place.file, item->text);
	}
}

/* A chain of the site's own may lack the check. */
static void check_chain(
	const struct policy *policy, struct place place, struct complaints *complaints)
{
	if (!settings_list_has(&policy->checks->chain, "rules") ||
		settings_list_has(&policy->checks->off, "rules"))
		complaint_warning(complaints, place,
			"there are rule files, but the check \"rules\" is not in checks.chain, or "
			"is off: no rule is asked");
}

static struct rulebook *read_set(const struct policy *policy, const struct texts *patterns,
	const char *file, struct complaints *complaints)
{
	struct rulebook *rulebook = talloc_zero(policy, struct rulebook);
	struct texts files = all_beside(rulebook, file, patterns);

	rulebook->policy = policy;
	rulebook->options = policy->rules;
	rulebook->monitored = policy->rules->mode == RULES_MONITOR ||
		settings_list_has(&policy->checks->monitor, "rules");
	rulebook->monitor_files = all_beside(rulebook, file, &policy->rules->monitor_files);
	rulebook->vocabulary = language_new(rulebook);
	rulebook->matcher = match_matcher_new(rulebook);
	rulebook->sources = sources_read(rulebook, files.items, files.count, complaints);
	note_lists(rulebook);
	return rulebook;
}

static void read_yara(struct policy *policy, const char *file, struct complaints *complaints)
{
	struct texts files = all_beside(policy, file, &policy->scanner->yara_rules);

	if (files.count)
		policy->yara = yara_new(policy, files.items, files.count,
			policy_place(policy, policy->scanner, "yara_rules"), complaints);
}

void rulebook_read(struct policy *policy, const char *file, struct complaints *complaints)
{
	read_yara(policy, file, complaints);
	if (policy->rules->files.count) {
		policy->rulebook = read_set(policy, &policy->rules->files, file, complaints);
		check_chain(policy, policy_place(policy, policy->rules, "files"), complaints);
	}
	if (policy->shadow->rules.count) {
		policy->shadow_rulebook =
			read_set(policy, &policy->shadow->rules, file, complaints);
		check_chain(policy, policy_place(policy, policy->shadow, "rules"), complaints);
	}
}

static void compile(struct rulebook *rulebook, struct complaints *complaints)
{
	const struct program *program;

	if (!rulebook)
		return;
	program = rulebook->program =
		program_new(rulebook, rulebook->vocabulary, rulebook->sources->items,
			rulebook->sources->item_count, rulebook->monitor_files.items, complaints);
	rulebook->labels = talloc_array(rulebook, const char *, program->rule_count);
	for (size_t i = 0; i < program->rule_count; i++)
		rulebook->labels[i] =
			talloc_asprintf(rulebook->labels, "rule %s", program->rules[i]->name);
	rule_test_check(program, complaints);
}

static void check_yara(const struct policy *policy, struct complaints *complaints)
{
	if (!policy->scanner->yara_rules.count && rulebook_asks_fact(policy, FACT_YARA, NULL))
		complaint_error(complaints, policy_place(policy, policy->scanner, "yara_rules"),
			"a rule asks what rules of YARA match, and scanner.yara_rules names no "
			"files of them");
}

void rulebook_compile(const struct policy *policy, struct complaints *complaints)
{
	compile(policy->rulebook, complaints);
	if (policy->rulebook)
		policy->rulebook->breaker =
			breaker_new(policy->rulebook, policy->breaker, policy->rulebook->program);
	compile(policy->shadow_rulebook, complaints);
	check_yara(policy, complaints);
}

static void lint(const struct rulebook *rulebook, struct complaints *complaints)
{
	if (rulebook)
		lint_program(rulebook->program, (int64_t)time(NULL), complaints);
}

void rulebook_lint(const struct policy *policy, struct complaints *complaints)
{
	lint(policy->rulebook, complaints);
	lint(policy->shadow_rulebook, complaints);
}

/* --- tests --- */

/* The message of a test. */
struct sample {
	const struct vocabulary *vocabulary;
	struct facts *facts;
	struct inquiry *inquiry;
	struct spool spool;
	bool has_content; /* it was taken apart */
};

/* Line ends become CRLF. */
static bool add_lines(struct message *message, struct slice text)
{
	bool added = true;

	while (added && text.size) {
		struct slice line = slice_cut(&text, '\n');
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		added = message_add(message, line) == MESSAGE_OK &&
			message_add(message, slice_of("\r\n")) == MESSAGE_OK;
	}
	return added && message_finish(message) == MESSAGE_OK;
}

static void *open_message(void *owner, const void *parent, const char *rule_file, const char *path,
	const char **reason)
{
	const struct rulebook *rulebook = owner;
	struct sample *sample = talloc_zero(parent, struct sample);
	struct message *message;
	struct slice text;

	*reason = file_read(sample, file_beside(sample, rule_file, path), TEST_MESSAGE_MOST, &text);
	if (*reason)
		return NULL;
	sample->spool.memory_maximum = TEST_MESSAGE_MOST;
	sample->vocabulary = rulebook->vocabulary;
	message = message_new(sample, &sample->spool);
	*reason = "there is no room for it";
	if (!add_lines(message, text))
		return NULL;
	sample->facts = facts_new(sample, NULL);
	sample->inquiry = inquiry_new_of(sample, rulebook->policy, sample->facts);
	sample->inquiry->stage = STAGE_MESSAGE;
	sample->inquiry->message = message;
	facts_set_number(sample->facts, FACT_MESSAGE_SIZE, message_size(message));
	facts_set_number(sample->facts, FACT_MESSAGE_ANOMALIES, message_anomalies(message));
	header_learner_learn(sample->inquiry);
	return sample;
}

/* Once; false when that was not what is missing. */
static bool learn_content(struct sample *sample)
{
	const struct learner *learner = sample->inquiry->policy->content;

	if (!learner || sample->has_content)
		return false;
	sample->has_content = true;
	learner->begin(learner->owner, sample->inquiry, NULL, NULL);
	return true;
}

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	struct sample *sample = owner;
	enum fact_state state;

	if (question->key)
		header_learner_learn_fields(
			sample->inquiry, &(struct question){FACT_HEADER, question->key});
	state = language_ask(sample->inquiry, sample->vocabulary, sample, question, value);
	if (state == FACT_UNKNOWN && learn_content(sample))
		state = language_ask(sample->inquiry, sample->vocabulary, sample, question, value);
	return state == FACT_UNKNOWN ? FACT_ABSENT : state;
}

struct rule_test_result *rulebook_test(
	const void *parent, const struct rulebook *rulebook, size_t *count)
{
	const struct rule_test_host host = {.open = open_message,
		.look_up = look_up,
		.owner = (void *)rulebook,
		.matcher = rulebook ? rulebook->matcher : NULL,
		.budget = rulebook ? (uint64_t)rulebook->options->budget * MICROSECONDS : 0};

	*count = 0;
	return rulebook ? rule_test_run(parent, rulebook->program, &host, count) : NULL;
}

static void try_set(const struct rulebook *rulebook, struct complaints *complaints)
{
	void *all = talloc_new(NULL);
	size_t count;
	struct rule_test_result *results = rulebook_test(all, rulebook, &count);

	for (size_t i = 0; i < count; i++) {
		if (!results[i].passed)
			complaint_error(complaints, results[i].test->place,
				"a test of rule %s fails: %s", results[i].rule->name,
				results[i].problem);
	}
	talloc_free(all);
}

void rulebook_try(const struct policy *policy, struct complaints *complaints)
{
	try_set(policy->rulebook, complaints);
	try_set(policy->shadow_rulebook, complaints);
}

/* --- what they ask for --- */

/* A fact of the learner; or one fact, and that field of its records. */
struct interest {
	enum fact_learner learner;
	enum fact fact; /* FACT_COUNT: any of the learner's */
	const char *field;
};

static bool is_of_interest(const struct rulebook *rulebook, const struct reference *reference,
	const struct interest *interest)
{
	size_t number = (size_t)(reference->fact - rulebook->vocabulary->facts);

	if (interest->fact == FACT_COUNT)
		return number < FACT_COUNT &&
			fact_row((enum fact)number)->learner == interest->learner;
	return number == interest->fact &&
		(!interest->field ||
			(reference->field && strcmp(reference->field->name, interest->field) == 0));
}

static bool asks(const struct rulebook *rulebook, const struct interest *interest)
{
	const struct program *program = rulebook ? rulebook->program : NULL;

	for (size_t i = 0; program && i < program->reference_count; i++) {
		if (is_of_interest(rulebook, program->references[i], interest))
			return true;
	}
	return false;
}

static bool one_asks(const struct policy *policy, const struct interest *interest)
{
	return asks(policy->rulebook, interest) || asks(policy->shadow_rulebook, interest);
}

bool rulebook_asks(const struct policy *policy, enum fact_learner learner)
{
	return one_asks(policy, &(struct interest){learner, FACT_COUNT, NULL});
}

bool rulebook_asks_fact(const struct policy *policy, enum fact fact, const char *field)
{
	return one_asks(policy, &(struct interest){fact_row(fact)->learner, fact, field});
}
