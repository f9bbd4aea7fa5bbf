/* SPDX-License-Identifier: Apache-2.0
 *
 * Why: the judgement of one message told in full, as a text that a person enjoys reading or as the JSON object of the
 * contract (verdict, code, status, text, decided_by, score, trace, facts, edits). The facts in it can be given back as
 * a facts file: then the same is judged from them.
 */
#pragma once

#include "policy/inquiry.h"

#include <stdio.h>

struct loop;

/* Who is asked about. */
struct explain_case {
	struct ip client;
	const char *helo;              /* NULL: the stage is skipped */
	const char *sender;            /* "" or NULL for the null sender */
	const char *const *recipients; /* NULL-ended, or NULL: the stage is skipped */
	const char *facts_file;        /* flat JSON object, fact name to value; NULL for none */
	const char *message_file;      /* "-" for standard input; line ends may be LF */
	/* Where mail for a recipient of this domain goes, in words under the parent; NULL: nobody knows. */
	char *(*way_of)(const void *parent, const void *owner, const char *domain);
	const void *owner;
	/* Who can find out facts, on this loop, into an array of LEARNERS; NULL: nobody. Not called with a facts file, for that is
	 * judged without any network. */
	void (*teach)(
		const void *parent, const void *owner, struct loop *loop, struct learner *learners);
};

/* Judges at connect, helo, mail, each rcpt, data and message, as a session would, and prints. False, after a
 * complaint on stderr, when a file cannot be read or a facts file is not what it should be. A case whose
 * every recipient is refused ends there, with that verdict. */
bool explain_print(
	const struct chain *chain, const struct explain_case *the_case, bool json, FILE *out);

/* How a record for the journal is to be. */
struct record_form {
	const char *id;
	int64_t seconds; /* now, since 1970 */
	const char *
		session; /* "connect" … : refused there, before any transaction; NULL: it is a transaction */
	bool with_facts;   /* all that is known, not only what every record has */
	bool with_message; /* it will be found beside the record */
	size_t most;       /* bytes; 0: any number */
};

/* The verdict record of an inquiry for the journal: the same object on one line, with id and time besides. One that were too large is shortened, and says
 * so: facts first. */
char *explain_record(const void *parent, struct inquiry *inquiry, const struct record_form *form,
	bool *is_shortened);
