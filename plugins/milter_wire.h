/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets of the milter protocol, version 6, both ways: what a mail server tells a milter (commands) and what a milter answers
 * (replies). A packet is a length of four bytes, a byte that says what it is, and data; two tables say for each byte how its data is laid
 * out. Everything here is a pure function of bytes.
 *
 * A parsed packet borrows the bytes it was parsed from. Parsing takes what is well formed and nothing else: no data where none belongs, no string
 * without its NUL, no bytes left over. Printing a packet that was parsed gives the same bytes.
 *
 * Limits: what is said to a milter has MILTER_WIRE_MAXIMUM bytes at most behind its byte, since libmilter closes the connection over more; a milter may say
 * MILTER_WIRE_HEARD_MAXIMUM.
 */
#pragma once

#include "base/slice.h"

#define MILTER_WIRE_VERSION 6
#define MILTER_WIRE_MAXIMUM 65535
#define MILTER_WIRE_HEARD_MAXIMUM 1048576
#define MILTER_WIRE_TEXTS 256 /* strings of one packet */
#define MILTER_WIRE_LISTS 16  /* lists of macros in an answer to an offer */

enum milter_action {
	MILTER_ADD_HEADERS = 0x1,
	MILTER_CHANGE_BODY = 0x2,
	MILTER_ADD_RECIPIENTS = 0x4,
	MILTER_DELETE_RECIPIENTS = 0x8,
	MILTER_CHANGE_HEADERS = 0x10,
	MILTER_QUARANTINES = 0x20,
	MILTER_CHANGE_SENDER = 0x40,
	MILTER_ADD_RECIPIENTS_PARAMETERS = 0x80,
	MILTER_SET_MACROS = 0x100,
	MILTER_ALL_ACTIONS = 0x1ff
};

enum milter_protocol {
	MILTER_NO_CONNECT = 0x1, /* it is not to be told */
	MILTER_NO_HELO = 0x2,
	MILTER_NO_MAIL = 0x4,
	MILTER_NO_RCPT = 0x8,
	MILTER_NO_BODY = 0x10,
	MILTER_NO_HEADERS = 0x20,
	MILTER_NO_EOH = 0x40,
	MILTER_SILENT_HEADER = 0x80, /* it is told and will not answer */
	MILTER_NO_UNKNOWN = 0x100,
	MILTER_NO_DATA = 0x200,
	MILTER_MAY_SKIP = 0x400,
	MILTER_REFUSED_RCPT = 0x800, /* it wants to hear of recipients that were refused */
	MILTER_SILENT_CONNECT = 0x1000,
	MILTER_SILENT_HELO = 0x2000,
	MILTER_SILENT_MAIL = 0x4000,
	MILTER_SILENT_RCPT = 0x8000,
	MILTER_SILENT_DATA = 0x10000,
	MILTER_SILENT_UNKNOWN = 0x20000,
	MILTER_SILENT_EOH = 0x40000,
	MILTER_SILENT_BODY = 0x80000,
	MILTER_LEADING_SPACE = 0x100000, /* values of fields as they are, both ways */
	MILTER_ALL_PROTOCOL = 0x1fffff
};

enum milter_command {
	MILTER_OFFER = 'O',
	MILTER_MACROS = 'D',
	MILTER_CONNECT = 'C',
	MILTER_HELO = 'H',
	MILTER_MAIL = 'M',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_UNKNOWN = 'U',
	MILTER_HEADER = 'L',
	MILTER_EOH = 'N',
	MILTER_BODY = 'B',
	MILTER_EOM = 'E',
	MILTER_ABORT = 'A',
	MILTER_QUIT = 'Q',
	MILTER_QUIT_NEW = 'K'
};

enum milter_reply {
	MILTER_CONTINUE = 'c',
	MILTER_ACCEPT = 'a',
	MILTER_REJECT = 'r',
	MILTER_TEMPFAIL = 't',
	MILTER_REPLY_CODE = 'y',
	MILTER_DISCARD = 'd',
	MILTER_SKIP = 's',
	MILTER_PROGRESS = 'p',
	MILTER_QUARANTINE = 'q',
	MILTER_ADD_HEADER = 'h',
	MILTER_INSERT_HEADER = 'i',
	MILTER_CHANGE_HEADER = 'm',
	MILTER_NEW_SENDER = 'e',
	MILTER_NEW_RECIPIENT = '+',
	MILTER_NEW_RECIPIENT_PARAMETERS = '2',
	MILTER_REMOVE_RECIPIENT = '-',
	MILTER_REPLACE_BODY = 'b',
	MILTER_CONNECTION_FAILED = 'f',
	MILTER_SHUTDOWN = '4'
};

/* The order of the stages in lists of macros: not that of the protocol. */
enum milter_macro_stage {
	MACROS_CONNECT,
	MACROS_HELO,
	MACROS_MAIL,
	MACROS_RCPT,
	MACROS_DATA,
	MACROS_EOM,
	MACROS_EOH,
	MACROS_STAGES
};

enum milter_side { MILTER_SIDE_SERVER, MILTER_SIDE_MILTER }; /* who says it */

struct milter_macro_list {
	uint32_t stage;
	struct slice names; /* separated by blanks or commas */
};

struct milter_packet {
	char byte;           /* enum milter_command or milter_reply */
	uint32_t numbers[3]; /* version, actions, protocol; or in the first: an index, a port */
	char kind; /* of macros: the command they are for; of connect: the family, 4 6 L U */
	struct slice texts[MILTER_WIRE_TEXTS];
	size_t text_count;
	struct slice bytes; /* of the body */
	struct milter_macro_list lists[MILTER_WIRE_LISTS];
	size_t list_count;
};

/* Makes it a packet with nothing behind its byte: it is too large to be set to zero each time. */
void milter_wire_begin(struct milter_packet *packet, char byte);

/* Parses what stands behind the length: at least one byte. NULL, or what is wrong with it, for people. */
const char *milter_wire_parse(
	enum milter_side side, struct slice payload, struct milter_packet *packet);

/* The packet with its length, under the parent. Empty when it has more than whoever hears it takes. NULs in texts are left out. */
struct slice milter_wire_print(
	const void *parent, enum milter_side side, const struct milter_packet *packet);

/* Length and byte of a packet with so much data behind them. */
#define MILTER_WIRE_HEAD 5
void milter_wire_head(char command, size_t size, char head[static MILTER_WIRE_HEAD]);

/* "continue", "reply", "RCPT" …; NULL: there is no such packet. */
const char *milter_wire_name(enum milter_side side, char byte);

/* Cuts packets out of a stream of bytes. All zero but for maximum to begin with; what is held between two calls is a talloc array under the parent. */
struct milter_reader {
	size_t maximum; /* of a payload */
	char *held;
	size_t size;
};

enum milter_reading { MILTER_WHOLE, MILTER_PARTIAL, MILTER_TOO_LARGE };

/* Takes bytes off the front of *input: as many as belong to the next packet. When it is whole, *payload is what stands behind its
 * length, until the next call. */
enum milter_reading milter_reader_take(struct milter_reader *reader, const void *parent,
	struct slice *input, struct slice *payload);
