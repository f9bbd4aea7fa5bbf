/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people write them: plain ones, sizes (k M G are 1024 bytes and its powers; bare is bytes) and durations
 * (ms s m h d; only 0 may go bare). Units are read exactly as written here, for m is minutes and M is mebibytes.
 */
#pragma once

#include "base/slice.h"

enum quantity { QUANTITY_NUMBER, QUANTITY_SIZE, QUANTITY_DURATION };

#define QUANTITY_TEXT_SIZE 24

/* Numbers may be signed; sizes are in bytes, durations in milliseconds. False if it is none or does not fit. */
bool quantity_parse(enum quantity kind, struct slice text, int64_t *value)
	__attribute__((warn_unused_result));

/* A signed decimal number of at most 15 digits, with or without a fraction. */
bool quantity_parse_decimal(struct slice text, double *value) __attribute__((warn_unused_result));

/* Why a text that quantity_parse() refused is none, when its unit tells; else NULL. */
const char *quantity_hint(enum quantity kind, struct slice text);

/* Prints with the largest unit that needs no fraction, so that quantity_parse() reads the same; returns text. */
char *quantity_print(enum quantity kind, int64_t value, char text[static QUANTITY_TEXT_SIZE]);
