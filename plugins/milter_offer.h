/* SPDX-License-Identifier: Apache-2.0
 *
 * What a milter has agreed to, for people: which version it speaks, what it wants to hear, and what it may change.
 */
#pragma once

#include <stdint.h>

/* On one line, under the parent. */
char *milter_offer_print(const void *parent, uint32_t version, uint32_t actions, uint32_t protocol);
