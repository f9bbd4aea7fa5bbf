/* SPDX-License-Identifier: Apache-2.0 */
/* Where a mail came from. */
#include "policy/origin.h"

#include <ctype.h>
#include <talloc.h>

#define HOPS_MAXIMUM 100 /* of our own */
#define NO_HEADER "the header could not be read"

/* --- a Received field --- */

static bool is_separator(char byte)
{
	return isspace((unsigned char)byte) || byte == '(' || byte == ')' || byte == ';' ||
		byte == ',';
}

/* The next word outside of separators; empty at the end. */
static struct slice take_word(struct slice *text)
{
	struct slice word;

	while (text->size && is_separator(text->data[0]))
		*text = slice_from(*text, 1);
	word = slice_make(text->data, 0);
	while (text->size && !is_separator(text->data[0])) {
		*text = slice_from(*text, 1);
		word.size++;
	}
	return word;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", "192.0.2.1", "[192.0.2.1]:25" */
static bool read_address(struct slice word, struct ip *ip)
{
	if (word.size && word.data[0] == '[') {
		size_t end = slice_find(word, ']');
		word = slice_make(word.data + 1, end == SIZE_MAX ? word.size - 1 : end - 1);
	}
	if (slice_starts_nocase(word, "IPv6:"))
		word = slice_from(word, strlen("IPv6:"));
	return ip_parse(word, ip);
}

/* How much an address in a field is worth; a HELO name stands before the others and is the client's own invention. */
enum worth { WORTH_NOTHING, WORTH_HELO, WORTH_BARE, WORTH_IN_BRACKETS };

static enum worth weigh(struct slice word, const struct slice *helo, struct ip *ip)
{
	if (!read_address(word, ip))
		return WORTH_NOTHING;
	if (word.data == helo->data)
		return WORTH_HELO;
	return word.data[0] == '[' ? WORTH_IN_BRACKETS : WORTH_BARE;
}

bool origin_read_received(struct slice received, struct ip *ip, struct slice *helo)
{
	struct slice word = take_word(&received);
	enum worth best = WORTH_NOTHING;
	struct ip other;

	if (!slice_equals_nocase(word, "from"))
		return false;
	word = take_word(&received);
	*helo = word;
	for (; word.size && !slice_equals_nocase(word, "by"); word = take_word(&received)) {
		if (slice_equals_nocase(word, "HELO"))
			*helo = take_word(&received);
		if (slice_starts_nocase(word, "helo="))
			*helo = slice_from(word, strlen("helo="));
		enum worth worth = weigh(word, helo, &other);
		if (worth == WORTH_NOTHING || worth < best)
			continue;
		*ip = other;
		best = worth;
	}
	return best != WORTH_NOTHING;
}

/* --- the facts --- */

struct origin {
	struct ip ip;
	struct slice helo;
};

static bool is_ours(const struct inquiry *inquiry, const struct ip *ip)
{
	return cidrs_contain(&inquiry->policy->site->trusted_relays, ip) ||
		cidrs_contain(&inquiry->policy->relay->networks, ip);
}

static enum fact_state find_hop(struct inquiry *inquiry, struct origin *origin)
{
	struct value received;
	enum fact_state state = inquiry_ask_of(inquiry, FACT_HEADER, "Received", &received);

	if (state != FACT_KNOWN)
		return state;
	for (size_t i = 0; i < received.texts.count && i < HOPS_MAXIMUM; i++) {
		struct slice field = slice_of(received.texts.items[i]);
		if (!origin_read_received(field, &origin->ip, &origin->helo))
			return FACT_ABSENT;
		if (!is_ours(inquiry, &origin->ip))
			return FACT_KNOWN;
	}
	return FACT_ABSENT;
}

static enum fact_state find(struct inquiry *inquiry, struct origin *origin)
{
	struct value value;

	if (inquiry_ask(inquiry, FACT_FORWARDED_IP, &value) == FACT_KNOWN) {
		origin->ip = value.ip;
		origin->helo = slice_of(inquiry_text(inquiry, FACT_FORWARDED_HELO, ""));
		return FACT_KNOWN;
	}
	if (inquiry_bool(inquiry, FACT_CLIENT_TRUSTED_RELAY))
		return find_hop(inquiry, origin);
	if (inquiry_ask(inquiry, FACT_CLIENT_IP, &value) != FACT_KNOWN)
		return FACT_ABSENT;
	origin->ip = value.ip;
	origin->helo = slice_of(inquiry_text(inquiry, FACT_HELO_NAME, ""));
	return FACT_KNOWN;
}

enum fact_state origin_derive_ip(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	struct origin origin = {0};
	enum fact_state state = find(inquiry, &origin);

	(void)question;
	(void)parent;
	*value = (struct value){.type = VALUE_IP, .ip = origin.ip};
	if (state == FACT_FAILED)
		value->text = NO_HEADER;
	return state;
}

enum fact_state origin_derive_helo(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	struct origin origin = {0};
	enum fact_state state = find(inquiry, &origin);

	(void)question;
	if (state == FACT_KNOWN && !origin.helo.size)
		state = FACT_ABSENT;
	*value = (struct value){.type = VALUE_STRING, .text = NO_HEADER};
	if (state == FACT_KNOWN)
		value->text = slice_keep(parent, origin.helo);
	return state;
}
