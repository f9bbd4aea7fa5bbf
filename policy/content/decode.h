/* SPDX-License-Identifier: Apache-2.0
 *
 * Transfer encodings undone: base64, quoted-printable (RFC 2045 §6), uuencode, yEnc and BinHex 4.0. Everything decodes: what is
 * broken is noted in the anomalies and read on as forgiving mail programs do. The result is never longer than the input, but for
 * BinHex, whose repetitions end at DECODE_GROWTH times the input; an identity is the input itself.
 *
 * Where programs differ, decode() reads the first way and says so in the anomalies, and decode_other() gives the others:
 *   base64            characters that are none of it are passed over, padding ends a group of four and the next group begins behind
 *                     it; or padding is passed over; or stands somewhere in its four; or ends the data; or what is none of it hides
 *                     the rest of its line; or each line is read by itself
 *   quoted-printable  "=" without two digits stays; or it vanishes with the digit or blank behind it, and small letters are no digits
 */
#pragma once

#include "base/slice.h"

/* Bits, since a field can be read as several of them. */
enum encoding {
	ENCODING_IDENTITY = 1, /* 7bit, 8bit, binary */
	ENCODING_BASE64 = 2,
	ENCODING_QUOTED = 4,
	ENCODING_UUENCODE = 8,
	ENCODING_YENC = 16,
	ENCODING_BINHEX = 32
};
#define ENCODING_LAST ENCODING_BINHEX
#define DECODE_GROWTH 4 /* of BinHex */

/* A file inside of a text: uuencode behind "begin 644 name", yEnc behind "=ybegin", base64 behind "begin-base64 644 name",
 * BinHex behind the line that announces it. */
struct decode_embedded {
	enum encoding encoding;
	struct slice name; /* as written */
	struct slice
		lines; /* the encoded lines, but for base64 with the first one, without the last */
};

/* Under the parent, but for an identity. *anomalies gets bits of enum mime_anomaly. */
struct slice decode(
	const void *parent, struct slice bytes, enum encoding encoding, uint64_t *anomalies);

/* The nth other way to read it, from 0, given what decode() noted; false when there are no more. It may come to the same, and none of
 * them costs more than the first. */
bool decode_other(const void *parent, struct slice bytes, enum encoding encoding,
	uint64_t anomalies, unsigned nth, struct slice *out);

/* Finds the next file inside of a text and takes everything to its end off the front of *rest. */
bool decode_find(struct slice *rest, struct decode_embedded *found);
