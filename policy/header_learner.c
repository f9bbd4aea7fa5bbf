/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from the header of the message. */
#include "policy/header_learner.h"

#include "policy/mail/encoded_word.h"

#include <talloc.h>

#define TOO_LONG "the header is larger than what is looked at"

static bool is_unknown(const struct facts *facts, enum fact fact)
{
	struct value value;

	return facts_get(facts, fact, &value) == FACT_UNKNOWN;
}

/* What is not there may be where nobody looked. */
static void learn_text(
	struct facts *facts, const struct header *header, enum fact fact, const char *text)
{
	if (!is_unknown(facts, fact))
		return;
	if (!text && header->anomalies & HEADER_TOO_LONG)
		facts_set_failed(facts, fact, TOO_LONG);
	else
		facts_set_text(facts, fact, text);
}

/* A text with encoded-words in it. */
static void learn_encoded(
	struct facts *facts, const struct header *header, enum fact fact, const char *text)
{
	if (is_unknown(facts, fact))
		learn_text(facts, header, fact,
			text ? encoded_word_decode(facts, slice_of(text)) : NULL);
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
	learn_text(facts, header, FACT_FROM_ADDRESS, header->from);
	learn_text(facts, header, FACT_FROM_DOMAIN, header->from_domain);
	learn_encoded(facts, header, FACT_FROM_NAME, header->from_name);
	learn_text(facts, header, FACT_REPLY_TO_ADDRESS, header->reply_to);
	learn_text(facts, header, FACT_REPLY_TO_DOMAIN, header->reply_to_domain);
	learn_encoded(facts, header, FACT_REPLY_TO_NAME, header->reply_to_name);
	learn_encoded(facts, header, FACT_SUBJECT, header->subject);
	learn_text(facts, header, FACT_MESSAGE_ID, header->message_id);
}

static void learn_absence(struct facts *facts)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct fact_row *row = fact_row(fact);
		if (row->learner == LEARNER_HEADER && !row->argument && is_unknown(facts, fact))
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

/* Encoded-words have no place in Received (RFC 2047 §5), and origin.ip hangs on it. */
static const char *value_of(const void *parent, const struct field *field)
{
	char *text = header_unfold(parent, field->value), *decoded;

	if (slice_equals_nocase(field->name, "Received"))
		return text;
	decoded = encoded_word_decode(parent, slice_of(text));
	talloc_free(text);
	return decoded;
}

/* All fields of the name that is asked for. */
static struct value_texts values_of(
	struct facts *facts, const struct header *header, const char *name)
{
	struct value_texts values = {NULL, 0};
	const char **items = talloc_array(facts, const char *, 0);

	for (size_t i = 0; i < header->count; i++) {
		if (!slice_equals_nocase(header->fields[i].name, name))
			continue;
		if (values.count == talloc_array_length(items))
			items = talloc_realloc(facts, items, const char *, 2 * values.count + 1);
		items[values.count++] = value_of(items, &header->fields[i]);
	}
	values.items = items;
	return values;
}

/* There may be more of that name where nobody looked. That of the last hops stands on top. */
static bool may_lack(const struct header *header, const char *name, const struct value *value)
{
	bool is_on_top = value->texts.count && strcasecmp(name, "Received") == 0;

	return header && header->anomalies & HEADER_TOO_LONG && !is_on_top;
}

void header_learner_learn_fields(struct inquiry *inquiry, const struct question *question)
{
	struct value value = {.type = VALUE_TEXTS};
	enum fact_state state;

	if (!inquiry->header)
		header_learner_learn(inquiry);
	if (inquiry->header)
		value.texts = values_of(inquiry->facts, inquiry->header, question->argument);
	state = value.texts.count ? FACT_KNOWN : FACT_ABSENT;
	if (may_lack(inquiry->header, question->argument, &value)) {
		state = FACT_FAILED;
		value.text = TOO_LONG;
	}
	facts_answer(inquiry->facts, question, state, value);
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	(void)owner;
	if (question->argument)
		header_learner_learn_fields(inquiry, question);
	else
		header_learner_learn(inquiry);
	await_skip(await, OUTCOME_DONE);
}

struct learner header_learner(void)
{
	return (struct learner){begin, NULL};
}
