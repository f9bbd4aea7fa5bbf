/* SPDX-License-Identifier: Apache-2.0
 *
 * A slice is a borrowed view of bytes: it owns nothing, may hold any byte (NUL too) and is valid as long as
 * what it looks at. Parsers take slices apart from the front; what is to be kept is copied with slice_keep().
 * Comparisons "nocase" fold ASCII letters only and never ask the locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data;
	size_t size;
};

/* For printf's "%.*s". */
#define SLICE_ARGS(s) (int)(s).size, (s).data

static inline struct slice slice_make(const char *data, size_t size)
{
	return (struct slice){data, size};
}

/* The view of a string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *text)
{
	return (struct slice){text ? text : "", text ? strlen(text) : 0};
}

/* The slice without its first n bytes; n is at most its size. */
static inline struct slice slice_from(struct slice s, size_t n)
{
	return (struct slice){s.data + n, s.size - n};
}

/* RFC 5234: WSP */
static inline bool slice_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool slice_equals(struct slice s, const char *text);
bool slice_equals_nocase(struct slice s, const char *text);
bool slice_is_same_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, const char *prefix);

/* The index of the first such byte, or SIZE_MAX. */
size_t slice_find(struct slice s, char byte);

/* Takes the piece before the first separator off the front of *rest, separator included;
 * without a separator takes all. */
struct slice slice_cut(struct slice *rest, char separator);

/* Whether it is whole base64 (RFC 4648 §4): fours of its characters, the last of them padded with "=". */
bool slice_is_base64(struct slice s);

/* The value of a hexadecimal digit, in either case; -1 when it is none. */
int slice_hex_digit(char c);

/* Without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* Reads the whole slice as an unsigned decimal number; false if it is not one or does not fit. */
bool slice_to_number(struct slice s, uint64_t *number) __attribute__((warn_unused_result));

/* A NUL-ended copy under the talloc parent. Bytes after a NUL in the slice are kept but not seen by str*(). */
char *slice_keep(const void *parent, struct slice s);
