/* SPDX-License-Identifier: Apache-2.0 */
/* SPF over facts. */
#include "policy/spf_facts.h"

#include "policy/mail/domain.h"
#include "policy/spf.h"
#include "policy/spf_libspf2.h"

#include <talloc.h>

#define NULL_SENDER_LOCAL "postmaster" /* RFC 7208 §2.4 */

/* --- asking --- */

static enum fact_state ask(
	void *owner, enum spf_dns kind, const char *name, struct value_texts *answer)
{
	static const enum fact facts[] = {[SPF_DNS_A] = FACT_DNS_A,
		[SPF_DNS_AAAA] = FACT_DNS_AAAA,
		[SPF_DNS_MX] = FACT_DNS_MX,
		[SPF_DNS_TXT] = FACT_DNS_TXT,
		[SPF_DNS_PTR] = FACT_DNS_PTR};
	struct value value;
	enum fact_state state = inquiry_ask_of(owner, facts[kind], name, &value);

	*answer = state == FACT_KNOWN ? value.texts : (struct value_texts){NULL, 0};
	return state;
}

/* FACT_ABSENT: there is nobody to ask about. */
static enum fact_state make_query(
	struct inquiry *inquiry, const void *parent, struct spf_query *query)
{
	const char *sender = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");
	struct value ip;
	enum fact_state state;

	if (!inquiry_is_stranger(inquiry))
		return FACT_ABSENT;
	state = inquiry_ask(inquiry, FACT_ORIGIN_IP, &ip);
	if (state != FACT_KNOWN)
		return state;
	query->ip = ip.ip;
	query->helo = inquiry_text(inquiry, FACT_ORIGIN_HELO, "");
	query->local = *sender ? inquiry_text(inquiry, FACT_SENDER_LOCAL, "") : NULL_SENDER_LOCAL;
	query->domain = domain_to_ascii(parent, *sender ? sender : query->helo);
	query->receiver = inquiry->policy->site->hostname;
	query->seconds = inquiry_number(inquiry, FACT_NOW, 0);
	return query->domain ? FACT_KNOWN : FACT_ABSENT;
}

/* --- working out --- */

static struct spf_outcome evaluate(
	struct inquiry *inquiry, const void *parent, const struct spf_query *query)
{
	const struct spf_source source = {ask, inquiry};

	return inquiry->policy->spf->engine == SPF_ENGINE_LIBSPF2
		? spf_libspf2_evaluate(parent, query, &source)
		: spf_evaluate(parent, query, &source);
}

/* v=spf1 -all, and nothing else. */
static bool sends_no_mail(struct inquiry *inquiry, const void *parent, const char *domain)
{
	struct value texts;
	const char *problem;

	if (inquiry_ask_of(inquiry, FACT_DNS_TXT, domain, &texts) != FACT_KNOWN)
		return false;
	for (size_t i = 0; i < texts.texts.count; i++) {
		const char *text = texts.texts.items[i];
		const struct spf_record *record =
			spf_record_is_one(text) ? spf_record_parse(parent, text, &problem) : NULL;
		if (record)
			return record->count == 1 && record->terms[0].mechanism == SPF_ALL &&
				record->terms[0].result == SPF_FAIL;
	}
	return false;
}

static void tell(struct inquiry *inquiry, void *memory, const struct spf_query *query,
	const struct spf_outcome *outcome)
{
	struct facts *facts = inquiry->facts;
	bool is_helo = inquiry_bool(inquiry, FACT_SENDER_IS_NULL);
	struct value told;

	if (facts_get(facts, FACT_SPF_RESULT, &told) == FACT_UNKNOWN)
		facts_set_number(facts, FACT_SPF_RESULT, outcome->result);
	facts_set_text(facts, FACT_SPF_DOMAIN, query->domain);
	facts_set_text(facts, FACT_SPF_IDENTITY, is_helo ? "helo" : "mailfrom");
	facts_set_text(facts, FACT_SPF_EXPLANATION, outcome->explanation);
	facts_set_text(
		facts, FACT_SPF_DETAIL, outcome->problem ? outcome->problem : outcome->mechanism);
	facts_set_bool(facts, FACT_SPF_SENDS_NO_MAIL,
		outcome->result == SPF_FAIL && sends_no_mail(inquiry, memory, query->domain));
}

/* Works all of them out; FACT_KNOWN when that is done. */
static enum fact_state find_out(struct inquiry *inquiry)
{
	void *memory = talloc_new(inquiry->facts);
	struct spf_query query = {0};
	struct spf_outcome outcome;
	enum fact_state state = make_query(inquiry, memory, &query);

	if (state == FACT_KNOWN) {
		outcome = evaluate(inquiry, memory, &query);
		state = outcome.is_unknown ? FACT_UNKNOWN : FACT_KNOWN;
	}
	if (state == FACT_KNOWN)
		tell(inquiry, memory, &query, &outcome);
	else
		talloc_free(memory);
	return state;
}

enum fact_state spf_facts_derive(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	enum fact_state state = find_out(inquiry);

	(void)parent;
	value->text = "it is not known where the mail came from";
	return state == FACT_KNOWN ? facts_look_up(inquiry->facts, question, value) : state;
}

/* --- Received-SPF (RFC 7208 §9.1) --- */

/* A value of a pair: whatever is no dot-atom is quoted. */
static char *print_value(const void *parent, const char *value)
{
	char *text = talloc_strdup(parent, "\"");

	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			text = talloc_strdup_append_buffer(text, "\\");
		if (*value >= ' ' && *value < 0x7f)
			text = talloc_strndup_append_buffer(text, value, 1);
	}
	return talloc_strdup_append_buffer(text, "\"");
}

static const char *known_text(struct inquiry *inquiry, enum fact fact)
{
	struct value value;

	return facts_get(inquiry->facts, fact, &value) == FACT_KNOWN ? value.text : NULL;
}

char *spf_facts_received(const void *parent, struct inquiry *inquiry)
{
	const char *detail = known_text(inquiry, FACT_SPF_DETAIL), *result;
	struct value ip, number;
	char address[IP_TEXT_SIZE], *text;

	if (facts_get(inquiry->facts, FACT_SPF_RESULT, &number) != FACT_KNOWN ||
		facts_get(inquiry->facts, FACT_ORIGIN_IP, &ip) != FACT_KNOWN)
		return NULL;
	result = spf_result_name((enum spf_result)number.number);
	text = talloc_asprintf(parent, "%s receiver=%s; identity=%s; client-ip=%s", result,
		inquiry->policy->site->hostname, known_text(inquiry, FACT_SPF_IDENTITY),
		ip_print(&ip.ip, address));
	text = talloc_asprintf_append(text, "; envelope-from=%s; helo=%s",
		print_value(text, inquiry_text(inquiry, FACT_SENDER, "")),
		print_value(text, inquiry_text(inquiry, FACT_ORIGIN_HELO, "")));
	if (detail)
		text = talloc_asprintf_append(text, "; %s=%s",
			strcmp(result, "temperror") == 0 || strcmp(result, "permerror") == 0
				? "problem"
				: "mechanism",
			print_value(text, detail));
	return text;
}
