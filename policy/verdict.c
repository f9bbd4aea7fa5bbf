/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, and who wins of two. */
#include "policy/verdict.h"

#include <stdio.h>

struct verdict verdict_none(void)
{
	return (struct verdict){.kind = VERDICT_NONE};
}

struct verdict verdict_unknown(void)
{
	return (struct verdict){.kind = VERDICT_UNKNOWN};
}

struct verdict verdict_pass(const char *detail)
{
	return (struct verdict){.kind = VERDICT_NONE, .result = "pass", .detail = detail};
}

struct verdict verdict_accept(const char *detail)
{
	return (struct verdict){.kind = VERDICT_ACCEPT, .detail = detail};
}

struct verdict verdict_score(double score, const char *result, const char *detail)
{
	return (struct verdict){
		.kind = VERDICT_NONE, .score = score, .result = result, .detail = detail};
}

static struct verdict refusal(
	enum verdict_kind kind, int code, const char *status, const char *text)
{
	struct verdict verdict = {.kind = kind, .code = code, .text = text};

	snprintf(verdict.status, sizeof verdict.status, "%s", status);
	return verdict;
}

struct verdict verdict_reject(int code, const char *status, const char *text)
{
	return refusal(VERDICT_REJECT, code, status, text);
}

struct verdict verdict_tempfail(int code, const char *status, const char *text)
{
	return refusal(VERDICT_TEMPFAIL, code, status, text);
}

bool verdict_is_final(const struct verdict *verdict)
{
	return verdict->kind > VERDICT_UNKNOWN;
}

const char *verdict_name(enum verdict_kind kind)
{
	static const char *const names[] = {"accept", "unknown", "accept", "discard", "quarantine",
		"tempfail", "reject", "disconnect"};

	return names[kind];
}

/* Unknown wins over all: what the asker will say once it knows may be the more severe, and an opinion must not depend on the
 * order in which facts arrive. */
struct verdict verdict_combine(struct verdict first, struct verdict second)
{
	struct verdict winner = second.kind > first.kind ? second : first;

	if (first.kind == VERDICT_UNKNOWN || second.kind == VERDICT_UNKNOWN)
		return verdict_unknown();
	winner.score = first.score + second.score;
	return winner;
}
