/* SPDX-License-Identifier: Apache-2.0
 *
 * An inquiry is a question to the judge: a stage and the facts known so far. One belongs to each session (for what is judged
 * before a transaction) and one to each transaction; its stage moves on with the dialogue.
 *
 * Checks are pure functions of an inquiry. A check asks for a fact with inquiry_ask(), for one with an argument with inquiry_ask_of(); if
 * the answer is FACT_UNKNOWN it returns verdict_unknown(). When a run of the chain left facts unknown, the inquiry has their learners begin, all together, waits for
 * all of them (each an await that the inquiry owns) and runs the chain again from its start; a check that has given its opinion
 * in an earlier run gives the same again, and only the last run is recorded. A fact that a learner does not deliver in time, or
 * at all, is set failed; after INQUIRY_ROUNDS runs all that are still missing have failed, so the number of runs is bounded.
 *
 * What stands in a message is asked for last, once nothing else is missing, since who takes it apart judges it there and is told all that
 * is known (policy/scan.h). If that fails, scanner.failed is set, and the check `scanner` puts the message off.
 *
 * When the chain has decided, the shadow (policy/shadow.h) is asked about the same facts. It changes nothing: if it lacks facts they are learnt, for
 * no longer than SHADOW_PATIENCE.
 *
 * Cancelling the await given to inquiry_begin_judging() cancels all look-ups. Freeing an inquiry does so too.
 */
#pragma once

#include "base/await.h"
#include "policy/facts.h"
#include "policy/mail/edit.h"
#include "policy/mail/envelope_edit.h"
#include "policy/mail/message.h"
#include "policy/options.h"
#include "policy/verdict.h"

struct chain;
struct envelope;
struct inquiry;
struct recipient;
struct revision;
struct rule;
struct ruling;
struct shadow;
struct strip_archive;

#define INQUIRY_ROUNDS 100

/* Finds out facts; handed in by the folder that owns the I/O. It must answer the question (known, absent or failed) before it ends its
 * await; it may answer others that come with it. The question is borrowed for the call. */
struct learner {
	void (*begin)(void *owner, struct inquiry *inquiry, const struct question *question,
		struct await *await);
	void *owner;
};

/* One that spoke: a line of the trace. */
struct trace_entry {
	enum stage stage;
	const char *check;       /* "relay", "size" … */
	const char *result;      /* one word */
	const char *detail;      /* may be NULL */
	double score;            /* what it gave */
	bool counted;            /* it was added to the inquiry's score */
	bool monitored;          /* it spoke but was not heard */
	bool has_fallen;         /* it is monitored because policy/breaker.h let it fall */
	bool harms;              /* it refused, or marked by itself */
	enum verdict_kind would; /* of a monitored check: what it would have done; NONE: nothing */
	uint32_t microseconds;
	const struct rule *rule; /* whose entry it is; NULL: none's */
};

/* What a judgement began with, and each of its runs begins with. */
struct inquiry_start {
	size_t trace_count;
	double score;
};

/* Of a transaction: what those are told about it who are asked what they say of the mail. */
struct inquiry_mail {
	const char *id;
	const struct envelope *envelope;
	const struct recipient *recipient; /* at rcpt: the one in question */
	bool has_rules;                    /* the rules had spoken before the revision began */
	struct revision *revision; /* the message as others have made it; NULL: as it came */
	struct envelope_edits envelope_edits; /* and the envelope */
};

struct inquiry {
	const struct chain *chain;
	const struct policy *policy;
	enum stage stage;
	unsigned scans; /* how often the message was sent to a scanner */
	struct facts *facts;
	struct message *message; /* NULL before the message stage */
	struct inquiry_mail
		*mail;         /* NULL outside a transaction, and where nobody is asked about it */
	struct header *header; /* NULL until a learner has taken it apart */
	struct edits *edits;   /* NULL until inquiry_edit() */
	const char *breaks_dkim; /* domains whose signatures the edits break; NULL: none */
	size_t stripped;         /* parts of the message, by inquiry_edit() */
	const char *
		whole_archives; /* why some of these went whole though only members matched; NULL: none */
	struct strip_archive
		*archives; /* of which only members are to go, as a scanner has found */
	size_t archive_count;
	struct envelope_edits envelope_edits; /* set by inquiry_edit(), too */
	double score;                         /* of the session and of the stages judged so far */
	bool accepted_session;                /* an accept for the whole session was given */
	bool tagged;                          /* the tag threshold was reached */
	bool is_decided; /* in a judgement: the chain has said its verdict, and the shadow is asked */
	bool is_waiting;        /* in a run of the chain: one who stands before waits for a fact */
	uint32_t delay;         /* ms that rules want the answer to be held back */
	struct verdict verdict; /* of the last judgement */
	struct verdict
		*deferred; /* a refusal from before the sender was known, for rcpt; NULL: none */
	enum stage deferred_at;
	bool without_shadow;      /* it is not asked */
	struct verdict *observed; /* what mode = "observe" kept from acting; NULL when nothing */
	struct trace_entry *trace;
	size_t trace_count;
	struct trace_entry first_entry; /* the trace, while it has no more than this */
	struct json_t
		*recipients; /* of whom nothing is known any more: policy/record.h; NULL: of none */
	struct inquiry_start start;
	struct question *wanted;  /* what this run asked in vain; NULL when nothing */
	struct question *lacking; /* what a learner needs first: inquiry_lack() */
	int64_t scan_id;          /* of the message, among all that scanners see; 0: none yet */
	unsigned scanner;         /* who has seen it last */
	struct ruling *ruling;    /* what the rules say at this stage; NULL: nothing */
	struct shadow *shadow;    /* what policy/shadow.h has to tell; NULL: nothing */
	struct inquiry_run *run;  /* the judgement under way, when it had to wait */
};

