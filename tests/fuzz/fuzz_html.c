/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as HTML: no text becomes longer, and UTF-8 stays UTF-8. */
#include "base/utf8.h"
#include "policy/content/html.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_make(talloc_memdup(scratch, data, size ? size : 1), size);
	struct html *html = html_read(scratch, text);

	assert(html->text.size <= size && html->hidden.size <= size && html->script.size <= size);
	assert(utf8_is_valid(html->text) && utf8_is_valid(html->hidden));
	assert(html->link_count <= HTML_LINKS_MAXIMUM);
	talloc_free(scratch);
	return 0;
}
