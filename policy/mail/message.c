/* SPDX-License-Identifier: Apache-2.0 */
/* A message in our hands: a buffer first, then a memfd, then a file without a name. */
#include "policy/mail/message.h"

#include "base/log.h"
#include "base/table.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <talloc.h>
#include <unistd.h>

#define FIRST_ROOM 8192

const char *const message_anomaly_names[] = {
	"bare_lf", "bare_cr", "nul", "long_line", "8bit_header", "long_header", NULL};

struct message {
	const struct spool *spool; /* NULL: the bytes are somebody else's */
	int64_t size;
	char *buffer; /* what is not in the descriptor yet */
	size_t used;
	size_t room;
	int descriptor; /* -1: all is in the buffer */
	char *map;      /* of a finished message that has a descriptor */
	unsigned anomalies;
	bool is_file;
	bool has_dot_lines;
	bool is_finished;
	bool is_broken; /* the spool was full */
};

static void account(struct message *message, int64_t delta)
{
	if (message->spool->table && delta)
		table_add(message->spool->table, message->spool->counter, delta);
}

static void drop_storage(struct message *message)
{
	if (!message->spool)
		return;
	if (message->map)
		munmap(message->map, (size_t)message->size);
	if (message->descriptor >= 0)
		close(message->descriptor);
	talloc_free(message->buffer);
	account(message, -message->size);
	message->map = NULL;
	message->descriptor = -1;
	message->buffer = NULL;
	message->used = message->room = 0;
	message->size = 0;
}

static int destroy(struct message *message)
{
	drop_storage(message);
	return 0;
}

struct message *message_new(const void *parent, const struct spool *spool)
{
	struct message *message = talloc_zero(parent, struct message);

	message->spool = spool;
	message->descriptor = -1;
	talloc_set_destructor(message, destroy);
	return message;
}

struct message *message_view(const void *parent, struct slice bytes, unsigned anomalies)
{
	struct message *message = talloc_zero(parent, struct message);

	message->size = (int64_t)bytes.size;
	message->map = (char *)(uintptr_t)bytes.data;
	message->descriptor = -1;
	message->anomalies = anomalies;
	message->is_finished = true;
	return message;
}

static enum message_outcome give_up(struct message *message, const char *why)
{
	log_event(LEVEL_ERROR, "message_not_kept", "%s", why);
	drop_storage(message);
	message->is_broken = true;
	return MESSAGE_SPOOL_FULL;
}

/* After a system call that failed. */
static enum message_outcome give_up_after(struct message *message, const char *what)
{
	char why[128];

	snprintf(why, sizeof why, "%s: %s", what, strerror(errno));
	return give_up(message, why);
}

/* Whether all messages together are within their limit. Looked at once every SPOOL_MEMORY bytes, since the sum goes over all
 * workers. */
static bool is_within_total(const struct message *message, int64_t before)
{
	const struct spool *spool = message->spool;

	if (!spool->table || !spool->total_maximum)
		return true;
	if (before && before / SPOOL_MEMORY == message->size / SPOOL_MEMORY)
		return true;
	return table_sum(spool->table, spool->counter) <= spool->total_maximum;
}

static void make_room(struct message *message, size_t size)
{
	size_t room = message->room ? message->room : FIRST_ROOM;

	while (room < size)
		room *= 2;
	if (room == message->room)
		return;
	message->buffer = talloc_realloc(message, message->buffer, char, room);
	message->room = room;
}

/* Writes the buffer and the bytes behind it. */
static bool write_out(struct message *message, struct slice bytes)
{
	struct iovec pieces[] = {
		{message->buffer, message->used}, {(char *)bytes.data, bytes.size}};
	struct iovec *piece = message->used ? pieces : pieces + 1;

	while (piece < pieces + 2) {
		ssize_t written = writev(message->descriptor, piece, (int)(pieces + 2 - piece));
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		while (piece < pieces + 2 && (size_t)written >= piece->iov_len)
			written -= (ssize_t)(piece++)->iov_len;
		if (piece == pieces + 2)
			break;
		piece->iov_base = (char *)piece->iov_base + written;
		piece->iov_len -= (size_t)written;
	}
	message->used = 0;
	return true;
}

