/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of a Content field (RFC 2045 §5.1, RFC 2231), in all readings: with quotation marks where none belong, without those that
 * belong, with comments, backslashes and blanks, hidden in the value of another one, split into pieces that are doubled, missing or
 * out of order. Known are boundary, name, filename and charset; others are passed over. All of it is linear in the field, but for
 * the sorting of at most MIME_FIELD_PARAMETERS pieces.
 */
#pragma once

#include "policy/content/mime_field.h"

struct mime_parameters;

/* The field without its comments, the field itself when it has none. Notes MIME_COMMENT. A comment that does not end is none. */
struct slice mime_parameter_strip(const void *parent, struct slice text, uint64_t *anomalies);

/* The field is its value, unfolded. */
struct mime_parameters *mime_parameter_parse(const void *parent, struct slice text);

/* All readings of one parameter, the likeliest first. They live as long as the parameters. */
void mime_parameter_find(struct mime_parameters *parameters, struct charset_set *charsets,
	const char *name, struct mime_field_readings *readings);

/* What was noted so far. */
uint64_t mime_parameter_anomalies(const struct mime_parameters *parameters);
