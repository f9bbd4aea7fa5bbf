/* SPDX-License-Identifier: Apache-2.0 */
/* The one driver of all lists of steps. */
#include "base/steps.h"

#include <assert.h>

/* Interrupts lead to the last step, unless what is awaited, or what was, is committed. */
static void divert(struct steps *steps)
{
	if (!steps->interrupts || steps->diverted || steps->await.committed)
		return;
	await_cancel(&steps->await);
	steps->diverted = true;
	steps->next = steps->last;
}

static void run(void *owner)
{
	struct steps *steps = owner;

	if (steps->running)
		return;
	steps->running = true;
	divert(steps);
	while (!steps->await.pending && steps->next.run) {
		if (steps->next.run == steps->last.run)
			steps->diverted = true;
		steps->next = steps->next.run(steps->owner);
		divert(steps);
	}
	steps->running = false;
	if (!steps->await.pending)
		steps->finished(steps->owner);
}

void steps_init(struct steps *steps, struct clock *clock, void *owner, struct step last,
	void (*finished)(void *owner))
{
	*steps = (struct steps){.owner = owner, .last = last, .finished = finished};
	await_init(&steps->await, clock, run, steps);
}

void steps_start(struct steps *steps, struct step first)
{
	assert(!steps->running && !steps->await.pending);
	steps->next = first;
	run(steps);
}

void steps_interrupt(struct steps *steps, enum interrupt interrupt)
{
	steps->interrupts |= interrupt;
	if (!steps->running && steps->next.run)
		run(steps);
}

void steps_cancel(struct steps *steps)
{
	await_cancel(&steps->await);
	steps->next = DONE;
}
