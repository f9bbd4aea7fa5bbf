/* SPDX-License-Identifier: Apache-2.0 */
/* CMS (RFC 5652 §3 to §9, in BER), and OpenPGP in ASCII (RFC 9580 §6.2). */
#include "policy/content/sealed.h"

#include "policy/content/bytes.h"

#define INTEGER 0x02
#define IDENTIFIER 0x06
#define SEQUENCE 0x30
#define SET 0x31
#define CONTENT 0xa0 /* [0], constructed */
#define INDEFINITE 0x80
#define IDENTIFIER_WITHIN 32

/* 1.2.840.113549.1.7 and 1.2.840.113549.1.9.16.1, less the last number. */
#define PKCS7 "\x2a\x86\x48\x86\xf7\x0d\x01\x07"
#define SMIME "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01"

enum form { FORM_PLAIN, FORM_SIGNED, FORM_ENCRYPTED, FORM_UNREAD };

static const struct {
	const char *arc;
	size_t size;
	uint8_t last;
	enum form form;
} contents[] = {
	{PKCS7, 8, 1, FORM_UNREAD},     /* data */
	{PKCS7, 8, 2, FORM_SIGNED},     /* signedData */
	{PKCS7, 8, 3, FORM_ENCRYPTED},  /* envelopedData */
	{PKCS7, 8, 4, FORM_ENCRYPTED},  /* signedAndEnvelopedData */
	{PKCS7, 8, 5, FORM_UNREAD},     /* digestedData */
	{PKCS7, 8, 6, FORM_ENCRYPTED},  /* encryptedData */
	{SMIME, 10, 2, FORM_UNREAD},    /* authData */
	{SMIME, 10, 9, FORM_UNREAD},    /* compressedData */
	{SMIME, 10, 23, FORM_ENCRYPTED} /* authEnvelopedData */
};

/* --- BER --- */

/* What is left of the element in hand. */
struct walk {
	struct slice rest;
	bool is_lost;
};

/* Takes tag and length off; the bytes inside. Of one without a length these are all that follow. */
static struct slice take_head(struct walk *walk, uint8_t tag)
{
	uint8_t first = bytes_8(walk->rest, 1);
	size_t digits = first > INDEFINITE ? first & 0x7f : 0;
	uint64_t size = first < INDEFINITE ? first : 0;

	walk->is_lost |= bytes_8(walk->rest, 0) != tag || !bytes_has(walk->rest, 0, 2 + digits) ||
		digits > 4;
	if (walk->is_lost)
		return slice_make(walk->rest.data, 0);
	for (size_t i = 0; i < digits; i++)
		size = size << 8 | bytes_8(walk->rest, 2 + i);
	return bytes_piece(walk->rest, 2 + digits, first == INDEFINITE ? UINT64_MAX : size);
}

static void enter(struct walk *walk, uint8_t tag)
{
	walk->rest = take_head(walk, tag);
}

static struct slice pass(struct walk *walk, uint8_t tag)
{
	struct slice inside = take_head(walk, tag);

	walk->is_lost |= bytes_8(walk->rest, 1) == INDEFINITE;
	walk->rest =
		bytes_from(walk->rest, (uint64_t)(inside.data - walk->rest.data) + inside.size);
	return inside;
}

/* --- CMS --- */

static enum form form_of(struct slice identifier)
{
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		if (identifier.size == contents[i].size + 1 &&
			bytes_are(identifier, 0, contents[i].arc, contents[i].size) &&
			bytes_8(identifier, contents[i].size) == contents[i].last)
			return contents[i].form;
	}
	return FORM_UNREAD;
}

/* SignedData: version, algorithms, then what is signed: its kind, and itself when it is not beside. */
static bool is_signed_around_nothing(struct walk *walk)
{
	enter(walk, CONTENT);
	enter(walk, SEQUENCE);
	pass(walk, INTEGER);
	pass(walk, SET);
	enter(walk, SEQUENCE);
	pass(walk, IDENTIFIER);
	return !walk->is_lost && bytes_8(walk->rest, 0) != CONTENT;
}

void sealed_unpack_cms(struct slice bytes, struct unpacked *out)
{
	struct walk walk = {.rest = bytes};
	enum form form;

	enter(&walk, SEQUENCE);
	form = form_of(pass(&walk, IDENTIFIER));
	if (form == FORM_SIGNED && is_signed_around_nothing(&walk))
		form = FORM_PLAIN;
	if (form == FORM_ENCRYPTED)
		out->findings |= FINDING_ENCRYPTED;
	else if (form != FORM_PLAIN)
		out->findings |= FINDING_UNSUPPORTED;
}

bool sealed_is_cms(struct slice bytes)
{
	struct slice head = bytes_piece(bytes, 0, IDENTIFIER_WITHIN);

	return bytes_8(bytes, 0) == SEQUENCE &&
		(bytes_find(head, 0, "\x06\x09" PKCS7, 10) != SIZE_MAX ||
			bytes_find(head, 0, "\x06\x0b" SMIME, 12) != SIZE_MAX);
}

/* --- OpenPGP --- */

void sealed_unpack_pgp(struct slice bytes, struct unpacked *out)
{
	if (bytes_find(bytes, 0, "-----BEGIN PGP MESSAGE", 22) != SIZE_MAX)
		out->findings |= FINDING_ENCRYPTED;
}