/* The facts stay the caller's and must outlive the inquiry. */
struct inquiry *inquiry_new(const void *parent, const struct chain *chain, struct facts *facts);
/* One that is never judged, for asking what is known at once. */
struct inquiry *inquiry_new_of(
	const void *parent, const struct policy *policy, struct facts *facts);

/* Makes a new inquiry, of a transaction, go on from what was judged of its session: score, trace, an accept for the whole session, what observe mode held back. */
void inquiry_inherit(struct inquiry *inquiry, const struct inquiry *session);

/* Judges at a stage; when the await has ended (it does so before this returns when nothing had to be waited for), inquiry->verdict
 * is set (never VERDICT_UNKNOWN). Looking facts up may take `milliseconds` in all. It never fails: the outcome is OUTCOME_DONE.
 * Judging at rcpt again is for the next recipient; at another stage it replaces what was judged there and later. */
void inquiry_begin_judging(struct inquiry *inquiry, enum stage stage, struct clock *clock,
	uint64_t milliseconds, struct await *await);

/* For the learner of content: before it can tell more, this must be known. It ends its await, and is begun again with it. */
void inquiry_lack(struct inquiry *inquiry, const struct question *question);

/* For checks: the state of a fact; an unknown one is noted and will be learnt. */
enum fact_state inquiry_ask(struct inquiry *inquiry, enum fact fact, struct value *value);

enum fact_state inquiry_ask_of(
	struct inquiry *inquiry, enum fact fact, const char *argument, struct value *value);

/* For what is taken from the message itself: known when it is there, else what those say who learn fields from headers: absent, or that it was not
 * recorded. */
enum fact_state inquiry_ask_message(struct inquiry *inquiry, struct value *value);

/* For checks, shorter: the text or number of a fact that the session always tells; fallback when it is absent or failed. */
const char *inquiry_text(struct inquiry *inquiry, enum fact fact, const char *fallback);
int64_t inquiry_number(struct inquiry *inquiry, enum fact fact, int64_t fallback);
bool inquiry_bool(struct inquiry *inquiry, enum fact fact);

/* For checks: whether the client is neither in relay.networks nor authenticated. */
bool inquiry_is_stranger(struct inquiry *inquiry);

/* For checks: whether the client is a stranger that came straight to us, not through one of trusted_relays, so that it answers for
 * what it says of itself. */
bool inquiry_is_at_border(struct inquiry *inquiry);

/* For checks: puts the message into quarantine, for a reason ("it looks unwanted") that lives as long as the inquiry; where there is none, 550. */
struct verdict inquiry_quarantine(struct inquiry *inquiry, const char *reason);

/* For the chain: appends to the trace, and adds the entry's score if it is to be counted. */
void inquiry_record(struct inquiry *inquiry, const struct trace_entry *entry);

/* What is to be changed in a message that has passed, judged at the message stage; from then on it is inquiry->edits. Date and
 * Message-ID (made of the transaction's id) are added where one of our own clients, in relay.networks or authenticated, left them out;
 * Received-SPF where SPF was asked; X-Postern-Tag where the score has reached thresholds.tag; what rules want, of the envelope too; policy/hygiene.h removes what strangers may not bring. */
void inquiry_edit(struct inquiry *inquiry, const char *id, int64_t seconds);

/* For learners that may change the message: as it is after our own edits, and those before. Within a transaction, at the message stage. */
struct revision *inquiry_revision(struct inquiry *inquiry);

/* The trace as one JSON array (jansson) is explain's; this gives the word for the log: "relay=pass,size=reject", each pair once; what
 * was monitored has a "?" behind it. */
char *inquiry_trace_text(const void *parent, const struct inquiry *inquiry);
