/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from inside a message. */
#include "policy/content_learner.h"

#include "policy/content/mime.h"

#include <talloc.h>

struct content_tools {
	const struct scanner_options *options;
	struct charset_set *charsets;
};

struct content_tools *content_tools_new(const void *parent, const struct scanner_options *options)
{
	struct content_tools *tools = talloc_zero(parent, struct content_tools);

	tools->options = options;
	tools->charsets = charset_prepare(tools);
	return tools;
}

static bool is_unknown(const struct facts *facts, enum fact fact)
{
	struct value value;

	return facts_get(facts, fact, &value) == FACT_UNKNOWN;
}

static void learn_absence(struct facts *facts)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (fact_row(fact)->learner == LEARNER_CONTENT && is_unknown(facts, fact))
			facts_set_absent(facts, fact);
	}
}

void content_learner_learn(struct inquiry *inquiry, const struct content_tools *tools)
{
	struct facts *facts = inquiry->facts;

	if (inquiry->message) {
		struct mime *mime =
			mime_parse(facts, tools->charsets, message_bytes(inquiry->message));
		facts_set_number(facts, FACT_MIME_ANOMALIES, (int64_t)mime->anomalies);
		facts_set_number(facts, FACT_MIME_PARTS, (int64_t)mime->regular);
	}
	learn_absence(facts);
}
