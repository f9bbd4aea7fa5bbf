/* SPDX-License-Identifier: Apache-2.0 */
/* The order of judgement. */
#include "policy/chain.h"

#include "policy/exemption.h"
#include "policy/header_learner.h"
#include "policy/store_learner.h"

#include <talloc.h>

/* In the order in which they are asked. */
enum rank { RANK_GATE, RANK_LIMIT, RANK_CHECK, RANKS };

struct link {
	const struct check *check;
	enum rank rank;
	bool monitored;
	const char *label; /* "check size" */
};

struct chain {
	const struct policy *policy;
	struct link *links;
	size_t count;
	const struct link **asked[STAGES][RANKS]; /* those that have a say there; NULL-ended */
	struct learner learners[LEARNERS];
};

/* --- making it --- */

/* A list of names in the settings, on its way into the chain. */
struct naming {
	struct chain *chain;
	const struct check *const *gates;
	const struct check *const *checks;
	struct complaints *complaints;
};

static const struct check *find(const struct check *const *list, const char *name)
{
	for (; *list; list++) {
		if (strcmp((*list)->name, name) == 0)
			return *list;
	}
	return NULL;
}

static const char *suggest(const struct naming *naming, const char *name)
{
	const char **names = talloc_array(naming->chain, const char *, 0);
	const char *suggestion;
	size_t count = 0;

	for (; naming->checks[count]; count++) {
		names = talloc_realloc(naming->chain, names, const char *, count + 1);
		names[count] = naming->checks[count]->name;
	}
	suggestion = complaint_suggestion(name, names, count);
	talloc_free(names);
	return suggestion;
}

static void complain_unknown(
	const struct naming *naming, const char *name, const char *option, const char *suggestion)
{
	const struct policy *policy = naming->chain->policy;
	struct place place = policy_place(policy, policy->checks, option);

	if (find(naming->gates, name))
		complaint_error(naming->complaints, place,
			"%s is always on and comes first: it cannot stand in checks.%s", name,
			option);
	else if (suggestion)
		complaint_error(naming->complaints, place,
			"there is no check \"%s\"; did you mean \"%s\"?", name, suggestion);
	else
		complaint_error(naming->complaints, place, "there is no check \"%s\"", name);
}

/* Complains about names of a list that are no checks, or stand there twice. */
static void check_names(const struct naming *naming, const struct texts *texts, const char *option)
{
	const struct policy *policy = naming->chain->policy;

	for (size_t i = 0; i < texts->count; i++) {
		const char *name = texts->items[i];
		const struct texts before = {texts->items, i};
		if (!find(naming->checks, name))
			complain_unknown(naming, name, option, suggest(naming, name));
		else if (settings_list_has(&before, name))
			complaint_error(naming->complaints,
				policy_place(policy, policy->checks, option),
				"%s stands twice in checks.%s", name, option);
	}
}

static void add(struct chain *chain, const struct check *check, enum rank rank)
{
	struct link *link;

	chain->links = talloc_realloc(chain, chain->links, struct link, chain->count + 1);
	link = &chain->links[chain->count++];
	link->check = check;
	link->rank = rank;
	link->monitored = rank != RANK_GATE &&
		settings_list_has(&chain->policy->checks->monitor, check->name);
	link->label = talloc_asprintf(chain, "check %s", check->name);
}

static void add_checks(struct chain *chain, const struct check *const *checks, enum rank rank)
{
	const struct checks_options *options = chain->policy->checks;

	for (size_t i = 0; i < options->chain.count; i++) {
		const struct check *check = find(checks, options->chain.items[i]);
		if (check && check->is_limit == (rank == RANK_LIMIT) &&
			!settings_list_has(&options->off, check->name) &&
			(!check->is_needed || check->is_needed(chain->policy)))
			add(chain, check, rank);
	}
}

/* Where there is no gateway, milters are not asked: they would take a rehearsal for mail. */
static void ask_nobody(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	(void)owner;
	facts_answer(inquiry->facts, question, FACT_ABSENT,
		(struct value){.type = fact_row(question->fact)->type});
	await_skip(await, OUTCOME_DONE);
}

static const struct link **asked_at(struct chain *chain, enum stage stage, enum rank rank)
{
	const struct link **asked = talloc_array(chain, const struct link *, chain->count + 1);
	size_t count = 0;

	for (size_t i = 0; i < chain->count; i++) {
		if (chain->links[i].rank == rank && chain->links[i].check->stages & AT(stage))
			asked[count++] = &chain->links[i];
	}
	asked[count] = NULL;
	return asked;
}

