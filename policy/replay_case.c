/* SPDX-License-Identifier: Apache-2.0 */
/* What was known of a transaction of the past. */
#include "policy/replay_case.h"

#include "policy/facts_file.h"
#include "policy/origin.h"

#include <jansson.h>
#include <talloc.h>

#define HOP_SIZE 4096

/* --- facts of a recipient --- */

static struct facts **add_recipient(struct replay_case *the_case)
{
	the_case->recipients = talloc_realloc(
		the_case, the_case->recipients, struct facts *, the_case->recipient_count + 1);
	return &the_case->recipients[the_case->recipient_count++];
}

static void add_address(struct replay_case *the_case, const char *text)
{
	struct address *address = address_parse(the_case, slice_of(text));

	if (!address)
		return;
	struct facts *facts = facts_new(the_case, NULL);
	facts_set_text(facts, FACT_RECIPIENT, address->text);
	facts_set_text(facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(facts, FACT_RECIPIENT_FORM, address->form);
	*add_recipient(the_case) = facts;
}

/* These follow from others and from the configuration: they are worked out anew. */
static bool is_of_configuration(enum fact fact)
{
	return fact == FACT_SCORE || fact == FACT_HELO_IS_OURS || fact == FACT_SENDER_IS_OURS ||
		fact == FACT_FROM_IS_OURS;
}

void replay_case_copy_facts(struct facts *to, const struct facts *from,
	bool (*is_one)(const struct fact_row *row, enum stage stage), enum stage stage)
{
	size_t count;
	struct question *questions = facts_known(NULL, from, &count);
	struct value value;

	for (size_t i = 0; i < count; i++) {
		enum fact_state state = facts_look_up(from, &questions[i], &value);
		if (!is_of_configuration(questions[i].fact) &&
			is_one(fact_row(questions[i].fact), stage))
			facts_answer(to, &questions[i], state, value);
	}
	talloc_free(questions);
}

static bool is_of_recipient(const struct fact_row *row, enum stage stage)
{
	(void)stage;
	return row->period == PER_RECIPIENT;
}

/* --- a case of a record --- */

static void take_failures(struct facts *facts, const json_t *failed)
{
	struct question question;
	const char *name;
	json_t *reason;

	json_object_foreach((json_t *)(uintptr_t)failed, name, reason)
	{
		if (fact_parse_question(facts, name, &question) && json_is_string(reason))
			facts_answer(facts, &question, FACT_FAILED,
				(struct value){
					.text = talloc_strdup(facts, json_string_value(reason))});
	}
}

static struct facts *take_facts(const void *parent, const json_t *record)
{
	struct complaints *complaints = complaints_new(NULL);
	struct facts *facts =
		facts_file_take(parent, "record", json_object_get(record, "facts"), complaints);

	take_failures(facts, json_object_get(record, "failed"));
	talloc_free(complaints);
	return facts;
}

/* Those before are in the list of recipients already. Without it, those that passed stand in the record together; the last one, when nothing
 * came behind it, stands by itself. */
static void take_recipients(struct replay_case *the_case)
{
	bool has_list = the_case->recipient_count > 0;
	struct value value;

	if (!has_list && facts_get(the_case->told, FACT_RECIPIENTS, &value) == FACT_KNOWN) {
		for (size_t i = 0; i < value.texts.count; i++)
			add_address(the_case, value.texts.items[i]);
	}
	if (facts_get(the_case->told, FACT_RECIPIENT, &value) != FACT_KNOWN)
		return;
	struct facts *facts = facts_new(the_case, NULL);
	replay_case_copy_facts(facts, the_case->told, is_of_recipient, STAGE_RCPT);
	*add_recipient(the_case) = facts;
}

/* What the backend or the gateway itself refused, the judge had let pass or never seen. */
static const char *judged_verdict(const json_t *record)
{
	static const char *const others[] = {"backend", "gateway", "protocol"};
	const char *by = json_string_value(json_object_get(record, "decided_by"));
	const char *verdict = json_string_value(json_object_get(record, "verdict"));

	if (verdict && strcmp(verdict, "accept") == 0)
		return verdict;
	for (size_t i = 0; by && i < sizeof others / sizeof *others; i++) {
		if (strcmp(by, others[i]) == 0)
			return NULL;
	}
	return verdict;
}

static void take_record(struct replay_case *the_case, const json_t *record)
{
	const json_t *recipients = json_object_get(record, "recipients");
	struct value value;

	the_case->name = talloc_strdup(the_case, json_string_value(json_object_get(record, "id")));
	the_case->recorded = talloc_strdup(the_case, judged_verdict(record));
	the_case->told = take_facts(the_case, record);
	for (size_t i = 0; i < json_array_size(recipients); i++) {
		struct facts *facts = take_facts(the_case, json_array_get(recipients, i));
		if (facts_get(facts, FACT_RECIPIENT, &value) == FACT_KNOWN)
			*add_recipient(the_case) = facts;
		else
			the_case->of_mail = facts;
	}
	take_recipients(the_case);
	the_case->has_message = facts_get(the_case->told, FACT_MESSAGE_SIZE, &value) == FACT_KNOWN;
	the_case->is_session = json_object_get(record, "session") != NULL;
	const char *recorded = json_string_value(json_object_get(record, "recorded"));
	the_case->is_kept = recorded && strcmp(recorded, "message") == 0;
}

struct replay_case *replay_case_of_record(const void *parent, struct slice json)
{
	json_t *record = json_loadb(json.data, json.size, 0, NULL);
	struct replay_case *the_case = NULL;

	if (json_is_string(json_object_get(record, "id")) &&
		json_is_object(json_object_get(record, "facts"))) {
		the_case = talloc_zero(parent, struct replay_case);
		take_record(the_case, record);
	}
	json_decref(record);
	return the_case;
}

/* --- a case of a message --- */

static struct slice with_whole_lines(const void *parent, struct slice bytes)
{
	char *lines = talloc_array(parent, char, 2 * bytes.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] == '\n' && (i == 0 || bytes.data[i - 1] != '\r'))
			lines[used++] = '\r';
		lines[used++] = bytes.data[i];
	}
	return slice_make(lines, used);
}

