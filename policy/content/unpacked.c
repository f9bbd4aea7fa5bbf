/* SPDX-License-Identifier: Apache-2.0 */
/* Members, their names, and what was found. */
#include "policy/content/unpacked.h"

#include "base/utf8.h"
#include "policy/content/bytes.h"

#include <assert.h>
#include <talloc.h>

#define MEMBERS_FIRST 16

/* Code page 437 from 0x80, which names in archives are in when nothing else is said. */
static const uint16_t code_page[128] = {0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb,
	0xe8, 0xef, 0xee, 0xec, 0xc4, 0xc5, 0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff,
	0xd6, 0xdc, 0xa2, 0xa3, 0xa5, 0x20a7, 0x192, 0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1, 0xaa, 0xba,
	0xbf, 0x2310, 0xac, 0xbd, 0xbc, 0xa1, 0xab, 0xbb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524,
	0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569,
	0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552,
	0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x3b1, 0xdf,
	0x393, 0x3c0, 0x3a3, 0x3c3, 0xb5, 0x3c4, 0x3a6, 0x398, 0x3a9, 0x3b4, 0x221e, 0x3c6, 0x3b5,
	0x2229, 0x2261, 0xb1, 0x2265, 0x2264, 0x2320, 0x2321, 0xf7, 0x2248, 0xb0, 0x2219, 0xb7,
	0x221a, 0x207f, 0xb2, 0x25a0, 0xa0};

static struct slice from_code_page(const void *parent, struct slice name)
{
	char *text = talloc_array(parent, char, name.size * 3 + 1), *end = text;

	for (size_t i = 0; i < name.size; i++) {
		uint8_t byte = (uint8_t)name.data[i];
		end = utf8_encode(end, byte < 0x80 ? byte : code_page[byte - 0x80]);
	}
	return slice_make(text, (size_t)(end - text));
}

struct slice unpacked_from_latin(const void *parent, struct slice text)
{
	char *out, *end;

	if (utf8_is_valid(text))
		return text;
	out = end = talloc_array(parent, char, text.size * 2 + 1);
	for (size_t i = 0; i < text.size; i++)
		end = utf8_encode(end, (uint8_t)text.data[i]);
	return slice_make(out, (size_t)(end - out));
}

struct slice unpacked_from_utf16(const void *parent, struct slice text)
{
	char *out = talloc_array(parent, char, text.size / 2 * 3 + 1), *end = out;

	for (size_t i = 0; i + 1 < text.size; i += 2) {
		uint32_t unit = bytes_16(text, i), second = bytes_16(text, i + 2);
		if (unit == 0)
			break;
		if (unit >= 0xd800 && unit < 0xdc00 && second >= 0xdc00 && second < 0xe000) {
			unit = 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
			i += 2;
		} else if (unit >= 0xd800 && unit < 0xe000) {
			unit = '?';
		}
		end = utf8_encode(end, unit);
	}
	return slice_make(out, (size_t)(end - out));
}

/* Characters that are not seen, or turn what is behind them around. */
static bool is_misleading(struct slice s)
{
	static const uint16_t marks[] = {0xad, 0x61c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f,
		0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069,
		0x3164, 0xfeff};
	char mark[UTF8_LONGEST];

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (bytes_find(s, 0, mark, (size_t)(utf8_encode(mark, marks[i]) - mark)) !=
			SIZE_MAX)
			return true;
	}
	return false;
}

static bool has_dots(struct slice name)
{
	while (name.size) {
		struct slice part = slice_cut(&name, '/');
		if (slice_equals(part, ".."))
			return true;
	}
	return false;
}

