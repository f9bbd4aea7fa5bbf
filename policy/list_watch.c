/* SPDX-License-Identifier: Apache-2.0 */
/* Watches over the lists in the DNS. */
#include "policy/list_watch.h"

#include "base/log.h"

#include <talloc.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

enum canary { CANARY_LISTED, CANARY_NOT_LISTED, CANARIES };

struct watched;

struct bird {
	struct watched *watched;
	struct await await;
	struct dns_answer *answer;
};

/* A list, and what is known of it. */
struct watched {
	struct list_watch *watch;
	const struct dns_list *list;
	struct bird birds[CANARIES];
	struct timer next;
	struct timer pardon; /* running: suspended for its share */
	const char *wrong;   /* what is wrong with its canaries; NULL: nothing */
	struct list_share share;
};

struct list_watch {
	struct clock *clock;
	struct dns *dns;
	struct watched *items;
	size_t count;
};

/* --- suspending --- */

static const char *suspension_of(const struct watched *watched)
{
	if (watched->wrong)
		return watched->wrong;
	return timer_is_running(&watched->pardon) ? "it lists too many known-good clients" : NULL;
}

static void alarm_about(const struct watched *watched, const char *before)
{
	const char *now = suspension_of(watched);
	struct log_line line;

	if (!now == !before)
		return;
	log_begin(&line, now ? LEVEL_ERROR : LEVEL_NOTICE,
		now ? "dns_list_suspended" : "dns_list_resumed");
	log_text(&line, "zone", watched->list->zone);
	log_text(&line, "reason", now ? now : "it answers its canaries well again");
	log_end(&line);
}

static void set_wrong(struct watched *watched, const char *wrong)
{
	const char *before = suspension_of(watched);

	watched->wrong = wrong;
	alarm_about(watched, before);
}

/* --- canaries --- */

static const char *const canaries[CANARIES][2] = {
	[CANARY_LISTED] = {"2.0.0.127", "test"},
	[CANARY_NOT_LISTED] = {"1.0.0.127", "invalid"},
};

static bool is_known(const struct dns_answer *answer)
{
	return answer && answer->outcome != DNS_FAILED;
}

static bool is_listing(const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		if (answer->records[i].ip.bytes[0] == 127)
			return true;
	}
	return false;
}

static bool refuses_us(const struct dns_answer *answer)
{
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < answer->count; i++) {
		if (dns_list_is_refusal(ip_print(&answer->records[i].ip, text)))
			return true;
	}
	return false;
}

static void look(struct watched *watched)
{
	const struct dns_answer *listed = watched->birds[CANARY_LISTED].answer;
	const struct dns_answer *other = watched->birds[CANARY_NOT_LISTED].answer;

	if (is_known(listed) && refuses_us(listed))
		set_wrong(watched,
			"it refuses our questions (127.255.255.0/24): ask it through a name "
			"server of your own, or register there");
	else if (is_known(listed) && !is_listing(listed))
		set_wrong(watched, "it does not list what every list must, so it is dead");
	else if (is_known(other) && other->outcome == DNS_FOUND)
		set_wrong(watched, "it lists what no list may, so it lists everybody");
	else if (is_known(listed) && is_known(other))
		set_wrong(watched, NULL);
	timer_start(&watched->next, watched->watch->clock,
		watched->wrong || !is_known(listed) || !is_known(other) ? 5 * MINUTE : HOUR);
}

static bool are_all_back(const struct watched *watched)
{
	for (int i = 0; i < CANARIES; i++) {
		if (!watched->birds[i].answer)
			return false;
	}
	return true;
}

static void on_canary(void *owner)
{
	struct bird *bird = owner;

	if (are_all_back(bird->watched))
		look(bird->watched);
}

