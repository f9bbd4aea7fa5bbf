/* SPDX-License-Identifier: Apache-2.0
 *
 * Since when each rule has had its text: for policy/breaker.h. The master keeps it over reloads, and where there is a store in the file
 * rule-ages there, over restarts. A rule that is new, or whose text is another than before, begins now; one that has gone is forgotten.
 *
 * A file that cannot be read or written, or is nonsense, is a warning in the log: then all rules are new.
 */
#pragma once

#include <stdint.h>

struct configuration;
struct rule_ages;

struct rule_ages *rule_ages_new(const void *parent);

/* A configuration comes to serve: tells its breaker, and the file. seconds: now, since 1970. */
void rule_ages_use(
	struct rule_ages *ages, const struct configuration *configuration, uint64_t seconds);
