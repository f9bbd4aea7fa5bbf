/* SPDX-License-Identifier: Apache-2.0
 *
 * What was known of one transaction of the past: the facts of its verdict record, or what can be taken from a message that came another way.
 */
#pragma once

#include "policy/facts.h"
#include "policy/mail/message.h"

struct replay_case {
	const char *name;     /* id of the transaction, or the file */
	const char *recorded; /* name of the verdict it had; NULL: that is not known */
	struct facts *told;
	struct facts
		*of_mail; /* those that were forgotten before the first recipient; NULL: none */
	struct facts **recipients; /* those, of each recipient */
	size_t recipient_count;
	struct message *message; /* NULL: it was not kept */
	bool has_message;        /* it came as far as the message stage */
	bool is_kept;            /* the record says that the message was */
	bool is_session;         /* it was refused before any transaction */
};

/* Of a verdict record; NULL when that is none. Facts that are none any more are passed over. */
struct replay_case *replay_case_of_record(const void *parent, struct slice json);

/* The message that was kept beside the record; false when it is none. */
bool replay_case_take_message(struct replay_case *the_case, struct slice bytes)
	__attribute__((warn_unused_result));

/* Of a message, with line ends of any kind. hop: which Received field, from 1, is the one that the receiving server wrote: it has the client,
 * its HELO and perhaps the envelope; it and all above are taken off. 0: nothing is known but the message. NULL when it has
 * no such field, or that tells no address. */
struct replay_case *replay_case_of_message(
	const void *parent, const char *name, struct slice bytes, unsigned hop);

/* Answers into one set what another knows, if it is one of those; what follows from others and from the configuration is left out. */
void replay_case_copy_facts(struct facts *to, const struct facts *from,
	bool (*is_one)(const struct fact_row *row, enum stage stage), enum stage stage);
