/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of rule files. The entries stand in the rule file or in a file of their own, one a line; there "#" at the beginning of a
 * line, or behind a blank, starts a comment (only at the beginning for regexes). list_read() reads that file, and reads it again when it
 * has changed: one with errors, or that cannot be read, leaves the entries as they were and complains with the numbers of lines.
 *
 *   string   bytes as they are; compared with a text: without case
 *   domain   "x.com" itself, ".x.com" everything below it
 *   address  user@example.com, without case
 *   cidr     addresses and networks
 *   name     names of people, compared after fold_name()
 *   regex    as between the slashes; with flags: /.../i
 *   hash     MD5, SHA-1 or SHA-2 in hexadecimal digits, without case
 */
#pragma once

#include "base/cidr.h"
#include "base/complaint.h"
#include "rules/match.h"
#include "rules/tree.h"

enum list_kind {
	LIST_STRING,
	LIST_DOMAIN,
	LIST_ADDRESS,
	LIST_CIDR,
	LIST_NAME,
	LIST_REGEX,
	LIST_HASH,
	LIST_KINDS
};

const char *list_kind_name(enum list_kind kind);
/* LIST_KINDS when there is no such kind; and all their names, NULL-ended. */
enum list_kind list_kind_named(const char *name);
const char *const *list_kind_names(void);

struct list;

/* path: of its file, or NULL. It is empty at first. */
struct list *list_new(const void *parent, const char *name, enum list_kind kind, const char *path);

enum list_kind list_kind(const struct list *list);
const char *list_path(const struct list *list);
size_t list_count(const struct list *list);

/* Takes the entries from a rule file. */
void list_fill(struct list *list, const struct literals *literals, struct complaints *complaints);

/* Takes the entries from the file; false when the old ones stay. place is where the file is named, for a file that cannot be read. */
bool list_read(struct list *list, struct place place, struct complaints *complaints);
/* The same from a text in memory. */
bool list_read_text(struct list *list, struct slice text, struct complaints *complaints);

/* From now on list_has_folded() can be asked. Of a list of strings only. */
void list_fold(struct list *list);

bool list_has_ip(const struct list *list, const struct ip *ip);
/* In the form that the kind is compared in (fold.h); of domains also those above. */
bool list_has_text(const struct list *list, struct slice text);
bool list_has_folded(const struct list *list, struct slice text);
/* Of regexes: whether one matches. The subject serves this list alone, and must not outlive a list_read(). */
enum match list_matches(const struct list *list, const void *parent, struct match_subject *subject,
	struct matcher *matcher);

/* Whether it can be a domain, and an address, in the form in which they are compared. */
bool list_is_domain(struct slice text);
bool list_is_address(struct slice text);
