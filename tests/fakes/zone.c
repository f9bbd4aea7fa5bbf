/* SPDX-License-Identifier: Apache-2.0 */
/* A zone that may lie. */
#include "tests/fakes/zone.h"

#include "base/dns_packet.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <talloc.h>

#define DEFAULT_TTL 300
#define UDP_MOST 1232

enum conduct {
	CONDUCT_HONEST,
	CONDUCT_DELAY,
	CONDUCT_SERVFAIL,
	CONDUCT_REFUSED,
	CONDUCT_TRUNCATE,
	CONDUCT_SILENCE,
	CONDUCT_WRONG_ID,
	CONDUCT_WRONG_QUESTION,
	CONDUCT_WRONG_NAME,
	CONDUCT_GARBAGE,
	CONDUCTS
};

static const char *const conduct_names[CONDUCTS] = {"", "delay", "servfail", "refused", "truncate",
	"silence", "wrong-id", "wrong-question", "wrong-name", "garbage"};

struct row {
	char *name; /* as printed, in small letters; "*.x" for all below x */
	enum conduct conduct;
	unsigned argument;
	bool always;
	uint16_t type;
	uint32_t ttl;
	uint8_t *data;
	size_t size;
	struct row *next;
};

struct zone {
	struct row *rows;
	unsigned asked, over_tcp;
	char **unanswered; /* types and names, each once */
};

static void put(struct zone_packet *packet, const void *bytes, size_t size)
{
	if (size > ZONE_PACKET_MOST - packet->size)
		return;
	memcpy(packet->bytes + packet->size, bytes, size);
	packet->size += size;
}

static void put_word(struct zone_packet *packet, unsigned word)
{
	uint8_t bytes[2] = {(uint8_t)(word >> 8), (uint8_t)word};

	put(packet, bytes, sizeof bytes);
}

/* --- the zone --- */

static unsigned char next_octet(const char **text)
{
	const char *at = *text;

	if (at[0] == '\\' && isdigit((unsigned char)at[1])) {
		char digits[4] = {at[1], at[2], at[3], '\0'};
		*text += 4;
		return (unsigned char)atoi(digits);
	}
	*text += at[0] == '\\' ? 2 : 1;
	return (unsigned char)(at[0] == '\\' ? at[1] : at[0]);
}

static void put_name(struct zone_packet *packet, const char *name)
{
	while (*name && strcmp(name, ".") != 0) {
		uint8_t label[64];
		size_t size = 0;
		while (*name && *name != '.' && size < 63)
			label[++size] = next_octet(&name);
		label[0] = (uint8_t)size;
		put(packet, label, size + 1);
		name += *name == '.';
	}
	put(packet, "", 1);
}

static bool put_address(struct zone_packet *packet, const char *text, int family, size_t size)
{
	uint8_t bytes[16];

	if (inet_pton(family, text, bytes) != 1)
		return false;
	put(packet, bytes, size);
	return true;
}

static bool put_mx(struct zone_packet *packet, char *text)
{
	char *name = strchr(text, ' ');

	if (!name)
		return false;
	put_word(packet, (unsigned)atoi(text));
	put_name(packet, name + 1);
	return true;
}

/* "one" "two", or one without quotation marks. */
static bool put_strings(struct zone_packet *packet, const char *text)
{
	while (*text) {
		uint8_t string[256];
		size_t size = 0;
		bool quoted = *text == '"';
		text += quoted;
		while (*text && !(quoted && *text == '"') && size < 255)
			string[++size] = next_octet(&text);
		string[0] = (uint8_t)size;
		put(packet, string, size + 1);
		text += *text == '"';
		text += strspn(text, " ");
	}
	return true;
}

static bool put_data(struct zone_packet *packet, const char *type, char *text, uint16_t *number)
{
	static const struct {
		const char *name;
		uint16_t number;
	} types[] = {{"A", DNS_A}, {"AAAA", DNS_AAAA}, {"MX", DNS_MX}, {"TXT", DNS_TXT},
		{"PTR", DNS_PTR}, {"CNAME", DNS_CNAME}};

	*number = 0;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(types[i].name, type) == 0)
			*number = types[i].number;
	}
	if (*number == DNS_A || *number == DNS_AAAA)
		return put_address(packet, text, *number == DNS_A ? AF_INET : AF_INET6,
			*number == DNS_A ? 4 : 16);
	if (*number == DNS_MX)
		return put_mx(packet, text);
	if (*number == DNS_TXT)
		return put_strings(packet, text);
	put_name(packet, text);
	return *number != 0;
}

static bool read_conduct(struct row *row, char *text)
{
	size_t size = strcspn(text, " ");

	for (enum conduct conduct = CONDUCT_DELAY; conduct < CONDUCTS; conduct++) {
		if (strlen(conduct_names[conduct]) == size &&
			strncmp(conduct_names[conduct], text, size) == 0)
			row->conduct = conduct;
	}
	row->argument = (unsigned)strtoul(text + size, NULL, 10);
	row->always = strstr(text, " always") != NULL;
	return row->conduct != CONDUCT_HONEST;
}

