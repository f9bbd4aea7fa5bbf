/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule files in their one canonical form. Read again it gives the same tree, and printed again the same text; comments are kept: those in
 * the midst of a clause go before it. Clauses stand in one order, one a line; an action a line; a condition that is too long for one line
 * has a line for each of its parts. Between items empty lines stay, but no two of them.
 */
#pragma once

#include "rules/tree.h"

#include <stdio.h>

#define PRINT_WIDTH 100

/* A tree without errors. */
void print_tree(const struct tree *tree, FILE *out);

/* Parts of it on one line, under the parent: for explain, complaints, and for telling whether two are the same. */
char *print_expr(const void *parent, const struct expr *expr);
char *print_fact(const void *parent, const struct fact_name *fact);
char *print_action(const void *parent, const struct action *action);
char *print_literal(const void *parent, const struct literal *literal);
