/* SPDX-License-Identifier: Apache-2.0
 *
 * What would have been: out of the verdict records of mail that was let through, those that mode = "observe" or checks.monitor kept from
 * being refused, counted by who would have refused them and told one by one, those from clients and senders known as good first,
 * for these are what to look at before it is meant. Each has the entry of the allow-list that would exempt it. Then, by rule, what the shadow
 * would have done otherwise than the acting rules.
 */
#pragma once

#include "policy/check.h"

struct report;

/* The checks are all there are, NULL-ended: of limits it is told that nothing exempts from them. */
struct report *report_new(const void *parent, const struct check *const *checks);

/* Looks at a verdict record; what is none is passed over. */
void report_add(struct report *report, struct slice json);

/* As a text, or as one JSON object. since is for the head: "7d". */
void report_print(const struct report *report, const char *since, bool json, FILE *out);
