/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: what is found in it lies in it, is taken apart, and compared with the whole. */
#include "policy/content/skeleton.h"
#include "policy/content/url.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_make(talloc_memdup(scratch, data, size ? size : 1), size);
	struct slice rest = text, found;
	struct url url;

	if (url_parse(scratch, NULL, text, &url)) {
		assert(url.scheme && url.host && url.domain && url.path);
		assert(strlen(url.domain) <= strlen(url.host));
		url_differs(scratch, NULL, &url, text);
	}
	while (url_find(&rest, &found)) {
		assert(found.size && found.data >= text.data &&
			found.data + found.size <= text.data + text.size);
		url_parse(scratch, NULL, found, &url);
	}
	skeleton_flags(text);
	assert(skeleton_plain(scratch, text).size <= size);
	skeleton_fold(scratch, text);
	talloc_free(scratch);
	return 0;
}
