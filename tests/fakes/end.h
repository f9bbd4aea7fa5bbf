/* SPDX-License-Identifier: Apache-2.0
 *
 * One end of a connection in a test's hands: a non-blocking descriptor, TLS if it was begun, and what came and was not looked at yet.
 * Nothing here waits; rig.h does.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#define END_LINE 8192

struct end {
	int descriptor; /* -1: none */
	SSL *tls;
	char *input; /* talloc */
	size_t size;
	bool ended;
};

#define END_NONE ((struct end){.descriptor = -1, .ended = true})

/* Reads what has come, to input under the parent; false when nothing has. */
bool end_read(struct end *end, const void *parent);

/* How much of the bytes went; 0: try again; -1: the other side is gone. */
long end_write(struct end *end, const char *bytes, size_t size);

/* Takes bytes off the front of the input. */
void end_drop(struct end *end, size_t size);

/* Takes a line off the input, without its end; longer ones are cut. */
bool end_take_line(struct end *end, char line[END_LINE]);

/* Closes it, with all that is there to read and write; reset without. */
void end_close(struct end *end);
void end_reset(struct end *end);
