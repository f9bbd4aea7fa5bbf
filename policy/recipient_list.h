/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of those who can be recipients here, for recipients.source = file and ldap. As text:
 *
 *     # a comment; empty lines count for nothing
 *     alice@example.com        one address, in any case of letters
 *     @lab.example.com         everybody in that domain
 *     @.example.com            everybody in all domains below it
 *
 * A list is compiled, once, into a table that is read where it lies: a file without a name that all workers map, so a million
 * entries cost a worker nothing. One line that is none of these spoils the whole list, and its number is told.
 *
 * struct recipient_list is a worker's view of the one that is in force now. It is empty until a table was loaded, and nobody knows
 * then who is a recipient. What was compiled in another process is believed in nothing: offsets are looked at before they are used.
 *
 * It is the learner of LEARNER_RECIPIENTS: recipient.known.
 */
#pragma once

#include "policy/inquiry.h"

#define RECIPIENT_LIST_LINE 1024            /* bytes of a line */
#define RECIPIENT_LIST_SIZE_MOST (1U << 30) /* bytes of a list, as text */

struct recipient_list;

/* What is wrong with a text. */
struct recipient_list_fault {
	size_t line; /* from 1 */
	const char *reason;
};

/* The table of a text, under the parent, and its size; NULL when there is a fault. */
char *recipient_list_compile(
	const void *parent, struct slice text, size_t *size, struct recipient_list_fault *fault);

struct recipient_list *recipient_list_new(const void *parent);

/* Puts the table in that file into force, in place of the one before; the descriptor stays the caller's. False when it is no table: then
 * nothing has changed. */
bool recipient_list_load(struct recipient_list *list, int descriptor)
	__attribute__((warn_unused_result));

bool recipient_list_is_loaded(const struct recipient_list *list);
/* How many different entries it has. */
size_t recipient_list_count(const struct recipient_list *list);

/* Whether it has the address, or its domain. With plus, what stands behind a + in the local part does not count where the whole address
 * is not there. */
bool recipient_list_has(
	const struct recipient_list *list, const char *local, const char *domain, bool plus);

struct learner recipient_list_learner(struct recipient_list *list);