struct chain *chain_new(const void *parent, const struct policy *policy,
	const struct check *const *gates, const struct check *const *checks,
	const struct learner *learners, struct complaints *complaints)
{
	struct chain *chain = talloc_zero(parent, struct chain);
	const struct naming naming = {chain, gates, checks, complaints};

	chain->policy = policy;
	check_names(&naming, &policy->checks->chain, "chain");
	check_names(&naming, &policy->checks->monitor, "monitor");
	check_names(&naming, &policy->checks->off, "off");
	for (const struct check *const *gate = gates; *gate; gate++)
		add(chain, *gate, RANK_GATE);
	add_checks(chain, checks, RANK_LIMIT);
	add_checks(chain, checks, RANK_CHECK);
	for (enum stage stage = 0; stage < STAGES; stage++) {
		for (enum rank rank = 0; rank < RANKS; rank++)
			chain->asked[stage][rank] = asked_at(chain, stage, rank);
	}
	if (learners)
		memcpy(chain->learners, learners, sizeof chain->learners);
	if (!chain->learners[LEARNER_CONTENT].begin && policy->content)
		chain->learners[LEARNER_CONTENT] = *policy->content;
	if (!chain->learners[LEARNER_HEADER].begin)
		chain->learners[LEARNER_HEADER] = header_learner();
	if (!chain->learners[LEARNER_MILTER].begin)
		chain->learners[LEARNER_MILTER].begin = ask_nobody;
	if (!chain->learners[LEARNER_STORE].begin)
		chain->learners[LEARNER_STORE] = store_learner(NULL);
	return chain;
}

struct chain *chain_with_learners(
	const void *parent, const struct chain *chain, const struct learner *learners)
{
	struct chain *with = talloc_memdup(parent, chain, sizeof *chain);

	talloc_set_name_const(with, "struct chain");
	for (size_t i = 0; i < LEARNERS; i++) {
		if (learners[i].begin)
			with->learners[i] = learners[i];
	}
	return with;
}

const struct policy *chain_policy(const struct chain *chain)
{
	return chain->policy;
}

const struct learner *chain_learner(const struct chain *chain, enum fact_learner learner)
{
	return &chain->learners[learner];
}

/* --- one run --- */

struct walk {
	const struct chain *chain;
	struct inquiry *inquiry;
	struct verdict verdict; /* the first final one */
	enum rank rank;         /* of who gave it */
	bool is_unknown;        /* someone is waiting for a fact */
	uint64_t asked;         /* clock_microseconds() when the last one that spoke had answered */
};

static bool observes(const struct walk *walk)
{
	return walk->chain->policy->site->mode == MODE_OBSERVE;
}

/* It would act, if only the mode were another. */
static bool is_held_back(const struct walk *walk, enum rank rank, const struct verdict *verdict)
{
	return observes(walk) && rank == RANK_CHECK && verdict->kind > VERDICT_ACCEPT;
}

/* Asking for the time costs more than most checks do, so those that have nothing to say are timed together with the next that has. */
static uint64_t take_time(struct walk *walk)
{
	uint64_t answered = clock_microseconds(), taken = answered - walk->asked;

	walk->asked = answered;
	return taken;
}

static void record(struct walk *walk, const struct link *link, const struct verdict *verdict)
{
	bool is_silent = verdict->kind == VERDICT_NONE && !verdict->result && verdict->score == 0;
	const char *word = verdict->result ? verdict->result : verdict_name(verdict->kind);

	if (is_silent)
		return;
	inquiry_record(walk->inquiry,
		&(struct trace_entry){
			.stage = walk->inquiry->stage,
			.check = link->check->name,
			.result = word,
			.detail = verdict->detail ? verdict->detail : verdict->text,
			.score = verdict->score,
			.counted = !link->monitored,
			.monitored = link->monitored || is_held_back(walk, link->rank, verdict),
			.would = link->monitored ? verdict->kind : VERDICT_NONE,
			.microseconds = (uint32_t)take_time(walk),
		});
}

static void ask(struct walk *walk, const struct link *link)
{
	walk->inquiry->is_waiting = walk->is_unknown;
	struct verdict verdict = link->check->judge(walk->inquiry);

	if (verdict.kind == VERDICT_UNKNOWN) {
		walk->is_unknown = true;
		return;
	}
	if (!verdict.decided_by)
		record(walk, link, &verdict);
	if (link->monitored || !verdict_is_final(&verdict))
		return;
	walk->verdict = verdict;
	if (!verdict.decided_by)
		walk->verdict.decided_by = link->label;
	walk->rank = link->rank;
}

/* Asks all of one rank until one decides. */
static void ask_rank(struct walk *walk, enum rank rank)
{
	const struct link **link = walk->chain->asked[walk->inquiry->stage][rank];

	for (; *link && !verdict_is_final(&walk->verdict); link++)
		ask(walk, *link);
}

static bool is_exempt(struct walk *walk)
{
	struct exemption exemption = exemption_of(walk->inquiry);

	if (!exemption.by && exemption.is_unknown)
		walk->is_unknown = true;
	if (!exemption.by)
		return exemption.is_unknown;
	walk->verdict = verdict_accept(exemption.detail);
	walk->verdict.decided_by = exemption.by;
	walk->rank = RANK_LIMIT;
	inquiry_record(walk->inquiry,
		&(struct trace_entry){.stage = walk->inquiry->stage,
			.check = exemption.by,
			.result = "accept",
			.detail = exemption.detail});
	return true;
}

