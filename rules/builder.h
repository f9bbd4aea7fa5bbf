/* SPDX-License-Identifier: Apache-2.0
 *
 * What the makers of a program share: the names that are known so far, and the nodes and references that are there already.
 */
#pragma once

#include "rules/program.h"

#include <uthash.h>

#define BUILDER_DEPTH 64 /* of records in each other */

/* Something that is found by its text. */
struct builder_entry {
	char *key;
	void *content;
	UT_hash_handle hh;
};

/* A list, let or rule; node is a let's. */
struct builder_name {
	const struct item *item;
	const struct node *node;
	struct list *list;
	bool used;
	/* Of a let: the fact that exists last, and the one that ends first; NULL for none. */
	const struct reference *latest, *ending;
};

struct builder {
	struct program *program;
	struct complaints *complaints;
	struct builder_entry *names;
	struct builder_entry *nodes;
	struct builder_entry *references;
	const struct reference *scopes[BUILDER_DEPTH]; /* records whose parentheses are open */
	size_t scope_count;
	bool has_stage; /* in a rule whose stage is known */
	unsigned stage;
	/* Collected while a let is read. */
	const struct reference *latest, *ending;
};

/* An error at a place; always false. */
bool builder_complain(struct builder *builder, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void *builder_find(struct builder_entry *entries, const char *key);
/* The key is copied; content stays the caller's. */
void builder_add(
	struct builder *builder, struct builder_entry **entries, const char *key, void *content);
void builder_forget(struct builder *builder);

/* The one reference to this fact, this field. */
struct reference *builder_reference(struct builder *builder, const struct reference *like);
/* The one node of this kind and text; *is_new says that what it compares is still to be filled in. */
struct node *builder_node(struct builder *builder, const struct node *like, const char *key);

/* Complains if the fact does not exist at the rule's stage. */
bool builder_check_stage(struct builder *builder, const struct reference *reference,
	struct place place, const char *let);
