/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from the header of the message. */
#include "policy/header_learner.h"

#include <talloc.h>

static bool is_unknown(const struct facts *facts, enum fact fact)
{
	struct value value;

	return facts_get(facts, fact, &value) == FACT_UNKNOWN;
}

static void learn_text(struct facts *facts, enum fact fact, const char *text)
{
	if (is_unknown(facts, fact))
		facts_set_text(facts, fact, text);
}

static void learn_number(struct facts *facts, enum fact fact, int64_t number)
{
	if (is_unknown(facts, fact))
		facts_set_number(facts, fact, number);
}

static void learn_from(struct facts *facts, const struct header *header)
{
	learn_number(facts, FACT_HEADER_ANOMALIES, header->anomalies);
	learn_number(facts, FACT_RECEIVED_COUNT, header->received);
	learn_text(facts, FACT_FROM_ADDRESS, header->from);
	learn_text(facts, FACT_FROM_DOMAIN, header->from_domain);
	learn_text(facts, FACT_SUBJECT, header->subject);
	learn_text(facts, FACT_MESSAGE_ID, header->message_id);
}

static void learn_absence(struct facts *facts)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (fact_row(fact)->learner == LEARNER_HEADER && is_unknown(facts, fact))
			facts_set_absent(facts, fact);
	}
}

void header_learner_learn(struct inquiry *inquiry)
{
	if (!inquiry->message) {
		learn_absence(inquiry->facts);
		return;
	}
	/* The facts borrow its texts. */
	inquiry->header = header_parse(inquiry->facts, message_bytes(inquiry->message));
	learn_from(inquiry->facts, inquiry->header);
}

static void begin(void *owner, struct inquiry *inquiry, enum fact fact, struct await *await)
{
	(void)owner;
	(void)fact;
	header_learner_learn(inquiry);
	await_skip(await, OUTCOME_DONE);
}

struct learner header_learner(void)
{
	return (struct learner){begin, NULL};
}
