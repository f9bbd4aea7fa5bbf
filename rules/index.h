/* SPDX-License-Identifier: Apache-2.0
 *
 * Large sets that are made once and then only asked: of texts, and of networks. A look-up allocates nothing and takes well under a
 * microsecond, also with a million entries. Entries that are there twice count once; networks that touch become one.
 */
#pragma once

#include "base/cidr.h"

struct index_texts;

struct index_texts *index_texts_new(const void *parent);
/* The text is copied. */
void index_texts_add(struct index_texts *index, struct slice text);
void index_texts_finish(struct index_texts *index);
bool index_texts_has(const struct index_texts *index, struct slice text);
size_t index_texts_count(const struct index_texts *index);
/* All of them, one after the other; begin with 0. False behind the last. */
bool index_texts_next(const struct index_texts *index, size_t *cursor, struct slice *text);

struct index_networks;

struct index_networks *index_networks_new(const void *parent);
void index_networks_add(struct index_networks *index, const struct cidr *cidr);
void index_networks_finish(struct index_networks *index);
bool index_networks_has(const struct index_networks *index, const struct ip *ip);
