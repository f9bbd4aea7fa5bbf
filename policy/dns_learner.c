/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from the DNS. */
#include "policy/dns_learner.h"

#include "policy/mail/domain.h"

#include <talloc.h>

/* One question under way. */
struct learning {
	struct inquiry *inquiry;
	struct question question;
	struct dns_answer *answer;
	struct await asking;
	struct await *caller;
};

static const struct {
	enum fact fact;
	enum dns_type type;
} rows[] = {
	{FACT_DNS_A, DNS_A},
	{FACT_DNS_AAAA, DNS_AAAA},
	{FACT_DNS_MX, DNS_MX},
	{FACT_DNS_TXT, DNS_TXT},
	{FACT_DNS_PTR, DNS_PTR},
};

static enum dns_type type_of(enum fact fact)
{
	size_t i = 0;

	while (rows[i].fact != fact)
		i++;
	return rows[i].type;
}

/* The name to ask for; NULL: there can be no such name. */
static char *name_of(const void *parent, const struct question *question)
{
	struct ip ip;

	if (question->fact != FACT_DNS_PTR)
		return domain_to_ascii(parent, question->argument);
	return ip_parse(slice_of(question->argument), &ip) ? dns_reverse(parent, &ip, NULL) : NULL;
}

/* --- what was heard --- */

static const char *print_record(
	const void *parent, enum dns_type type, const struct dns_record *record)
{
	char ip[IP_TEXT_SIZE];

	if (type == DNS_MX)
		return talloc_asprintf(parent, "%u %s", record->preference, record->text);
	return talloc_strdup(parent, record->text ? record->text : ip_print(&record->ip, ip));
}

static struct value value_of(
	const void *parent, enum dns_type type, const struct dns_answer *answer)
{
	const char **items = talloc_array(parent, const char *, answer->count);

	for (size_t i = 0; i < answer->count; i++)
		items[i] = print_record(items, type, &answer->records[i]);
	return (struct value){.type = VALUE_TEXTS, .texts = {items, answer->count}};
}

static const char *failure_of(const struct dns_answer *answer)
{
	if (answer->outcome == DNS_FAILED)
		return dns_failure_text(answer->failure);
	return answer->dropped && !answer->count ? "the names in the answer are no host names"
						 : NULL;
}

static void settle(const struct learning *learning)
{
	const struct dns_answer *answer = learning->answer;
	struct facts *facts = facts_keeper(learning->inquiry->facts, learning->question.fact);
	const char *failure = failure_of(answer);

	if (failure)
		facts_answer(
			facts, &learning->question, FACT_FAILED, (struct value){.text = failure});
	else if (answer->outcome == DNS_NO_NAME)
		facts_answer(facts, &learning->question, FACT_ABSENT, (struct value){0});
	else
		facts_answer(facts, &learning->question, FACT_KNOWN,
			value_of(facts, type_of(learning->question.fact), answer));
}

/* --- asking --- */

static void on_answer(void *owner)
{
	struct learning *learning = owner;
	struct await *caller = learning->caller;

	settle(learning);
	talloc_free(learning->answer);
	talloc_free(learning);
	await_end(caller, OUTCOME_DONE);
}

static int give_up(struct learning *learning)
{
	await_cancel(&learning->asking);
	return 0;
}

static void cancel(void *operation)
{
	talloc_free(operation);
}

static void ask(struct dns *dns, struct learning *learning)
{
	char *name = name_of(learning, &learning->question);

	dns_begin_asking(dns, name ? name : "", type_of(learning->question.fact), &learning->answer,
		&learning->asking);
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct learning *learning = talloc_zero(inquiry, struct learning);

	learning->inquiry = inquiry;
	learning->question =
		(struct question){question->fact, talloc_strdup(learning, question->argument)};
	learning->caller = await;
	await_init(&learning->asking, await->clock, on_answer, learning);
	talloc_set_destructor(learning, give_up);
	ask(owner, learning);
	if (learning->asking.pending) {
		await_begin(await, AWAIT_FOR_EVER, cancel, learning);
		return;
	}
	settle(learning);
	talloc_free(learning->answer);
	talloc_free(learning);
	await_skip(await, OUTCOME_DONE);
}

struct learner dns_learner(struct dns *dns)
{
	return (struct learner){begin, dns};
}
