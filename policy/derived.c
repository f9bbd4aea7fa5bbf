/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that follow from others. */
#include "policy/derived.h"

#include "base/dns.h"
#include "base/quantity.h"
#include "policy/dns_list.h"
#include "policy/greylist.h"
#include "policy/known_good.h"
#include "policy/mail/domain.h"
#include "policy/origin.h"
#include "policy/spf_facts.h"

#include <assert.h>
#include <openssl/evp.h>
#include <talloc.h>
#include <time.h>

#define HASH_SIZE 32 /* of SHA-256 */
#define TEXTS_KEPT 10
#define NAMES_LOOKED_AT 5 /* of a client; one that has more is no better known for it */

/* --- names of the client --- */

static char *print_client(const void *parent, struct inquiry *inquiry)
{
	struct value client;
	char ip[IP_TEXT_SIZE];

	if (inquiry_ask(inquiry, FACT_CLIENT_IP, &client) != FACT_KNOWN)
		return NULL;
	return talloc_strdup(parent, ip_print(&client.ip, ip));
}

/* What dns.ptr says, but that an empty answer is none. */
static enum fact_state ask_names(struct inquiry *inquiry, struct value *names)
{
	char *client = print_client(NULL, inquiry);
	enum fact_state state = FACT_ABSENT;

	if (client)
		state = inquiry_ask_of(inquiry, FACT_DNS_PTR, client, names);
	talloc_free(client);
	return state == FACT_KNOWN && names->texts.count == 0 ? FACT_ABSENT : state;
}

/* The first of them: what stays with an idle session is bounded. */
static struct value copy_texts(const void *parent, const struct value *texts)
{
	size_t count = texts->texts.count < TEXTS_KEPT ? texts->texts.count : TEXTS_KEPT;
	const char **items = talloc_array(parent, const char *, count);

	for (size_t i = 0; i < count; i++)
		items[i] = talloc_strdup(items, texts->texts.items[i]);
	return (struct value){.type = VALUE_TEXTS, .texts = {items, count}};
}

static enum fact_state derive_ptr(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	enum fact_state state = ask_names(inquiry, value);

	(void)question;
	if (state == FACT_KNOWN)
		*value = copy_texts(parent, value);
	return state;
}

static bool has_address(const struct value *addresses, const struct ip *ip)
{
	struct ip other;

	for (size_t i = 0; i < addresses->texts.count; i++) {
		if (ip_parse(slice_of(addresses->texts.items[i]), &other) && ip_equals(ip, &other))
			return true;
	}
	return false;
}

/* Asks for all names together, so that all are known in the second run. */
static enum fact_state derive_name(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	struct value names, client, addresses;
	enum fact_state state = ask_names(inquiry, &names), worst = FACT_ABSENT;

	(void)question;
	if (state != FACT_KNOWN) {
		*value = names;
		return state;
	}
	inquiry_ask(inquiry, FACT_CLIENT_IP, &client);
	for (size_t i = 0; i < names.texts.count && i < NAMES_LOOKED_AT; i++) {
		const char *name = names.texts.items[i];
		state = inquiry_ask_of(inquiry, client.ip.family == 4 ? FACT_DNS_A : FACT_DNS_AAAA,
			name, &addresses);
		if (state == FACT_KNOWN && worst != FACT_UNKNOWN &&
			has_address(&addresses, &client.ip)) {
			*value = (struct value){
				.type = VALUE_DOMAIN, .text = talloc_strdup(parent, name)};
			return FACT_KNOWN;
		}
		if (state == FACT_UNKNOWN || (state == FACT_FAILED && worst == FACT_ABSENT)) {
			worst = state;
			*value = addresses;
		}
	}
	return worst;
}

/* --- lists in the DNS --- */

/* What the zone answered is a listing, or it is none; a zone that says something else has failed. */
static enum fact_state read_codes(enum fact_state state, const void *parent, struct value *value)
{
	const char *failure = NULL;

	if (state != FACT_KNOWN)
		return state;
	for (size_t i = 0; i < value->texts.count; i++) {
		if (!dns_list_is_code(value->texts.items[i]))
			failure = "the list answers with addresses outside 127.0.0.0/8";
		else if (dns_list_is_refusal(value->texts.items[i]))
			failure = "the list refuses our questions (127.255.255.0/24)";
	}
	if (failure)
		*value = (struct value){.text = failure};
	else if (value->texts.count)
		*value = copy_texts(parent, value);
	if (failure)
		return FACT_FAILED;
	return value->texts.count ? FACT_KNOWN : FACT_ABSENT;
}

/* Asked together with whether the list is suspended, so that it takes one round. */
static enum fact_state ask_list(struct inquiry *inquiry, const char *zone, const char *name,
	const void *parent, struct value *value)
{
	struct value reason;
	enum fact_state suspended = inquiry_ask_of(inquiry, FACT_DNSBL_SUSPENDED, zone, &reason);
	enum fact_state state;

	if (suspended == FACT_KNOWN) {
		*value = (struct value){.text = reason.text};
		return FACT_FAILED;
	}
	state = inquiry_ask_of(inquiry, FACT_DNS_A, name, value);
	if (suspended == FACT_UNKNOWN)
		return FACT_UNKNOWN;
	return read_codes(state, parent, value);
}

