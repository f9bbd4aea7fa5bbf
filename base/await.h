/* SPDX-License-Identifier: Apache-2.0
 *
 * An await is one thing that takes time, seen from whoever waits for it.
 *
 * It lies in the memory of its owner, who sets it up once with await_init(), hands it to an operation
 * (`x_begin_something(x, …, &owner->await)`) and is woken exactly once when the operation has ended: well, with a
 * failure, or because the deadline passed. It may end before the begin function returns; whoever drives the owner
 * copes with that (base/steps does). After that the same await serves the next operation.
 *
 * Cancelling a pending await is the only clean-up there is: the operation is told, its resources go, nobody is woken.
 * Cancelling one that is not pending does nothing. A talloc destructor of the owner calls await_cancel() and that is all.
 *
 * An owner that has passed the point of no return marks its await committed: interrupts then leave it alone
 * (steps_interrupt); await_cancel() still works. The mark stays until the owner, having heard the outcome, takes it off.
 *
 * For operations: await_begin() when started, await_end() when ended; the cancel function is called when the owner or the
 * deadline gives up, and must leave the operation as if it had never begun or unusable, as its header says.
 */
#pragma once

#include "base/clock.h"

enum outcome {
	OUTCOME_DONE,     /* what was awaited is there */
	OUTCOME_FAILED,   /* it never will be: the operation's header says what to ask next */
	OUTCOME_TIMED_OUT /* the deadline passed; the operation was cancelled */
};

struct await {
	void (*wake)(void *owner);
	void *owner;
	void (*cancel)(void *operation);
	void *operation;
	struct clock *clock;
	struct timer deadline;
	bool pending;
	bool committed;
	enum outcome outcome; /* of the last operation */
};

#define AWAIT_FOR_EVER 0

/* For the owner. */
void await_init(struct await *await, struct clock *clock, void (*wake)(void *owner), void *owner);
void await_cancel(struct await *await);
/* Moves the deadline of a pending await to so many milliseconds from now. */
void await_extend(struct await *await, uint64_t milliseconds);

/* For the operation. The await must not be pending. milliseconds may be AWAIT_FOR_EVER. */
void await_begin(struct await *await, uint64_t milliseconds, void (*cancel)(void *operation),
	void *operation);
/* Ends a pending await and wakes its owner: the last thing a function does, for the owner may free it. */
void await_end(struct await *await, enum outcome outcome);
/* For an operation that had nothing to wait for: sets the outcome of an await that is not pending; the owner, who is still
 * in the call, goes on. */
void await_skip(struct await *await, enum outcome outcome);
