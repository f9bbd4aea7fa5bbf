/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the quarantine: what is kept, and how it goes. */
#include "proxy/quarantine.h"

#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#define PIECE 65536
#define ID_MOST 64
#define UNFINISHED_SECONDS                                                                         \
	3600 /* a file of tmp, or a ticket without message, that is nobody's any more */
#define LARGEST_READ ((size_t)1 << 30)

struct quarantine {
	const struct quarantine_options *options;
	int64_t used; /* bytes, as last counted and added to */
};

enum folder { TMP, NEW, CUR, TICKETS, FOLDERS };

static const char *const folder_names[FOLDERS] = {"tmp", "new", "cur", "tickets"};

static char *path_of(const void *parent, const struct quarantine *quarantine, enum folder folder,
	const char *name)
{
	return talloc_asprintf(
		parent, "%s/%s/%s", quarantine->options->path, folder_names[folder], name);
}

static char *ticket_name(const void *parent, const char *id)
{
	return talloc_asprintf(parent, "%s.json", id);
}

/* As of transactions: capitals and digits, a dot, a number. */
bool quarantine_is_id(const char *id)
{
	size_t size = strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.");

	return size > 0 && size <= ID_MOST && id[size] == '\0' && id[0] != '.';
}

/* --- looking around --- */

/* Calls for each file of a folder. */
static void each(const struct quarantine *quarantine, enum folder folder,
	void (*look)(void *owner, const char *path, const char *name, const struct stat *status),
	void *owner)
{
	char *folder_path = path_of(NULL, quarantine, folder, "");
	DIR *directory = opendir(folder_path);
	struct dirent *entry;
	struct stat status;

	while (directory && (entry = readdir(directory))) {
		char *path = talloc_asprintf(folder_path, "%s%s", folder_path, entry->d_name);
		if (entry->d_name[0] != '.' && lstat(path, &status) == 0 && S_ISREG(status.st_mode))
			look(owner, path, entry->d_name, &status);
		talloc_free(path);
	}
	if (directory)
		closedir(directory);
	talloc_free(folder_path);
}

static void add_size(void *owner, const char *path, const char *name, const struct stat *status)
{
	int64_t *sum = owner;

	(void)path;
	(void)name;
	*sum += (int64_t)status->st_size;
}

static void count_used(struct quarantine *quarantine)
{
	quarantine->used = 0;
	for (enum folder folder = NEW; folder < FOLDERS; folder++)
		each(quarantine, folder, add_size, &quarantine->used);
}

/* What root makes, looking around, is for whoever the quarantine belongs to. */
static void give_to_owner(const struct quarantine *quarantine, const char *path)
{
	struct stat status;

	if (geteuid() == 0 && stat(quarantine->options->path, &status) == 0 && status.st_uid != 0 &&
		lchown(path, status.st_uid, status.st_gid) < 0)
		log_event(LEVEL_WARNING, "quarantine_owner", "%s: %s", path, strerror(errno));
}

static bool make_folder(const struct quarantine *quarantine, const char *path)
{
	bool made = mkdir(path, 0700) == 0;

	if (!made)
		return errno == EEXIST;
	give_to_owner(quarantine, path);
	return true;
}

struct quarantine *quarantine_open(
	const void *parent, const struct quarantine_options *options, const char **reason)
{
	struct quarantine *quarantine = talloc_zero(parent, struct quarantine);

	quarantine->options = options;
	for (enum folder folder = TMP; folder < FOLDERS; folder++) {
		char *path = path_of(quarantine, quarantine, folder, "");
		if (!make_folder(quarantine, path)) {
			*reason = talloc_asprintf(parent, "%s: %s", path, strerror(errno));
			talloc_free(quarantine);
			return NULL;
		}
		talloc_free(path);
	}
	count_used(quarantine);
	return quarantine;
}

/* --- putting in --- */

/* From one place of a descriptor to another, of so many bytes. */
static bool copy(int from, size_t at, size_t size, int to)
{
	char *piece = talloc_array(NULL, char, PIECE);
	bool good = true;

	while (good && size) {
		ssize_t got = pread(from, piece, size < PIECE ? size : PIECE, (off_t)at);
		good = got > 0 && file_write_all(to, slice_make(piece, (size_t)got));
		at += got > 0 ? (size_t)got : 0;
		size -= got > 0 ? (size_t)got : 0;
	}
	talloc_free(piece);
	return good;
}

static int make_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* A new file with bytes of a descriptor, on the disk. */
static bool write_file(const char *path, int from, size_t at, size_t size)
{
	int file = make_file(path);
	bool good = file >= 0 && copy(from, at, size, file) && fsync(file) == 0;
	int error = errno;

	if (file >= 0 && close(file) != 0 && good)
		return false;
	errno = error;
	return good;
}

static bool sync_folder(const struct quarantine *quarantine, enum folder folder)
{
	char *path = path_of(NULL, quarantine, folder, "");
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = descriptor >= 0 && fsync(descriptor) == 0;
	int error = errno;

	if (descriptor >= 0)
		close(descriptor);
	talloc_free(path);
	errno = error;
	return synced;
}

