/* SPDX-License-Identifier: Apache-2.0 */
/* CMS (RFC 5652 §3 to §9, in BER), and OpenPGP, in ASCII (RFC 9580 §6.2) or not. */
#include "policy/content/sealed.h"

#include "policy/content/bytes.h"
#include "policy/content/decode.h"

#define INTEGER 0x02
#define IDENTIFIER 0x06
#define SEQUENCE 0x30
#define SET 0x31
#define CONTENT 0xa0 /* [0], constructed */
#define INDEFINITE 0x80
#define IDENTIFIER_WITHIN 32
#define ARMOUR_HEAD 64 /* characters of it that are looked at */

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

/* RFC 9580 §5: the packets a message may begin with, and what the message is then. */
static const struct {
	uint8_t tag;
	enum form form;
	uint8_t version_first, version_last; /* what the packet's first byte may be */
} packets[] = {
	{1, FORM_ENCRYPTED, 2, 6}, /* a session key for somebody */
	{3, FORM_ENCRYPTED, 4, 6}, /* a session key by a passphrase */
	{9, FORM_ENCRYPTED, 0, 255}, {18, FORM_ENCRYPTED, 1, 2}, {20, FORM_ENCRYPTED, 1, 1},
	{2, FORM_UNREAD, 3, 6},                         /* a signature around something */
	{4, FORM_UNREAD, 3, 6}, {8, FORM_UNREAD, 1, 3}, /* compressed */
	{11, FORM_UNREAD, 'b', 'u'}                     /* the plain thing */
};

struct packet {
	uint8_t tag;
	uint64_t size; /* UINT64_MAX: in pieces, or up to the end */
	struct slice body;
};

/* §4.2: of both kinds, the old one with its kinds of length in the low bits. */
static bool read_packet(struct slice bytes, struct packet *packet)
{
	uint8_t first = bytes_8(bytes, 0), length = bytes_8(bytes, 1);
	bool is_new = first & 0x40;
	unsigned digits = is_new ? length == 255 ? 4 : 0 : 1U << (first & 3), at = 1;

	if (!(first & 0x80) || bytes.size < 3)
		return false;
	packet->tag = is_new ? first & 0x3f : first >> 2 & 0xf;
	packet->size = 0;
	if (is_new && length >= 192 && length < 224) {
		packet->size = ((uint64_t)length - 192) * 256 + bytes_8(bytes, 2) + 192;
		at = 3;
	} else if (is_new && length < 255) {
		packet->size = length < 192 ? length : UINT64_MAX;
		at = 2;
	} else if (!is_new && digits == 8) {
		packet->size = UINT64_MAX;
	} else {
		at = is_new ? 2 : 1;
		for (unsigned i = 0; i < digits; i++)
			packet->size = packet->size << 8 | bytes_8(bytes, at + i);
		at += digits;
	}
	packet->body = bytes_from(bytes, at);
	return true;
}

/* What a message is that begins so; FORM_PLAIN: none. */
static enum form form_of_packet(struct slice bytes)
{
	struct packet packet;

	if (!read_packet(bytes, &packet) || !packet.body.size)
		return FORM_PLAIN;
	for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
		uint8_t version = bytes_8(packet.body, 0);
		if (packets[i].tag == packet.tag && version >= packets[i].version_first &&
			version <= packets[i].version_last)
			return packets[i].form;
	}
	return FORM_PLAIN;
}

/* Few bytes say little: of a key for the session the next packet must be there, too. */
bool sealed_is_pgp(struct slice bytes)
{
	struct packet packet;

	if (!read_packet(bytes, &packet) || form_of_packet(bytes) != FORM_ENCRYPTED)
		return false;
	if (packet.tag != 1 && packet.tag != 3)
		return packet.tag == 18 && (bytes_8(bytes, 0) & 0x40);
	return packet.size < packet.body.size &&
		form_of_packet(slice_from(packet.body, (size_t)packet.size)) == FORM_ENCRYPTED;
}

#define ARMOUR "-----BEGIN PGP MESSAGE"
#define ARMOUR_SIZE (sizeof ARMOUR - 1)

bool sealed_has_armour(struct slice bytes, size_t *where)
{
	*where = bytes_find(bytes, 0, ARMOUR, ARMOUR_SIZE);
	while (*where != SIZE_MAX && *where && bytes.data[*where - 1] != '\n')
		*where = bytes_find(bytes, *where + 1, ARMOUR, ARMOUR_SIZE);
	return *where != SIZE_MAX;
}

/* The first bytes behind the armour's header; what cannot be read is what it is called. */
static enum form form_of_armour(const void *parent, struct slice text)
{
	uint64_t unused = 0;
	struct slice head = text, line;
	enum form form;

	(void)slice_cut(&head, '\n');
	do
		line = slice_trim(slice_cut(&head, '\n'));
	while (head.size && line.size);
	head = bytes_piece(head, 0, ARMOUR_HEAD);
	form = form_of_packet(decode(parent, head, ENCODING_BASE64, &unused));
	return form == FORM_UNREAD ? FORM_UNREAD : FORM_ENCRYPTED;
}

void sealed_unpack_pgp(struct slice bytes, struct unpacked *out)
{
	size_t where;
	enum form form = form_of_packet(bytes);

	if (sealed_has_armour(bytes, &where))
		form = form_of_armour(out->parent, slice_from(bytes, where));
	if (form != FORM_PLAIN)
		out->findings |= form == FORM_ENCRYPTED ? FINDING_ENCRYPTED : FINDING_UNSUPPORTED;
}