/* --- thresholds --- */

/* From the highest down: the first that is reached acts. */
struct threshold {
	const char *name;
	size_t offset; /* in struct thresholds_options */
	struct verdict (*act)(struct inquiry *inquiry, const char *reached);
};

static struct verdict refuse(struct inquiry *inquiry, const char *reached)
{
	return verdict_reject(550, "5.7.1",
		talloc_asprintf(
			inquiry, "we do not accept this message, it looks unwanted (%s)", reached));
}

static struct verdict put_away(struct inquiry *inquiry, const char *reached)
{
	return inquiry_quarantine(
		inquiry, talloc_asprintf(inquiry, "it looks unwanted (%s)", reached));
}

static struct verdict mark(struct inquiry *inquiry, const char *reached)
{
	(void)reached;
	inquiry->tagged = inquiry->policy->site->mode == MODE_ENFORCE;
	return verdict_none();
}

static const struct threshold thresholds[] = {
	{"threshold reject", offsetof(struct thresholds_options, reject), refuse},
	{"threshold quarantine", offsetof(struct thresholds_options, quarantine), put_away},
	{"threshold tag", offsetof(struct thresholds_options, tag), mark},
};

static double threshold_limit(const struct walk *walk, const struct threshold *threshold)
{
	const char *options = (const char *)walk->chain->policy->thresholds;

	return *(const double *)(options + threshold->offset);
}

static const struct threshold *reached_threshold(const struct walk *walk)
{
	for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
		if (walk->inquiry->score >= threshold_limit(walk, &thresholds[i]))
			return &thresholds[i];
	}
	return NULL;
}

static void apply_thresholds(struct walk *walk)
{
	struct inquiry *inquiry = walk->inquiry;
	const struct threshold *threshold = reached_threshold(walk);
	const char *reached;

	inquiry->tagged = false;
	if (!threshold)
		return;
	reached = talloc_asprintf(
		inquiry, "score %.1f of %.1f", inquiry->score, threshold_limit(walk, threshold));
	walk->verdict = threshold->act(inquiry, reached);
	if (verdict_is_final(&walk->verdict))
		walk->verdict.decided_by = threshold->name;
	walk->rank = RANK_CHECK;
	inquiry_record(inquiry,
		&(struct trace_entry){.stage = inquiry->stage,
			.check = "thresholds",
			.result = threshold->name + strlen("threshold "),
			.detail = reached,
			.monitored = observes(walk)});
}

/* --- refusals that wait for the sender --- */

static bool is_early(const struct walk *walk)
{
	return walk->inquiry->stage < STAGE_RCPT && walk->chain->policy->allows_senders;
}

static void defer(struct walk *walk)
{
	struct inquiry *inquiry = walk->inquiry;

	if (!inquiry->deferred) {
		inquiry->deferred = talloc_memdup(inquiry, &walk->verdict, sizeof walk->verdict);
		inquiry->deferred_at = inquiry->stage;
	}
	walk->verdict = verdict_none();
}

/* The sender is not exempt: what was refused before is refused now. */
static void take_up(struct walk *walk)
{
	if (!walk->inquiry->deferred || is_early(walk))
		return;
	walk->verdict = *walk->inquiry->deferred;
	walk->rank = RANK_CHECK;
}

static void judge_rest(struct walk *walk)
{
	if (is_exempt(walk))
		return;
	take_up(walk);
	ask_rank(walk, RANK_CHECK);
	if (is_early(walk) && !walk->is_unknown && verdict_is_final(&walk->verdict) &&
		walk->verdict.kind != VERDICT_ACCEPT)
		defer(walk);
	if (walk->inquiry->stage == STAGE_MESSAGE && !walk->is_unknown &&
		!verdict_is_final(&walk->verdict))
		apply_thresholds(walk);
}

static void put_aside(struct inquiry *inquiry, const struct verdict *verdict)
{
	if (!inquiry->observed) {
		inquiry->observed = talloc(inquiry, struct verdict);
		*inquiry->observed = verdict_none();
	}
	*inquiry->observed = verdict_combine(*inquiry->observed, *verdict);
}

/* What acts in the end; what observe mode keeps from acting is put aside. */
static struct verdict outcome(struct walk *walk)
{
	struct verdict *verdict = &walk->verdict;

	if (!is_held_back(walk, walk->rank, verdict))
		return *verdict;
	put_aside(walk->inquiry, verdict);
	return verdict_none();
}

struct verdict chain_run(const struct chain *chain, struct inquiry *inquiry)
{
	struct walk walk = {.chain = chain, .inquiry = inquiry, .asked = clock_microseconds()};

	ask_rank(&walk, RANK_GATE);
	ask_rank(&walk, RANK_LIMIT);
	if (!verdict_is_final(&walk.verdict))
		judge_rest(&walk);
	if (walk.is_unknown)
		return verdict_unknown();
	return outcome(&walk);
}