static enum fact_state derive_dnsbl(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	enum fact_state state = inquiry_ask(inquiry, FACT_ORIGIN_IP, value);
	char *name;

	if (state != FACT_KNOWN)
		return state;
	name = dns_reverse(NULL, &value->ip, question->argument);
	state = ask_list(inquiry, question->argument, name, parent, value);
	talloc_free(name);
	return state;
}

/* "zone, domain" */
static enum fact_state derive_rhsbl(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	const char *comma = strchr(question->argument, ',');
	char *zone, *name;
	enum fact_state state;

	if (!comma)
		return FACT_ABSENT;
	zone = talloc_strndup(NULL, question->argument, (size_t)(comma - question->argument));
	name = talloc_asprintf(zone, "%s.%s", comma + 1 + strspn(comma + 1, " "), zone);
	state = ask_list(inquiry, zone, name, parent, value);
	talloc_free(zone);
	return state;
}

/* --- names in the DNS --- */

/* As it stands in the DNS; NULL for what is no name. */
static char *name_asked(const struct question *question)
{
	if (!domain_is_valid(slice_of(question->argument), true))
		return NULL;
	return domain_to_ascii(NULL, question->argument);
}

/* Both kinds of addresses are asked for together. */
static enum fact_state derive_resolves(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	static const enum fact kinds[] = {FACT_DNS_A, FACT_DNS_AAAA};
	char *name = name_asked(question);
	enum fact_state state, worst = name ? FACT_KNOWN : FACT_ABSENT;
	bool resolves = false;

	(void)parent;
	*value = (struct value){.type = VALUE_BOOL};
	for (size_t i = 0; name && i < 2; i++) {
		struct value addresses;
		state = inquiry_ask_of(inquiry, kinds[i], name, &addresses);
		resolves = resolves || (state == FACT_KNOWN && addresses.texts.count);
		if (state == FACT_UNKNOWN || (state == FACT_FAILED && worst == FACT_KNOWN)) {
			worst = state;
			value->text = addresses.text;
		}
	}
	talloc_free(name);
	if (resolves)
		*value = (struct value){.type = VALUE_BOOL, .boolean = true};
	return resolves ? FACT_KNOWN : worst;
}

/* "10 mx.example.com" without its number; "0 ." is none. */
static enum fact_state derive_mx(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	char *name = name_asked(question);
	enum fact_state state =
		name ? inquiry_ask_of(inquiry, FACT_DNS_MX, name, value) : FACT_ABSENT;
	const char **items;
	size_t count = 0;

	talloc_free(name);
	if (state != FACT_KNOWN)
		return state;
	items = talloc_array(parent, const char *, value->texts.count);
	for (size_t i = 0; i < value->texts.count; i++) {
		const char *blank = strchr(value->texts.items[i], ' ');
		if (blank && strcmp(blank, " .") != 0)
			items[count++] = talloc_strdup(items, blank + 1);
	}
	*value = (struct value){.type = VALUE_TEXTS, .texts = {items, count}};
	return count ? FACT_KNOWN : FACT_ABSENT;
}

/* --- the clock --- */

static enum fact_state derive_time(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	enum fact_state state = inquiry_ask(inquiry, FACT_NOW, value);
	time_t now = (time_t)value->number;
	struct tm tm;

	(void)parent;
	if (state != FACT_KNOWN || !gmtime_r(&now, &tm))
		return state == FACT_KNOWN ? FACT_ABSENT : state;
	value->type = fact_row(question->fact)->type;
	value->number = question->fact == FACT_NOW_HOUR ? tm.tm_hour : tm.tm_wday;
	return FACT_KNOWN;
}

/* --- the message --- */

/* Whether what another fact says is a domain of ours. */
static enum fact_state derive_is_ours(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	enum fact of = question->fact == FACT_SENDER_IS_OURS ? FACT_SENDER_DOMAIN
		: question->fact == FACT_FROM_IS_OURS        ? FACT_FROM_DOMAIN
							     : FACT_HELO_NAME;
	enum fact_state state = inquiry_ask(inquiry, of, value);
	const struct policy *policy = inquiry->policy;
	bool is_ours;

	(void)parent;
	if (state != FACT_KNOWN)
		return state;
	is_ours = policy_is_our_domain(policy, value->text) ||
		(of == FACT_HELO_NAME && strcasecmp(value->text, policy->site->hostname) == 0);
	*value = (struct value){.type = VALUE_BOOL, .boolean = is_ours};
	return FACT_KNOWN;
}

/* One of them is the other, or below it. */
static bool is_related(const char *a, const char *b)
{
	size_t longer = strlen(a), shorter = strlen(b);

	if (longer < shorter)
		return is_related(b, a);
	return strcasecmp(a + longer - shorter, b) == 0 &&
		(longer == shorter || a[longer - shorter - 1] == '.');
}

