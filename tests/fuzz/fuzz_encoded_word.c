/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the text of a header field. */
#include "base/utf8.h"
#include "policy/mail/encoded_word.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = talloc_memdup(NULL, data, size ? size : 1);
	char *decoded = encoded_word_decode(exact, slice_make(exact, size));
	struct slice rest = slice_of(decoded);

	assert(utf8_is_valid(rest));
	assert(rest.size <= 4 * size);
	while (rest.size) {
		assert(!utf8_is_control(rest));
		rest = slice_from(rest, utf8_length(rest));
	}
	talloc_free(exact);
	return 0;
}
