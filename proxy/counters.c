/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the counters, and their table. */
#include "proxy/counters.h"

#include <stdbool.h>

#define COUNTER_NAME(id, name, kind) name,
const char *const counter_names[] = {COUNTERS(COUNTER_NAME) 0};

enum counter_kind { TOTAL, GAUGE };

#define COUNTER_KIND(id, name, kind) kind,
static const enum counter_kind kinds[] = {COUNTERS(COUNTER_KIND)};

static struct table *mark_gauges(struct table *table)
{
	for (unsigned i = 0; table && i < COUNT_COUNT; i++) {
		if (kinds[i] == GAUGE)
			table_mark_gauge(table, i);
	}
	return table;
}

struct table *counters_new(const void *parent)
{
	return mark_gauges(table_new(parent, counter_names));
}

struct table *counters_take_over(const void *parent, int descriptor)
{
	return mark_gauges(table_take_over(parent, counter_names, descriptor));
}
