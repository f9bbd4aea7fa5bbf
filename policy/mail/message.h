/* SPDX-License-Identifier: Apache-2.0
 *
 * A message while it is with us: header and body as CRLF lines, dot-unstuffed, exactly as they are to be sent on.
 * Up to SPOOL_MEMORY it is kept in memory, beyond that in a memfd that message_finish() seals, beyond the spool's second limit in an
 * unlinked file of the spool's directory. What all messages of all workers keep together is limited too.
 */
#pragma once

#include "base/slice.h"

#define SPOOL_MEMORY 65536

struct table;

/* Where messages are kept, one a worker. */
struct spool {
	const char *directory;  /* for files, NULL for none: then memfds up to the message limit */
	int64_t memory_maximum; /* of one message in a memfd; beyond it a file */
	int64_t total_maximum;  /* of all messages of all workers */
	struct table *table;    /* keeps the sum; NULL: no sum, no limit on it */
	unsigned counter;       /* of the table, for the sum */
};

/* What a reader of mail might see differently, noticed while receiving; bits, named by message_anomaly_names. */
enum anomaly {
	ANOMALY_BARE_LF = 1,
	ANOMALY_BARE_CR = 2,
	ANOMALY_NUL = 4,
	ANOMALY_LONG_LINE = 8, /* over 998 octets */
	ANOMALY_8BIT_HEADER = 16,
	ANOMALY_LONG_HEADER = 32 /* over 10,000 lines or 256 KiB */
};

/* "bare_lf", "bare_cr" … in the order of the bits, NULL-ended. */
extern const char *const message_anomaly_names[];

struct message;

/* One whose bytes are somebody else's, who keeps them as long; anomalies: bits of enum anomaly. Nothing can be added. */
struct message *message_view(const void *parent, struct slice bytes, unsigned anomalies);

enum message_outcome { MESSAGE_OK, MESSAGE_SPOOL_FULL };

/* The spool must outlive the message, which gives its bytes back to the sum when it is freed. */
struct message *message_new(const void *parent, const struct spool *spool);

/* Another one in the same spool: finished, of these pieces, with the anomalies of the first; NULL when there is no room. */
struct message *message_copy(
	const void *parent, const struct message *like, const struct slice *pieces, size_t count);

/* Adds bytes. When the spool is full the message is useless, keeps nothing and takes no more. */
enum message_outcome message_add(struct message *message, struct slice bytes)
	__attribute__((warn_unused_result));

/* No more will be added: seals the memfd, maps it (pages come in when they are looked at). Must be called once before the bytes are looked at. */
enum message_outcome message_finish(struct message *message) __attribute__((warn_unused_result));

int64_t message_size(const struct message *message);

/* All of it, as long as the message lives. */
struct slice message_bytes(const struct message *message);

/* The descriptor of memfd or file, or -1 while it is in memory; it stays the message's. */
int message_descriptor(const struct message *message);

void message_note(struct message *message, enum anomaly anomaly);
unsigned message_anomalies(const struct message *message);

/* A line that begins with a dot was added: DATA must stuff (RFC 5321 §4.5.2). */
void message_note_dot_line(struct message *message);
bool message_has_dot_lines(const struct message *message);
