/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes behind MAIL FROM: and RCPT TO:. */
#include "policy/mail/address.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

/* What we print is read the same again. */
static void is_its_own_inverse(const void *scratch, const struct address *address)
{
	struct slice input = slice_of(talloc_asprintf(scratch, "<%s>", address->text));
	const char *reason;
	struct address *again = address_parse_path(scratch, &input, true, &reason);

	assert(again && input.size == 0);
	assert(strcmp(again->local, address->local) == 0);
	assert(strcmp(again->domain, address->domain) == 0);
	assert(strcmp(again->text, address->text) == 0);
}

static void read_path(const void *scratch, struct slice bytes, bool null_allowed)
{
	struct slice rest = bytes;
	const char *reason = NULL;
	struct address *address = address_parse_path(scratch, &rest, null_allowed, &reason);

	if (!address) {
		assert(reason && is_clean(reason));
		assert(rest.data == bytes.data && rest.size == bytes.size);
		return;
	}
	assert(rest.size < bytes.size);
	assert(rest.data + rest.size == bytes.data + bytes.size);
	assert(is_clean(address->text) && is_clean(address->local) && is_clean(address->domain));
	assert(strlen(address->local) <= LOCAL_PART_LIMIT);
	assert(strlen(address->domain) <= DOMAIN_MAXIMUM);
	assert(null_allowed || !address_is_null(address));
	is_its_own_inverse(scratch, address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	char *exact = talloc_memdup(scratch, data, size ? size : 1);
	struct slice bytes = slice_make(exact, size);

	read_path(scratch, bytes, true);
	read_path(scratch, bytes, false);
	address_parse(scratch, bytes);
	domain_is_valid(bytes, true);
	domain_matches(slice_keep(scratch, bytes), "example.com");
	domain_matches("mail.example.com", slice_keep(scratch, bytes));
	talloc_free(scratch);
	return 0;
}