/* The files of one message, while they are made. */
struct putting {
	const char *message, *ticket;             /* in tmp */
	const char *final_message, *final_ticket; /* where they belong */
};

static bool put_files(const struct quarantine *quarantine, const struct quarantine_item *item,
	const struct putting *putting, size_t size)
{
	return write_file(putting->ticket, item->descriptor, 0, item->ticket_size) &&
		write_file(putting->message, item->descriptor, item->ticket_size,
			size - item->ticket_size) &&
		rename(putting->ticket, putting->final_ticket) == 0 &&
		sync_folder(quarantine, TICKETS);
}

static void remove_files(const struct putting *putting)
{
	unlink(putting->message);
	unlink(putting->ticket);
	unlink(putting->final_message);
	unlink(putting->final_ticket);
}

static const char *put(struct quarantine *quarantine, const struct quarantine_item *item,
	const struct putting *putting, size_t size)
{
	const char *reason = NULL;

	if (!put_files(quarantine, item, putting, size))
		reason = strerror(errno);
	else if (!item->is_wanted(item->owner))
		reason = "nobody waits for it any more";
	else if (rename(putting->message, putting->final_message) != 0 ||
		!sync_folder(quarantine, NEW))
		reason = strerror(errno);
	if (reason)
		remove_files(putting);
	else
		quarantine->used += (int64_t)size;
	return reason;
}

static bool has_room(struct quarantine *quarantine, int64_t size)
{
	int64_t most = quarantine->options->size;

	if (quarantine->used + size > most)
		count_used(quarantine);
	return quarantine->used + size <= most;
}

const char *quarantine_put(struct quarantine *quarantine, const struct quarantine_item *item)
{
	char *id = slice_keep(NULL, item->id), *name = ticket_name(id, id);
	const struct putting putting = {
		.message = path_of(id, quarantine, TMP, id),
		.ticket = path_of(id, quarantine, TMP, name),
		.final_message = path_of(id, quarantine, NEW, id),
		.final_ticket = path_of(id, quarantine, TICKETS, name),
	};
	const char *reason;
	struct stat status;

	if (!quarantine_is_id(id) || fstat(item->descriptor, &status) < 0 ||
		(uint64_t)status.st_size < item->ticket_size)
		reason = "what was sent cannot be read";
	else if (!has_room(quarantine, (int64_t)status.st_size))
		reason = "quarantine.size is used up";
	else
		reason = put(quarantine, item, &putting, (size_t)status.st_size);
	talloc_free(id);
	return reason;
}

/* --- taking out --- */

struct expiring {
	const struct quarantine *quarantine;
	int64_t oldest; /* seconds; what is older goes */
	size_t count;
};

static void remove_old(void *owner, const char *path, const char *name, const struct stat *status)
{
	struct expiring *expiring = owner;

	(void)name;
	if ((int64_t)status->st_mtime < expiring->oldest && unlink(path) == 0)
		expiring->count++;
}

static bool has_message(const struct quarantine *quarantine, const char *id)
{
	char *waiting = path_of(NULL, quarantine, NEW, id);
	char *claimed = path_of(waiting, quarantine, CUR, id);
	bool is_there = access(waiting, F_OK) == 0 || access(claimed, F_OK) == 0;

	talloc_free(waiting);
	return is_there;
}

static void remove_lonely(
	void *owner, const char *path, const char *name, const struct stat *status)
{
	struct expiring *expiring = owner;
	const char *end = strstr(name, ".json");
	char *id = talloc_strndup(NULL, name, end ? (size_t)(end - name) : strlen(name));

	if ((int64_t)status->st_mtime < expiring->oldest &&
		!has_message(expiring->quarantine, id) && unlink(path) == 0)
		expiring->count++;
	talloc_free(id);
}

size_t quarantine_expire(struct quarantine *quarantine, int64_t seconds)
{
	struct expiring expiring = {
		.quarantine = quarantine, .oldest = seconds - quarantine->options->age / 1000};
	struct expiring unfinished = {
		.quarantine = quarantine, .oldest = seconds - UNFINISHED_SECONDS};

	each(quarantine, NEW, remove_old, &expiring);
	each(quarantine, CUR, remove_old, &expiring);
	each(quarantine, TMP, remove_old, &unfinished);
	each(quarantine, TICKETS, remove_lonely, &unfinished);
	count_used(quarantine);
	return expiring.count;
}

struct listing_of_ids {
	const char **ids;
	int64_t *times;
	size_t count;
};

static void add_id(void *owner, const char *path, const char *name, const struct stat *status)
{
	struct listing_of_ids *all = owner;
	size_t i = all->count;

	(void)path;
	if (!quarantine_is_id(name))
		return;
	all->ids = talloc_realloc(NULL, all->ids, const char *, all->count + 1);
	all->times = talloc_realloc(NULL, all->times, int64_t, all->count + 1);
	all->count++;
	for (; i &&
		(all->times[i - 1] > (int64_t)status->st_mtime ||
			(all->times[i - 1] == (int64_t)status->st_mtime &&
				strcmp(all->ids[i - 1], name) > 0));
		i--) {
		all->ids[i] = all->ids[i - 1];
		all->times[i] = all->times[i - 1];
	}
	all->ids[i] = talloc_strdup(all->ids, name);
	all->times[i] = (int64_t)status->st_mtime;
}

