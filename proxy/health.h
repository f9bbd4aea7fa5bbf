/* SPDX-License-Identifier: Apache-2.0
 *
 * What all workers know together of one server behind: whether it may be asked (a circuit breaker), how many connections it has, and
 * whether somebody waits for one. It lives in the shared table under the server's address, so it outlasts reloads and
 * deaths, and a server that two backends name is one.
 *
 *     up       asked by all. After HEALTH_FAILURES failures running, or failures for HEALTH_PATIENCE without a success: down
 *     down     asked by nobody, for HEALTH_PAUSE; then one worker takes it upon itself to probe it
 *     probing  that worker connects, says EHLO and QUIT: up again, or down again. One that does not come back with an answer
 *              loses its turn after HEALTH_TURN
 *
 * Failures are those of opening a connection, up to EHLO's answer, and apart from them those of open ones: that end, or are silent for too
 * long, within a transaction. Those count until a message has been answered, for HEALTH_MEMORY at most: to connect proves nothing against
 * them. A server that says it is busy has not failed, and what it answers to a recipient says nothing about it. Each change is told to the one worker that made it, so it is logged once.
 *
 * When the table has no room for one more server, each worker knows what it has seen itself, and connections are not
 * counted.
 */
#pragma once

#include "base/cidr.h"
#include "base/table.h"

#define HEALTH_FAILURES 3
#define HEALTH_PATIENCE 30000
#define HEALTH_PAUSE 10000
#define HEALTH_MEMORY 300000
#define HEALTH_TURN 120000 /* longer than a probe may take */

enum health_state { HEALTH_UP, HEALTH_DOWN, HEALTH_PROBING };

struct health {
	struct table *table;
	struct ip ip;
	uint16_t port;
	_Atomic uint64_t *words; /* in the table, or own */
	_Atomic uint64_t own[TABLE_WORDS];
};

/* Finds the server's place in the table; the struct is not to be moved afterwards. */
void health_init(struct health *health, struct table *table, const struct ip *ip, uint16_t port);

/* All times are clock_now(). */
enum health_state health_state(const struct health *health);
const char *health_state_name(enum health_state state);
unsigned health_failures(const struct health *health);

/* A connection could not be had, or could. True when that has changed the state between up and not. */
bool health_fail(struct health *health, uint64_t now);
bool health_succeed(struct health *health);

/* A transaction was cut off by the server, true as above; and one has had its message answered. */
bool health_break(struct health *health, uint64_t now);
void health_mend(struct health *health);

/* When a server that is down may be probed; and the right to do it now: true for one worker only. */
uint64_t health_probe_at(const struct health *health);
bool health_begin_probe(struct health *health, uint64_t now);

/* Takes one of so many places for connections, over all workers; false when all are taken. */
bool health_take_place(struct health *health, int64_t places) __attribute__((warn_unused_result));
void health_give_place(struct health *health);
unsigned health_places_taken(const struct health *health);

/* Somebody waits for a place; and whether that was so in the last half second, by any worker. */
void health_seek(struct health *health, uint64_t now);
bool health_is_sought(const struct health *health, uint64_t now);
