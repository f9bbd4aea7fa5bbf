/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a transaction besides the dialogue. */
#include "config.h"

#include "proxy/transaction.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/amendment.h"
#include "policy/list_watch.h"
#include "policy/mail/trace.h"
#include "policy/record.h"
#include "policy/ruling.h"
#include "policy/shadow.h"
#include "proxy/announcement.h"
#include "proxy/journal.h"
#include "proxy/memory.h"
#include "proxy/quarantine_entry.h"
#include "proxy/recipient_memory.h"
#include "proxy/rule_log.h"

#include <string.h>
#include <talloc.h>

/* What most transactions allocate comes and goes in one piece; sanitizers watch the pieces of others better. */
#ifdef SANITIZED
#define USUAL_OBJECTS 0
#define USUAL_BYTES 0
#else
#define USUAL_OBJECTS 40
#define USUAL_BYTES 6144
#endif

#define REFUSALS_LOGGED 10
#define LOGGED_MOST 2000         /* bytes of addresses in one line */
#define RECIPIENTS_CEILING 10000 /* whatever the settings say */

/* --- the beginning --- */

static void tell_sender(struct transaction *transaction)
{
	const struct envelope *envelope = transaction->envelope;

	facts_set_text(transaction->facts, FACT_SENDER, envelope->sender->text);
	facts_set_text(transaction->facts, FACT_SENDER_LOCAL, envelope->sender->local);
	facts_set_text(transaction->facts, FACT_SENDER_DOMAIN, envelope->sender->domain);
	facts_set_number(transaction->facts, FACT_SENDER_FORM, envelope->sender->form);
	facts_set_bool(transaction->facts, FACT_SENDER_IS_NULL, address_is_null(envelope->sender));
	if (envelope->declared_size >= 0)
		facts_set_number(transaction->facts, FACT_SIZE, envelope->declared_size);
}

void transaction_begin(struct session *s)
{
	struct transaction *transaction =
		talloc_pooled_object(s, struct transaction, USUAL_OBJECTS, USUAL_BYTES);
	struct envelope *envelope = envelope_new(transaction);

	*transaction = (struct transaction){.session = s};
	transaction->begun = clock_microseconds();
	transaction->id = talloc_asprintf(transaction, "%s.%u", s->id, ++s->transactions);
	transaction->envelope = envelope;
	envelope->sender = talloc_steal(envelope, s->command->path);
	envelope->declared_size = s->command->size;
	envelope->body = s->command->body;
	envelope->utf8 = s->command->utf8;
	envelope->require_tls = s->command->require_tls;
	envelope->dsn_return = s->command->dsn_return;
	envelope->dsn_id = talloc_steal(envelope, s->command->dsn_id);
	transaction->facts = facts_new(transaction, s->facts);
	transaction->inquiry = inquiry_new(transaction, s->gateway->chain, transaction->facts);
	inquiry_inherit(transaction->inquiry, s->inquiry);
	if (s->gateway->milters) {
		transaction->inquiry->mail = talloc_zero(transaction->inquiry, struct inquiry_mail);
		transaction->inquiry->mail->id = transaction->id;
		transaction->inquiry->mail->envelope = envelope;
	}
	s->transaction = transaction;
	announcement_hand_over(s, transaction);
	tell_sender(transaction);
	facts_set_number(transaction->facts, FACT_NOW,
		(int64_t)(clock_wall(s->gateway->loop->clock) / 1000));
}

/* --- on the way --- */

/* The addresses that passed, as one array. */
static const char **passed_addresses(
	const void *parent, const struct envelope *envelope, size_t *count)
{
	const char **addresses = talloc_array(parent, const char *, envelope->passed + 1);

	*count = 0;
	for (size_t i = 0; i < envelope->count; i++) {
		if (envelope->recipients[i].passed)
			addresses[(*count)++] = envelope->recipients[i].address->text;
	}
	return addresses;
}

