/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict is what a check or a rule says about the inquiry before it, and in the end what the chain says. None is
 * the answer of who has no opinion; a score is an opinion that does not decide; unknown means "ask me again when the fact that
 * I asked for is known".
 */
#pragma once

#include "policy/mail/reply.h"

enum verdict_kind {
	VERDICT_NONE,
	VERDICT_UNKNOWN, /* never leaves the chain as a final verdict */
	VERDICT_ACCEPT,
	VERDICT_DISCARD,
	VERDICT_QUARANTINE,
	VERDICT_TEMPFAIL,
	VERDICT_REJECT,
	VERDICT_DISCONNECT
};

struct verdict {
	enum verdict_kind kind;
	double score; /* what the check adds, whatever the kind */
	int code;     /* of reject, tempfail, disconnect */
	char status[STATUS_SIZE];
	const char *text; /* for the reply, without the transaction's id */
	const char *
		result; /* one word for the trace: "pass", "missing_date" …; NULL stands for the kind's name */
	const char *detail; /* what it saw, for the trace; may be NULL */
	const char *
		decided_by; /* "check relay", "rule x", "threshold reject"; set by the chain, or by a check of many voices */
	bool whole_session; /* an accept for all that follows */
};

struct verdict verdict_none(void);
struct verdict verdict_unknown(void);
/* No opinion, but for the trace: it looked, and nothing was wrong. */
struct verdict verdict_pass(const char *detail);
struct verdict verdict_accept(const char *detail);
struct verdict verdict_score(double score, const char *result, const char *detail);
struct verdict verdict_reject(int code, const char *status, const char *text);
struct verdict verdict_tempfail(int code, const char *status, const char *text);

bool verdict_is_final(const struct verdict *verdict);
/* "accept", "reject" … as in the logs and in explain; none counts as accept. */
const char *verdict_name(enum verdict_kind kind);

/* Who wins of two within one step of the judging order: the more severe kind; of equals the first. Scores add up. With
 * an unknown among them, the whole is unknown. */
struct verdict verdict_combine(struct verdict first, struct verdict second);
