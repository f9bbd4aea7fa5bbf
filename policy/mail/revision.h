/* SPDX-License-Identifier: Apache-2.0
 *
 * A message that others revise, one after the other, each seeing what those before made of it: a list of fields that can be changed, and a
 * body that can be replaced. It begins with the message as our own edits make it, below our trace field, and ends as edits again, which
 * are applied while the message is sent.
 *
 * Fields are counted as Postfix counts them for milters: those of a name from 1, with what was added and without what was deleted so far; the places
 * of all fields from 0, with our trace field as the first, so that 0 is above it and 1 just below.
 *
 * Values are what stands behind the colon, leading blank and folding included. What others give is made safe by policy/mail/folding.h:
 * no value can end its field.
 *
 * Fields that nobody touches keep their bytes.
 */
#pragma once

#include "policy/mail/edit.h"

struct revision;

/* Of the message with the edits, which must outlive it. */
struct revision *revision_new(const void *parent, const struct edits *edits);

/* The fields in their order. False when there are no more. The value has its line ends as they are sent, without the last. */
bool revision_field(
	const struct revision *revision, size_t *cursor, struct slice *name, struct slice *value);

/* What stands behind the empty line. */
struct slice revision_body(const struct revision *revision);

/* False when the name cannot be one. A place behind the last field is the end. */
bool revision_insert(struct revision *revision, size_t place, struct slice name, struct slice value)
	__attribute__((warn_unused_result));
bool revision_append(struct revision *revision, struct slice name, struct slice value)
	__attribute__((warn_unused_result));

/* The nth field of that name; 0 means 1. An empty value deletes it. Where there is none of that number, the field is appended, or nothing is deleted. */
bool revision_change(struct revision *revision, struct slice name, size_t nth, struct slice value)
	__attribute__((warn_unused_result));

/* The text is kept. */
void revision_replace_body(struct revision *revision, struct slice text);

/* Whether anybody has changed anything. */
bool revision_is_changed(const struct revision *revision);

/* Whether the body is not the message's any more. */
bool revision_has_new_body(const struct revision *revision);

/* All of it, our own edits included, as edits of the message that they name, under the parent. The revision must outlive them. */
struct edits *revision_edits(const void *parent, const struct revision *revision);