static uint64_t judge_name(struct slice name)
{
	uint64_t findings = 0;
	bool has_controls = false;

	for (size_t i = 0; i < name.size; i++)
		has_controls = has_controls || (uint8_t)name.data[i] < ' ' || name.data[i] == 0x7f;
	if (has_controls || slice_find(name, '\\') != SIZE_MAX || has_dots(name) ||
		(name.size && name.data[0] == '/') ||
		(name.size > 1 && name.data[1] == ':' && (name.data[0] | 0x20) >= 'a' &&
			(name.data[0] | 0x20) <= 'z'))
		findings |= FINDING_BAD_NAME;
	if (is_misleading(name))
		findings |= FINDING_MISLEADING_NAME;
	return findings;
}

char *unpacked_name(const void *parent, struct slice name, uint64_t *findings)
{
	char *text = talloc_array(parent, char, UNPACKED_NAME_SIZE + 1);
	struct slice utf8;
	size_t size;

	if (name.size > UNPACKED_NAME_SIZE)
		name = slice_from(name, name.size - UNPACKED_NAME_SIZE);
	utf8 = utf8_is_valid(name) ? name : from_code_page(text, name);
	*findings |= judge_name(utf8);
	if (utf8.size > UNPACKED_NAME_SIZE)
		utf8 = slice_from(utf8, utf8.size - UNPACKED_NAME_SIZE);
	size = utf8_clean(text, UNPACKED_NAME_SIZE, utf8);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\')
			text[i] = '/';
	}
	talloc_free_children(text);
	return talloc_realloc(parent, text, char, size + 1);
}

void unpacked_begin(struct unpacked *out, const void *parent, struct budget *budget)
{
	*out = (struct unpacked){.parent = parent, .budget = budget};
}

static struct member *append(struct unpacked *out)
{
	size_t room = out->members ? talloc_array_length(out->members) : 0;

	if (out->count == room) {
		room = room ? room * 2 : MEMBERS_FIRST;
		out->members = talloc_realloc(out->parent, out->members, struct member, room);
	}
	out->members[out->count] =
		(struct member){.name = "", .bytes = slice_of(""), .at = UNPACKED_NOWHERE};
	return &out->members[out->count++];
}

struct member *unpacked_add(struct unpacked *out, struct slice name)
{
	struct member *member;
	uint64_t findings = 0;

	if (!budget_entry(out->budget)) {
		out->findings |= FINDING_OVER_LIMITS;
		return NULL;
	}
	member = append(out);
	if (name.size)
		member->name = unpacked_name(out->parent, name, &findings);
	unpacked_find(out, member, findings);
	return member;
}

struct member *unpacked_add_view(struct unpacked *out, struct slice name, struct slice bytes)
{
	struct member *member = unpacked_add(out, name);

	if (!member)
		return NULL;
	member->size = bytes.size;
	member->bytes = slice_make(bytes.data, budget_bytes(out->budget, bytes.size));
	if (member->bytes.size < bytes.size)
		unpacked_find(out, member, FINDING_OVER_LIMITS);
	return member;
}

void unpacked_find(struct unpacked *out, struct member *member, uint64_t findings)
{
	member->findings |= findings;
	out->findings |= findings;
}

void unpacked_rename(struct unpacked *out, struct member *member, struct slice other_name)
{
	uint64_t findings = 0;
	char *name = unpacked_name(out->parent, other_name, &findings);

	unpacked_find(out, member, findings);
	if (strcmp(name, member->name) == 0) {
		talloc_free(name);
		return;
	}
	member->other_name = name;
	unpacked_find(out, member, FINDING_NAMES_DIFFER);
}

void unpacked_point(struct unpacked *out, struct slice target)
{
	const char **targets = (const char **)(uintptr_t)out->targets;
	char *text;
	size_t size;

	if (!target.size || out->target_count == UNPACKED_TARGETS_MOST)
		return;
	if (target.size > UNPACKED_NAME_SIZE)
		target.size = UNPACKED_NAME_SIZE;
	text = talloc_array(out->parent, char, target.size + 1);
	size = utf8_clean(text, target.size, target);
	text[size] = '\0';
	if (!targets)
		targets = talloc_array(out->parent, const char *, UNPACKED_TARGETS_MOST);
	targets[out->target_count++] = text;
	out->targets = targets;
}
