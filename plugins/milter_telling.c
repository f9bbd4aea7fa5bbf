/* SPDX-License-Identifier: Apache-2.0 */
/* Events as packets for a milter. */
#include "plugins/milter_telling.h"

#include "plugins/milter_macros.h"
#include "policy/amendment.h"
#include "policy/mail/envelope.h"
#include "policy/mail/revision.h"

#include <talloc.h>

#define LENT 4096 /* bytes of a body that are not copied */

/* One event. What its texts are made of goes with the scratch. */
struct saying {
	const struct milter_telling *telling;
	void *scratch;
	struct milter_subject subject;
	struct milter_packet packet; /* large: milter_wire_begin() */
};

static void say_bytes(struct stream *stream, struct slice bytes)
{
	if (!bytes.size)
		return;
	stream_write(stream, bytes);
	talloc_free((char *)bytes.data);
}

void milter_telling_say(struct stream *stream, const struct milter_packet *packet)
{
	say_bytes(stream, milter_wire_print(stream, MILTER_SIDE_SERVER, packet));
}

/* --- what stands in a packet --- */

static void put_text(struct saying *saying, const char *text)
{
	struct milter_packet *packet = &saying->packet;

	if (packet->text_count < MILTER_WIRE_TEXTS)
		packet->texts[packet->text_count++] = slice_of(text);
}

static void put_connect(struct saying *saying)
{
	const struct facts *facts = saying->telling->inquiry->facts;
	struct milter_packet *packet = &saying->packet;
	const char *name =
		milter_macros_value(saying->scratch, slice_of("client_name"), &saying->subject);
	struct value ip, port;
	char *text = talloc_array(saying->scratch, char, IP_TEXT_SIZE);

	put_text(saying, name ? name : "unknown");
	packet->kind = 'U';
	if (facts_get(facts, FACT_CLIENT_IP, &ip) != FACT_KNOWN)
		return;
	packet->kind = ip.ip.family == 4 ? '4' : '6';
	if (facts_get(facts, FACT_CLIENT_PORT, &port) == FACT_KNOWN)
		packet->numbers[0] = (uint32_t)port.number;
	put_text(saying, ip_print(&ip.ip, text));
}

static void put_helo(struct saying *saying)
{
	struct value name;

	if (facts_get(saying->telling->inquiry->facts, FACT_HELO_NAME, &name) == FACT_KNOWN)
		put_text(saying, name.text);
}

static void put_mail(struct saying *saying)
{
	static const char *const returns[] = {
		[RETURN_UNSAID] = NULL, [RETURN_FULL] = "RET=FULL", [RETURN_HEADERS] = "RET=HDRS"};
	const struct envelope *envelope = saying->telling->inquiry->mail->envelope;
	void *scratch = saying->scratch;

	put_text(saying, talloc_asprintf(scratch, "<%s>", envelope->sender->text));
	if (envelope->declared_size >= 0)
		put_text(saying,
			talloc_asprintf(scratch, "SIZE=%lld", (long long)envelope->declared_size));
	if (envelope->body == BODY_8BITMIME)
		put_text(saying, "BODY=8BITMIME");
	if (envelope->utf8)
		put_text(saying, "SMTPUTF8");
	if (envelope->require_tls)
		put_text(saying, "REQUIRETLS");
	if (returns[envelope->dsn_return])
		put_text(saying, returns[envelope->dsn_return]);
	if (envelope->dsn_id)
		put_text(saying, talloc_asprintf(scratch, "ENVID=%s", envelope->dsn_id));
}

static void put_recipient(struct saying *saying, const struct recipient *recipient)
{
	char *notify = talloc_strdup(saying->scratch, "");

	saying->subject.recipient = recipient;
	put_text(saying, talloc_asprintf(saying->scratch, "<%s>", recipient->address->text));
	for (unsigned i = 0; envelope_notify_names[i]; i++) {
		if (recipient->notify & 1u << i)
			notify = talloc_asprintf_append(notify, "%s%s",
				*notify ? "," : "NOTIFY=", envelope_notify_names[i]);
	}
	if (*notify)
		put_text(saying, notify);
	if (recipient->original)
		put_text(saying, talloc_asprintf(saying->scratch, "ORCPT=%s", recipient->original));
}

static void put_current(struct saying *saying)
{
	put_recipient(saying, saying->telling->inquiry->mail->recipient);
}

static void put_earlier(struct saying *saying)
{
	const struct milter_telling *telling = saying->telling;

	put_recipient(saying,
		&telling->inquiry->mail->envelope->recipients[telling->progress->mail.recipients]);
}

static void put_note(struct saying *saying)
{
	const struct milter_note *note = &saying->telling->progress->notes[0];

	put_text(saying, note->text);
	saying->subject.refused_status = note->status;
	saying->subject.refused_text = note->reply;
}

