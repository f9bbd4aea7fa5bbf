/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message. */
#include "policy/mail/header.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fields together are the header. */
static void loses_nothing(const struct header *header, struct slice message)
{
	const char *at = message.data;

	for (size_t i = 0; i < header->count; i++) {
		const struct field *field = &header->fields[i];
		assert(field->whole.data == at && field->whole.size > 0);
		assert(field->name.data == at && field->name.size > 0);
		at += field->whole.size;
		assert(field->value.data + field->value.size <= at);
	}
	assert(at == message.data + header->size);
}

static void has_clean_texts(const struct header *header)
{
	assert(!header->from || !strpbrk(header->from, "\r\n"));
	assert(!header->subject || !strpbrk(header->subject, "\r\n"));
	assert(!header->message_id || !strpbrk(header->message_id, "\r\n"));
	assert(!header->from_domain || header->from);
}

static void counts_well(const struct header *header)
{
	bool has_from = header_find(header, "From", 0) != NULL;
	bool has_two = header_find(header, "from", 1) != NULL;

	assert(has_from == !(header->anomalies & HEADER_MISSING_FROM));
	assert(has_two == !!(header->anomalies & HEADER_REPEATED_FROM));
	assert(!header->received == !header_find(header, "received", 0));
	assert(has_from || !header->from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	char *exact = talloc_memdup(scratch, data, size ? size : 1);
	struct slice message = slice_make(exact, size);
	struct header *header = header_parse(scratch, message);
	char *unfolded = header_unfold(scratch, message);

	assert(header->size <= size && header->size <= HEADER_SIZE_MAXIMUM);
	assert(header->count <= HEADER_FIELDS_MAXIMUM);
	loses_nothing(header, message);
	has_clean_texts(header);
	counts_well(header);
	assert(strcmp(header_unfold(scratch, slice_of(unfolded)), unfolded) == 0);
	talloc_free(scratch);
	return 0;
}
