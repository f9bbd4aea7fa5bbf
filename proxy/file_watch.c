/* SPDX-License-Identifier: Apache-2.0 */
/* Which of some files have changed. */
#include "proxy/file_watch.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>

/* All zero: not there. */
struct look {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec written, changed;
};

struct watched {
	const char *path;
	struct look last;
};

struct file_watch {
	struct watched *files; /* talloc array */
};

static struct look look_at(const char *path)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return (struct look){0};
	return (struct look){
		found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct look *a, const struct look *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
		is_same_time(a->written, b->written) && is_same_time(a->changed, b->changed);
}

struct file_watch *file_watch_new(const void *parent)
{
	struct file_watch *watch = talloc(parent, struct file_watch);

	watch->files = talloc_array(watch, struct watched, 0);
	return watch;
}

void file_watch_add(struct file_watch *watch, const char *path)
{
	size_t count = talloc_array_length(watch->files);

	for (size_t i = 0; path && i < count; i++) {
		if (strcmp(watch->files[i].path, path) == 0)
			return;
	}
	if (!path)
		return;
	watch->files = talloc_realloc(watch, watch->files, struct watched, count + 1);
	watch->files[count] = (struct watched){path, look_at(path)};
}

const char *file_watch_changed(struct file_watch *watch)
{
	const char *changed = NULL;

	for (size_t i = 0; i < talloc_array_length(watch->files); i++) {
		struct watched *file = &watch->files[i];
		struct look now = look_at(file->path);

		if (is_same(&file->last, &now))
			continue;
		file->last = now;
		changed = changed ? changed : file->path;
	}
	return changed;
}
