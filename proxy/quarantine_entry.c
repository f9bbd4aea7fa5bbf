/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a message that goes into quarantine. */
#include "proxy/quarantine_entry.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/explain.h"
#include "proxy/keeper.h"
#include "proxy/quarantine_wire.h"
#include "proxy/ticket.h"

#include <assert.h>
#include <talloc.h>

#define RECIPIENTS_TOLD 20

static char *record_of(struct transaction *transaction, int64_t seconds)
{
	const struct gateway *gateway = transaction->session->gateway;
	bool is_shortened;

	return explain_record(transaction, transaction->inquiry,
		&(struct record_form){.id = transaction->id,
			.seconds = seconds,
			.with_facts = gateway->configuration->store->record,
			.most = KEEPER_RECORD_MOST},
		&is_shortened);
}

static const char *reason_of(const struct transaction *transaction)
{
	const struct verdict *verdict = &transaction->inquiry->verdict;

	return verdict->detail ? verdict->detail : "";
}

static char *ticket_of(struct transaction *transaction)
{
	const struct session *s = transaction->session;
	int64_t seconds = (int64_t)(clock_wall(s->gateway->loop->clock) / 1000);
	char client[IP_TEXT_SIZE];
	const struct ticket ticket = {
		.id = transaction->id,
		.seconds = seconds,
		.size = transaction->plan->size,
		.client = ip_print(&s->ip, client),
		.helo = s->helo,
		.subject = inquiry_text(transaction->inquiry, FACT_SUBJECT, NULL),
		.reason = reason_of(transaction),
		.decided_by = transaction->inquiry->verdict.decided_by,
		.backend = transaction->delivery ? pool_options(transaction->delivery->pool)->name
						 : NULL,
		.envelope = transaction->envelope,
		.record = record_of(transaction, seconds),
	};

	return ticket_print(transaction, &ticket);
}

void quarantine_entry_begin(struct session *s, struct await *await)
{
	struct transaction *transaction = s->transaction;
	const struct gateway *gateway = s->gateway;
	uint64_t timeout = (uint64_t)gateway->configuration->policy->quarantine->timeout;
	char *ticket = ticket_of(transaction);

	transaction->custody = talloc_zero(transaction, struct custody);
	if (gateway->keeper) {
		quarantine_wire_begin(transaction->custody, gateway->loop,
			keeper_link_socket(gateway->keeper), transaction->id, slice_of(ticket),
			transaction->plan, timeout, await);
	} else {
		snprintf(transaction->custody->reason, sizeof transaction->custody->reason,
			"there is no keeper");
		await_skip(await, OUTCOME_FAILED);
	}
	talloc_free(ticket);
}

/* --- by an address --- */

static char *describe(struct transaction *transaction)
{
	const struct envelope *envelope = transaction->envelope;
	char *text = talloc_asprintf(transaction, "%s; %s; from <%s>; to",
		transaction->inquiry->verdict.decided_by ? transaction->inquiry->verdict.decided_by
							 : "policy",
		reason_of(transaction), envelope->sender->text);
	size_t told = 0;

	for (size_t i = 0; i < envelope->count && told < RECIPIENTS_TOLD; i++) {
		if (!envelope->recipients[i].passed)
			continue;
		text = talloc_asprintf_append(text, " <%s>", envelope->recipients[i].address->text);
		told++;
	}
	if (envelope->passed > told)
		text = talloc_asprintf_append(text, " and %zu more", envelope->passed - told);
	return text;
}

void quarantine_entry_redirect(struct transaction *transaction)
{
	struct inquiry *inquiry = transaction->inquiry;
	char *text = describe(transaction);

	inquiry->envelope_edits.count = 0;
	if (!envelope_edits_redirect(
		    &inquiry->envelope_edits, inquiry, inquiry->policy->quarantine->redirect) ||
		!edits_add(
			inquiry->edits, EDIT_ABOVE_TRACE, "X-Postern-Quarantine", text, EDIT_TEXT))
		assert(!"settings have been looked at");
	talloc_free(text);
}

void quarantine_entry_answer(struct session *s)
{
	const struct custody *custody = s->transaction->custody;

	if (custody->is_kept) {
		session_say(s, 250, "2.0.0", "ok");
		return;
	}
	log_event(LEVEL_ERROR, "quarantine_failed", "%s: %s", s->transaction->id, custody->reason);
	s->policy_refusal = true;
	session_say(s, 451, "4.3.0",
		"this message cannot be kept at the moment, please try again later");
}