/* NULL: there is nothing in it. */
static void (*const putters[EVENT_NONE])(struct saying *saying) = {
	[EVENT_CONNECT] = put_connect,
	[EVENT_HELO] = put_helo,
	[EVENT_MAIL] = put_mail,
	[EVENT_RCPT] = put_current,
	[EVENT_EARLIER] = put_earlier,
	[EVENT_REFUSED] = put_note,
	[EVENT_UNKNOWN] = put_note,
};

/* --- the message, piece by piece --- */

/* Line ends are LF there. Without HDR_LEADSPC one blank behind the colon is not told. */
static struct slice told_value(struct slice value, bool with_space, void *scratch)
{
	char *text = talloc_array(scratch, char, value.size + 1);
	size_t used = 0;

	if (!with_space && value.size && value.data[0] == ' ')
		value = slice_from(value, 1);
	for (size_t i = 0; i < value.size; i++) {
		bool is_line_end =
			value.data[i] == '\r' && i + 1 < value.size && value.data[i + 1] == '\n';
		if (!is_line_end && value.data[i])
			text[used++] = value.data[i];
	}
	return slice_make(text, used);
}

/* More than a milter takes is cut: it would close the connection. False when there are no more. */
static bool say_field(struct saying *saying)
{
	const struct milter_telling *telling = saying->telling;
	struct milter_packet *packet = &saying->packet;
	struct slice name, value;

	if (!revision_field(amendment_revision(telling->inquiry), &telling->progress->mail.field,
		    &name, &value))
		return false;
	if (name.size > MILTER_WIRE_MAXIMUM / 2)
		name.size = MILTER_WIRE_MAXIMUM / 2;
	value = told_value(value, telling->offer->protocol & MILTER_LEADING_SPACE, saying->scratch);
	if (value.size > MILTER_WIRE_MAXIMUM - 2 - name.size)
		value.size = MILTER_WIRE_MAXIMUM - 2 - name.size;
	packet->texts[packet->text_count++] = name;
	packet->texts[packet->text_count++] = value;
	milter_telling_say(telling->stream, packet);
	return true;
}

/* False when there is no more. */
static bool say_body(struct saying *saying)
{
	const struct milter_telling *telling = saying->telling;
	size_t *told = &telling->progress->mail.body;
	struct slice rest = slice_from(revision_body(amendment_revision(telling->inquiry)), *told);
	char head[MILTER_WIRE_HEAD];

	if (!rest.size)
		return false;
	if (rest.size > MILTER_WIRE_MAXIMUM)
		rest.size = MILTER_WIRE_MAXIMUM;
	*told += rest.size;
	milter_wire_head(MILTER_BODY, rest.size, head);
	stream_write(telling->stream, slice_make(head, sizeof head));
	if (rest.size > LENT)
		stream_lend(telling->stream, rest);
	else
		stream_write(telling->stream, rest);
	return true;
}

/* --- telling --- */

/* Whether something was said. */
static bool say_piece(struct saying *saying, enum milter_progress_event event, bool is_wanted)
{
	bool is_said = is_wanted && (event == EVENT_HEADER ? say_field(saying) : say_body(saying));

	if (!is_said)
		saying->telling->progress->mail.done[event] = true;
	return is_said;
}

static void say_macros(struct saying *saying, const struct milter_progress_row *row)
{
	const struct milter_telling *telling = saying->telling;

	if (row->macros == NO_MACROS)
		return;
	say_bytes(telling->stream,
		milter_macros_print(saying->scratch, (enum milter_macro_stage)row->macros,
			row->command, telling->offer->macros[row->macros], &saying->subject));
}

static bool say_plainly(struct saying *saying, enum milter_progress_event event, bool is_wanted)
{
	const struct milter_telling *telling = saying->telling;
	bool is_passed_over =
		event == EVENT_REFUSED && !(telling->offer->protocol & MILTER_REFUSED_RCPT);

	if (putters[event])
		putters[event](saying);
	if (!is_passed_over)
		say_macros(saying, &milter_progress_rows[event]);
	if (!is_passed_over && is_wanted)
		milter_telling_say(telling->stream, &saying->packet);
	milter_progress_note_told(telling->progress, event, telling->inquiry);
	return !is_passed_over && is_wanted;
}

bool milter_telling_tell(const struct milter_telling *telling, enum milter_progress_event event)
{
	const struct milter_progress_row *row = &milter_progress_rows[event];
	bool is_wanted = !(telling->offer->protocol & row->unwanted), is_said;
	struct saying saying;

	saying.telling = telling;
	saying.scratch = talloc_new(telling->stream);
	saying.subject = (struct milter_subject){.inquiry = telling->inquiry};
	milter_wire_begin(&saying.packet, row->command);
	is_said = event == EVENT_HEADER || event == EVENT_BODY
		? say_piece(&saying, event, is_wanted)
		: say_plainly(&saying, event, is_wanted);
	talloc_free(saying.scratch);
	return is_said && !(telling->offer->protocol & row->silent);
}