static char *take_word(char **rest)
{
	char *word = *rest;

	*rest += strcspn(*rest, " \t");
	if (**rest)
		*(*rest)++ = '\0';
	*rest += strspn(*rest, " \t");
	return word;
}

static bool add_row(struct zone *zone, char *line)
{
	struct row *row = talloc_zero(zone, struct row);
	struct zone_packet *packet = talloc_zero(row, struct zone_packet);
	char *word;

	row->name = talloc_strdup(row, take_word(&line));
	row->ttl = DEFAULT_TTL;
	word = take_word(&line);
	if (isdigit((unsigned char)*word)) {
		row->ttl = (uint32_t)strtoul(word, NULL, 10);
		word = take_word(&line);
	}
	bool good = strcmp(word, "does") == 0 ? read_conduct(row, line)
					      : put_data(packet, word, line, &row->type);
	row->data = talloc_memdup(row, packet->bytes, packet->size);
	row->size = packet->size;
	talloc_free(packet);
	struct row **last = &zone->rows;
	while (*last)
		last = &(*last)->next;
	*last = row;
	return good;
}

const char *zone_add(struct zone *zone, const char *text)
{
	char *copy = talloc_strdup(zone, text), *rest = copy;

	for (char *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		size_t size = strlen(line);
		while (size && isspace((unsigned char)line[size - 1]))
			line[--size] = '\0';
		char *whole = talloc_strdup(zone, line);
		if (*line && *line != '#' && !add_row(zone, line))
			return whole;
		talloc_free(whole);
	}
	talloc_free(copy);
	return NULL;
}

void zone_forget(struct zone *zone)
{
	while (zone->rows) {
		struct row *row = zone->rows;
		zone->rows = row->next;
		talloc_free(row);
	}
}

/* --- answers --- */

/* A question that was read from a packet. */
struct asked {
	char name[DNS_PACKET_NAME_SIZE];
	uint16_t id, type;
	struct slice question; /* as it stood there */
	bool over_tcp;
};

static bool is_of(const struct row *row, const char *name)
{
	size_t name_size = strlen(name), size = strlen(row->name) - 1;

	if (row->name[0] == '*' && row->name[1] == '.')
		return name_size > size && strcmp(name + name_size - size, row->name + 1) == 0;
	return strcmp(row->name, name) == 0;
}

/* A name of its own hides what is said about all names around it. */
static bool is_hidden(const struct zone *zone, const struct row *row, const char *name)
{
	if (row->name[0] != '*')
		return false;
	for (const struct row *other = zone->rows; other; other = other->next) {
		if (strcmp(other->name, name) == 0)
			return true;
	}
	return false;
}

static struct row *conduct_of(struct zone *zone, const char *name)
{
	for (struct row *row = zone->rows; row; row = row->next) {
		if (row->conduct && is_of(row, name))
			return row;
	}
	return NULL;
}

static void put_record(struct zone_packet *packet, const char *owner, const struct row *row)
{
	put_name(packet, owner);
	put_word(packet, row->type);
	put_word(packet, 1);
	put_word(packet, row->ttl >> 16);
	put_word(packet, row->ttl & 0xffff);
	put_word(packet, (unsigned)row->size);
	put(packet, row->data, row->size);
}

/* Where the row's CNAME leads. */
static const char *target_of(const struct row *row, char target[DNS_PACKET_NAME_SIZE])
{
	size_t offset = 0;

	return dns_packet_read_name(slice_make((const char *)row->data, row->size), &offset, target)
		? target
		: "";
}

/* All records of a name and type, and what its CNAME leads to; whether the name is there at all. */
static bool put_records(const struct zone *zone, struct zone_packet *packet, const char *name,
	const struct asked *asked, unsigned *count, unsigned depth)
{
	char target[DNS_PACKET_NAME_SIZE];
	bool exists = false;

	for (const struct row *row = zone->rows; row; row = row->next) {
		if (!is_of(row, name) || is_hidden(zone, row, name))
			continue;
		exists = true;
		if (row->conduct || (row->type != asked->type && row->type != DNS_CNAME))
			continue;
		put_record(packet, name, row);
		++*count;
		if (row->type == DNS_CNAME && asked->type != DNS_CNAME && depth < 8)
			exists = put_records(
				zone, packet, target_of(row, target), asked, count, depth + 1);
	}
	return exists;
}

/* So that what is not there is remembered for a while (RFC 2308). */
static void put_soa(struct zone_packet *packet)
{
	static const uint8_t numbers[20] = {[3] = 1, [18] = 1, [19] = 44};
	struct zone_packet data = {.size = 0};

	put_name(&data, "ns.nowhere");
	put_name(&data, "postmaster.nowhere");
	put(&data, numbers, sizeof numbers);
	put_record(packet, ".",
		&(struct row){
			.type = 6, .ttl = DEFAULT_TTL, .data = data.bytes, .size = data.size});
}

