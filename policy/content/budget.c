/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of one message. */
#include "policy/content/budget.h"

#include <assert.h>
#include <time.h>

const char *const budget_limit_names[] = {
	"none", "bytes", "ratio", "entries", "depth", "time", NULL};

static uint64_t processor_time(const void *context)
{
	struct timespec now;

	(void)context;
	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Remembers the first. */
static bool refuse(struct budget *budget, enum budget_limit limit)
{
	if (budget->hit == BUDGET_NONE)
		budget->hit = limit;
	return false;
}

static uint64_t allowance_of(const struct budget_limits *limits, uint64_t size)
{
	uint64_t allowance;

	if (limits->ratio == 0 || __builtin_mul_overflow(size, limits->ratio, &allowance))
		return limits->bytes;
	if (allowance < BUDGET_FLOOR)
		allowance = BUDGET_FLOOR;
	return allowance < limits->bytes ? allowance : limits->bytes;
}

void budget_begin(struct budget *budget, const struct budget_limits *limits, uint64_t size,
	budget_clock_fn *clock, const void *context)
{
	*budget = (struct budget){.limits = *limits,
		.allowance = allowance_of(limits, size),
		.clock = clock ? clock : processor_time,
		.context = context};
	budget->deadline = budget->clock(context) + limits->milliseconds;
}

static enum budget_limit limit_of_bytes(const struct budget *budget)
{
	return budget->allowance < budget->limits.bytes ? BUDGET_RATIO : BUDGET_BYTES;
}

bool budget_has_bytes(struct budget *budget)
{
	return budget->bytes < budget->allowance || refuse(budget, limit_of_bytes(budget));
}

size_t budget_bytes(struct budget *budget, size_t wanted)
{
	uint64_t left = budget->allowance - budget->bytes;

	assert(budget->bytes <= budget->allowance);
	if (wanted > left) {
		(void)refuse(budget, limit_of_bytes(budget));
		wanted = (size_t)left;
	}
	budget->bytes += wanted;
	return wanted;
}

bool budget_entry(struct budget *budget)
{
	if (budget->entries >= budget->limits.entries)
		return refuse(budget, BUDGET_ENTRIES);
	budget->entries++;
	return true;
}

bool budget_descend(struct budget *budget)
{
	if (budget->depth >= budget->limits.depth)
		return refuse(budget, BUDGET_DEPTH);
	budget->depth++;
	return true;
}

void budget_ascend(struct budget *budget)
{
	assert(budget->depth > 0);
	budget->depth--;
}

bool budget_has_time(struct budget *budget)
{
	if (budget->limits.milliseconds == 0 || budget->clock(budget->context) < budget->deadline)
		return true;
	return refuse(budget, BUDGET_TIME);
}

unsigned budget_seconds(const struct budget *budget)
{
	uint64_t now;

	if (budget->limits.milliseconds == 0)
		return 0;
	now = budget->clock(budget->context);
	return now < budget->deadline ? (unsigned)((budget->deadline - now + 999) / 1000) : 1;
}
