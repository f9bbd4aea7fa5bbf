/* SPDX-License-Identifier: Apache-2.0
 *
 * Character references of HTML: &#64; &#x40; &commat; and so on, with their semicolon or without. Of the named ones, those are known
 * that mail is written with, and those that hide the punctuation of addresses.
 */
#pragma once

#include "base/slice.h"

/* Takes a reference off the front of *rest, which begins with "&"; 0 when there is none, and nothing is taken. */
uint32_t html_entity_take(struct slice *rest);

/* Copies text to out with references resolved; never more bytes than there were. Returns how many. */
size_t html_entity_resolve(char *out, struct slice text);
