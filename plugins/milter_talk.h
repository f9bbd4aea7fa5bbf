/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation with one milter in one session, over one connection, as a list of steps: connect, negotiate, and then, whenever it
 * is asked what it says at a stage, tell it all that it has not heard yet and hear its answer. So it makes no difference whether it was asked
 * at every stage: who was exempt from checks at first is told of later.
 *
 * An answer to one recipient concerns that one. Another that is not "go on" settles the message, and of connect and helo the whole session; from then on it
 * is repeated without asking. What a milter wants to be changed is gathered and handed out with its last word.
 *
 * Whatever is not the protocol, and every wait that takes too long, is a failure: the connection is closed, and the milter stays failed
 * for this session. Only a connection that the milter has closed between messages is opened anew.
 *
 * Deviation from Sendmail and Postfix: recipients that the backend refuses behind the milter have been told to it; and answers to unknown
 * commands and to recipients refused before are heard, not heeded.
 *
 * Freeing it takes leave of the milter.
 */
#pragma once

#include "base/loop.h"
#include "plugins/milter_address.h"
#include "plugins/milter_changes.h"
#include "plugins/options.h"
#include "policy/milter_answer.h"

#include <openssl/types.h>

/* What is known of a milter, for all its conversations. */
struct milter_peer {
	const struct milter_options *options;
	struct milter_address address;
	SSL_CTX *tls;       /* NULL: in plain */
	uint64_t body_most; /* bytes of a body that it may put in the place of another */
};

struct milter_talk;

struct milter_talk *milter_talk_new(
	const void *parent, struct loop *loop, const struct milter_peer *peer);

/* Asks what it says at the inquiry's stage, which must stay until the await has ended. It fails when the milter does. Cancelling it makes the
 * milter fail. */
void milter_talk_begin(struct milter_talk *talk, struct inquiry *inquiry, struct await *await);

/* Connects and negotiates, and nothing else. */
void milter_talk_begin_probe(struct milter_talk *talk, struct await *await);

/* After a success: what it says, and the text that belongs to it (policy/milter_answer.h) or NULL. */
enum milter_answer milter_talk_answer(const struct milter_talk *talk);
const char *milter_talk_reply(const struct milter_talk *talk);

/* What it wants to be changed; NULL: nothing, or it has not said its last word about the message. */
const struct milter_changes *milter_talk_changes(const struct milter_talk *talk);

/* After a success: in a line, what was agreed on. Under the parent. */
char *milter_talk_offer(const void *parent, const struct milter_talk *talk);

/* Why it failed; NULL: it has not. */
const char *milter_talk_failure(const struct milter_talk *talk);

/* Of a conversation that was given up while the milter was asked: whether it had taken long. */
bool milter_talk_was_slow(const struct milter_talk *talk);

/* The transaction has ended, with a message or without. */
void milter_talk_end_mail(struct milter_talk *talk);

/* Told with what comes next, if it wants to know: a command that is none; a recipient that was refused by others. */
void milter_talk_note_unknown(struct milter_talk *talk, struct slice line);
void milter_talk_note_refused(
	struct milter_talk *talk, const struct recipient *recipient, const struct reply *reply);
