/* SPDX-License-Identifier: Apache-2.0
 *
 * What a milter wants to be changed in a message, gathered while it says so, and done when its last word was that the message may
 * go on: a milter that refuses in the end has changed nothing. How much it may say is limited.
 */
#pragma once

#include "plugins/milter_wire.h"
#include "policy/inquiry.h"

#define MILTER_CHANGES_MOST 2000
#define MILTER_HEADER_MOST 4194304 /* bytes of all fields */

struct milter_changes;

/* body_most: bytes of a new body. */
struct milter_changes *milter_changes_new(const void *parent, uint64_t body_most);

/* Whether it is a packet of changes at all. */
bool milter_changes_is_one(char byte);

/* Which action a milter must have announced to say it; 0: quarantine and others that are not judged by it. */
uint32_t milter_changes_action(char byte);

/* Keeps what the packet says. NULL, or why not, for people. with_space: values are as they are, the blank in front included. */
const char *milter_changes_add(struct milter_changes *changes, const struct milter_packet *packet,
	bool with_space) __attribute__((warn_unused_result));

/* Why it wants the message kept; NULL: it does not. */
const char *milter_changes_quarantine(const struct milter_changes *changes);

/* Does all of them. How many it could not do: fields whose name is none, addresses that are none. */
size_t milter_changes_apply(const struct milter_changes *changes, struct inquiry *inquiry);
