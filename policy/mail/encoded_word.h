/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of header fields as a reader shows them: encoded-words (RFC 2047) become UTF-8. What comes out is UTF-8 without control
 * characters: what is none stands as a question mark, a TAB as a blank. A word of a charset that is not known stays as it is written.
 *
 * Deviations, all of them what readers do: encoded-words count inside of quoted strings and between letters, are as long as they
 * like, and one character may begin in a word and end in the next of the same charset.
 *
 * Limits: after ENCODED_WORD_MOST changes of charset the rest stays as it is written.
 */
#pragma once

#include "policy/mail/charset.h"

#define ENCODED_WORD_MOST 64

/* The text is a field's, unfolded. */
char *encoded_word_decode(const void *parent, struct slice text);

/* The same where no file may be opened: with charsets that were prepared. What they do not have is read as iso-8859-1. Sets bits of enum
 * charset_seen. set may be NULL. */
char *encoded_word_decode_prepared(
	const void *parent, struct charset_set *set, struct slice text, unsigned *seen);
