/* SPDX-License-Identifier: Apache-2.0 */
/* One file into a Maildir. */
#include "proxy/maildir.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

struct maildir_file {
	FILE *out;
	char *temporary;
	char *final;
	char *directory; /* of the final name */
	bool committed;
};

static bool make(const char *directory)
{
	return mkdir(directory, 0700) == 0 || errno == EEXIST;
}

bool maildir_make(const char *directory)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	bool good = make(directory);

	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && good; i++) {
		char *path = talloc_asprintf(NULL, "%s/%s", directory, parts[i]);
		good = make(path);
		talloc_free(path);
	}
	return good;
}

static int file_close(struct maildir_file *file)
{
	if (file->out)
		fclose(file->out);
	if (!file->committed)
		unlink(file->temporary);
	return 0;
}

/* No two are alike: the time, the process, and where the file's struct lies while it is being written. */
static char *unique_name(struct maildir_file *file)
{
	return talloc_asprintf(file, "%lld.M%lluP%dQ%p.sink", (long long)time(NULL),
		(unsigned long long)clock_microseconds(), (int)getpid(), (void *)file);
}

struct maildir_file *maildir_create(const void *parent, const char *directory)
{
	struct maildir_file *file = talloc_zero(parent, struct maildir_file);
	char *name = unique_name(file);

	file->temporary = talloc_asprintf(file, "%s/tmp/%s", directory, name);
	file->final = talloc_asprintf(file, "%s/new/%s", directory, name);
	file->directory = talloc_asprintf(file, "%s/new", directory);
	file->out = fopen(file->temporary, "wxe");
	if (!file->out) {
		talloc_free(file);
		return NULL;
	}
	talloc_set_destructor(file, file_close);
	return file;
}

void maildir_write(struct maildir_file *file, struct slice bytes)
{
	if (file && bytes.size > 0)
		fwrite(bytes.data, 1, bytes.size, file->out);
}

void maildir_print(struct maildir_file *file, const char *format, ...)
{
	va_list arguments;

	if (!file)
		return;
	va_start(arguments, format);
	vfprintf(file->out, format, arguments);
	va_end(arguments);
}

static bool sync_directory(const char *directory)
{
	int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor < 0)
		return false;
	bool synced = fsync(descriptor) == 0;
	close(descriptor);
	return synced;
}

bool maildir_commit(struct maildir_file *file)
{
	if (fflush(file->out) != 0 || ferror(file->out) || fsync(fileno(file->out)) != 0)
		return false;
	file->committed = rename(file->temporary, file->final) == 0;
	return file->committed && sync_directory(file->directory);
}