static void set_word(struct zone_packet *packet, size_t at, unsigned word)
{
	packet->bytes[at] = (uint8_t)(word >> 8);
	packet->bytes[at + 1] = (uint8_t)word;
}

static void make_answer(const struct zone *zone, const struct asked *asked,
	const struct row *conduct, struct zone_packet *packet)
{
	enum conduct does = conduct ? conduct->conduct : CONDUCT_HONEST;
	static const uint8_t rest[8] = {[1] = 1};
	unsigned count = 0, rcode = 0, flags = 0x8180;

	put_word(packet, does == CONDUCT_WRONG_ID ? asked->id ^ 0x5555U : asked->id);
	put_word(packet, flags);
	put(packet, rest, sizeof rest);
	if (does == CONDUCT_WRONG_QUESTION) {
		put_name(packet, "another.example");
		put_word(packet, asked->type);
		put_word(packet, 1);
	} else {
		put(packet, asked->question.data, asked->question.size);
	}
	size_t bare = packet->size;
	const char *name = does == CONDUCT_WRONG_NAME ? "another.example" : asked->name;
	if (does == CONDUCT_SERVFAIL || does == CONDUCT_REFUSED)
		rcode = does == CONDUCT_SERVFAIL ? 2 : 5;
	else if (!put_records(zone, packet, name, asked, &count, 0))
		rcode = 3;
	set_word(packet, 6, count);
	if (count == 0 && (rcode == 0 || rcode == 3)) {
		put_soa(packet);
		set_word(packet, 8, 1);
	}
	bool cut = !asked->over_tcp && (packet->size > UDP_MOST || does == CONDUCT_TRUNCATE);
	if (cut || (does == CONDUCT_TRUNCATE && conduct->always)) {
		packet->size = bare;
		set_word(packet, 6, 0);
		set_word(packet, 8, 0);
		flags |= 0x0200;
	}
	set_word(packet, 2, flags | rcode);
	if (does == CONDUCT_GARBAGE)
		memset(packet->bytes + 2, 0xff, packet->size - 2);
}

static bool read_asked(struct slice packet, struct asked *asked)
{
	size_t offset = 12;

	if (packet.size < 17 || !dns_packet_read_name(packet, &offset, asked->name) ||
		packet.size < offset + 4)
		return false;
	asked->id = (uint16_t)((uint8_t)packet.data[0] << 8 | (uint8_t)packet.data[1]);
	asked->type =
		(uint16_t)((uint8_t)packet.data[offset] << 8 | (uint8_t)packet.data[offset + 1]);
	asked->question = slice_make(packet.data + 12, offset + 4 - 12);
	return true;
}

static void note_unanswered(struct zone *zone, const struct asked *asked)
{
	size_t count = talloc_array_length(zone->unanswered);
	char *key = talloc_asprintf(zone, "%u %s", asked->type, asked->name);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(zone->unanswered[i], key) == 0) {
			talloc_free(key);
			return;
		}
	}
	zone->unanswered = talloc_realloc(zone, zone->unanswered, char *, count + 1);
	zone->unanswered[count] = talloc_steal(zone->unanswered, key);
}

enum zone_reaction zone_answer(struct zone *zone, struct slice question, bool over_tcp,
	struct zone_packet *packet, unsigned *delay)
{
	struct asked asked = {.over_tcp = over_tcp};

	packet->size = 0;
	*delay = 0;
	if (!read_asked(question, &asked))
		return ZONE_SILENT;
	zone->asked++;
	zone->over_tcp += over_tcp;
	const struct row *conduct = conduct_of(zone, asked.name);
	if (conduct && conduct->conduct > CONDUCT_TRUNCATE)
		note_unanswered(zone, &asked);
	if (conduct && conduct->conduct == CONDUCT_SILENCE)
		return ZONE_SILENT;
	make_answer(zone, &asked, conduct, packet);
	if (!conduct || conduct->conduct != CONDUCT_DELAY)
		return ZONE_ANSWERS;
	*delay = conduct->argument;
	return ZONE_ANSWERS_LATER;
}

void zone_ask(const char *name, unsigned type, struct zone_packet *packet)
{
	static const uint8_t header[12] = {[2] = 1, [5] = 1};

	packet->size = 0;
	put(packet, header, sizeof header);
	put_name(packet, name);
	put_word(packet, type);
	put_word(packet, 1);
}

struct zone *zone_new(const void *parent)
{
	return talloc_zero(parent, struct zone);
}

unsigned zone_asked(const struct zone *zone)
{
	return zone->asked;
}

unsigned zone_asked_over_tcp(const struct zone *zone)
{
	return zone->over_tcp;
}

size_t zone_unanswered(const struct zone *zone)
{
	return talloc_array_length(zone->unanswered);
}