static bool copy_descriptor(int to, int from, int64_t size)
{
	off_t at = 0;

	while (at < size) {
		ssize_t sent = sendfile(to, from, &at, (size_t)(size - at));
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
	}
	return true;
}

static bool move_to_file(struct message *message, int64_t written)
{
	int file =
		open(message->spool->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (file < 0)
		return false;
	if (message->descriptor >= 0) {
		if (!copy_descriptor(file, message->descriptor, written)) {
			close(file);
			return false;
		}
		close(message->descriptor);
	}
	message->descriptor = file;
	message->is_file = true;
	return true;
}

/* Sees to it that the descriptor is the right one for the message's size. */
static bool has_place(struct message *message, int64_t written)
{
	const struct spool *spool = message->spool;

	if (spool->directory && !message->is_file && message->size > spool->memory_maximum)
		return move_to_file(message, written);
	if (message->descriptor < 0)
		message->descriptor = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return message->descriptor >= 0;
}

enum message_outcome message_add(struct message *message, struct slice bytes)
{
	int64_t before = message->size;
	int64_t written = before - (int64_t)message->used;

	assert(!message->is_finished);
	if (message->is_broken)
		return MESSAGE_SPOOL_FULL;
	if (bytes.size == 0)
		return MESSAGE_OK;
	message->size += (int64_t)bytes.size;
	account(message, (int64_t)bytes.size);
	if (!is_within_total(message, before))
		return give_up(
			message, "all messages together are as large as limits.spool allows");
	if (message->used + bytes.size <= SPOOL_MEMORY) {
		make_room(message, message->used + bytes.size);
		memcpy(message->buffer + message->used, bytes.data, bytes.size);
		message->used += bytes.size;
		return MESSAGE_OK;
	}
	if (!has_place(message, written))
		return give_up_after(message, "a place for it");
	if (!write_out(message, bytes))
		return give_up_after(message, "writing it");
	return MESSAGE_OK;
}

/* Nobody maps it for writing before this, so future writes are all there are. F_SEAL_WRITE says the same, but looks at every page first and fails
 * with EBUSY while anybody in the kernel has hold of one, as reclaim and compaction do for a moment; kernels before 5.1 know no other. */
static bool seal(int descriptor)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	return fcntl(descriptor, F_ADD_SEALS, seals | F_SEAL_FUTURE_WRITE) == 0 ||
		(errno == EINVAL && fcntl(descriptor, F_ADD_SEALS, seals | F_SEAL_WRITE) == 0);
}

enum message_outcome message_finish(struct message *message)
{
	assert(!message->is_finished);
	if (message->is_broken)
		return MESSAGE_SPOOL_FULL;
	message->is_finished = true;
	if (message->descriptor < 0)
		return MESSAGE_OK;
	if (!write_out(message, slice_make("", 0)))
		return give_up_after(message, "writing it");
	TALLOC_FREE(message->buffer);
	if (!message->is_file && !seal(message->descriptor))
		return give_up_after(message, "sealing it");
	message->map =
		mmap(NULL, (size_t)message->size, PROT_READ, MAP_PRIVATE, message->descriptor, 0);
	if (message->map == MAP_FAILED) {
		message->map = NULL;
		return give_up_after(message, "mapping it");
	}
	return MESSAGE_OK;
}

int64_t message_size(const struct message *message)
{
	return message->size;
}

struct slice message_bytes(const struct message *message)
{
	assert(message->is_finished && !message->is_broken);
	if (message->map)
		return slice_make(message->map, (size_t)message->size);
	return slice_make(message->buffer ? message->buffer : "", message->used);
}

int message_descriptor(const struct message *message)
{
	return message->descriptor;
}

void message_note(struct message *message, enum anomaly anomaly)
{
	message->anomalies |= anomaly;
}

unsigned message_anomalies(const struct message *message)
{
	return message->anomalies;
}

void message_note_dot_line(struct message *message)
{
	message->has_dot_lines = true;
}

bool message_has_dot_lines(const struct message *message)
{
	return message->has_dot_lines;
}
