/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to a transaction besides the dialogue: its beginning, the facts it tells, what is added on top of its message, and its
 * end with the one line in the log and the record in the journal.
 */
#pragma once

#include "proxy/session.h"

/* At MAIL: takes sender and parameters over from the command, tells the facts of the sender. */
void transaction_begin(struct session *s);

/* Before the next recipient, and behind the last one: what is known of one alone goes into the record and is forgotten. */
void transaction_forget_recipient(struct transaction *transaction);

/* At RCPT, with address and parameters in the command: tells the facts of the recipient; or sets the session's reply, when there can be no
 * such one. And once he has passed: he is one of the envelope's. */
void transaction_take_recipient(struct session *s);
void transaction_pass_recipient(struct session *s);

/* A recipient that policy let through: if a rule wants it, somebody else is asked about in his place. */
void transaction_redirect(struct session *s);

/* At DATA: tells the recipients that passed. */
void transaction_tell_recipients(struct transaction *transaction);

/* After 354: makes room for the message. */
void transaction_begin_message(struct session *s);

/* The message has come whole. False when it cannot be kept; then the session's reply is set. */
bool transaction_finish_message(struct session *s) __attribute__((warn_unused_result));

/* Tells the facts of a message that is whole. */
void transaction_tell_message(struct transaction *transaction);

/* What will be sent, and to whom: the message with Received on top and the judge's edits, the envelope with its edits. */
void transaction_plan(struct transaction *transaction);
/* True, after a refusal, when the edits of what is planned have left nobody to send it to. */
bool transaction_lacks_recipients(struct session *s) __attribute__((warn_unused_result));

/* A recipient was refused with the session's reply. */
void transaction_note_refusal(struct session *s);

/* Ends the session's transaction, if there is one, with a reply that the client was given for the message (or for MAIL), logs
 * and frees it. */
void transaction_end(struct session *s, const struct reply *reply);

/* The same for one that never came to a message: RSET, a new HELO, the client gone. */
void transaction_abandon(struct session *s);
