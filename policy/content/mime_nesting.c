/* SPDX-License-Identifier: Apache-2.0 */
/* Open multiparts and known boundaries: RFC 2046 §5.1.1. */
#include "policy/content/mime_nesting.h"

#include "policy/content/bytes.h"

#define SIZE_RANKED 2047 /* octets of a boundary, in a rank */
#define RANK_OPEN 2048
#define RANK_EXACT 4096
#define RANK_EXACT_ENDED (1 << 16)
#define RANK_EXACT_OPEN (1 << 17)

static void note(struct mime_nesting *nesting, enum mime_anomaly anomaly)
{
	nesting->anomalies |= mime_anomaly_bit(anomaly);
}

/* --- what is open --- */

bool mime_nesting_push(struct mime_nesting *nesting, int part, bool is_message)
{
	if (nesting->depth == MIME_DEPTH_MAXIMUM) {
		note(nesting, MIME_TOO_DEEP);
		return false;
	}
	nesting->frames[nesting->depth++] =
		(struct mime_frame){.part = part, .is_message = is_message};
	return true;
}

struct mime_frame *mime_nesting_innermost(struct mime_nesting *nesting)
{
	return nesting->depth ? &nesting->frames[nesting->depth - 1] : NULL;
}

struct mime_frame *mime_nesting_frame(struct mime_nesting *nesting, int part)
{
	for (unsigned i = nesting->depth; i--;) {
		if (nesting->frames[i].part == part)
			return &nesting->frames[i];
	}
	return NULL;
}

static bool is_open(struct mime_nesting *nesting, int part)
{
	return mime_nesting_frame(nesting, part) != NULL;
}

/* --- boundaries --- */

/* The oldest boundary of a multipart that is over makes room; false when there is none. */
static bool make_room(struct mime_nesting *nesting)
{
	for (unsigned i = 0; i < nesting->boundary_count; i++) {
		if (is_open(nesting, nesting->boundaries[i].part))
			continue;
		nesting->boundary_count--;
		memmove(&nesting->boundaries[i], &nesting->boundaries[i + 1],
			(nesting->boundary_count - i) * sizeof *nesting->boundaries);
		return true;
	}
	return false;
}

void mime_nesting_know(struct mime_nesting *nesting, int part, struct slice text)
{
	for (unsigned i = 0; i < nesting->boundary_count; i++) {
		const struct mime_boundary *other = &nesting->boundaries[i];
		if (other->part == part)
			continue;
		if (bytes_are_same(other->text, text))
			note(nesting, MIME_BOUNDARY_REUSED);
		else if (bytes_begin(text, other->text) || bytes_begin(other->text, text))
			note(nesting, MIME_BOUNDARY_PREFIX);
	}
	nesting->steps += nesting->boundary_count;
	if (nesting->boundary_count == MIME_BOUNDARIES && !make_room(nesting)) {
		note(nesting, MIME_TOO_MANY_READINGS);
		return;
	}
	nesting->boundaries[nesting->boundary_count++] =
		(struct mime_boundary){text, part, MIME_NESTING_NONE};
}

/* --- delimiters --- */

struct slice mime_nesting_trim(struct slice text)
{
	while (text.size && (unsigned char)text.data[text.size - 1] <= ' ')
		text.size--;
	return text;
}

/* Whether the line, behind its "--", is this boundary, and whether the last one. */
static bool is_exactly(struct slice line, struct slice boundary, bool *is_final)
{
	struct slice rest;

	if (!bytes_begin(line, boundary))
		return false;
	rest = mime_nesting_trim(slice_from(line, boundary.size));
	*is_final = slice_equals(rest, "--");
	return rest.size == 0 || *is_final;
}

static int rank_of(
	const struct mime_frame *frame, const struct mime_boundary *boundary, bool is_exact)
{
	if (is_exact && frame)
		return frame->is_ended ? RANK_EXACT_ENDED : RANK_EXACT_OPEN;
	return (is_exact ? RANK_EXACT : 0) + (frame ? RANK_OPEN : 0) +
		(int)(boundary->text.size < SIZE_RANKED ? boundary->text.size : SIZE_RANKED);
}

bool mime_nesting_find(
	struct mime_nesting *nesting, struct slice line, struct mime_delimiter *found)
{
	int best = 0;

	for (unsigned i = nesting->boundary_count; i--;) {
		const struct mime_boundary *boundary = &nesting->boundaries[i];
		bool is_final = false, is_exact;
		int rank;
		if (!bytes_begin(line, boundary->text))
			continue;
		is_exact = is_exactly(line, boundary->text, &is_final);
		rank = rank_of(mime_nesting_frame(nesting, boundary->part), boundary, is_exact);
		if (rank <= best)
			continue;
		best = rank;
		*found = (struct mime_delimiter){
			boundary->text, boundary->part, is_exact, is_final, false};
	}
	nesting->steps += nesting->boundary_count;
	return best > 0;
}
