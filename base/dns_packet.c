/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of name servers taken apart: RFC 1035 §4.1. */
#include "base/dns_packet.h"

#include <talloc.h>

#define HEADER 12
#define POINTER 0xc0
#define WIRE_NAME_MAXIMUM 255
#define CNAMES_MAXIMUM 16
#define LOOKED_AT_MAXIMUM 1000 /* records of a packet */
#define CLASS_IN 1

enum rcode { RCODE_NOERROR = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

/* A record in the packet. */
struct resource {
	char owner[DNS_PACKET_NAME_SIZE];
	unsigned type, class;
	size_t data, size;
};

struct reading {
	struct slice packet;
	struct dns_answer *answer;
	const void *parent;
	size_t answers; /* where the answer section begins */
	unsigned count; /* of records there */
	enum dns_type type;
	char wanted[DNS_PACKET_NAME_SIZE];
};

static unsigned byte_at(struct slice packet, size_t offset)
{
	return (unsigned char)packet.data[offset];
}

static unsigned word_at(struct slice packet, size_t offset)
{
	return byte_at(packet, offset) << 8 | byte_at(packet, offset + 1);
}

/* --- names --- */

static size_t print_octet(char *out, unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (unsigned char)(c - 'A' + 'a');
	if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
		*out = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + c / 100);
	out[2] = (char)('0' + c / 10 % 10);
	out[3] = (char)('0' + c % 10);
	return 4;
}

static size_t print_label(char *out, struct slice label, bool is_first)
{
	size_t used = 0;

	if (!is_first)
		out[used++] = '.';
	for (size_t i = 0; i < label.size; i++)
		used += print_octet(out + used, (unsigned char)label.data[i]);
	return used;
}

bool dns_packet_read_name(struct slice packet, size_t *offset, char name[DNS_PACKET_NAME_SIZE])
{
	size_t at = *offset, limit = *offset, wire = 0, used = 0;
	bool has_jumped = false;

	while (at < packet.size) {
		unsigned length = byte_at(packet, at++);
		if (length == 0) {
			if (!has_jumped)
				*offset = at;
			if (used == 0)
				name[used++] = '.';
			name[used] = '\0';
			return true;
		}
		if ((length & POINTER) == POINTER && at < packet.size) {
			size_t target = (length & ~(unsigned)POINTER) << 8 | byte_at(packet, at++);
			if (!has_jumped)
				*offset = at;
			/* Each pointer leads before all that was read so far: it ends. */
			if (target >= limit)
				return false;
			has_jumped = true;
			at = limit = target;
			continue;
		}
		wire += length + 1;
		if ((length & POINTER) || length > packet.size - at || wire >= WIRE_NAME_MAXIMUM)
			return false;
		used += print_label(name + used, slice_make(packet.data + at, length), used == 0);
		at += length;
	}
	return false;
}

char *dns_packet_print_name(const void *parent, const char *name)
{
	char *printed = talloc_array(parent, char, 4 * strlen(name) + 1);
	size_t used = 0;

	for (; *name; name++) {
		if (*name == '.')
			printed[used++] = '.';
		else
			used += print_octet(printed + used, (unsigned char)*name);
	}
	printed[used] = '\0';
	return printed;
}

/* --- records --- */

static bool read_resource(struct slice packet, size_t *offset, struct resource *resource)
{
	if (!dns_packet_read_name(packet, offset, resource->owner) || packet.size - *offset < 10)
		return false;
	resource->type = word_at(packet, *offset);
	resource->class = word_at(packet, *offset + 2);
	resource->size = word_at(packet, *offset + 8);
	resource->data = *offset + 10;
	if (resource->size > packet.size - resource->data)
		return false;
	*offset = resource->data + resource->size;
	return true;
}

/* A name that fills the rest of the record's data. */
static bool read_target(
	struct slice packet, const struct resource *resource, size_t skip, char *name)
{
	size_t offset = resource->data + skip;

	return resource->size > skip && dns_packet_read_name(packet, &offset, name) &&
		offset == resource->data + resource->size;
}

static bool read_a(
	struct reading *reading, const struct resource *resource, struct dns_record *record)
{
	size_t size = reading->type == DNS_A ? 4 : 16;

	if (resource->size != size)
		return false;
	record->ip.family = reading->type == DNS_A ? 4 : 6;
	memcpy(record->ip.bytes, reading->packet.data + resource->data, size);
	return true;
}

/* Left out, when it is no host name: then text stays NULL. */
static bool read_host(struct reading *reading, const struct resource *resource, size_t skip,
	struct dns_record *record)
{
	char name[DNS_PACKET_NAME_SIZE];
	bool is_null_mx;

	if (!read_target(reading->packet, resource, skip, name))
		return false;
	is_null_mx = reading->type == DNS_MX && strcmp(name, ".") == 0;
	if (is_null_mx || dns_is_host_name(slice_of(name)))
		record->text = talloc_strdup(reading->parent, name);
	else
		reading->answer->dropped++;
	return true;
}

static bool read_name(
	struct reading *reading, const struct resource *resource, struct dns_record *record)
{
	return read_host(reading, resource, 0, record);
}

