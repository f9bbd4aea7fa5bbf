/* SPDX-License-Identifier: Apache-2.0 */
/* The milters of a worker. */
#include "plugins/milter_learner.h"

#include "base/log.h"
#include "plugins/milter_breaker.h"

#include <talloc.h>
#include <uthash.h>

#define BODY_FACTOR 2 /* a new body may be so much larger than the largest message */

/* One milter. */
struct station {
	struct milter_learner *learner;
	struct milter_peer peer;
	struct milter_breaker breaker;
	struct timer probe_timer; /* running while it is down */
	struct milter_talk *probe;
	struct await probed;
};

struct milter_learner {
	struct loop *loop;
	struct station *stations; /* not to be moved */
	size_t count;
	struct visit *visits; /* by the facts of their sessions */
};

/* A session's conversations. */
struct visit {
	UT_hash_handle hh;
	const struct facts *key;
	struct milter_learner *learner;
	struct guard *guard;        /* NULL: there is no transaction */
	struct milter_talk **talks; /* one a milter; NULL: not yet begun */
};

/* Goes with the facts of the transaction. */
struct guard {
	struct visit *visit;
};

/* A question that is being answered. */
struct errand {
	struct visit *visit;
	struct station *station;
	struct milter_talk *talk;
	struct inquiry *inquiry;
	const char *argument; /* of the question */
	struct await *caller;
	struct await await;
};

static uint64_t now(const struct milter_learner *learner)
{
	return clock_now(learner->loop->clock);
}

/* --- probing one that is down --- */

static void log_state(const struct station *station, enum log_level level, const char *event)
{
	struct log_line line;

	log_begin(&line, level, event);
	log_text(&line, "milter", station->peer.options->name);
	log_text(&line, "socket", station->peer.options->socket);
	log_end(&line);
}

static void watch(struct station *station)
{
	struct milter_learner *learner = station->learner;

	if (!timer_is_running(&station->probe_timer) && !station->probe)
		timer_start(&station->probe_timer, learner->loop->clock, MILTER_PAUSE);
}

static void note_success(struct station *station)
{
	if (milter_breaker_succeed(&station->breaker))
		log_state(station, LEVEL_NOTICE, "milter_up");
}

static void note_failure(struct station *station)
{
	if (milter_breaker_fail(&station->breaker, now(station->learner)))
		log_state(station, LEVEL_ERROR, "milter_down");
	if (milter_breaker_is_down(&station->breaker))
		watch(station);
}

static void on_probed(void *owner)
{
	struct station *station = owner;
	bool is_there = station->probed.outcome == OUTCOME_DONE;

	talloc_free(station->probe);
	station->probe = NULL;
	if (is_there)
		note_success(station);
	else
		note_failure(station);
}

static void on_probe_due(void *owner)
{
	struct station *station = owner;
	struct milter_learner *learner = station->learner;

	if (!milter_breaker_is_down(&station->breaker))
		return;
	if (!milter_breaker_begin_probe(&station->breaker, now(learner))) {
		watch(station);
		return;
	}
	station->probe = milter_talk_new(learner, learner->loop, &station->peer);
	milter_talk_begin_probe(station->probe, &station->probed);
}

/* --- visits --- */

static const struct facts *key_of(struct facts *facts)
{
	return facts_keeper(facts, FACT_CLIENT_IP);
}

static int end_mail(struct guard *guard)
{
	struct visit *visit = guard->visit;

	if (!visit)
		return 0;
	visit->guard = NULL;
	for (size_t i = 0; i < visit->learner->count; i++) {
		if (visit->talks[i])
			milter_talk_end_mail(visit->talks[i]);
	}
	return 0;
}

static int end_visit(struct visit *visit)
{
	if (visit->guard)
		visit->guard->visit = NULL;
	HASH_DEL(visit->learner->visits, visit);
	return 0;
}

static struct visit *find_visit(const struct milter_learner *learner, struct facts *facts)
{
	const struct facts *key = key_of(facts);
	struct visit *visit;

	HASH_FIND_PTR(learner->visits, &key, visit);
	return visit;
}

static struct visit *visit_of(struct milter_learner *learner, struct facts *facts)
{
	struct visit *visit = find_visit(learner, facts);

	if (visit)
		return visit;
	visit = talloc_zero(key_of(facts), struct visit);
	visit->key = key_of(facts);
	visit->learner = learner;
	visit->talks = talloc_zero_array(visit, struct milter_talk *, learner->count);
	HASH_ADD_PTR(learner->visits, key, visit);
	talloc_set_destructor(visit, end_visit);
	return visit;
}

