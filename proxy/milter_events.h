/* SPDX-License-Identifier: Apache-2.0
 *
 * The events that a mail server tells its milter of, a row each. All take the same road through the steps of milter_session.c: in its order?, taken,
 * judged at its stage, changed or undone, answered. A row says what is particular to one; its functions are straight lines that never wait.
 */
#pragma once

#include "proxy/milter_session.h"

/* Where the session goes when an event has been taken. */
enum milter_next {
	MILTER_NEXT_READ,        /* it is not answered */
	MILTER_NEXT_ACKNOWLEDGE, /* nor is it judged: it is answered where the server wants that */
	MILTER_NEXT_ANSWER_OFFER,
	MILTER_NEXT_MEET, /* there is a client */
	MILTER_NEXT_JUDGE,
	MILTER_NEXT_REFUSE, /* with the session's reply */
	MILTER_NEXT_MESSAGE,
	MILTER_NEXT_ANEW,
	MILTER_NEXT_FAREWELL, /* where m->fault is set: since that is wrong */
	MILTER_NEXTS
};

#define MILTER_NO_STAGE (-1)

struct milter_event {
	char command;
	unsigned requires; /* of what has come before: milter_events.c */
	uint32_t silent;   /* bit of the protocol: it is not answered */
	int stage;         /* enum stage at which it is judged, or MILTER_NO_STAGE */
	/* Keeps what the packet tells, which is gone when it has returned. */
	enum milter_next (*take)(struct milter_session *m, const struct milter_packet *packet);
	void (*change)(
		struct milter_session *m); /* what is so now that it has passed; NULL: nothing */
	void (*undo)(struct milter_session *m); /* it was refused; NULL: nothing */
};

/* Takes a packet: m->event is its row from then on. */
enum milter_next milter_events_take(struct milter_session *m, const struct milter_packet *packet);

/* The mail in hand has ended with the session's reply, or without one. */
void milter_events_end_mail(struct milter_session *m);