static bool read_mx(
	struct reading *reading, const struct resource *resource, struct dns_record *record)
{
	if (resource->size < 3)
		return false;
	record->preference = (uint16_t)word_at(reading->packet, resource->data);
	return read_host(reading, resource, 2, record);
}

/* TXT-DATA: one or more <character-string>s */
static bool read_txt(
	struct reading *reading, const struct resource *resource, struct dns_record *record)
{
	size_t at = resource->data, end = resource->data + resource->size, used = 0;
	char *text = talloc_array(reading->parent, char, resource->size + 1);

	while (at < end) {
		size_t length = byte_at(reading->packet, at++);
		if (length > end - at)
			return false;
		memcpy(text + used, reading->packet.data + at, length);
		used += length;
		at += length;
	}
	for (size_t i = 0; i < used; i++) {
		if (text[i] == '\0')
			text[i] = 0x7f;
	}
	text[used] = '\0';
	record->text = text;
	return true;
}

static const struct {
	enum dns_type type;
	bool (*read)(struct reading *reading, const struct resource *resource,
		struct dns_record *record);
} readers[] = {
	{DNS_A, read_a},
	{DNS_AAAA, read_a},
	{DNS_CNAME, read_name},
	{DNS_PTR, read_name},
	{DNS_MX, read_mx},
	{DNS_TXT, read_txt},
};

/* --- the answer --- */

static void add(struct dns_answer *answer, const void *parent, const struct dns_record *record)
{
	if (answer->count == DNS_RECORDS_MAXIMUM) {
		answer->is_cut = true;
		return;
	}
	answer->records =
		talloc_realloc(parent, answer->records, struct dns_record, answer->count + 1);
	answer->records[answer->count++] = *record;
}

static bool take(struct reading *reading, const struct resource *resource)
{
	struct dns_record record = {0};
	size_t i = 0;

	while (readers[i].type != reading->type)
		i++;
	if (!readers[i].read(reading, resource, &record))
		return false;
	if (record.ip.family || record.text)
		add(reading->answer, reading->parent, &record);
	return true;
}

/* One pass over the records of a name. *next gets where its CNAME leads, or stays empty. */
static bool read_records(struct reading *reading, char *next)
{
	size_t offset = reading->answers;
	struct resource resource;

	for (unsigned i = 0; i < reading->count; i++) {
		if (!read_resource(reading->packet, &offset, &resource))
			return false;
		if (resource.class != CLASS_IN || strcmp(resource.owner, reading->wanted) != 0)
			continue;
		if (resource.type == (unsigned)reading->type && !take(reading, &resource))
			return false;
		if (resource.type == DNS_CNAME && reading->type != DNS_CNAME &&
			!read_target(reading->packet, &resource, 0, next))
			return false;
	}
	return true;
}

static bool read_chain(struct reading *reading)
{
	char next[DNS_PACKET_NAME_SIZE];

	for (unsigned i = 0; i <= CNAMES_MAXIMUM; i++) {
		next[0] = '\0';
		if (!read_records(reading, next))
			return false;
		if (next[0] == '\0')
			return true;
		memcpy(reading->wanted, next, sizeof next);
	}
	return false;
}

/* The question must be ours: class, type and name. */
static bool read_question(struct reading *reading, const char *name)
{
	size_t offset = HEADER;

	if (reading->packet.size < HEADER || word_at(reading->packet, 4) != 1 ||
		!dns_packet_read_name(reading->packet, &offset, reading->wanted) ||
		reading->packet.size - offset < 4)
		return false;
	reading->count = word_at(reading->packet, 6);
	if (reading->count > LOOKED_AT_MAXIMUM) {
		reading->count = LOOKED_AT_MAXIMUM;
		reading->answer->is_cut = true;
	}
	reading->answers = offset + 4;
	return word_at(reading->packet, offset) == (unsigned)reading->type &&
		word_at(reading->packet, offset + 2) == CLASS_IN &&
		(!name || strcmp(reading->wanted, name) == 0);
}

static void fail(struct dns_answer *answer, enum dns_failure failure)
{
	answer->outcome = DNS_FAILED;
	answer->failure = failure;
	answer->records = NULL;
	answer->count = 0;
}

static enum dns_outcome outcome(const struct reading *reading, unsigned rcode)
{
	if (reading->answer->count || reading->answer->dropped)
		return DNS_FOUND;
	return rcode == RCODE_NXDOMAIN ? DNS_NO_NAME : DNS_NO_DATA;
}

static enum dns_failure read_all(struct reading *reading, const char *name, unsigned rcode)
{
	if (!read_question(reading, name))
		return DNS_MALFORMED;
	if (rcode == RCODE_SERVFAIL)
		return DNS_SERVFAIL;
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return DNS_REFUSED;
	return read_chain(reading) ? DNS_WELL : DNS_MALFORMED;
}

void dns_packet_read(const void *parent, struct slice packet, const char *name, enum dns_type type,
	struct dns_answer *answer)
{
	struct reading reading = {
		.packet = packet, .answer = answer, .parent = parent, .type = type};
	unsigned rcode = packet.size < HEADER ? 0 : byte_at(packet, 3) & 15;
	enum dns_failure failure;

	failure = read_all(&reading, name, rcode);
	if (failure == DNS_WELL)
		answer->outcome = outcome(&reading, rcode);
	else
		fail(answer, failure);
}
