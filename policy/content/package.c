/* SPDX-License-Identifier: Apache-2.0 */
/* Packages of OLE 1. */
#include "policy/content/package.h"

#include "policy/content/bytes.h"

/* A text that ends with NUL, off the front; false when it does not end. */
static bool cut_text(struct slice *rest, struct slice *text)
{
	size_t end = slice_find(*rest, '\0');

	if (end == SIZE_MAX)
		return false;
	*text = slice_make(rest->data, end);
	*rest = slice_from(*rest, end + 1);
	return true;
}

void package_unpack(struct slice native, struct unpacked *out)
{
	struct slice rest = bytes_from(native, 6), label, path, temporary, name;
	bool is_package = native.size > 6 && cut_text(&rest, &label) && cut_text(&rest, &path);
	struct member *member;
	uint64_t size = 0;

	rest = bytes_from(rest, 8);
	is_package = is_package && cut_text(&rest, &temporary) && rest.size >= 4;
	if (is_package)
		size = bytes_32(rest, 0);
	if (!is_package || size > rest.size) {
		(void)unpacked_add_view(out, slice_of(""), bytes_from(native, 4));
		return;
	}
	name = label.size ? label : path;
	member = unpacked_add_view(out, name, bytes_piece(rest, 4, size));
	if (member && label.size && path.size) {
		struct slice file = path;
		for (size_t i = 0; i < path.size; i++) {
			if (path.data[i] == '\\' || path.data[i] == '/')
				file = slice_from(path, i + 1);
		}
		if (!slice_is_same_nocase(file, label))
			unpacked_rename(out, member, file);
	}
}
