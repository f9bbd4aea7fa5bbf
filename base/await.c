/* SPDX-License-Identifier: Apache-2.0 */
/* One thing that takes time. */
#include "base/await.h"

#include <assert.h>
#include <string.h>

static void on_deadline(void *owner)
{
	struct await *await = owner;

	await->pending = false;
	await->outcome = OUTCOME_TIMED_OUT;
	await->cancel(await->operation);
	await->wake(await->owner);
}

void await_init(struct await *await, struct clock *clock, void (*wake)(void *owner), void *owner)
{
	memset(await, 0, sizeof *await);
	await->wake = wake;
	await->owner = owner;
	await->clock = clock;
	await->deadline.on_due = on_deadline;
	await->deadline.owner = await;
}

void await_begin(struct await *await, uint64_t milliseconds, void (*cancel)(void *operation),
	void *operation)
{
	assert(!await->pending);
	await->pending = true;
	await->cancel = cancel;
	await->operation = operation;
	if (milliseconds != AWAIT_FOR_EVER)
		timer_start(&await->deadline, await->clock, milliseconds);
}

void await_extend(struct await *await, uint64_t milliseconds)
{
	if (await->pending && milliseconds == AWAIT_FOR_EVER)
		timer_stop(&await->deadline);
	else if (await->pending)
		timer_start(&await->deadline, await->clock, milliseconds);
}

void await_end(struct await *await, enum outcome outcome)
{
	assert(await->pending);
	timer_stop(&await->deadline);
	await->pending = false;
	await->outcome = outcome;
	await->wake(await->owner);
}

void await_skip(struct await *await, enum outcome outcome)
{
	assert(!await->pending);
	await->outcome = outcome;
}

void await_cancel(struct await *await)
{
	if (!await->pending)
		return;
	timer_stop(&await->deadline);
	await->pending = false;
	await->cancel(await->operation);
}
