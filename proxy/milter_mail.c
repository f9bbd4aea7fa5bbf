/* SPDX-License-Identifier: Apache-2.0 */
/* A mail while it is told. */
#include "proxy/milter_mail.h"

#include "policy/mail/header.h"
#include "proxy/transaction.h"

#include <talloc.h>

struct milter_mail *milter_mail_new(struct session *s)
{
	struct milter_mail *mail = talloc_zero(s->transaction, struct milter_mail);

	mail->transaction = s->transaction;
	mail->letter.sender = s->transaction->envelope->sender;
	return mail;
}

void milter_mail_pass_recipient(struct milter_mail *mail)
{
	struct session *s = mail->transaction->session;
	struct milter_letter *letter = &mail->letter;
	size_t room = talloc_array_length(mail->recipients);

	transaction_pass_recipient(s);
	if (letter->recipient_count == room)
		mail->recipients = talloc_realloc(
			mail, mail->recipients, struct milter_recipient, room ? 2 * room : 4);
	mail->recipients[letter->recipient_count++] =
		(struct milter_recipient){talloc_strdup(mail, mail->told), s->command->path};
	letter->recipients = mail->recipients;
}

void milter_mail_begin_message(struct milter_mail *mail)
{
	if (!mail->transaction->message)
		transaction_begin_message(mail->transaction->session);
}

static void gather(struct milter_mail *mail, struct slice bytes)
{
	milter_mail_begin_message(mail);
	body_take_chunk(&mail->transaction->body, bytes);
}

/* Line ends in values are LF there; a line that would not go on with the field does. Neither colon nor line end stands in a name. */
static char *print_field(
	const void *parent, bool with_space, struct slice name, struct slice value, size_t *size)
{
	char *text = talloc_array(parent, char, name.size + 3 * value.size + 8), *at = text;

	for (size_t i = 0; i < name.size; i++) {
		bool is_bad =
			strchr(":\r\n", name.data[i]) || (i == 0 && slice_is_blank(name.data[0]));
		*at++ = is_bad ? '_' : name.data[i];
	}
	*at++ = ':';
	if (!with_space)
		*at++ = ' ';
	for (size_t i = 0; i < value.size; i++) {
		bool is_end = value.data[i] == '\n';
		if (is_end && (i == 0 || value.data[i - 1] != '\r'))
			*at++ = '\r';
		*at++ = value.data[i];
		if (is_end && (i + 1 == value.size || !slice_is_blank(value.data[i + 1])))
			*at++ = '\t';
	}
	at = stpcpy(at, "\r\n");
	*size = (size_t)(at - text);
	return text;
}

/* So many more bytes are a field. */
static void note_field(struct milter_mail *mail, struct slice name, size_t size)
{
	struct milter_letter *letter = &mail->letter;
	struct milter_fields *fields = &letter->fields;
	size_t room = talloc_array_length(fields->items);

	mail->is_header_long |= letter->header + size > HEADER_SIZE_MAXIMUM;
	if (!mail->is_header_long) {
		if (fields->count == room)
			fields->items = talloc_realloc(
				mail, fields->items, struct milter_field, room ? 2 * room : 32);
		fields->items[fields->count++] = (struct milter_field){
			slice_make(slice_keep(mail, name), name.size), letter->header, size};
	}
	letter->header += size;
}

void milter_mail_add_field(
	struct milter_mail *mail, bool with_space, struct slice name, struct slice value)
{
	size_t size;
	char *text = print_field(mail, with_space, name, value, &size);

	note_field(mail, name, size);
	gather(mail, slice_make(text, size));
	talloc_free(text);
}

void milter_mail_end_header(struct milter_mail *mail)
{
	if (!mail->has_header_end)
		gather(mail, slice_of("\r\n"));
	mail->has_header_end = true;
}

void milter_mail_add_body(struct milter_mail *mail, struct slice bytes)
{
	milter_mail_end_header(mail);
	gather(mail, bytes);
}

void milter_mail_end_message(struct milter_mail *mail)
{
	milter_mail_end_header(mail);
	body_end_chunks(&mail->transaction->body);
}
