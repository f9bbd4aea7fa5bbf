/* SPDX-License-Identifier: Apache-2.0
 *
 * What two processes of one generation tell each other: numbers, texts, values, facts, as bytes behind one another. Both have the same
 * tables, so facts and rules go by their number. The reader takes no bytes on trust: what is cut off, too long or of no type makes the
 * parcel broken, and from there on it gives nothing but zeros and empty texts; who reads looks at that once, in the end.
 *
 * What is read borrows its texts from the parcel's bytes, which must stay as long; arrays lie under the parent given.
 */
#pragma once

#include "policy/facts.h"

/* A parcel that is being packed; bytes is a talloc array. */
struct parcel {
	char *bytes;
	size_t size;
};

struct parcel *parcel_new(const void *parent);
void parcel_put_number(struct parcel *parcel, int64_t number);
void parcel_put_real(struct parcel *parcel, double real);
void parcel_put_text(struct parcel *parcel, const char *text); /* may be NULL */
void parcel_put_bytes(struct parcel *parcel, struct slice bytes);
void parcel_put_question(struct parcel *parcel, const struct question *question);
void parcel_put_value(struct parcel *parcel, enum fact_state state, const struct value *value);

struct slice parcel_bytes(const struct parcel *parcel);

/* A parcel that is being unpacked. */
struct unpacking {
	struct slice rest;
	bool is_broken;
};

struct unpacking parcel_open(struct slice bytes);
int64_t parcel_take_number(struct unpacking *from);
/* One of 0 to below; else the parcel is broken. */
uint32_t parcel_take_index(struct unpacking *from, size_t below);
double parcel_take_real(struct unpacking *from);
const char *parcel_take_text(struct unpacking *from); /* NULL where NULL was put */
struct slice parcel_take_bytes(struct unpacking *from);
struct question parcel_take_question(struct unpacking *from);
enum fact_state parcel_take_value(const void *parent, struct unpacking *from, struct value *value);