static struct milter_talk *talk_with(struct visit *visit, const struct station *station)
{
	struct milter_talk **talk = &visit->talks[station - visit->learner->stations];

	if (!*talk)
		*talk = milter_talk_new(visit, visit->learner->loop, &station->peer);
	return *talk;
}

static void guard_mail(struct visit *visit, struct inquiry *inquiry)
{
	if (!inquiry->mail || visit->guard)
		return;
	visit->guard = talloc(inquiry->facts, struct guard);
	visit->guard->visit = visit;
	talloc_set_destructor(visit->guard, end_mail);
}

/* --- answers --- */

static void answer(struct inquiry *inquiry, const char *argument, enum fact_state state,
	struct value value, const char *reply)
{
	const struct question said = {FACT_MILTER, argument}, text = {FACT_MILTER_REPLY, argument};
	struct value value_of_reply = {.type = VALUE_STRING};

	if (reply)
		value_of_reply.text = talloc_strdup(inquiry->facts, reply);
	facts_answer(inquiry->facts, &said, state, value);
	facts_answer(inquiry->facts, &text, reply ? FACT_KNOWN : FACT_ABSENT, value_of_reply);
}

static void answer_failed(struct inquiry *inquiry, const char *argument, const char *reason)
{
	answer(inquiry, argument, FACT_FAILED,
		(struct value){.type = VALUE_ENUM, .text = talloc_strdup(inquiry->facts, reason)},
		NULL);
}

static bool is_heard(const struct policy *policy)
{
	return policy->site->mode == MODE_ENFORCE &&
		!settings_list_has(&policy->checks->monitor, "milter");
}

static void change(const struct errand *errand)
{
	const struct milter_changes *changes = milter_talk_changes(errand->talk);
	size_t failed;

	if (!changes || !errand->inquiry->mail || errand->inquiry->stage != STAGE_MESSAGE ||
		!is_heard(errand->inquiry->policy))
		return;
	failed = milter_changes_apply(changes, errand->inquiry);
	if (failed)
		log_event(LEVEL_WARNING, "milter_changes_refused",
			"milter \"%s\": %zu changes of message %s cannot be made",
			errand->station->peer.options->name, failed, errand->inquiry->mail->id);
}

static void log_failure(const struct errand *errand)
{
	struct log_line line;

	log_begin(&line, LEVEL_WARNING, "milter_failed");
	log_text(&line, "milter", errand->station->peer.options->name);
	log_text(&line, "id", errand->inquiry->mail ? errand->inquiry->mail->id : NULL);
	log_text(&line, "stage", stage_name(errand->inquiry->stage));
	log_text(&line, "reason", milter_talk_failure(errand->talk));
	log_end(&line);
}

static void take_answer(struct errand *errand)
{
	change(errand);
	note_success(errand->station);
	answer(errand->inquiry, errand->argument, FACT_KNOWN,
		(struct value){.type = VALUE_ENUM, .number = milter_talk_answer(errand->talk)},
		milter_talk_reply(errand->talk));
}

static void on_talked(void *owner)
{
	struct errand *errand = owner;
	struct await *caller = errand->caller;

	if (errand->await.outcome == OUTCOME_DONE) {
		take_answer(errand);
	} else {
		log_failure(errand);
		note_failure(errand->station);
		answer_failed(errand->inquiry, errand->argument, milter_talk_failure(errand->talk));
	}
	errand->caller = NULL;
	talloc_free(errand);
	await_end(caller, OUTCOME_DONE);
}

/* --- questions --- */

/* "name, stage" */
static struct station *station_of(const struct milter_learner *learner, const char *argument)
{
	struct slice name = slice_of(argument);

	while (name.size && name.data[name.size - 1] != ',')
		name.size--;
	name.size -= name.size > 0;
	for (size_t i = 0; i < learner->count; i++) {
		if (slice_equals(name, learner->stations[i].peer.options->name))
			return &learner->stations[i];
	}
	return NULL;
}

/* Whoever asked does not want to know any more, or time is up. */
static int give_up(struct errand *errand)
{
	if (!errand->caller || !errand->await.pending)
		return 0;
	await_cancel(&errand->await);
	log_failure(errand);
	if (milter_talk_was_slow(errand->talk))
		note_failure(errand->station);
	return 0;
}

