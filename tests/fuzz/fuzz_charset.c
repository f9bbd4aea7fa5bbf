/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in any charset become UTF-8. The name stands in the first line. */
#include "base/utf8.h"
#include "policy/mail/charset.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct charset_set *set = charset_prepare(scratch);
	struct slice text = slice_make(talloc_memdup(scratch, data, size ? size : 1), size);
	struct slice name = slice_cut(&text, '\n'), decoded;
	unsigned seen = 0;

	decoded = charset_decode(scratch, set, slice_keep(scratch, name), text, &seen);
	assert(utf8_is_valid(decoded));
	assert(decoded.size <= 4 * text.size + 4);
	talloc_free(scratch);
	return 0;
}