void transaction_forget_recipient(struct transaction *transaction)
{
	const struct gateway *gateway = transaction->session->gateway;

	if (gateway->keeper)
		record_recipient(transaction->inquiry, gateway->configuration->store->record);
	facts_forget_recipient(transaction->facts);
	if (transaction->inquiry->mail)
		transaction->inquiry->mail->recipient = NULL;
}

void transaction_take_recipient(struct session *s)
{
	struct transaction *transaction = s->transaction;
	const struct address *address = s->command->path;

	if (transaction->envelope->count >= RECIPIENTS_CEILING) {
		session_say(s, 452, "4.5.3", "too many recipients");
		return;
	}
	if (address->form & ADDRESS_UTF8 && !transaction->envelope->utf8) {
		session_say(s, 553, "5.6.7",
			"an address with characters beyond ASCII needs SMTPUTF8 at MAIL");
		return;
	}
	talloc_steal(transaction, address);
	talloc_steal(transaction, s->command->recipient.original);
	transaction_forget_recipient(transaction);
	facts_set_text(transaction->facts, FACT_RECIPIENT, address->text);
	facts_set_text(transaction->facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(transaction->facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(transaction->facts, FACT_RECIPIENT_FORM, address->form);
	facts_set_number(
		transaction->facts, FACT_RECIPIENT_COUNT, (int64_t)transaction->envelope->passed);
	if (transaction->inquiry->mail)
		transaction->inquiry->mail->recipient = &s->command->recipient;
	recipient_memory_tell(s, address);
}

void transaction_pass_recipient(struct session *s)
{
	struct recipient *recipient =
		envelope_add(s->transaction->envelope, &s->command->recipient);

	recipient->passed = true;
	s->transaction->envelope->passed++;
	s->good_recipients++;
}

static void note_redirection(
	struct transaction *transaction, const struct address *from, const struct address *to)
{
	const char *before = transaction->redirected;

	if (before && strlen(before) > LOGGED_MOST)
		return;
	transaction->redirected = talloc_asprintf(transaction, "%s%s<%s> to <%s>",
		before ? before : "", before ? ", " : "", from->text, to->text);
}

void transaction_redirect(struct session *s)
{
	const char *text = ruling_redirection(s->transaction->inquiry);
	const struct address *address = text ? address_parse(s->transaction, slice_of(text)) : NULL;

	if (!address)
		return;
	note_redirection(s->transaction, s->command->recipient.address, address);
	s->command->recipient.address = address;
}

void transaction_tell_recipients(struct transaction *transaction)
{
	size_t count;
	const char **addresses = passed_addresses(transaction, transaction->envelope, &count);

	transaction_forget_recipient(transaction);
	facts_set_texts(transaction->facts, FACT_RECIPIENTS, addresses, count);
	facts_set_number(transaction->facts, FACT_RECIPIENT_COUNT, (int64_t)count);
}

void transaction_begin_message(struct session *s)
{
	struct transaction *transaction = s->transaction;

	transaction->message = message_new(transaction, &s->gateway->spool);
	body_init(&transaction->body, transaction->message,
		s->gateway->configuration->policy->limits->message_size, s->trusted);
}

bool transaction_finish_message(struct session *s)
{
	struct transaction *transaction = s->transaction;

	if (transaction->body.too_large)
		session_say(s, 552, "5.3.4", "the message is larger than we take");
	else if (transaction->body.spool_full ||
		message_finish(transaction->message) == MESSAGE_SPOOL_FULL)
		session_say(s, 452, "4.3.1", "no room for messages at the moment, try again later");
	else
		return true;
	return false;
}

void transaction_tell_message(struct transaction *transaction)
{
	transaction->received = clock_microseconds();
	transaction->inquiry->message = transaction->message;
	facts_set_number(transaction->facts, FACT_MESSAGE_SIZE, message_size(transaction->message));
	facts_set_number(transaction->facts, FACT_MESSAGE_ANOMALIES,
		message_anomalies(transaction->message));
}

static unsigned transmission(const struct transaction *transaction)
{
	struct inquiry *inquiry = transaction->inquiry;
	unsigned bits = 0;

	if (transaction->session->extended)
		bits |= TRACE_EXTENDED;
	if (transaction->envelope->utf8)
		bits |= TRACE_UTF8;
	if (inquiry_bool(inquiry, FACT_CLIENT_TLS))
		bits |= TRACE_TLS;
	if (inquiry_bool(inquiry, FACT_CLIENT_AUTHENTICATED))
		bits |= TRACE_AUTHENTICATED;
	return bits;
}

/* Who has authenticated is not told: the message goes out into the world, and the name would with it. */
static char *print_received(struct transaction *transaction, int64_t seconds)
{
	const struct session *s = transaction->session;
	const struct envelope *envelope = transaction->envelope;
	const char *version = inquiry_text(transaction->inquiry, FACT_CLIENT_TLS_VERSION, NULL);
	struct trace_facts facts = {
		.helo = s->helo,
		.client = &s->ip,
		.client_name = announcement_client_name(s),
		.hostname = s->gateway->configuration->policy->site->hostname,
		.transmission = transmission(transaction),
		.tls = version
			? talloc_asprintf(transaction, "%s %s", version,
				  inquiry_text(transaction->inquiry, FACT_CLIENT_TLS_CIPHER, ""))
			: NULL,
		.id = transaction->id,
		.recipient = envelope->passed == 1 && envelope->count == 1
			? envelope->recipients[0].address->text
			: NULL,
		.seconds = seconds,
	};

	return trace_received(transaction, &facts);
}

void transaction_plan(struct transaction *transaction)
{
	struct clock *clock = transaction->session->gateway->loop->clock;
	int64_t seconds = (int64_t)(clock_wall(clock) / 1000);
	const char *received = print_received(transaction, seconds);

	amendment_edit(transaction->inquiry, transaction->id, seconds);
	if (transaction->verdict.kind == VERDICT_QUARANTINE &&
		transaction->inquiry->policy->quarantine->redirect)
		quarantine_entry_redirect(transaction);
	transaction->plan =
		edit_plan_new(transaction, transaction->inquiry->edits, slice_of(received));
	transaction->final = transaction->inquiry->envelope_edits.count
		? envelope_edits_apply(
			  transaction, &transaction->inquiry->envelope_edits, transaction->envelope)
		: transaction->envelope;
}

bool transaction_lacks_recipients(struct session *s)
{
	struct transaction *transaction = s->transaction;

	if (transaction->final->passed)
		return false;
	transaction->verdict.decided_by = "edits of the envelope";
	s->policy_refusal = true;
	session_say(
		s, 550, "5.7.1", "the policy of this site leaves no recipient for this message");
	return true;
}

void transaction_note_refusal(struct session *s)
{
	struct transaction *transaction = s->transaction;
	bool is_judged = transaction->inquiry->verdict.kind >= VERDICT_TEMPFAIL;
	bool is_told = transaction->delivery && transaction->delivery->told_by_backend;
	const char *by = is_judged ? transaction->inquiry->verdict.decided_by
		: is_told          ? "backend"
				   : "gateway";

	transaction->hopeless |= reply_is_permanent(&s->reply);
	if (++transaction->refusals > REFUSALS_LOGGED)
		return;
	transaction->refused = talloc_asprintf(transaction, "%s%s<%s> %d by %s",
		transaction->refused ? transaction->refused : "", transaction->refused ? ", " : "",
		s->command->path ? s->command->path->text : "", s->reply.code, by);
}

/* --- the end --- */

/* One word for what became of it. */
static const char *outcome(const struct transaction *transaction, const struct reply *reply)
{
	if (!reply && (transaction->envelope->passed || !transaction->refusals))
		return "abandoned";
	if (!reply)
		return transaction->hopeless ? "reject" : "tempfail";
	if (transaction->delivered && transaction->verdict.kind == VERDICT_QUARANTINE)
		return verdict_name(VERDICT_QUARANTINE);
	if (transaction->delivered)
		return transaction->untold ? "delivered, client not told" : "accept";
	if (reply_is_positive(reply))
		return verdict_name(transaction->verdict.kind);
	return reply_is_permanent(reply) ? "reject" : "tempfail";
}

static const char *decided_by(const struct transaction *transaction, const struct reply *reply)
{
	if (transaction->verdict.decided_by)
		return transaction->verdict.decided_by;
	if (!reply)
		return NULL;
	if (transaction->delivery && transaction->delivery->told_by_backend)
		return "backend";
	return transaction->delivered ? NULL : "protocol";
}

static double milliseconds(uint64_t from, uint64_t to)
{
	return from && to > from ? (double)(to - from) / 1000 : 0;
}

static const char *joined_recipients(const void *parent, const struct envelope *envelope)
{
	size_t count;
	const char **addresses = passed_addresses(parent, envelope, &count);
	char *joined = talloc_strdup(parent, count ? addresses[0] : "");

	for (size_t i = 1; i < count && talloc_get_size(joined) < LOGGED_MOST; i++)
		joined = talloc_asprintf_append_buffer(joined, ",%s", addresses[i]);
	return joined;
}

static const char *sender_of(const struct envelope *envelope)
{
	return address_is_null(envelope->sender) ? "<>" : envelope->sender->text;
}

/* Which envelope it went with, where edits have made another of it. */
static void log_final(struct log_line *line, struct transaction *transaction)
{
	const struct envelope *first = transaction->envelope, *final = transaction->final;
	const char *recipients;

	if (!final || final == first)
		return;
	if (strcmp(sender_of(final), sender_of(first)) != 0)
		log_text(line, "final_sender", sender_of(final));
	recipients = joined_recipients(transaction, final);
	if (strcmp(recipients, joined_recipients(transaction, first)) != 0)
		log_text(line, "final_recipients", recipients);
}

/* Who brought the client here, and where the mail came from before him, where that was said. */
static void log_origin(struct log_line *line, const struct transaction *transaction)
{
	const struct client_view *forwarded = transaction->forwarded;
	const struct session *s = transaction->session;
	char ip[IP_TEXT_SIZE];

	log_text(line, "client_name", announcement_client_name(s));
	if (s->proxy.family)
		log_text(line, "proxy", ip_print(&s->proxy, ip));
	if (!forwarded)
		return;
	if (forwarded->ip.family)
		log_text(line, "forwarded_ip", ip_print(&forwarded->ip, ip));
	log_text(line, "forwarded_helo", forwarded->helo);
	log_text(line, "forwarded_ident", forwarded->ident);
}

static void log_transaction(struct transaction *transaction, const struct reply *reply)
{
	const struct session *s = transaction->session;
	const struct delivery *delivery = transaction->delivery;
	uint64_t now = clock_microseconds();
	char client[IP_TEXT_SIZE];
	struct log_line line;

	log_begin(&line, LEVEL_INFO, "transaction");
	log_text(&line, "id", transaction->id);
	log_text(&line, "client", ip_print(&s->ip, client));
	log_origin(&line, transaction);
	log_text(&line, "helo", s->helo);
	log_text(&line, "tls", inquiry_text(transaction->inquiry, FACT_CLIENT_TLS_VERSION, NULL));
	log_text(&line, "sender", sender_of(transaction->envelope));
	log_slice(&line, "recipients",
		slice_of(joined_recipients(transaction, transaction->envelope)));
	log_final(&line, transaction);
	log_text(&line, "redirected", transaction->redirected);
	log_text(&line, "refused", transaction->refused);
	if (transaction->message)
		log_number(&line, "size", message_size(transaction->message));
	log_text(&line, "verdict", outcome(transaction, reply));
	log_text(&line, "decided_by", decided_by(transaction, reply));
	if (transaction->inquiry->observed)
		log_text(&line, "observed", verdict_name(transaction->inquiry->observed->kind));
	log_text(&line, "shadow", shadow_print(transaction, transaction->inquiry));
	log_decimal(&line, "score", transaction->inquiry->score);
	log_text(&line, "breaks_dkim", transaction->inquiry->breaks_dkim);
	if (transaction->inquiry->stripped)
		log_number(&line, "stripped", (int64_t)transaction->inquiry->stripped);
	log_text(&line, "stripped_whole", transaction->inquiry->stripped_whole);
	log_text(&line, "server", delivery ? delivery->server : NULL);
	if (reply) {
		log_number(&line, "code", reply->code);
		log_text(&line, "reply", reply_on_one_line(transaction, reply));
	}
	log_decimal(&line, "ms", milliseconds(transaction->begun, now));
	if (transaction->received)
		log_decimal(&line, "judge_ms",
			milliseconds(transaction->received, transaction->judged));
	if (transaction->committed)
		log_decimal(&line, "backend_ms", milliseconds(transaction->judged, now));
	log_end(&line);
}

static void count(struct transaction *transaction, const struct reply *reply)
{
	struct table *table = transaction->session->gateway->table;
	const char *word = outcome(transaction, reply);

	table_add(table, COUNT_TRANSACTIONS, 1);
	if (transaction->delivered)
		table_add(table, COUNT_DELIVERED, 1);
	if (transaction->untold)
		table_add(table, COUNT_UNTOLD, 1);
	if (strcmp(word, "reject") == 0)
		table_add(table, COUNT_REJECTED, 1);
	if (strcmp(word, "tempfail") == 0)
		table_add(table, COUNT_TEMPFAILED, 1);
	if (transaction->verdict.kind == VERDICT_DISCARD)
		table_add(table, COUNT_DISCARDED, 1);
	if (strcmp(word, "quarantine") == 0)
		table_add(table, COUNT_QUARANTINED, 1);
}

/* What the client heard, whoever decided it. */
static struct verdict last_word(const struct transaction *transaction, const struct reply *reply)
{
	struct verdict verdict = transaction->inquiry->verdict;

	verdict.decided_by = decided_by(transaction, reply);
	if (!reply)
		return verdict;
	verdict.code = reply->code;
	memcpy(verdict.status, reply->status, sizeof verdict.status);
	verdict.text = reply->text;
	if (reply_is_permanent(reply) && verdict.kind < VERDICT_REJECT)
		verdict.kind = VERDICT_REJECT;
	if (reply_is_temporary(reply))
		verdict.kind = VERDICT_TEMPFAIL;
	return verdict;
}

static void record(struct transaction *transaction, const struct reply *reply)
{
	transaction->inquiry->verdict = last_word(transaction, reply);
	journal_write(transaction->session->gateway, transaction->id, transaction->inquiry,
		transaction->judged ? transaction->message : NULL);
}

void transaction_end(struct session *s, const struct reply *reply)
{
	struct transaction *transaction = s->transaction;

	if (!transaction)
		return;
	count(transaction, reply);
	log_transaction(transaction, reply);
	rule_log_note_end(s->gateway->rule_log, transaction->id, transaction->inquiry);
	record(transaction, reply);
	if (transaction->delivered)
		memory_note_accepted(transaction);
	if (s->gateway->lists && s->transactions == 1)
		list_watch_note(s->gateway->lists, transaction->facts);
	if (transaction->delivery)
		delivery_end(transaction->delivery);
	s->transaction = NULL;
	talloc_free(transaction);
}

void transaction_abandon(struct session *s)
{
	transaction_end(s, NULL);
}
