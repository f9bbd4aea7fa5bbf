/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the quarantine that somebody works on. */
#include "proxy/quarantine_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#define ROUNDS 3 /* looks for a message that is moved meanwhile */

static const char is_busy[] = "another command is at work on it: it is being released, or removed; "
			      "try again when that has ended";

struct quarantine_hold {
	struct quarantine *quarantine;
	const char *id;
	int file;
	enum quarantine_place place;
};

/* --- locks --- */

static bool lock(int file)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

bool quarantine_hold_is_on(int descriptor)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Whether the path still leads to what was opened by it. */
static bool is_still_there(const char *path, int file)
{
	struct stat opened, named;

	return fstat(file, &opened) == 0 && lstat(path, &named) == 0 && S_ISREG(opened.st_mode) &&
		opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

enum taking { TAKING_DONE, TAKING_MOVED, TAKING_FAILED };

/* MOVED: it is not there, or not any more. FAILED leaves errno. */
static enum taking take_file(const char *path, int *file)
{
	int error;

	*file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*file < 0)
		return errno == ENOENT ? TAKING_MOVED : TAKING_FAILED;
	if (lock(*file)) {
		if (is_still_there(path, *file))
			return TAKING_DONE;
		close(*file);
		return TAKING_MOVED;
	}
	error = errno;
	close(*file);
	errno = error == EACCES ? EAGAIN : error;
	return TAKING_FAILED;
}

bool quarantine_hold_remove_file(const char *path)
{
	int file;
	bool removed;

	if (take_file(path, &file) != TAKING_DONE)
		return false;
	removed = unlink(path) == 0;
	close(file);
	return removed;
}

/* --- holds --- */

static int let_go(struct quarantine_hold *hold)
{
	if (hold->file >= 0)
		close(hold->file);
	return 0;
}

/* Each place in its turn; the first comes again, for what is given back goes there. */
static enum taking take(struct quarantine_hold *hold)
{
	for (int turn = 0; turn < ROUNDS * QUARANTINE_PLACES; turn++) {
		enum quarantine_place place = turn % QUARANTINE_PLACES;
		char *path = quarantine_path(hold, hold->quarantine, place, hold->id);
		enum taking taking = take_file(path, &hold->file);

		talloc_free(path);
		hold->place = place;
		if (taking != TAKING_MOVED)
			return taking;
	}
	return TAKING_MOVED;
}

struct quarantine_hold *quarantine_hold_new(
	const void *parent, struct quarantine *quarantine, const char *id, const char **reason)
{
	struct quarantine_hold *hold;
	enum taking taking;

	if (!quarantine_is_good_id(id, reason))
		return NULL;
	hold = talloc_zero(parent, struct quarantine_hold);
	hold->quarantine = quarantine;
	hold->id = talloc_strdup(hold, id);
	taking = take(hold);
	if (taking == TAKING_DONE) {
		talloc_set_destructor(hold, let_go);
		return hold;
	}
	*reason = taking == TAKING_MOVED ? QUARANTINE_NOT_THERE
		: errno == EAGAIN        ? is_busy
					 : talloc_strdup(parent, strerror(errno));
	talloc_free(hold);
	return NULL;
}

enum quarantine_place quarantine_hold_place(const struct quarantine_hold *hold)
{
	return hold->place;
}

char *quarantine_hold_read(
	const void *parent, const struct quarantine_hold *hold, size_t *size, const char **reason)
{
	return quarantine_read_open(parent, hold->file, size, reason);
}

const char *quarantine_hold_move(struct quarantine_hold *hold, enum quarantine_place to)
{
	char *from = quarantine_path(NULL, hold->quarantine, hold->place, hold->id);
	bool moved = rename(from, quarantine_path(from, hold->quarantine, to, hold->id)) == 0;
	enum quarantine_place before = hold->place;

	if (moved)
		hold->place = to;
	talloc_free(from);
	return moved && quarantine_sync(hold->quarantine, before) &&
			quarantine_sync(hold->quarantine, to)
		? NULL
		: strerror(errno);
}

const char *quarantine_hold_remove(struct quarantine_hold *hold)
{
	char *path = quarantine_path(NULL, hold->quarantine, hold->place, hold->id);
	const char *reason = unlink(path) == 0 ? NULL : strerror(errno);

	if (!reason)
		quarantine_remove_ticket(hold->quarantine, hold->id);
	talloc_free(path);
	return reason;
}
