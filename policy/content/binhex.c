/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 1741, appendix A. */
#include "policy/content/binhex.h"

#include "base/bulk.h"

#include <stdint.h>
#include <string.h>

#define NAME_WITHIN 512 /* of the text, with line ends */

struct binhex {
	char *out, *limit;
	unsigned char last;
	bool repeats;
};

static void add_binhex(struct binhex *binhex, unsigned char byte)
{
	unsigned count = 1;

	if (binhex->repeats) {
		binhex->repeats = false;
		count = byte ? byte - 1U : 1;
		byte = byte ? binhex->last : 0x90;
	} else if (byte == 0x90) {
		binhex->repeats = true;
		return;
	}
	binhex->last = byte;
	for (; count && binhex->out < binhex->limit; count--)
		*binhex->out++ = (char)byte;
}

static int binhex_value(char c)
{
	static const char digits[] =
		"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The data fork, behind name, type, creator, flags, two lengths and a checksum; all of it when these make no sense. */
static struct slice data_fork(struct slice all)
{
	size_t head = all.size ? 1 + (unsigned char)all.data[0] + 1 + 4 + 4 + 2 : 0, size;
	const unsigned char *length;

	if (!all.size || all.size < head + 10)
		return all;
	length = (const unsigned char *)all.data + head;
	size = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 |
		length[3];
	all = slice_from(all, head + 10);
	return size <= all.size ? slice_make(all.data, size) : all;
}

static struct slice decode(const void *parent, struct slice text)
{
	size_t room = text.size * BINHEX_GROWTH + 1, colon = slice_find(text, ':');
	char *start = bulk_new(parent, room);
	struct binhex binhex = {.out = start, .limit = start + room};
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = colon == SIZE_MAX ? text.size : colon + 1; i < text.size; i++) {
		int value = binhex_value(text.data[i]);
		if (text.data[i] == ':')
			break;
		if (value < 0)
			continue;
		bits = bits << 6 | (unsigned)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			add_binhex(&binhex, (unsigned char)(bits >> count));
		}
	}
	return slice_make(start, (size_t)(binhex.out - start));
}

bool binhex_is_announced(struct slice line)
{
	static const char words[] = "must be converted with BinHex";

	return memmem(line.data, line.size, words, sizeof words - 1) != NULL;
}

struct slice binhex_decode(const void *parent, struct slice text)
{
	return data_fork(decode(parent, text));
}

/* A Pascal string at the very front. */
struct slice binhex_name(const void *parent, struct slice text)
{
	size_t colon = slice_find(text, ':'), size;
	struct slice head;

	if (colon == SIZE_MAX)
		return slice_make(text.data, 0);
	head = slice_from(text, colon);
	head.size = head.size < NAME_WITHIN ? head.size : NAME_WITHIN;
	head = decode(parent, head);
	size = head.size ? (unsigned char)head.data[0] : 0;
	return size < head.size ? slice_make(head.data + 1, size) : slice_make(head.data, 0);
}
