/* SPDX-License-Identifier: Apache-2.0
 *
 * What sessions of every kind have in common around the judge: whether the client is known, the judgement of a stage, what rules did in it, and
 * whether it refuses. They are pieces of steps: what takes time is begun on the session's own await.
 */
#pragma once

#include "proxy/session.h"

/* Whether the client is known as good decides how many connections it may have, and whether it waits. The second when the await has ended. */
void judgement_begin_recalling(struct session *s);
void judgement_hear_recalled(struct session *s);

/* The inquiry in hand: the transaction's, or the session's outside one. */
struct inquiry *judgement_inquiry(const struct session *s);

/* Judges at a stage; learning facts may take so many milliseconds. */
void judgement_begin(struct session *s, enum stage stage, uint64_t milliseconds);

/* Has been judged: what rules did is told, and their delay comes before what is next. */
struct step judgement_note(struct session *s, struct step next);

/* Lets time pass before what comes next. */
struct step judgement_pause(struct session *s, int64_t milliseconds, struct step next);

/* Whether the verdict stops what was judged; then the session's reply is set. */
bool judgement_refuses(struct session *s);

/* The session ends: tells what was judged outside transactions, where it was let pass and yet somebody would have had it otherwise. */
void judgement_note_farewell(struct session *s);