static void send_canaries(void *owner)
{
	struct watched *watched = owner;
	struct list_watch *watch = watched->watch;
	bool is_waiting = false;

	for (int i = 0; i < CANARIES; i++)
		TALLOC_FREE(watched->birds[i].answer);
	for (int i = 0; i < CANARIES; i++) {
		struct bird *bird = &watched->birds[i];
		char *name = talloc_asprintf(watch, "%s.%s",
			canaries[i][watched->list->kind == RHSBL], watched->list->zone);
		dns_begin_asking(watch->dns, name, DNS_A, &bird->answer, &bird->await);
		is_waiting |= bird->await.pending;
		talloc_free(name);
	}
	if (!is_waiting)
		look(watched);
}

/* --- known-good clients --- */

static void on_pardon(void *owner)
{
	const struct watched *watched = owner;

	alarm_about(watched, "its share");
}

static void note(struct watched *watched, bool is_listed)
{
	const char *before = suspension_of(watched);

	list_share_note(&watched->share, is_listed);
	if (!list_share_is_beyond(&watched->share, watched->list->options->share))
		return;
	watched->share = (struct list_share){0, 0};
	timer_start(&watched->pardon, watched->watch->clock, 24 * HOUR);
	alarm_about(watched, before);
}

void list_watch_note(struct list_watch *watch, const struct facts *facts)
{
	struct value value;

	if (facts_get(facts, FACT_CLIENT_KNOWN_GOOD, &value) != FACT_KNOWN || !value.boolean)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *watched = &watch->items[i];
		struct dns_list_hit hit;
		enum fact_state state = facts_look_up(
			facts, &(struct question){FACT_DNSBL, watched->list->zone}, &value);
		if (watched->list->kind != DNSBL || state == FACT_UNKNOWN || state == FACT_FAILED)
			continue;
		note(watched,
			state == FACT_KNOWN && dns_list_matches(watched->list, &value.texts, &hit));
	}
}

/* --- the learner --- */

static const char *suspension_of_zone(const struct list_watch *watch, const char *zone)
{
	const char *reason = NULL;

	for (size_t i = 0; i < watch->count && !reason; i++) {
		if (strcmp(watch->items[i].list->zone, zone) == 0)
			reason = suspension_of(&watch->items[i]);
	}
	return reason;
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	const char *reason = suspension_of_zone(owner, question->argument);
	struct facts *facts = facts_keeper(inquiry->facts, question->fact);

	facts_answer(facts, question, reason ? FACT_KNOWN : FACT_ABSENT,
		(struct value){.type = VALUE_STRING, .text = reason});
	await_skip(await, OUTCOME_DONE);
}

struct learner list_watch_learner(struct list_watch *watch)
{
	return (struct learner){begin, watch};
}

/* --- life --- */

static int close_watch(struct list_watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		timer_stop(&watch->items[i].next);
		timer_stop(&watch->items[i].pardon);
		for (int canary = 0; canary < CANARIES; canary++)
			await_cancel(&watch->items[i].birds[canary].await);
	}
	return 0;
}

static void begin_watching(struct watched *watched)
{
	watched->next = (struct timer){.on_due = send_canaries, .owner = watched};
	watched->pardon = (struct timer){.on_due = on_pardon, .owner = watched};
	for (int i = 0; i < CANARIES; i++) {
		watched->birds[i].watched = watched;
		await_init(&watched->birds[i].await, watched->watch->clock, on_canary,
			&watched->birds[i]);
	}
	if (watched->list->options->canaries && watched->list->options->action)
		send_canaries(watched);
}

struct list_watch *list_watch_new(
	const void *parent, struct clock *clock, struct dns *dns, const struct dns_lists *lists)
{
	struct list_watch *watch = talloc_zero(parent, struct list_watch);

	watch->clock = clock;
	watch->dns = dns;
	watch->count = lists->count;
	watch->items = talloc_zero_array(watch, struct watched, lists->count);
	talloc_set_destructor(watch, close_watch);
	for (size_t i = 0; i < lists->count; i++) {
		watch->items[i].watch = watch;
		watch->items[i].list = &lists->items[i];
		begin_watching(&watch->items[i]);
	}
	return watch;
}
