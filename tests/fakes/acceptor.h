/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend that answers by itself on a rig: it takes every sender, recipient and message, and keeps what it was sent, byte for byte. A
 * message ends at CRLF.CRLF and nowhere else. One connection at a time; the next is accepted when that has ended.
 */
#pragma once

#include "tests/fakes/rig.h"

#include "base/slice.h"

struct acceptor {
	struct rig *rig;
	struct end end;
	const char *offer; /* lines of EHLO's answer besides name and SIZE: "250-PIPELINING\r\n" */
	bool in_message;
	bool is_deaf;           /* hears nothing more when a message begins */
	char **senders;         /* arguments of MAIL, talloc arrays */
	char **recipients;      /* arguments of RCPT */
	struct slice *messages; /* as they came, with dots stuffed and without the end */
	size_t sender_count, recipient_count, message_count;
};

/* Answers at each turn of the rig, which owns it. */
struct acceptor *acceptor_new(struct rig *rig, const char *offer);

/* Before the rig ends. */
void acceptor_close(struct acceptor *acceptor);
