/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of an evaluation, for the files that make up evaluate.h: what is known of each reference, and what became of each node.
 */
#pragma once

#include "rules/evaluate.h"

#include <uthash.h>

/* One text of a reference, and its forms; those that are not made yet have no data. */
struct known_text {
	struct slice text;
	struct slice normal;
	struct match_subject
		subject; /* of what is searched for in the reference; made with the text */
};

/* What is known of a reference; of a field: of one record's. */
struct known {
	enum fact_state state;
	uint32_t run; /* in which it was asked for last */
	struct value value;
	struct known_text *texts; /* NULL before they are needed */
	size_t count;
};

/* A question that was asked, found again by its text: of counting facts, and of those asked about records. */
struct asked {
	char *key;
	struct known known;
	UT_hash_handle hh;
};

struct evaluation {
	const struct program *program;
	struct evaluate_input input;
	unsigned stage;
	uint32_t run;
	unsigned hold;         /* counting facts are not asked for */
	bool is_tracing;       /* nothing is asked for */
	struct known *known;   /* by reference */
	struct known **fields; /* by reference: of each record */
	uint32_t *cursors;     /* by reference to records: which is looked at */
	uint8_t *truths;       /* by node: what it is, plus 1 */
	uint32_t *matched;     /* by node: the first record that matched */
	const char **reasons;  /* by node: why it failed; NULL when none has */
	struct asked *asked;
	struct rule_outcome *outcomes;
	size_t outcome_count;
	bool is_done;
};

/* What is known of a reference just now; asks if it must. */
struct known *evaluation_know(struct evaluation *evaluation, const struct reference *reference);

/* The texts of a known value, and the form of one in which its type is compared. */
struct known_text *evaluation_texts(struct evaluation *evaluation,
	const struct reference *reference, struct known *known, size_t *count);
struct slice evaluation_normal(
	struct evaluation *evaluation, const struct reference *reference, struct known_text *text);

/* What a leaf says of a known value. */
enum truth leaf_truth(struct evaluation *evaluation, const struct node *node);

void evaluation_note_reason(
	struct evaluation *evaluation, const struct node *node, const char *reason);

/* What a node is just now, with all that it depends on; of a leaf also absent. */
enum truth evaluate_truth(struct evaluation *evaluation, const struct node *node);
