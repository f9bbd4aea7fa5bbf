/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message. Whatever way they are cut, the same comes of them, and nothing but CRLF "." CRLF ends them. The first
 * byte says how they are cut and whether they are trusted. */
#include "proxy/body.h"

#include <assert.h>
#include <talloc.h>

#define MAXIMUM 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool spool = {.memory_maximum = INT64_MAX};

struct result {
	struct message *message;
	struct body body;
	enum body_outcome outcome;
	size_t taken;
};

static struct result take(const void *parent, struct slice bytes, bool trusted, size_t piece)
{
	struct result result = {.message = message_new(parent, &spool)};

	body_init(&result.body, result.message, MAXIMUM, trusted);
	while (result.taken < bytes.size && result.outcome == BODY_MORE) {
		struct slice rest = slice_from(bytes, result.taken);
		size_t taken;
		if (rest.size > piece)
			rest.size = piece;
		result.outcome = body_take(&result.body, rest, &taken);
		assert(taken <= rest.size);
		assert(taken == rest.size || result.outcome != BODY_MORE);
		result.taken += taken;
	}
	enum message_outcome finished = message_finish(result.message);
	assert(finished == MESSAGE_OK);
	return result;
}

static void assert_same(const struct result *a, const struct result *b)
{
	struct slice one = message_bytes(a->message), other = message_bytes(b->message);

	assert(a->outcome == b->outcome);
	assert(message_anomalies(a->message) == message_anomalies(b->message));
	if (a->outcome == BODY_COMPLETE)
		assert(a->taken == b->taken);
	assert(a->body.too_large == b->body.too_large);
	if (a->outcome == BODY_WOULD_BE_END || a->body.too_large)
		return;
	assert(message_has_dot_lines(a->message) == message_has_dot_lines(b->message));
	assert(one.size == other.size && memcmp(one.data, other.data, one.size) == 0);
}

/* The first true end, or all. */
static size_t find_end(struct slice bytes)
{
	static const char end[] = "\r\n.\r\n";
	const char *at = memmem(bytes.data, bytes.size, end, sizeof end - 1);

	if (bytes.size >= 3 && memcmp(bytes.data, end + 2, 3) == 0)
		return 3;
	return at ? (size_t)(at - bytes.data) + sizeof end - 1 : SIZE_MAX;
}

/* What is kept has whole lines, but for the last. */
static void assert_normal(struct slice kept)
{
	for (size_t i = 0; i < kept.size; i++) {
		if (kept.data[i] == '\n')
			assert(i > 0 && kept.data[i - 1] == '\r');
		if (kept.data[i] == '\r')
			assert(i + 1 < kept.size && kept.data[i + 1] == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);

	if (size > 1) {
		struct slice bytes = slice_make((const char *)data + 1, size - 1);
		bool trusted = data[0] & 1;
		struct result whole = take(scratch, bytes, trusted, size);
		struct result cut = take(scratch, bytes, trusted, 1 + (data[0] >> 1));
		assert_same(&whole, &cut);
		if (whole.outcome == BODY_COMPLETE)
			assert(whole.taken == find_end(bytes));
		else if (whole.outcome == BODY_MORE)
			assert(find_end(bytes) == SIZE_MAX);
		assert(!trusted || whole.outcome != BODY_WOULD_BE_END);
		assert_normal(message_bytes(whole.message));
	}
	talloc_free(scratch);
	return 0;
}