static void cancel(void *operation)
{
	talloc_free(operation);
}

static void run(struct milter_learner *learner, struct station *station, struct inquiry *inquiry,
	const char *argument, struct await *await)
{
	struct visit *visit = visit_of(learner, inquiry->facts);
	struct errand *errand = talloc_zero(visit, struct errand);

	guard_mail(visit, inquiry);
	errand->visit = visit;
	errand->station = station;
	errand->talk = talk_with(visit, station);
	errand->inquiry = inquiry;
	errand->argument = talloc_strdup(errand, argument);
	errand->caller = await;
	await_init(&errand->await, learner->loop->clock, on_talked, errand);
	talloc_set_destructor(errand, give_up);
	await_begin(await, AWAIT_FOR_EVER, cancel, errand);
	milter_talk_begin(errand->talk, inquiry, &errand->await);
}

/* Why it cannot be asked; NULL: it can. */
static const char *obstacle(const struct station *station, const struct visit *visit)
{
	const struct milter_talk *talk;

	if (!station)
		return "there is no milter of that name";
	talk = visit ? visit->talks[station - station->learner->stations] : NULL;
	if (talk && milter_talk_failure(talk))
		return milter_talk_failure(talk);
	return milter_breaker_is_down(&station->breaker) ? "it is down" : NULL;
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct milter_learner *learner = owner;
	struct station *station = station_of(learner, question->argument);
	const char *reason = obstacle(station, find_visit(learner, inquiry->facts));

	if (!reason) {
		run(learner, station, inquiry, question->argument, await);
		return;
	}
	if (station && milter_breaker_is_down(&station->breaker))
		watch(station);
	answer_failed(inquiry, question->argument, reason);
	await_skip(await, OUTCOME_DONE);
}

struct learner milter_learner_row(struct milter_learner *learner)
{
	return (struct learner){begin, learner};
}

/* --- what they are told besides --- */

void milter_learner_note_unknown(
	struct milter_learner *learner, struct facts *facts, struct slice line)
{
	struct visit *visit = learner->visits ? find_visit(learner, facts) : NULL;

	for (size_t i = 0; visit && i < learner->count; i++) {
		if (visit->talks[i])
			milter_talk_note_unknown(visit->talks[i], line);
	}
}

void milter_learner_note_refused(struct milter_learner *learner, struct facts *facts,
	const struct recipient *recipient, const struct reply *reply)
{
	struct visit *visit = learner->visits ? find_visit(learner, facts) : NULL;

	for (size_t i = 0; visit && i < learner->count; i++) {
		if (visit->talks[i])
			milter_talk_note_refused(visit->talks[i], recipient, reply);
	}
}

/* --- life --- */

static int close_learner(struct milter_learner *learner)
{
	for (size_t i = 0; i < learner->count; i++) {
		timer_stop(&learner->stations[i].probe_timer);
		await_cancel(&learner->stations[i].probed);
		talloc_free(learner->stations[i].probe);
	}
	return 0;
}

static void init_station(struct station *station, struct table *table, uint8_t kind)
{
	const struct milter_options *options = station->peer.options;
	const char *reason;

	if (!milter_address_parse(options->entrance ? options->entrance : options->socket,
		    &station->peer.address, &reason))
		station->peer.address =
			(struct milter_address){0}; /* the configuration is no good */
	milter_breaker_init(&station->breaker, table, kind, options->name, options->socket);
	station->probe_timer = (struct timer){.on_due = on_probe_due, .owner = station};
	await_init(&station->probed, station->learner->loop->clock, on_probed, station);
}

struct milter_learner *milter_learner_new(const void *parent, struct loop *loop,
	struct table *table, uint8_t kind, const struct policy *policy,
	const struct milter_options *const *options, SSL_CTX *const *tls, size_t count)
{
	struct milter_learner *learner = talloc_zero(parent, struct milter_learner);

	learner->loop = loop;
	learner->count = count;
	learner->stations = talloc_zero_array(learner, struct station, count);
	for (size_t i = 0; i < count; i++) {
		struct station *station = &learner->stations[i];
		station->learner = learner;
		station->peer.options = options[i];
		station->peer.tls = tls[i];
		station->peer.body_most = BODY_FACTOR * (uint64_t)policy->limits->message_size;
		init_station(station, table, kind);
	}
	talloc_set_destructor(learner, close_learner);
	return learner;
}
