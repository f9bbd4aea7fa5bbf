/* SPDX-License-Identifier: Apache-2.0 */
/* A table of addresses: open addressing over offsets into the texts behind it. */
#include "policy/recipient_list.h"

#include "policy/mail/address.h"

#include <ctype.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <talloc.h>

#define MAGIC "postern1"
#define MAGIC_SIZE 8
#define SLOTS_LEAST 16

/* The front of a table; then the slots, then the keys, each with its NUL. A slot of 0 is free. */
struct front {
	char magic[MAGIC_SIZE];
	uint32_t slots; /* a power of two, at least twice the entries */
	uint32_t entries;
};

struct recipient_list {
	const char *table; /* NULL: none was loaded */
	size_t size;
};

/* --- keys --- */

/* As it is compared: in small letters, the domain as it stands in the DNS. Under the parent; NULL when the domain has no such form. */
static char *key_of(const void *parent, struct slice local, const char *domain)
{
	bool below = domain[0] == '.';
	char *ascii = domain_to_ascii(NULL, domain + below);
	char *key = NULL;

	if (ascii)
		key = talloc_asprintf(
			parent, "%.*s@%s%s", SLICE_ARGS(local), below ? "." : "", ascii);
	talloc_free(ascii);
	for (size_t i = 0; key && i < local.size; i++)
		key[i] = (char)tolower((unsigned char)key[i]);
	return key;
}

static uint32_t hash_of(struct slice key)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < key.size; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * UINT64_C(1099511628211);
	return (uint32_t)(hash ^ hash >> 32);
}

/* --- reading --- */

static struct slice key_at(const char *table, size_t size, uint32_t offset)
{
	return offset < size ? slice_make(table + offset, strnlen(table + offset, size - offset))
			     : slice_make("", 0);
}

/* The slot of the key, or the free one where it would be. */
static uint32_t find_slot(const char *table, size_t size, struct slice key)
{
	const struct front *front = (const struct front *)table;
	const uint32_t *slots = (const uint32_t *)(table + sizeof *front);
	uint32_t place = hash_of(key) & (front->slots - 1);

	for (uint32_t tried = 0; slots[place] && tried < front->slots; tried++) {
		struct slice there = key_at(table, size, slots[place]);
		if (there.size == key.size && memcmp(there.data, key.data, key.size) == 0)
			break;
		place = (place + 1) & (front->slots - 1);
	}
	return place;
}

static bool has_key(const struct recipient_list *list, const char *text)
{
	const uint32_t *slots = (const uint32_t *)(list->table + sizeof(struct front));
	struct slice key = slice_of(text);
	uint32_t slot = slots[find_slot(list->table, list->size, key)];

	return slot && slice_equals(key_at(list->table, list->size, slot), text);
}

/* --- compiling --- */

struct compiling {
	char **keys; /* talloc array with room */
	size_t count;
	size_t bytes; /* of all keys with their NULs */
};

static void add_key(struct compiling *compiling, char *key)
{
	size_t room = talloc_array_length(compiling->keys);

	if (compiling->count == room)
		compiling->keys =
			talloc_realloc(compiling, compiling->keys, char *, room ? 2 * room : 64);
	compiling->keys[compiling->count++] = key;
	compiling->bytes += strlen(key) + 1;
}

static const char *add_domain(struct compiling *compiling, struct slice line)
{
	char *domain = slice_keep(NULL, slice_from(line, 1));
	bool below = domain[0] == '.';
	char *key = NULL;

	if (domain_is_valid(slice_of(domain + below), true))
		key = key_of(compiling, slice_make("", 0), domain);
	talloc_free(domain);
	if (!key)
		return "what stands behind the @ is no domain";
	add_key(compiling, key);
	return NULL;
}

static const char *add_address(struct compiling *compiling, struct slice line)
{
	struct address *address = line.data[0] == '<' ? NULL : address_parse(NULL, line);
	char *key = NULL;

	if (address && address->domain[0])
		key = key_of(compiling, slice_of(address->local), address->domain);
	talloc_free(address);
	if (!key)
		return "this is no address; a line is user@domain, @domain or a # comment";
	add_key(compiling, key);
	return NULL;
}

/* NULL, or what is wrong. */
static const char *add_line(struct compiling *compiling, struct slice line)
{
	if (line.size && line.data[line.size - 1] == '\r')
		line.size--;
	line = slice_trim(line);
	if (!line.size || line.data[0] == '#')
		return NULL;
	if (line.size > RECIPIENT_LIST_LINE)
		return "the line is too long";
	if (memchr(line.data, '\0', line.size))
		return "there is a NUL in it";
	return line.data[0] == '@' ? add_domain(compiling, line) : add_address(compiling, line);
}

static uint32_t slots_for(size_t entries)
{
	uint32_t slots = SLOTS_LEAST;

	while (slots < 2 * entries)
		slots *= 2;
	return slots;
}

