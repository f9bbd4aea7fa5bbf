/* SPDX-License-Identifier: Apache-2.0
 *
 * What a milter says at a stage, as the facts milter() and milter.reply() tell it. The reply is as a mail server would say it, lines
 * separated by "\n": "550-5.7.1 no\n550 5.7.1 and never". Of quarantine it is the reason, as a text.
 */
#pragma once

#include "policy/mail/reply.h"

enum milter_answer {
	ANSWER_CONTINUE,
	ANSWER_ACCEPT, /* it wants to hear no more of this message */
	ANSWER_REJECT,
	ANSWER_TEMPFAIL,
	ANSWER_DISCARD,
	ANSWER_QUARANTINE
};

/* "continue" … in their order, NULL-ended. */
extern const char *const milter_answer_names[];

/* Whether a text from a milter can be the reply to a refusal: codes of three digits beginning with 4 or 5, all lines with the same one. Where it can, *reply is it. A code or
 * status without a text is none, whatever stands around it. */
bool milter_answer_reply(const void *parent, const char *text, struct reply *reply)
	__attribute__((warn_unused_result));