/* Behind the nth Received field; fields above it are looked at through a header of their own. False when there is none. */
static bool cut(struct slice *lines, unsigned hop, struct slice *above, struct field *received)
{
	struct slice rest = *lines;

	while (hop && header_next(&rest, received)) {
		if (slice_equals_nocase(received->name, "Received"))
			hop--;
	}
	*above = slice_make(lines->data, lines->size - rest.size);
	*lines = rest;
	return hop == 0;
}

/* What stands behind a word of the field, as in "for <user@example.com>;". */
static char *behind(const void *parent, const char *text, const char *word)
{
	const char *found = strcasestr(text, word);

	if (!found)
		return NULL;
	found += strlen(word);
	found += strspn(found, " <");
	return talloc_strndup(parent, found, strcspn(found, " <>;()"));
}

static void tell_sender(struct facts *facts, const char *text)
{
	struct address *address = address_parse(facts, slice_of(text));
	bool is_null = !address || address_is_null(address);

	if (!address && *text)
		return;
	facts_set_text(facts, FACT_SENDER, is_null ? "" : address->text);
	facts_set_text(facts, FACT_SENDER_LOCAL, is_null ? "" : address->local);
	facts_set_text(facts, FACT_SENDER_DOMAIN, is_null ? "" : address->domain);
	facts_set_number(facts, FACT_SENDER_FORM, is_null ? 0 : address->form);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, is_null);
}

/* The first of these fields that is there, without angle brackets; NULL when none is. */
static char *first_of(
	const void *parent, const struct header *header, const char *const *names, size_t nth)
{
	for (; *names; names++) {
		const struct field *field = header_find(header, *names, nth);
		if (!field)
			continue;
		char *text = header_unfold(parent, field->value);
		size_t blank = strspn(text, " <");
		return talloc_strndup(parent, text + blank, strcspn(text + blank, " >"));
	}
	return NULL;
}

static void tell_envelope(
	struct replay_case *the_case, const struct header *header, const char *received)
{
	static const char *const senders[] = {"X-Envelope-From", "Return-Path", NULL};
	static const char *const receivers[] = {
		"X-Envelope-To", "X-Original-To", "Delivered-To", NULL};
	char *sender = behind(the_case, received, "(envelope-from ");
	char *recipient = first_of(the_case, header, receivers, 0);

	if (!sender)
		sender = first_of(the_case, header, senders, 0);
	if (sender)
		tell_sender(the_case->told, sender);
	for (size_t i = 1; recipient; i++) {
		add_address(the_case, recipient);
		recipient = first_of(the_case, header, receivers, i);
	}
	recipient = behind(the_case, received, " for ");
	if (!the_case->recipient_count && recipient)
		add_address(the_case, recipient);
}

static bool tell_hop(struct replay_case *the_case, struct slice above, struct field received)
{
	size_t size = received.value.size < HOP_SIZE ? received.value.size : HOP_SIZE;
	char *text = header_unfold(the_case, slice_make(received.value.data, size));
	struct slice helo;
	struct ip ip;

	if (!origin_read_received(slice_of(text), &ip, &helo))
		return false;
	facts_set_ip(the_case->told, FACT_CLIENT_IP, &ip);
	if (helo.size)
		facts_set_text(the_case->told, FACT_HELO_NAME, slice_keep(the_case, helo));
	tell_envelope(the_case, header_parse(the_case, above), text);
	return true;
}

bool replay_case_take_message(struct replay_case *the_case, struct slice bytes)
{
	struct spool *spool = talloc_zero(the_case, struct spool);
	struct message *message = message_new(the_case, spool);

	spool->memory_maximum = spool->total_maximum = INT64_MAX;
	if (message_add(message, bytes) != MESSAGE_OK || message_finish(message) != MESSAGE_OK)
		return false;
	the_case->message = message;
	return true;
}

static bool keep_message(struct replay_case *the_case, struct slice lines)
{
	if (!replay_case_take_message(the_case, lines))
		return false;
	the_case->has_message = true;
	facts_set_number(the_case->told, FACT_MESSAGE_SIZE, message_size(the_case->message));
	facts_set_number(
		the_case->told, FACT_MESSAGE_ANOMALIES, message_anomalies(the_case->message));
	return true;
}

struct replay_case *replay_case_of_message(
	const void *parent, const char *name, struct slice bytes, unsigned hop)
{
	struct replay_case *the_case = talloc_zero(parent, struct replay_case);
	struct slice lines = with_whole_lines(the_case, bytes), above;
	struct field received;

	the_case->name = talloc_strdup(the_case, name);
	the_case->told = facts_new(the_case, NULL);
	facts_set_bool(the_case->told, FACT_CLIENT_AUTHENTICATED, false);
	bool is_good = !hop ||
		(cut(&lines, hop, &above, &received) && tell_hop(the_case, above, received));
	if (is_good && keep_message(the_case, lines))
		return the_case;
	talloc_free(the_case);
	return NULL;
}
