/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of a policy: the files that rules.files names, read, joined to the facts of the judge and checked; and those of shadow.rules, a
 * set of their own, in the same way. Made before the processes that judge are forked, since regexes are compiled to machine code; what searching needs of memory each of them has for itself.
 *
 * It is made in two steps, so that between them the files of its lists can be watched: a change after that is not missed.
 * What rules say of an inquiry is policy/ruling.h's, what the shadow says policy/shadow.h's.
 */
#pragma once

#include "policy/facts.h"
#include "policy/options.h"
#include "rules/program.h"
#include "rules/rule_test.h"

struct rulebook {
	const struct policy *policy;
	const struct rules_options *options;
	const struct vocabulary *vocabulary;
	const struct program *program; /* NULL until rulebook_compile() */
	const char **labels;           /* "rule NAME", by the rule's index */
	struct matcher *matcher;
	struct texts list_files; /* of lists, as they are opened */
	struct texts monitor_files;
	const struct sources *sources;
	struct breaker *breaker; /* which watches them; of the shadow NULL */
	bool monitored;          /* all rules are */
};

/* Reads the files, relative to the one the settings stand in, and makes the rulebooks the policy's: none where no files are named. Compiles
 * rules of YARA, too. */
void rulebook_read(struct policy *policy, const char *file, struct complaints *complaints);

/* Makes their programs; complains about all that is wrong. */
void rulebook_compile(const struct policy *policy, struct complaints *complaints);

/* What `check` says besides: warnings about rules that are right and yet hardly meant so. */
void rulebook_lint(const struct policy *policy, struct complaints *complaints);

/* Runs the tests in the files of one (NULL has none), each over the facts it gives and the header of its message; in the order of the rules, under
 * the parent. */
struct rule_test_result *rulebook_test(
	const void *parent, const struct rulebook *rulebook, size_t *count);

/* The same of both; a test that fails is an error at its place. */
void rulebook_try(const struct policy *policy, struct complaints *complaints);

/* Whether a rule, also of the shadow, asks for a fact of that learner; for that fact, and of records that field (NULL: any). */
bool rulebook_asks(const struct policy *policy, enum fact_learner learner);
bool rulebook_asks_fact(const struct policy *policy, enum fact fact, const char *field);
