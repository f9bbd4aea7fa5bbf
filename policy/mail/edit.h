/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits of a message, gathered in a list while the message is judged and applied while it is sent: the message is
 * neither copied nor rewritten. Each edit says which bytes of the message something else takes the place of: a field that is
 * removed, a field that is replaced, a place where one is inserted, bytes of the body that others stand for. edit_plan_new() turns the list into slices, of the message and of what
 * was added, that are sent one behind the other. Every byte that no edit names stays as it came, and no edits at all give the
 * message itself.
 *
 * Fields are counted as they came: an edit does not move what others mean. Of two edits of one field the later counts.
 * What is inserted at one place stands there in the order of the list. Of two edits of bytes that overlap the one that begins first
 * counts, of two that begin together the later in the list.
 *
 * Fields are lines: where one is added or cut out, a line end that was missing is put. Bytes are bytes: nothing is added to them, and
 * what they make of the lines around them is for who sends the message: see needs_stuffing.
 *
 * Names that cannot be one are refused, and no value can end its field: see policy/mail/folding.h.
 */
#pragma once

#include "policy/mail/header.h"

enum edit_action { EDIT_ADD, EDIT_REMOVE, EDIT_REPLACE, EDIT_BYTES };

/* How the value of a field is written. */
enum edit_form {
	EDIT_TEXT,    /* a text, of an unstructured field: it is folded and encoded */
	EDIT_VERBATIM /* folded and encoded already: it stays as it is as far as it is safe */
};

/* Where a field is inserted: before the field of the message as it came with that number, counted from 1. Numbers beyond the last
 * field mean the end of the header. */
#define EDIT_ABOVE_TRACE 0 /* above the trace field that we add */
#define EDIT_TOP 1
#define EDIT_END SIZE_MAX

struct edit {
	enum edit_action action;
	struct slice name;
	size_t at, size;   /* the bytes of the message whose place is taken */
	struct slice text; /* what takes it: a whole field with CRLF, or nothing, or bytes */
	bool is_above_trace;
};

struct edits {
	const struct header *header;
	struct slice message;
	struct edit *items;
	size_t count;
};

/* The header and the bytes of one message; both must outlive the list. */
struct edits *edits_new(const void *parent, const struct header *header, struct slice message);

/* False when the name cannot be one. */
bool edits_add(struct edits *edits, size_t place, const char *name, const char *value,
	enum edit_form form);

/* The nth field of that name, from 0; false when there is none, or the name cannot be one. */
bool edits_replace(
	struct edits *edits, const char *name, size_t nth, const char *value, enum edit_form form);
bool edits_remove(struct edits *edits, const char *name, size_t nth);

/* All of that name; how many there are. */
size_t edits_remove_all(struct edits *edits, const char *name);

/* A field that the caller has found in the message. */
void edits_remove_field(struct edits *edits, const struct field *field);

/* Puts a text before every Subject, which stays as it is otherwise; without one, a Subject is added. */
void edits_prefix_subject(struct edits *edits, const char *prefix);

/* Puts a text, which is kept, in the place of bytes of the message behind its header; of none: it is inserted. False when the message has
 * no such place. */
bool edits_replace_bytes(struct edits *edits, size_t at, size_t size, struct slice text)
	__attribute__((warn_unused_result));

/* One of another list of the same message, which must outlive this; or one that is above the trace field, of any. */
void edits_take_over(struct edits *edits, const struct edit *edit);

/* "add_header", "remove_header", "replace_header", "replace_bytes" */
const char *edit_action_name(enum edit_action action);

/* What is sent: no slice is empty. */
struct edit_plan {
	struct slice *slices;
	size_t count;
	int64_t size;        /* bytes of all */
	bool needs_stuffing; /* what was edited may have made a line with a dot in front, or a bare CR or LF: by DATA not as it is */
};

/* The message with all edits, below a trace field (whole, with CRLF; or empty). Borrows trace, message and the list's texts. */
struct edit_plan *edit_plan_new(const void *parent, const struct edits *edits, struct slice trace);
