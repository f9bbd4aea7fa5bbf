/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a document of Office since 2007. */
#include "unpacking.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unpacking_run(FILE_TYPE_DOCX, slice_make((const char *)data, size));
	return 0;
}
