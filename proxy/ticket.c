/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets of messages in quarantine: as JSON and back. */
#include "proxy/ticket.h"

#include "policy/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <talloc.h>

/* --- printing --- */

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, record_text(text));
}

static void set_number(json_t *object, const char *name, int64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

static void set_flag(json_t *object, const char *name, bool flag)
{
	if (flag)
		json_object_set_new(object, name, json_true());
}

static json_t *recipients_json(const struct envelope *envelope)
{
	json_t *all = json_array();

	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		json_t *object;
		if (!recipient->passed)
			continue;
		object = json_object();
		set_text(object, "address", recipient->address->text);
		set_text(object, "original", recipient->original);
		if (recipient->notify)
			set_number(object, "notify", recipient->notify);
		json_array_append_new(all, object);
	}
	return all;
}

static json_t *texts_json(const char *const *texts)
{
	json_t *all = json_array();

	for (size_t i = 0; i < talloc_array_length(texts); i++)
		json_array_append_new(all, record_text(texts[i]));
	return all;
}

static json_t *envelope_json(const struct envelope *envelope)
{
	json_t *object = json_object();

	set_text(object, "sender", envelope->sender->text);
	set_flag(object, "eight_bit", envelope->body == BODY_8BITMIME);
	set_flag(object, "utf8", envelope->utf8);
	set_flag(object, "require_tls", envelope->require_tls);
	if (envelope->dsn_return != RETURN_UNSAID)
		set_number(object, "dsn_return", envelope->dsn_return);
	set_text(object, "dsn_id", envelope->dsn_id);
	json_object_set_new(object, "recipients", recipients_json(envelope));
	return object;
}

char *ticket_print(const void *parent, const struct ticket *ticket)
{
	json_t *object = json_object();
	json_t *record = ticket->record ? json_loads(ticket->record, 0, NULL) : NULL;

	set_text(object, "id", ticket->id);
	set_number(object, "time", ticket->seconds);
	if (ticket->released)
		set_number(object, "released", ticket->released);
	if (ticket->released_to)
		json_object_set_new(object, "released_to", texts_json(ticket->released_to));
	set_number(object, "size", ticket->size);
	set_text(object, "client", ticket->client);
	set_text(object, "helo", ticket->helo);
	set_text(object, "subject", ticket->subject);
	set_text(object, "reason", ticket->reason);
	set_text(object, "decided_by", ticket->decided_by);
	set_text(object, "backend", ticket->backend);
	json_object_set_new(object, "envelope", envelope_json(ticket->envelope));
	if (record)
		json_object_set_new(object, "record", record);
	char *json = json_dumps(object, JSON_INDENT(1));
	char *text = talloc_asprintf(parent, "%s\n", json);

	free(json);
	json_decref(object);
	return text;
}

/* --- reading --- */

static const char *text_in(const void *parent, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? talloc_strdup(parent, text) : NULL;
}

static int64_t number_in(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

static const char **texts_in(const void *parent, const json_t *object, const char *name)
{
	const json_t *array = json_object_get(object, name);
	const char **texts;

	if (!json_is_array(array))
		return NULL;
	texts = talloc_zero_array(parent, const char *, json_array_size(array));
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		texts[i] = talloc_strdup(texts, text ? text : "");
	}
	return texts;
}

static const struct address *address_in(
	const void *parent, const json_t *object, const char *name, bool null_allowed)
{
	static const struct address null_sender = {.local = "", .domain = "", .text = ""};
	const char *text = json_string_value(json_object_get(object, name));

	if (!text)
		return NULL;
	return null_allowed && !*text ? &null_sender : address_parse(parent, slice_of(text));
}

static bool add_recipient(struct envelope *envelope, const json_t *object)
{
	struct recipient recipient = {.passed = true,
		.address = address_in(envelope, object, "address", false),
		.original = text_in(envelope, object, "original"),
		.notify = (unsigned)number_in(object, "notify") & 15};

	if (!recipient.address)
		return false;
	(void)envelope_add(envelope, &recipient);
	envelope->passed++;
	return true;
}

static struct envelope *envelope_in(const void *parent, const json_t *object)
{
	const json_t *recipients = json_object_get(object, "recipients");
	struct envelope *envelope = envelope_new(parent);
	bool good = json_array_size(recipients) > 0;

	envelope->sender = address_in(envelope, object, "sender", true);
	envelope->body =
		json_is_true(json_object_get(object, "eight_bit")) ? BODY_8BITMIME : BODY_7BIT;
	envelope->utf8 = json_is_true(json_object_get(object, "utf8"));
	envelope->require_tls = json_is_true(json_object_get(object, "require_tls"));
	envelope->dsn_return = (enum dsn_return)(number_in(object, "dsn_return") % 3);
	envelope->dsn_id = text_in(envelope, object, "dsn_id");
	for (size_t i = 0; i < json_array_size(recipients); i++)
		good &= add_recipient(envelope, json_array_get(recipients, i));
	return good && envelope->sender ? envelope : NULL;
}

struct ticket *ticket_parse(const void *parent, const char *text)
{
	struct ticket *ticket = talloc_zero(parent, struct ticket);
	json_t *object = json_loads(text, 0, NULL);
	char *record = json_dumps(json_object_get(object, "record"), JSON_INDENT(2));

	ticket->id = text_in(ticket, object, "id");
	ticket->seconds = number_in(object, "time");
	ticket->released = number_in(object, "released");
	ticket->released_to = texts_in(ticket, object, "released_to");
	ticket->size = number_in(object, "size");
	ticket->client = text_in(ticket, object, "client");
	ticket->helo = text_in(ticket, object, "helo");
	ticket->subject = text_in(ticket, object, "subject");
	ticket->reason = text_in(ticket, object, "reason");
	ticket->decided_by = text_in(ticket, object, "decided_by");
	ticket->backend = text_in(ticket, object, "backend");
	ticket->envelope = envelope_in(ticket, json_object_get(object, "envelope"));
	ticket->record = record ? talloc_strdup(ticket, record) : NULL;
	free(record);
	json_decref(object);
	if (ticket->id && ticket->envelope)
		return ticket;
	talloc_free(ticket);
	return NULL;
}
