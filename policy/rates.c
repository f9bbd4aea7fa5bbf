/* SPDX-License-Identifier: Apache-2.0 */
/* How much of something somebody has had within a period. */
#include "policy/rates.h"

#include "base/quantity.h"

#include <ctype.h>
#include <inttypes.h>
#include <talloc.h>

/* --- whom --- */

static char *print_client(const void *parent, const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	return talloc_asprintf(parent, "client %s", ip_print(ip, text));
}

static char *print_network(const void *parent, const struct ip *ip)
{
	struct cidr network = cidr_around(ip);
	char text[CIDR_TEXT_SIZE];

	return talloc_asprintf(parent, "network %s", cidr_print(&network, text));
}

static char *print_text(const void *parent, const char *what, const char *text)
{
	char *printed = talloc_asprintf(parent, "%s %s", what, text);

	for (char *c = printed; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return printed;
}

const char *rates_key(const void *parent, struct inquiry *inquiry, const struct rate_options *rate,
	enum fact_state *state)
{
	static const struct {
		enum fact fact;
		const char *what;
	} whom[] = {[RATE_BY_CLIENT] = {FACT_ORIGIN_IP, "client"},
		[RATE_BY_CLIENT_NETWORK] = {FACT_ORIGIN_IP, "network"},
		[RATE_BY_SENDER_DOMAIN] = {FACT_SENDER_DOMAIN, "domain"},
		[RATE_BY_SENDER] = {FACT_SENDER, "sender"},
		[RATE_BY_USER] = {FACT_CLIENT_USER, "user"}};
	struct value value;

	*state = inquiry_ask(inquiry, whom[rate->by].fact, &value);
	if (*state != FACT_KNOWN)
		return NULL;
	if (rate->by == RATE_BY_CLIENT)
		return print_client(parent, &value.ip);
	if (rate->by == RATE_BY_CLIENT_NETWORK)
		return print_network(parent, &value.ip);
	return print_text(
		parent, whom[rate->by].what, value.text && *value.text ? value.text : "<>");
}

/* --- arguments --- */

char *rates_usage_argument(
	const void *parent, const struct rate_options *rate, const char *key, uint64_t amount)
{
	return talloc_asprintf(parent, "%s, %s, %" PRIu64, rate->name, key, amount);
}

/* Takes what stands behind the last ", " off. False when there is none. */
static bool cut_last(struct slice *text, struct slice *last)
{
	for (size_t i = text->size; i > 1; i--) {
		if (text->data[i - 2] != ',' || text->data[i - 1] != ' ')
			continue;
		*last = slice_make(text->data + i, text->size - i);
		text->size = i - 2;
		return true;
	}
	return false;
}

bool rates_read_usage(
	const struct policy *policy, const char *argument, struct rates_counter *counter)
{
	struct slice rest = slice_of(argument), amount, name;
	const struct rate_options *rate;

	if (!cut_last(&rest, &amount) || !slice_to_number(amount, &counter->amount))
		return false;
	name = slice_cut(&rest, ',');
	rate = policy_rate(policy, name);
	counter->kind = rate ? rate->name : "";
	counter->key = slice_trim(rest);
	counter->period = rate ? rate->period : 0;
	return rate && counter->key.size;
}

/* "key, 1h, rcpt": the stage is part of what is counted. */
bool rates_read_rate(const char *argument, struct rates_counter *counter)
{
	struct slice rest = slice_of(argument), stage, period;

	*counter = (struct rates_counter){.kind = "", .key = rest, .amount = 1};
	return cut_last(&rest, &stage) && cut_last(&rest, &period) &&
		quantity_parse(QUANTITY_DURATION, period, &counter->period) &&
		counter->period >= RATES_SHORTEST && counter->period <= RATES_LONGEST;
}

/* --- windows --- */

static uint64_t window_of(const struct rates_counter *counter, uint64_t wall)
{
	return wall / (uint64_t)counter->period;
}

struct store_key rates_window(const struct rates_counter *counter, uint64_t wall, unsigned before)
{
	char *text = talloc_asprintf(NULL, "%s %" PRId64 " %" PRIu64 " %.*s", counter->kind,
		counter->period, window_of(counter, wall) - before, SLICE_ARGS(counter->key));
	struct store_key key = store_key("rate", slice_of(text));

	talloc_free(text);
	return key;
}

struct store_note rates_note(const struct rates_counter *counter, uint64_t wall)
{
	return (struct store_note){
		rates_window(counter, wall, 0), counter->amount, 2 * (uint64_t)counter->period};
}

int64_t rates_sum(const struct rates_counter *counter, uint64_t wall, uint64_t now, uint64_t before)
{
	uint64_t period = (uint64_t)counter->period;
	double share = (double)(period - wall % period) / (double)period;

	return (int64_t)now + (int64_t)((double)before * share);
}

/* --- errors --- */

bool rates_note_error(struct inquiry *session, size_t n, uint64_t wall, struct store_note *note)
{
	const struct rate_options *rate = session->policy->rates[n];
	struct rates_counter counter = {rate->name, .period = rate->period, .amount = 1};
	enum fact_state state;
	const char *key;

	if (rate->of != RATE_OF_ERRORS ||
		(inquiry_bool(session, FACT_CLIENT_TRUSTED) && !rate->networks) ||
		(rate->by != RATE_BY_USER && inquiry_bool(session, FACT_CLIENT_TRUSTED_RELAY)))
		return false;
	key = rates_key(NULL, session, rate, &state);
	if (!key)
		return false;
	counter.key = slice_of(key);
	*note = rates_note(&counter, wall);
	talloc_free((void *)key);
	return true;
}
