/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver of things that live through a list of steps. A step is a function that does one thing and says which step
 * comes next: `return THEN(judge_command);` or `return DONE;`. A step never waits. It may begin one operation on the
 * driver's await; the driver then rests until that has ended and only then runs the next step. An operation that
 * ends at once makes no difference: the driver loops, nothing recurses.
 *
 * Interrupts (client gone, backend gone, shutting down) come from outside, at any time. They cancel the pending
 * await and divert to the owner's last step; while the await is committed they wait until it has ended.
 * An interrupt that comes while a step runs counts from the end of that step. Once the last step has been taken, further
 * interrupts are remembered but change nothing.
 *
 * After DONE, finished(owner) is called once, as the very last thing: it may free everything.
 */
#pragma once

#include "base/await.h"

struct step {
	struct step (*run)(void *owner);
	const char *name;
};

#define THEN(function) ((struct step){function, #function})
#define DONE ((struct step){NULL, NULL})

enum interrupt {
	INTERRUPT_NONE = 0,
	INTERRUPT_CLIENT_GONE = 1,
	INTERRUPT_BACKEND_GONE = 2,
	INTERRUPT_SHUTTING_DOWN = 4
};

struct steps {
	struct await await;
	void *owner;
	struct step next;
	struct step last; /* where interrupts lead */
	void (*finished)(void *owner);
	unsigned interrupts; /* those that have come, as bits */
	bool running;
	bool diverted; /* on the way out: the last step has been chosen */
};

/* Sets up; nothing runs yet. */
void steps_init(struct steps *steps, struct clock *clock, void *owner, struct step last,
	void (*finished)(void *owner));

/* Runs from the given step until something is awaited or DONE. */
void steps_start(struct steps *steps, struct step first);

void steps_interrupt(struct steps *steps, enum interrupt interrupt);

/* Cancels what is awaited; no step will run any more. For destructors. */
void steps_cancel(struct steps *steps);
