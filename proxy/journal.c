/* SPDX-License-Identifier: Apache-2.0 */
/* What is written, and how much of it. */
#include "proxy/journal.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/explain.h"
#include "proxy/keeper.h"
#include "proxy/session.h"

#include <talloc.h>

#define MINUTE 60 /* in seconds */

static uint64_t seconds_of(const struct gateway *gateway)
{
	return clock_wall(gateway->loop->clock) / 1000;
}

static void write_record(
	struct gateway *gateway, struct inquiry *inquiry, const struct record_form *form)
{
	bool is_shortened;
	char *json = explain_record(NULL, inquiry, form, &is_shortened);

	if (is_shortened) {
		table_add(gateway->table, COUNT_RECORDS_SHORTENED, 1);
		log_event(LEVEL_NOTICE, "record_shortened",
			"%s: its record was too large for the journal, and lacks facts", form->id);
	}
	keeper_link_record(gateway->keeper, form->id, json, strlen(json));
	talloc_free(json);
}

void journal_write(struct gateway *gateway, const char *id, struct inquiry *inquiry,
	const struct message *message)
{
	const struct store_options *store = gateway->configuration->store;
	bool keeps_message = message && store->record && store->messages &&
		message_size(message) > 0 && message_size(message) <= store->message_size;

	if (!gateway->keeper)
		return;
	if (keeps_message)
		keeper_link_message(gateway->keeper, id, message);
	write_record(gateway, inquiry,
		&(struct record_form){.id = id,
			.seconds = (int64_t)seconds_of(gateway),
			.with_facts = store->record,
			.with_message = keeps_message,
			.most = KEEPER_RECORD_MOST});
}

/* --- refusals without a transaction --- */

static bool is_room_for_refusal(const struct session *s)
{
	struct table *table = s->gateway->table;
	uint64_t second = seconds_of(s->gateway);
	size_t size = s->ip.family == 4 ? 4 : 8;

	if (table_note_recent(table, KEY_REFUSAL_RECORDED, s->ip.bytes, size, second, MINUTE) > 1)
		return false;
	return table_note_recent(table, KEY_REFUSAL_RECORDED, "", 0, second, MINUTE) <=
		JOURNAL_REFUSALS_MOST;
}

void journal_write_session(struct session *s)
{
	struct gateway *gateway = s->gateway;

	if (!gateway->keeper)
		return;
	if (!is_room_for_refusal(s)) {
		table_add(gateway->table, COUNT_REFUSALS_UNRECORDED, 1);
		return;
	}
	write_record(gateway, s->inquiry,
		&(struct record_form){.id = s->id,
			.seconds = (int64_t)seconds_of(gateway),
			.session = stage_name(s->inquiry->stage),
			.with_facts = gateway->configuration->store->record,
			.most = KEEPER_RECORD_MOST});
}