static char *build(const void *parent, const struct compiling *compiling, size_t *size)
{
	const uint32_t slots = slots_for(compiling->count);
	size_t used = sizeof(struct front) + slots * sizeof(uint32_t);
	size_t room = used + compiling->bytes + 1;
	char *table = talloc_zero_size(parent, room);
	struct front *front = (struct front *)table;
	uint32_t *places = (uint32_t *)(table + sizeof *front);

	memcpy(front->magic, MAGIC, MAGIC_SIZE);
	front->slots = slots;
	for (size_t i = 0; i < compiling->count; i++) {
		struct slice key = slice_of(compiling->keys[i]);
		uint32_t place = find_slot(table, room, key);
		if (places[place])
			continue;
		places[place] = (uint32_t)used;
		memcpy(table + used, key.data, key.size + 1);
		used += key.size + 1;
		front->entries++;
	}
	*size = used + 1;
	return table;
}

char *recipient_list_compile(
	const void *parent, struct slice text, size_t *size, struct recipient_list_fault *fault)
{
	struct compiling *compiling = talloc_zero(NULL, struct compiling);
	char *table = NULL;

	*fault = (struct recipient_list_fault){0};
	if (text.size > RECIPIENT_LIST_SIZE_MOST)
		fault->reason = "the list is too large";
	while (text.size && !fault->reason) {
		fault->line++;
		fault->reason = add_line(compiling, slice_cut(&text, '\n'));
	}
	if (!fault->reason)
		table = build(parent, compiling, size);
	talloc_free(compiling);
	return table;
}

/* --- in force --- */

static int forget(struct recipient_list *list)
{
	if (list->table)
		munmap((void *)(size_t)list->table, list->size);
	list->table = NULL;
	return 0;
}

struct recipient_list *recipient_list_new(const void *parent)
{
	struct recipient_list *list = talloc_zero(parent, struct recipient_list);

	talloc_set_destructor(list, forget);
	return list;
}

static bool is_table(const char *table, size_t size)
{
	const struct front *front = (const struct front *)table;

	return memcmp(front->magic, MAGIC, MAGIC_SIZE) == 0 && front->slots >= SLOTS_LEAST &&
		(front->slots & (front->slots - 1)) == 0 && table[size - 1] == '\0' &&
		(size - sizeof *front) / sizeof(uint32_t) >= front->slots;
}

bool recipient_list_load(struct recipient_list *list, int descriptor)
{
	struct stat found;

	if (fstat(descriptor, &found) < 0 || found.st_size <= (off_t)sizeof(struct front))
		return false;
	size_t size = (size_t)found.st_size;
	char *table = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
	if (table == MAP_FAILED)
		return false;
	if (!is_table(table, size)) {
		munmap(table, size);
		return false;
	}
	forget(list);
	list->table = table;
	list->size = size;
	return true;
}

bool recipient_list_is_loaded(const struct recipient_list *list)
{
	return list->table != NULL;
}

size_t recipient_list_count(const struct recipient_list *list)
{
	return list->table ? ((const struct front *)list->table)->entries : 0;
}

/* --- asking --- */

static bool has_address(const struct recipient_list *list, struct slice local, const char *domain)
{
	char *key = key_of(NULL, local, domain);
	bool found = key && has_key(list, key);

	talloc_free(key);
	return found;
}

/* The domain itself, or one that it is below of. */
static bool has_domain(const struct recipient_list *list, const char *domain)
{
	const struct slice nobody = slice_make("", 0);
	const char *rest = domain;

	if (has_address(list, nobody, domain))
		return true;
	while ((rest = strchr(rest, '.')) != NULL) {
		if (has_address(list, nobody, rest))
			return true;
		rest++;
	}
	return false;
}

bool recipient_list_has(
	const struct recipient_list *list, const char *local, const char *domain, bool plus)
{
	struct slice whole = slice_of(local);
	size_t tag = slice_find(whole, '+');

	if (!list->table || !domain[0])
		return false;
	if (has_address(list, whole, domain))
		return true;
	if (plus && tag != SIZE_MAX && tag > 0 && has_address(list, slice_make(local, tag), domain))
		return true;
	return has_domain(list, domain);
}

/* --- the learner --- */

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	const struct recipient_list *list = owner;
	struct facts *facts = facts_keeper(inquiry->facts, question->fact);
	bool known = recipient_list_has(list, inquiry_text(inquiry, FACT_RECIPIENT_LOCAL, ""),
		inquiry_text(inquiry, FACT_RECIPIENT_DOMAIN, ""),
		inquiry->policy->recipients->plus);

	facts_answer(facts, question, list->table ? FACT_KNOWN : FACT_ABSENT,
		(struct value){.type = VALUE_BOOL, .boolean = known});
	await_skip(await, OUTCOME_DONE);
}

struct learner recipient_list_learner(struct recipient_list *list)
{
	return (struct learner){begin, list};
}
