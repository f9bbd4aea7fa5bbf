/* SPDX-License-Identifier: Apache-2.0
 *
 * A resolver for a dns that answers from a zone (zone.h) without leaving the process: at once; what "does delay" when it is told to;
 * what "does silence" or lies never.
 */
#pragma once

#include "base/dns.h"
#include "tests/fakes/zone.h"

struct names;

struct names *names_new(const void *parent);
struct zone *names_zone(struct names *names);
struct dns_resolver names_resolver(struct names *names);

/* Answers what was put off, in the order in which it was asked. */
void names_answer_late_ones(struct names *names);

/* How many questions it has and has not answered. */
size_t names_open(const struct names *names);