const char **quarantine_list(const void *parent, const struct quarantine *quarantine)
{
	struct listing_of_ids all = {.ids = talloc_array(NULL, const char *, 0)};

	each(quarantine, NEW, add_id, &all);
	each(quarantine, CUR, add_id, &all);
	talloc_free(all.times);
	return talloc_steal(parent, all.ids);
}

static char *read_file(const void *parent, const char *path, size_t *size, const char **reason)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;
	char *bytes = NULL;
	size_t read_so_far = 0;

	if (file >= 0 && fstat(file, &status) == 0 && (uint64_t)status.st_size < LARGEST_READ) {
		bytes = talloc_zero_array(parent, char, (size_t)status.st_size + 1);
		while (read_so_far < (size_t)status.st_size) {
			ssize_t got = pread(file, bytes + read_so_far,
				(size_t)status.st_size - read_so_far, (off_t)read_so_far);
			if (got <= 0)
				break;
			read_so_far += (size_t)got;
		}
		*size = read_so_far;
	}
	if (!bytes)
		*reason = errno == ENOENT ? "there is no message with this id in the quarantine"
					  : strerror(errno);
	if (file >= 0)
		close(file);
	return bytes;
}

static bool is_good_id(const char *id, const char **reason)
{
	if (quarantine_is_id(id))
		return true;
	*reason = "that is no id of a message in the quarantine";
	return false;
}

char *quarantine_read_message(const void *parent, const struct quarantine *quarantine,
	const char *id, size_t *size, const char **reason)
{
	bool is_claimed = quarantine_is_claimed(quarantine, id);
	char *path, *bytes;

	if (!is_good_id(id, reason))
		return NULL;
	path = path_of(NULL, quarantine, is_claimed ? CUR : NEW, id);
	bytes = read_file(parent, path, size, reason);
	talloc_free(path);
	return bytes;
}

char *quarantine_read_ticket(const void *parent, const struct quarantine *quarantine,
	const char *id, const char **reason)
{
	char *name, *text;
	size_t size;

	if (!is_good_id(id, reason))
		return NULL;
	name = ticket_name(NULL, id);
	text = read_file(parent, path_of(name, quarantine, TICKETS, name), &size, reason);
	talloc_free(name);
	return text;
}

const char *quarantine_write_ticket(
	struct quarantine *quarantine, const char *id, struct slice ticket)
{
	char *name = ticket_name(NULL, id);
	const char *path = path_of(name, quarantine, TMP, name);
	int file = make_file(path);
	give_to_owner(quarantine, path);
	bool good = file >= 0 && file_write_all(file, ticket) && fsync(file) == 0 &&
		rename(path, path_of(name, quarantine, TICKETS, name)) == 0 &&
		sync_folder(quarantine, TICKETS);
	const char *reason = good ? NULL : strerror(errno);

	if (file >= 0)
		close(file);
	talloc_free(name);
	return reason;
}

/* --- moving --- */

static const char *move(
	struct quarantine *quarantine, const char *id, enum folder from, enum folder to)
{
	char *source = path_of(NULL, quarantine, from, id);
	bool good = rename(source, path_of(source, quarantine, to, id)) == 0 &&
		sync_folder(quarantine, from) && sync_folder(quarantine, to);
	const char *reason =
		errno == ENOENT ? "there is no message with this id that waits" : strerror(errno);

	talloc_free(source);
	return good ? NULL : reason;
}

const char *quarantine_claim(struct quarantine *quarantine, const char *id)
{
	const char *reason;

	return is_good_id(id, &reason) ? move(quarantine, id, NEW, CUR) : reason;
}

const char *quarantine_give_back(struct quarantine *quarantine, const char *id)
{
	return move(quarantine, id, CUR, NEW);
}

bool quarantine_is_claimed(const struct quarantine *quarantine, const char *id)
{
	char *path = quarantine_is_id(id) ? path_of(NULL, quarantine, CUR, id) : NULL;
	bool is_claimed = path && access(path, F_OK) == 0;

	talloc_free(path);
	return is_claimed;
}

const char *quarantine_delete(struct quarantine *quarantine, const char *id)
{
	const char *reason;
	char *path, *name;

	if (!is_good_id(id, &reason))
		return reason;
	path = path_of(NULL, quarantine, NEW, id);
	name = ticket_name(path, id);
	bool gone = unlink(path) == 0 || unlink(path_of(path, quarantine, CUR, id)) == 0;
	reason = errno == ENOENT ? "there is no message with this id in the quarantine"
				 : strerror(errno);
	if (gone)
		unlink(path_of(path, quarantine, TICKETS, name));
	talloc_free(path);
	return gone ? NULL : reason;
}
