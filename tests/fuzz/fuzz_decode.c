/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a body of any encoding, in all its readings; the first byte says which. */
#include "policy/content/decode.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find_files(const void *scratch, struct slice rest)
{
	struct decode_embedded found;
	uint64_t anomalies = 0;

	while (decode_find(&rest, &found)) {
		struct slice decoded = decode(scratch, found.lines, found.encoding, &anomalies);
		size_t growth = found.encoding == ENCODING_BINHEX ? DECODE_GROWTH : 1;
		assert(decoded.size <= found.lines.size * growth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	char *exact = talloc_memdup(scratch, data, size ? size : 1);
	enum encoding encoding = (enum encoding)(1U << (size ? data[0] % 6 : 0));
	struct slice bytes = slice_make(exact, size), decoded, other;
	uint64_t anomalies = 0;

	bytes = slice_from(bytes, size > 0);
	decoded = decode(scratch, bytes, encoding, &anomalies);
	assert(decoded.size <= bytes.size * (encoding == ENCODING_BINHEX ? DECODE_GROWTH : 1) + 1);
	for (unsigned nth = 0; decode_other(scratch, bytes, encoding, anomalies, nth, &other);
		nth++)
		assert(other.size <= bytes.size);
	find_files(scratch, bytes);
	talloc_free(scratch);
	return 0;
}
