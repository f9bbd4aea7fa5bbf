/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 (RFC 3629) as far as a filter needs it: which bytes at the front of a slice are one character, and texts made
 * safe to show. Overlong forms, surrogates and what lies beyond U+10FFFF are no characters.
 */
#pragma once

#include "base/slice.h"

#include <stdio.h>

/* How many bytes the character at the front has; 0 when there is none or it is broken. */
size_t utf8_length(struct slice s);

/* The character of so many bytes that stands there, which must be valid. */
uint32_t utf8_decode(const char *at, size_t length);

/* Puts a character of Unicode; where it ends. */
#define UTF8_LONGEST 4
char *utf8_encode(char *out, uint32_t character);

bool utf8_is_valid(struct slice s);

/* How many characters of ASCII stand in front. */
size_t utf8_ascii_length(struct slice s);

/* Whether the character at the front, which must be valid, is a control character (C0, DEL or C1). */
bool utf8_is_control(struct slice s);

/* Copies s to out with "?" for every control character and every byte that belongs to no character, without a
 * NUL at the end. Returns how many bytes were written: at most size, and never half a character. */
size_t utf8_clean(char *out, size_t size, struct slice s);

/* Whether the character at the front, which must be valid, turns the direction of writing: what stands behind it would be shown as something
 * else. */
bool utf8_turns_direction(struct slice s);

/* The same, and "?" for those, too: a stranger's words for people's eyes. */
size_t utf8_clean_for_eyes(char *out, size_t size, struct slice s);

/* Writes it so: fit for a terminal. */
void utf8_print_clean(struct slice s, FILE *out);

/* Writes JSON with \uXXXX in place of what is not for people's eyes: it means the same. */
void utf8_print_json(struct slice json, FILE *out);
