/* SPDX-License-Identifier: Apache-2.0 */
/* Reads plain files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

static bool read_all(int descriptor, char *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(descriptor, data + done, size - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static const char *read_text(const void *parent, int descriptor, size_t most, struct slice *text)
{
	struct stat status;
	char *data;

	if (fstat(descriptor, &status) != 0)
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "it is no plain file";
	if ((size_t)status.st_size > most)
		return "it is too large";
	data = talloc_zero_array(parent, char, (size_t)status.st_size + 1);
	*text = slice_make(data, (size_t)status.st_size);
	return read_all(descriptor, data, text->size) ? NULL : "it cannot be read to its end";
}

const char *file_read(const void *parent, const char *path, size_t most, struct slice *text)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why;

	if (descriptor < 0)
		return strerror(errno);
	why = read_text(parent, descriptor, most, text);
	close(descriptor);
	return why;
}

char *file_beside(const void *parent, const char *file, const char *path)
{
	char *copy, *beside;

	if (path[0] == '/')
		return talloc_strdup(parent, path);
	copy = talloc_strdup(NULL, file);
	beside = talloc_asprintf(parent, "%s/%s", dirname(copy), path);
	talloc_free(copy);
	return beside;
}

bool file_write_all(int descriptor, struct slice bytes)
{
	while (bytes.size) {
		ssize_t written = write(descriptor, bytes.data, bytes.size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes = slice_from(bytes, (size_t)written);
	}
	return true;
}
