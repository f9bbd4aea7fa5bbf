/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as whatever they are. */
#include "unpacking.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_make((const char *)data, size);

	unpacking_run(file_type_of(bytes), bytes);
	return 0;
}
