/* SPDX-License-Identifier: Apache-2.0 */
/* Names of attachments. */
#include "policy/content/file_name.h"

#include "base/utf8.h"
#include "policy/content/file_type.h"
#include "policy/content/skeleton.h"

#include <ctype.h>
#include <talloc.h>

char *file_name_clean(const void *parent, const char *name)
{
	struct slice text = slice_of(name);
	char *clean = talloc_array(parent, char, text.size + 1);

	clean[utf8_clean(clean, text.size, text)] = '\0';
	return clean;
}

const char *file_name_extension(const void *parent, const char *name)
{
	struct slice plain = skeleton_plain(parent, slice_of(name));
	char *extension = slice_keep(parent, file_type_extension(plain));
	char *out = extension;

	for (const char *at = extension; *at; at++) {
		if (!iscntrl((unsigned char)*at))
			*out++ = (char)tolower((unsigned char)*at);
	}
	*out = '\0';
	return extension;
}

const char *file_name_join(const void *parent, const char *path, const char *name)
{
	if (!*name || strlen(path) + strlen(name) > FILE_NAME_PATH_MAXIMUM)
		return path;
	if (!*path)
		return name;
	return talloc_asprintf(parent, "%s/%s", path, name);
}
