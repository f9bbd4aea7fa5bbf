/* SPDX-License-Identifier: Apache-2.0
 *
 * A mail while a mail server tells it to us: beside its transaction, which has what the judge looks at, this keeps what the server must be told in
 * its own words when something is to be changed: recipients as it named them, fields one by one.
 *
 * The message is put together as the client sent it, as far as the server tells: "Name:", the value, CRLF; an empty line; the body. Without
 * HDR_LEADSPC a blank that stood behind the colon cannot be told from none: it is put. Of a header larger than HEADER_SIZE_MAXIMUM the fields are
 * not kept: such a message can be refused, and not be edited.
 */
#pragma once

#include "plugins/milter_orders.h"
#include "proxy/session.h"

struct milter_mail {
	struct transaction *transaction;
	struct milter_letter letter;
	struct milter_recipient *recipients; /* a talloc array, larger than their count */
	const char *told;                    /* the one in hand, as the server tells him */
	bool is_data_judged;
	bool has_header_end;
	bool is_header_long;
};

/* Of the session's transaction, which has just begun; goes with it. */
struct milter_mail *milter_mail_new(struct session *s);

/* The recipient in hand has passed. The address that he was told by is kept: a rule may have redirected him. */
void milter_mail_pass_recipient(struct milter_mail *mail);

/* Makes room for the message, if there is none yet. */
void milter_mail_begin_message(struct milter_mail *mail);

/* Pieces of the message in their order. What follows the header ends it. */
void milter_mail_add_field(
	struct milter_mail *mail, bool with_space, struct slice name, struct slice value);
void milter_mail_end_header(struct milter_mail *mail);
void milter_mail_add_body(struct milter_mail *mail, struct slice bytes);
void milter_mail_end_message(struct milter_mail *mail);
