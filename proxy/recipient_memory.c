/* SPDX-License-Identifier: Apache-2.0 */
/* Recipients that the backend has refused lately. */
#include "proxy/recipient_memory.h"

#include "base/loop.h"
#include "proxy/delivery.h"

#include <ctype.h>
#include <talloc.h>

#define MINUTE_SECONDS 60

/* An address in any case of letters has one key. */
static uint64_t key_of(const struct table *table, const struct address *recipient)
{
	char *text = talloc_strdup(NULL, recipient->text);
	uint64_t key;

	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	key = table_digest(table, slice_of(text));
	talloc_free(text);
	return key;
}

static const struct recipients_options *options_of(const struct session *s)
{
	return s->gateway->configuration->policy->recipients;
}

static uint64_t second(const struct session *s)
{
	return clock_wall(s->gateway->loop->clock) / 1000;
}

static uint32_t period(const struct session *s)
{
	return (uint32_t)((options_of(s)->memory + 999) / 1000);
}

void recipient_memory_tell(struct session *s, const struct address *recipient)
{
	struct facts *facts = s->transaction->facts;
	struct table *table = s->gateway->table;
	uint32_t unknown = table_recent(table, KEY_UNKNOWN_TRIED, s->ip.bytes, sizeof s->ip.bytes,
		second(s), MINUTE_SECONDS);
	uint64_t key;

	facts_set_number(facts, FACT_CLIENT_UNKNOWN_RECIPIENTS, unknown);
	if (unknown <= options_of(s)->unknown_rate || !period(s))
		return;
	key = key_of(table, recipient);
	facts_set_bool(facts, FACT_RECIPIENT_REFUSED_BEFORE,
		table_recent(table, KEY_UNKNOWN_RECIPIENT, &key, sizeof key, second(s), period(s)) >
			0);
}

/* What servers say of a mailbox that is not there: RFC 3463 §3.2, Exchange's 5.1.10, Exchange Online's 5.4.1. Any other refusal may be the
 * sender's, or the client's, own. */
static bool says_unknown(const struct reply *reply)
{
	static const char *const statuses[] = {"5.1.1", "5.1.6", "5.1.10", "5.4.1"};

	if (reply->status[0] == '\0')
		return reply->code == 550 || reply->code == 551 || reply->code == 553;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		if (reply_is_permanent(reply) && strcmp(reply->status, statuses[i]) == 0)
			return true;
	}
	return false;
}

static void note_unknown(const struct session *s, uint64_t key)
{
	struct table *table = s->gateway->table;

	table_add(table, COUNT_UNKNOWN_RECIPIENTS, 1);
	table_note_recent(table, KEY_UNKNOWN_TRIED, s->ip.bytes, sizeof s->ip.bytes, second(s),
		MINUTE_SECONDS);
	if (period(s))
		table_note_recent(
			table, KEY_UNKNOWN_RECIPIENT, &key, sizeof key, second(s), period(s));
}

void recipient_memory_note(struct session *s, const struct address *recipient)
{
	const struct delivery *delivery = s->transaction->delivery;
	uint64_t key;

	if (!delivery->told_by_backend || delivery->refused_sender.code)
		return;
	key = key_of(s->gateway->table, recipient);
	if (reply_is_positive(&delivery->reply))
		table_forget_recent(s->gateway->table, KEY_UNKNOWN_RECIPIENT, &key, sizeof key);
	else if (says_unknown(&delivery->reply))
		note_unknown(s, key);
}

bool recipient_memory_forget(struct table *table, const struct address *recipient)
{
	uint64_t key = key_of(table, recipient);

	return table_forget_recent(table, KEY_UNKNOWN_RECIPIENT, &key, sizeof key);
}
