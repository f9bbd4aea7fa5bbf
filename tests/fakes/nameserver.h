/* SPDX-License-Identifier: Apache-2.0
 *
 * A name server for tests, on a loop, over UDP and TCP of one loopback port, with a zone (zone.h).
 */
#pragma once

#include "base/loop.h"
#include "tests/fakes/zone.h"

struct nameserver;

/* On the given port, or a free one (0). NULL: there is none. */
struct nameserver *nameserver_new(
	const void *parent, struct loop *loop, struct zone *zone, uint16_t port);
uint16_t nameserver_port(const struct nameserver *nameserver);
