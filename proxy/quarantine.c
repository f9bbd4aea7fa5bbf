/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the quarantine: what is kept, and how it goes. */
#include "proxy/quarantine.h"

#include "base/file.h"
#include "base/log.h"
#include "proxy/quarantine_hold.h"

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
#define PASSED_ON ":2,P"

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

static const struct {
	enum folder folder;
	const char *end; /* of the name, behind the id */
} places[QUARANTINE_PLACES] = {{NEW, ""}, {CUR, ""}, {CUR, PASSED_ON}};

char *quarantine_path(const void *parent, const struct quarantine *quarantine,
	enum quarantine_place place, const char *id)
{
	return talloc_asprintf(parent, "%s/%s/%s%s", quarantine->options->path,
		folder_names[places[place].folder], id, places[place].end);
}

bool quarantine_is_good_id(const char *id, const char **reason)
{
	if (quarantine_is_id(id))
		return true;
	*reason = "that is no id of a message in the quarantine";
	return false;
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
		errno = got == 0 ? EIO : errno;
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
	bool is_written = put_files(quarantine, item, putting, size);
	bool is_wanted = is_written && item->is_wanted(item->owner);
	const char *reason = NULL;

	if (is_written && !is_wanted)
		reason = "nobody waits for it any more";
	else if (!is_written || rename(putting->message, putting->final_message) != 0 ||
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
	if ((int64_t)status->st_mtime < expiring->oldest && quarantine_hold_remove_file(path))
		expiring->count++;
}

static bool has_message(const struct quarantine *quarantine, const char *id)
{
	bool is_there = false;

	/* The first place once more: what is given back goes there meanwhile. */
	for (int i = 0; i <= QUARANTINE_PLACES && !is_there; i++) {
		char *path = quarantine_path(NULL, quarantine, i % QUARANTINE_PLACES, id);
		is_there = access(path, F_OK) == 0;
		talloc_free(path);
	}
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

struct listed {
	char *id;
	struct timespec time;
};

struct listing_of_ids {
	struct listed *items;
	size_t count;
};

static void add_id(void *owner, const char *path, const char *name, const struct stat *status)
{
	struct listing_of_ids *all = owner;
	const char *end = strstr(name, PASSED_ON);
	bool is_passed_on = end && strcmp(end, PASSED_ON) == 0;
	char *id = talloc_strndup(NULL, name, is_passed_on ? (size_t)(end - name) : strlen(name));

	(void)path;
	if (!quarantine_is_id(id)) {
		talloc_free(id);
		return;
	}
	if (all->count == talloc_array_length(all->items))
		all->items = talloc_realloc(NULL, all->items, struct listed, 2 * all->count + 16);
	all->items[all->count++] = (struct listed){talloc_steal(all->items, id), status->st_mtim};
}

static int compare(const void *first, const void *second)
{
	const struct listed *a = first, *b = second;

	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec < b->time.tv_sec ? -1 : 1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec < b->time.tv_nsec ? -1 : 1;
	return strcmp(a->id, b->id);
}

const char **quarantine_list(const void *parent, const struct quarantine *quarantine)
{
	struct listing_of_ids all = {.items = talloc_array(NULL, struct listed, 16)};
	const char **ids;
	size_t used = 0;

	each(quarantine, NEW, add_id, &all);
	each(quarantine, CUR, add_id, &all);
	qsort(all.items, all.count, sizeof *all.items, compare);
	ids = talloc_array(parent, const char *, all.count);
	/* What was moved meanwhile may have been met twice. */
	for (size_t i = 0; i < all.count; i++) {
		if (!used || strcmp(ids[used - 1], all.items[i].id) != 0)
			ids[used++] = talloc_steal(ids, all.items[i].id);
	}
	talloc_free(all.items);
	return talloc_realloc(parent, ids, const char *, used);
}

/* --- reading --- */

static ssize_t read_piece(int file, char *bytes, size_t size, size_t at)
{
	ssize_t got;

	do
		got = pread(file, bytes, size, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got;
}

static char *read_bytes(const void *parent, int file, size_t size, const char **reason)
{
	char *bytes = talloc_size(parent, size + 1);

	for (size_t done = 0; done < size;) {
		ssize_t got = read_piece(file, bytes + done, size - done, done);
		if (got <= 0) {
			*reason = talloc_asprintf(parent,
				"of its %zu bytes only the first %zu can be read: %s", size, done,
				got < 0 ? strerror(errno) : "it ends there");
			talloc_free(bytes);
			return NULL;
		}
		done += (size_t)got;
	}
	bytes[size] = '\0';
	return bytes;
}

char *quarantine_read_open(const void *parent, int file, size_t *size, const char **reason)
{
	struct stat status;

	if (fstat(file, &status) < 0) {
		*reason = talloc_strdup(parent, strerror(errno));
		return NULL;
	}
	*size = (size_t)status.st_size;
	*reason = "it is no regular file, or too large";
	if (!S_ISREG(status.st_mode) || *size > LARGEST_READ)
		return NULL;
	return read_bytes(parent, file, *size, reason);
}

static int open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* The message, wherever it is; -1: *reason says why. */
static int open_message(const void *parent, const struct quarantine *quarantine, const char *id,
	enum quarantine_place *place, const char **reason)
{
	int file = -1;

	if (!quarantine_is_good_id(id, reason))
		return -1;
	errno = ENOENT;
	for (int turn = 0; turn <= QUARANTINE_PLACES && file < 0 && errno == ENOENT; turn++) {
		*place = turn % QUARANTINE_PLACES;
		char *path = quarantine_path(NULL, quarantine, *place, id);
		file = open_file(path);
		talloc_free(path);
	}
	if (file < 0)
		*reason = errno == ENOENT ? QUARANTINE_NOT_THERE
					  : talloc_strdup(parent, strerror(errno));
	return file;
}

bool quarantine_look(const struct quarantine *quarantine, const char *id,
	struct quarantine_sight *sight, const char **reason)
{
	struct stat status;
	int file = open_message(quarantine, quarantine, id, &sight->place, reason);

	if (file < 0)
		return false;
	bool good = fstat(file, &status) == 0;
	if (!good)
		*reason = strerror(errno);
	else
		*sight = (struct quarantine_sight){sight->place, quarantine_hold_is_on(file),
			(int64_t)status.st_mtime, (int64_t)status.st_ctime,
			(int64_t)status.st_size};
	close(file);
	return good;
}

char *quarantine_read_message(const void *parent, const struct quarantine *quarantine,
	const char *id, size_t *size, const char **reason)
{
	enum quarantine_place place;
	int file = open_message(parent, quarantine, id, &place, reason);
	char *bytes;

	if (file < 0)
		return NULL;
	bytes = quarantine_read_open(parent, file, size, reason);
	close(file);
	return bytes;
}

/* --- tickets --- */

char *quarantine_read_ticket(const void *parent, const struct quarantine *quarantine,
	const char *id, const char **reason)
{
	char *name, *path, *text = NULL;
	size_t size;

	if (!quarantine_is_good_id(id, reason))
		return NULL;
	name = ticket_name(NULL, id);
	path = path_of(name, quarantine, TICKETS, name);
	int file = open_file(path);
	bool is_lost = file < 0 && errno == ENOENT;
	*reason = strerror(errno);
	if (file >= 0) {
		text = quarantine_read_open(parent, file, &size, reason);
		close(file);
	}
	if (is_lost)
		*reason = talloc_asprintf(parent, "its ticket is lost: there is no %s", path);
	else if (!text)
		*reason =
			talloc_asprintf(parent, "its ticket cannot be read: %s: %s", path, *reason);
	talloc_free(name);
	return text;
}

const char *quarantine_write_ticket(
	struct quarantine *quarantine, const char *id, struct slice ticket)
{
	char *name = ticket_name(NULL, id);
	const char *path = path_of(name, quarantine, TMP, name);
	int file = make_file(path);
	if (file >= 0)
		give_to_owner(quarantine, path);
	bool good = file >= 0 && file_write_all(file, ticket) && fsync(file) == 0 &&
		rename(path, path_of(name, quarantine, TICKETS, name)) == 0 &&
		sync_folder(quarantine, TICKETS);
	const char *reason = good ? NULL : strerror(errno);

	if (file >= 0)
		close(file);
	if (!good)
		unlink(path);
	talloc_free(name);
	return reason;
}

void quarantine_remove_ticket(struct quarantine *quarantine, const char *id)
{
	char *name = ticket_name(NULL, id);

	unlink(path_of(name, quarantine, TICKETS, name));
	talloc_free(name);
}

bool quarantine_sync(const struct quarantine *quarantine, enum quarantine_place place)
{
	return sync_folder(quarantine, places[place].folder);
}
