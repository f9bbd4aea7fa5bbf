/* SPDX-License-Identifier: Apache-2.0 */
/* Large memory, or the end. */
#include "base/bulk.h"

#include "base/log.h"

#include <talloc.h>
#include <unistd.h>

static char *must(char *bytes, size_t size)
{
	if (!bytes) {
		log_event(LEVEL_ERROR, "out_of_memory",
			"%zu bytes more than the limit of this process leaves it", size);
		_exit(BULK_STATUS);
	}
	return bytes;
}

char *bulk_new(const void *parent, size_t size)
{
	return must(talloc_size(parent, size), size);
}

char *bulk_resize(const void *parent, char *bytes, size_t size)
{
	return must(talloc_realloc_size(parent, bytes, size), size);
}
