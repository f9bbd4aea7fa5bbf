/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as CMS, and as OpenPGP. */
#include "policy/content/sealed.h"
#include "unpacking.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unpacking_run(FILE_TYPE_PKCS7, slice_make((const char *)data, size));
	unpacking_run(FILE_TYPE_PGP, slice_make((const char *)data, size));
	return 0;
}
