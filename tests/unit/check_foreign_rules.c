/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of conf/rules.d over honest mail that others have collected, as if strangers had sent it: none that acts hits more than one mail in
 * two hundred, and none stands on an anomaly that more of it has. */
#include "foreign.h"
#include "judging.h"

#include "policy/content/mime_anomaly.h"
#include "policy/rulebook.h"
#include "policy/ruling.h"
#include "policy/scan.h"

#include <ftw.h>
#include <sys/stat.h>

#define OFTEN 0.5 /* percent */
#define FILES_MAXIMUM 4096

struct house {
	struct policy *policy;
	struct chain *chain;
	struct scan_tools *tools;
	size_t *hits; /* by rule */
	size_t counts[MIME_ANOMALY_COUNT], mails;
};

/* nftw() hands nothing through. */
static char *paths[FILES_MAXIMUM];
static size_t path_count;

static int add_path(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type == FTW_F && path_count < FILES_MAXIMUM)
		paths[path_count++] = strdup(path);
	return 0;
}

/* --- a site with the rules that come along --- */

static void carry(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	const struct house *house = owner;
	struct slice answer = scan_answer(inquiry, house->tools, scan_ask(inquiry, inquiry),
		message_bytes(inquiry->message), 0);
	bool is_heard = scan_hear(inquiry, answer);

	(void)question;
	await_skip(await, is_heard ? OUTCOME_DONE : OUTCOME_FAILED);
}

static struct house *house_new(const void *parent)
{
	static const struct check *const no_gates[] = {NULL};
	const char *root = getenv("SOURCE_ROOT");
	struct house *house = talloc_zero(parent, struct house);
	struct complaints *complaints = complaints_new(house);
	struct learner learners[LEARNERS] = {{NULL, NULL}};
	char *file = talloc_asprintf(house, "%s/conf/postern.conf", root ? root : ".");

	house->policy = policy_new(house,
		settings_read_text(house, file,
			"hostname = mx.example.com relay { domains = {example.com} } checks { "
			"chain = "
			"{rules} } rules { files = {\"rules.d/*.rules\"} } scanner { time = 60s }",
			judging_sections, complaints),
		complaints);
	rulebook_read(house->policy, file, complaints);
	rulebook_compile(house->policy, complaints);
	complaints_print(complaints, stderr);
	assert(complaints_errors(complaints) == 0);
	house->tools = scan_prepare(house, house->policy);
	house->hits =
		talloc_zero_array(house, size_t, house->policy->rulebook->program->rule_count);
	learners[LEARNER_CONTENT] = (struct learner){carry, house};
	house->chain =
		chain_new(house, house->policy, no_gates, checks_table, learners, complaints);
	return house;
}

static struct inquiry *begin(const struct house *house, const void *parent, struct slice message)
{
	static const char *const recipients[] = {"b@example.com"};
	struct facts *facts = facts_new(parent, NULL);
	struct inquiry *inquiry = inquiry_new(parent, house->chain, facts);

	facts_set_bool(facts, FACT_CLIENT_TRUSTED, false);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, false);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, false);
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	facts_set_bool(facts, FACT_SENDER_IS_NULL, false);
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 1);
	inquiry->message = message_view(parent, message, 0);
	return inquiry;
}

static const struct rule_outcome *judge(struct inquiry *inquiry, size_t *count)
{
	struct await await;

	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	assert(!await.pending);
	return ruling_outcomes(inquiry, count);
}

/* --- honest mail --- */

static void judge_mail(struct house *house, const char *path)
{
	void *scratch = talloc_new(NULL);
	struct inquiry *inquiry = begin(house, scratch, foreign_load(scratch, path));
	size_t count;
	const struct rule_outcome *outcomes = judge(inquiry, &count);
	struct value value;

	for (size_t i = 0; i < count; i++)
		house->hits[outcomes[i].rule->index] += !outcomes[i].failed;
	if (facts_get(inquiry->facts, FACT_MIME_ANOMALIES, &value) == FACT_KNOWN)
		for (unsigned bit = 0; bit < MIME_ANOMALY_COUNT; bit++)
			house->counts[bit] += value.number >> bit & 1;
	house->mails++;
	talloc_free(scratch);
}

static double rate(const struct house *house, size_t hits)
{
	return 100.0 * (double)hits / (double)house->mails;
}

static bool acts(const struct rule *rule)
{
	return !rule->monitored;
}

static void tell_rules(const struct house *house, struct foreign *foreign)
{
	const struct program *program = house->policy->rulebook->program;

	for (size_t i = 0; i < program->rule_count; i++) {
		const struct rule *rule = program->rules[i];
		if (house->hits[i])
			printf("honest mail: rule %-28s %6.2f %%%s\n", rule->name,
				rate(house, house->hits[i]), acts(rule) ? "" : "  monitored");
		foreign_case(foreign, rule->name, slice_of("acts, and hits honest mail"),
			!acts(rule) || rate(house, house->hits[i]) <= OFTEN);
	}
}

/* --- anomalies --- */

/* A message of which nothing is known but this. */
static bool is_acted_upon(const struct house *house, unsigned bit)
{
	void *scratch = talloc_new(NULL);
	struct inquiry *inquiry = begin(house, scratch,
		slice_of("From: a@example.net\r\nDate: x\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n"));
	bool is_acted = false;
	size_t count;

	facts_set_number(inquiry->facts, FACT_MIME_ANOMALIES, INT64_C(1) << bit);
	const struct rule_outcome *outcomes = judge(inquiry, &count);
	for (size_t i = 0; i < count; i++)
		is_acted |= acts(outcomes[i].rule);
	talloc_free(scratch);
	return is_acted;
}

static void try_anomalies(const struct house *house, struct foreign *foreign)
{
	unsigned often = 0;

	for (unsigned bit = 0; bit < MIME_ANOMALY_COUNT; bit++) {
		if (rate(house, house->counts[bit]) <= OFTEN)
			continue;
		often++;
		foreign_case(foreign, mime_anomaly_names[bit],
			slice_of("honest mail has it, and a rule acts upon it"),
			!is_acted_upon(house, bit));
	}
	printf("honest mail: %zu messages, %u anomalies are too frequent to act upon\n",
		house->mails, often);
}

static struct foreign_deviation deviations[] = {{NULL, NULL, false}};

int main(void)
{
	struct foreign foreign = foreign_begin("mail/ham", deviations);
	struct house *house;

	nftw(foreign_path(&foreign, "."), add_path, 16, FTW_PHYS);
	if (!path_count)
		foreign_skip(&foreign, "there is no honest mail in POSTERN_TESTDATA");
	house = house_new(foreign.scratch);
	for (size_t i = 0; i < path_count; i++) {
		judge_mail(house, paths[i]);
		free(paths[i]);
	}
	tell_rules(house, &foreign);
	try_anomalies(house, &foreign);
	return foreign_end(&foreign);
}
