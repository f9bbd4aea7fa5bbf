/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message: parts lie inside of it, parents before their children, and all readings together are bounded. */
#include "policy/content/mime.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct slice inner, struct slice outer)
{
	return inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size;
}

static void check_fields(const struct mime_fields *fields)
{
	assert(fields->encodings);
	assert(fields->names.count <= MIME_FIELD_READINGS);
	assert(fields->boundaries.count <= MIME_FIELD_READINGS);
	for (unsigned i = 0; i < fields->boundaries.count; i++)
		assert(*fields->boundaries.texts[i]);
}

static void check(const struct mime *mime, struct slice message)
{
	uint64_t sum = 0;

	assert(mime->count && mime->count <= MIME_PARTS_MAXIMUM + 64);
	for (size_t i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];
		assert(part->parent < (int)i && part->depth <= MIME_DEPTH_MAXIMUM);
		assert(is_inside(part->body, message));
		assert(!part->header.size || is_inside(part->header, message));
		check_fields(&part->fields);
		if (!(part->readings & MIME_CONTAINER))
			sum += part->body.size;
	}
	assert(sum <= MIME_GROWTH * (uint64_t)message.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice message = slice_make(talloc_memdup(scratch, data, size ? size : 1), size);
	struct mime *mime = mime_parse(scratch, NULL, message);

	check(mime, message);
	if (mime->parts[0].fields.is_multipart)
		mime_parse_body(scratch, NULL, &mime->parts[0], message);
	talloc_free(scratch);
	return 0;
}