static enum fact_state derive_reply_to_differs(struct inquiry *inquiry,
	const struct question *question, const void *parent, struct value *value)
{
	struct value from;
	enum fact_state state = inquiry_ask(inquiry, FACT_FROM_DOMAIN, &from);

	(void)question;
	(void)parent;
	if (state == FACT_KNOWN)
		state = inquiry_ask(inquiry, FACT_REPLY_TO_DOMAIN, value);
	else
		*value = from;
	if (state == FACT_KNOWN)
		*value = (struct value){
			.type = VALUE_BOOL, .boolean = !is_related(from.text, value->text)};
	return state;
}

static enum fact_state derive_hash(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	struct slice bytes;
	unsigned char hash[HASH_SIZE];
	char *text;
	enum fact_state state = inquiry_ask_message(inquiry, value);

	(void)question;
	if (state != FACT_KNOWN)
		return state;
	bytes = message_bytes(inquiry->message);
	if (!EVP_Digest(bytes.data, bytes.size, hash, NULL, EVP_sha256(), NULL)) {
		value->text = "SHA-256 cannot be computed";
		return FACT_FAILED;
	}
	text = talloc_array(parent, char, 2 * HASH_SIZE + 1);
	for (size_t i = 0; i < HASH_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	*value = (struct value){.type = VALUE_STRING, .text = text};
	return FACT_KNOWN;
}

/* --- greylisting, for rules --- */

/* What has passed before is asked first: the age counts. */
static enum fact_state derive_young(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	const char *client = "";
	enum fact_state state = greylist_client(inquiry, parent, &client);
	int64_t age = 0;

	if (state != FACT_KNOWN ||
		!quantity_parse(QUANTITY_DURATION, slice_of(question->argument), &age))
		return state == FACT_KNOWN ? FACT_ABSENT : state;
	state = inquiry_ask_of(inquiry, FACT_GREYLIST_PASSED,
		greylist_passed_argument(parent, inquiry, client), value);
	if (state != FACT_KNOWN || value->boolean) {
		*value = state == FACT_KNOWN ? (struct value){.type = VALUE_BOOL, .boolean = false}
					     : *value;
		return state;
	}
	state = inquiry_ask_of(inquiry, FACT_GREYLIST_AGE,
		greylist_age_argument(parent, inquiry, client, greylist_recipient(inquiry)), value);
	if (state == FACT_KNOWN)
		*value = (struct value){.type = VALUE_BOOL, .boolean = value->number < age};
	return state;
}

/* --- all of them --- */

static const struct derived {
	enum fact fact;
	enum fact_state (*derive)(struct inquiry *inquiry, const struct question *question,
		const void *parent, struct value *value);
} deriveds[] = {
	{FACT_CLIENT_PTR, derive_ptr},
	{FACT_CLIENT_NAME, derive_name},
	{FACT_ORIGIN_IP, origin_derive_ip},
	{FACT_ORIGIN_HELO, origin_derive_helo},
	{FACT_SPF_RESULT, spf_facts_derive},
	{FACT_SPF_DOMAIN, spf_facts_derive},
	{FACT_SPF_IDENTITY, spf_facts_derive},
	{FACT_SPF_EXPLANATION, spf_facts_derive},
	{FACT_SPF_DETAIL, spf_facts_derive},
	{FACT_SPF_SENDS_NO_MAIL, spf_facts_derive},
	{FACT_GREYLIST_YOUNG, derive_young},
	{FACT_NOW_HOUR, derive_time},
	{FACT_NOW_WEEKDAY, derive_time},
	{FACT_HELO_IS_OURS, derive_is_ours},
	{FACT_SENDER_IS_OURS, derive_is_ours},
	{FACT_FROM_IS_OURS, derive_is_ours},
	{FACT_REPLY_TO_DIFFERS, derive_reply_to_differs},
	{FACT_MESSAGE_HASH, derive_hash},
	{FACT_RESOLVES, derive_resolves},
	{FACT_MX, derive_mx},
	{FACT_DNSBL, derive_dnsbl},
	{FACT_RHSBL, derive_rhsbl},
	{FACT_SENDER_KNOWN_GOOD, known_good_derive_sender},
};

/* What is of a transaction is not of its session, though it may be asked about before; and what is not there may come with a later
 * stage. */
static bool is_to_be_kept(const struct inquiry *inquiry, enum fact fact, enum fact_state state)
{
	enum stage first = state == FACT_ABSENT ? STAGE_MESSAGE : STAGE_MAIL;

	return state != FACT_UNKNOWN &&
		(fact_row(fact)->period == PER_SESSION || inquiry->stage >= first);
}

enum fact_state derived_ask(
	struct inquiry *inquiry, const struct question *question, struct value *value)
{
	struct facts *facts = facts_keeper(inquiry->facts, question->fact);
	const struct derived *derived = deriveds;
	enum fact_state state;

	while (derived->fact != question->fact)
		derived++;
	assert(derived < deriveds + sizeof deriveds / sizeof *deriveds);
	state = derived->derive(inquiry, question, facts, value);
	if (state == FACT_FAILED)
		value->text = talloc_strdup(facts, value->text);
	if (is_to_be_kept(inquiry, question->fact, state))
		facts_answer(facts, question, state, *value);
	return state;
}
