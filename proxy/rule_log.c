/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and counters of rules. */
#include "proxy/rule_log.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/breaker.h"
#include "policy/rulebook.h"
#include "policy/shadow.h"
#include "proxy/counters.h"
#include "proxy/gateway.h"

#include <talloc.h>

#define PERIOD 60000 /* ms between two lines about a rule that fails */

struct rule_log {
	const struct gateway *gateway;
	uint64_t *told; /* by the rule's index: clock_now() of its last line and 1, or 0 */
	bool told_blind;
};

struct rule_log *rule_log_new(const void *parent, const struct gateway *gateway)
{
	struct rule_log *log = talloc_zero(parent, struct rule_log);
	const struct rulebook *rulebook = gateway->configuration->policy->rulebook;

	log->gateway = gateway;
	if (rulebook)
		log->told = talloc_zero_array(log, uint64_t, rulebook->program->rule_count);
	return log;
}

static void begin_line(struct log_line *line, enum log_level level, const char *event,
	const char *id, const struct rule_outcome *outcome)
{
	log_begin(line, level, event);
	log_text(line, "id", id);
	log_text(line, "rule", outcome->rule->name);
}

static void log_failure(struct rule_log *log, const char *id, const struct rule_outcome *outcome)
{
	uint64_t *told = &log->told[outcome->rule->index];
	uint64_t now = clock_now(log->gateway->loop->clock);
	const struct place *place = &outcome->rule->place;
	char where[256];
	struct log_line line;

	if (*told && now < *told - 1 + PERIOD)
		return;
	*told = now + 1;
	snprintf(where, sizeof where, "%s:%u", place->file, place->line);
	begin_line(&line, LEVEL_WARNING, "rule_failed", id, outcome);
	log_text(&line, "place", where);
	log_text(&line, "reason", outcome->reason);
	log_text(&line, "did", outcome->count ? outcome->actions[0].row->name : "nothing");
	log_end(&line);
}

/* What it would have done. */
static void log_monitored(const char *id, const struct rule_outcome *outcome)
{
	char would[256] = "";
	size_t used = 0;
	struct log_line line;

	for (size_t i = 0; i < outcome->count && used < sizeof would; i++)
		used += (size_t)snprintf(would + used, sizeof would - used, "%s%s", i ? "," : "",
			outcome->actions[i].row->name);
	begin_line(&line, LEVEL_INFO, "rule_monitored", id, outcome);
	log_text(&line, "would", would);
	log_end(&line);
}

static void log_words(const char *id, const struct rule_outcome *outcome)
{
	struct log_line line;

	for (size_t i = 0; i < outcome->count; i++) {
		if (strcmp(outcome->actions[i].row->name, "log") != 0)
			continue;
		begin_line(&line, LEVEL_NOTICE, "rule", id, outcome);
		log_text(&line, "text", outcome->actions[i].arguments[0].value.text);
		log_end(&line);
	}
}

static void note(struct rule_log *log, const char *id, const struct rule_outcome *outcome)
{
	struct table *table = log->gateway->table;

	if (outcome->failed) {
		table_add(table, COUNT_RULES_FAILED, 1);
		log_failure(log, id, outcome);
	} else if (outcome->monitored) {
		table_add(table, COUNT_RULES_MONITORED, 1);
		log_monitored(id, outcome);
	} else {
		table_add(table, COUNT_RULES_MATCHED, 1);
		log_words(id, outcome);
	}
}

void rule_log_note(struct rule_log *log, const char *id, const struct inquiry *inquiry)
{
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);

	for (size_t i = 0; i < count; i++)
		note(log, id, &outcomes[i]);
}

/* --- the end --- */

static bool is_known(struct inquiry *inquiry, enum fact fact)
{
	struct value value;

	return inquiry_ask(inquiry, fact, &value) == FACT_KNOWN && value.boolean;
}

static bool is_known_good(struct inquiry *inquiry)
{
	return is_known(inquiry, FACT_CLIENT_KNOWN_GOOD) ||
		is_known(inquiry, FACT_SENDER_KNOWN_GOOD);
}

static const char *const alarms[] = {
	[BREAKER_ALARM] =
		"it harms senders known as good beyond breaker.hits and breaker.share; it is "
		"no young rule, and goes on: look at it",
	[BREAKER_FALL] =
		"it harms senders known as good beyond breaker.hits and breaker.share, and was "
		"changed lately: it does not act any more; correct it and reload",
};

static void raise_alarm(
	struct rule_log *log, const char *id, const struct rule *rule, enum breaker_step step)
{
	struct table *table = log->gateway->table;
	char where[256];
	struct log_line line;

	table_add(table, COUNT_RULES_ALARMS, 1);
	table_add(table, COUNT_RULES_FALLEN, step == BREAKER_FALL);
	snprintf(where, sizeof where, "%s:%u", rule->place.file, rule->place.line);
	log_begin(&line, LEVEL_ERROR, step == BREAKER_FALL ? "rule_fell" : "rule_alarm");
	log_text(&line, "id", id);
	log_text(&line, "rule", rule->name);
	log_text(&line, "place", where);
	log_text(&line, "text", alarms[step]);
	log_end(&line);
}

static void note_harm(struct rule_log *log, const char *id, const struct rule *rule)
{
	const struct rulebook *rulebook = log->gateway->configuration->policy->rulebook;
	bool is_blind;
	enum breaker_step step = breaker_note(rulebook->breaker, rule->index,
		clock_wall(log->gateway->loop->clock) / 1000, &is_blind);

	if (step != BREAKER_HOLDS)
		raise_alarm(log, id, rule, step);
	if (is_blind && !log->told_blind)
		log_event(LEVEL_ERROR, "rules_not_watched",
			"too many rules have harmed senders known as good: rule %s and others are "
			"not counted until postern is started anew",
			rule->name);
	log->told_blind |= is_blind;
}

/* Once a transaction, however often it spoke. */
static bool has_harmed_before(const struct inquiry *inquiry, size_t entry)
{
	for (size_t i = 0; i < entry; i++) {
		if (inquiry->trace[i].harms && inquiry->trace[i].rule == inquiry->trace[entry].rule)
			return true;
	}
	return false;
}

static void note_harms(struct rule_log *log, const char *id, struct inquiry *inquiry)
{
	table_add(log->gateway->table, COUNT_KNOWN_GOOD, 1);
	for (size_t i = 0; i < inquiry->trace_count; i++) {
		if (inquiry->trace[i].harms && !has_harmed_before(inquiry, i))
			note_harm(log, id, inquiry->trace[i].rule);
	}
}

void rule_log_note_end(struct rule_log *log, const char *id, struct inquiry *inquiry)
{
	const struct rulebook *rulebook = log->gateway->configuration->policy->rulebook;
	struct table *table = log->gateway->table;
	size_t count;

	shadow_differences(inquiry, &count);
	if (count)
		table_add(table, COUNT_SHADOW_DIFFERENT, 1);
	if (shadow_is_undecided(inquiry))
		table_add(table, COUNT_SHADOW_UNDECIDED, 1);
	if (rulebook && breaker_is_counting(rulebook->breaker) && is_known_good(inquiry))
		note_harms(log, id, inquiry);
}
