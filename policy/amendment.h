/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of a message that has passed, and in which order: first our own edits, then what those make of it who may change it (milters), and
 * what rules want.
 *
 * Rules that ask what stands in the message speak when all others have answered, wherever in the chain they stand, and it is the message as
 * those have made it that they see: headers, parts, attachments, texts. It is laid down anew for that (amendment_message()), and what the rules want
 * is done to these bytes. So nothing that strip removes comes back with a body that a milter has put in its place. Rules that ask nothing of the
 * kind may have spoken before; then others see the message with what they want done.
 *
 * Should somebody change the body after that, what was to be removed is not where it was any more: then nothing of the body is let through.
 */
#pragma once

#include "policy/inquiry.h"

/* For learners that may change the message: as it is after our own edits, and those before. Within a transaction, at the message stage. */
struct revision *amendment_revision(struct inquiry *inquiry);

/* For the learner of content: the message as others have made it so far, under the inquiry; the same one until somebody has changed it again. NULL
 * when there is no room for it. */
struct message *amendment_message(struct inquiry *inquiry);

/* What is to be changed in a message that has passed, judged at the message stage; from then on it is inquiry->edits. Date and
 * Message-ID (made of the transaction's id) are added where one of our own clients, in relay.networks or authenticated, left them out;
 * Received-SPF where SPF was asked; X-Postern-Tag where the score has reached thresholds.tag; what rules want, of the envelope too; policy/hygiene.h removes what strangers may not bring. */
void amendment_edit(struct inquiry *inquiry, const char *id, int64_t seconds);
