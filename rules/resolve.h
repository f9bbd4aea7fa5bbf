/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks names up and checks types: facts become references, conditions nodes. Each function complains and returns NULL when
 * something is wrong.
 */
#pragma once

#include "rules/builder.h"

struct node *resolve_condition(struct builder *builder, const struct expr *expr);

/* A fact, or a field of records. *any: the records whose field it is, when none of them is chosen here: then it is asked of any of
 * them. */
struct reference *resolve_fact(
	struct builder *builder, const struct fact_name *name, const struct reference **any);

/* Records of that name, which the language itself asks for. */
struct reference *resolve_fact_records(
	struct builder *builder, const char *name, struct place place);

/* The fact of that name and its one argument, which the language itself asks for. */
struct reference *resolve_fact_asked(struct builder *builder, const char *name,
	const struct value_field *argument, struct place place);
