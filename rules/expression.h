/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads conditions, facts and literals (the lower half of the grammar). Each returns NULL or false after a complaint.
 */
#pragma once

#include "rules/parser.h"

/* expr */
struct expr *expression_parse(struct parser *parser);

/* fact; and the same in a text of its own, for "{fact}": it must be the whole text. */
struct fact_name *expression_parse_fact(struct parser *parser);

/* literal */
bool expression_parse_literal(struct parser *parser, struct literal *literal)
	__attribute__((warn_unused_result));

/* literal | "{" { literal } "}". */
bool expression_parse_literals(struct parser *parser, struct literals *literals)
	__attribute__((warn_unused_result));

/* The same behind the opening brace, each literal with its remarks if those are to stay with it. */
bool expression_parse_entries(struct parser *parser, struct literals *literals, bool has_remarks)
	__attribute__((warn_unused_result));
