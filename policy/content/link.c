/* SPDX-License-Identifier: Apache-2.0 */
/* MS-SHLLINK: a header, a list of items, the place of the target, texts. */
#include "policy/content/link.h"

#include "policy/content/bytes.h"

#include <talloc.h>

#define HEADER_SIZE 0x4c
#define HAS_ITEMS 1U
#define HAS_PLACE 2U
#define HAS_NAME 4U
#define IS_UNICODE 128U
#define ENVIRONMENT_BLOCK 0xa0000001
#define TEXTS 5 /* name, relative path, working folder, arguments, icon */

struct shortcut {
	struct slice place, environment;
	struct slice texts[TEXTS];
};

enum text { TEXT_NAME, TEXT_RELATIVE, TEXT_FOLDER, TEXT_ARGUMENTS, TEXT_ICON };

static struct slice nul_ended(struct slice s)
{
	return slice_cut(&s, '\0');
}

/* The path on a disk, or on another machine. */
static struct slice read_place(struct slice info)
{
	uint32_t flags = bytes_32(info, 8);
	struct slice network;

	if (flags & 1)
		return nul_ended(bytes_from(info, bytes_32(info, 16)));
	network = bytes_from(info, bytes_32(info, 20));
	return flags & 2 ? nul_ended(bytes_from(network, bytes_32(network, 8))) : slice_of("");
}

static struct slice read_text(const void *parent, struct slice *rest, bool is_unicode)
{
	uint64_t size = (uint64_t)bytes_16(*rest, 0) * (is_unicode ? 2 : 1);
	struct slice text = bytes_piece(*rest, 2, size);

	*rest = bytes_from(*rest, 2 + size);
	return is_unicode ? unpacked_from_utf16(parent, text) : text;
}

/* Blocks behind the texts, of which one has the target with variables in it. What is behind the last one. */
static struct slice read_blocks(const void *parent, struct slice rest, struct shortcut *shortcut)
{
	while (rest.size >= 4) {
		uint32_t size = bytes_32(rest, 0);
		if (size < 4)
			return slice_from(rest, 4);
		if (bytes_32(rest, 4) == ENVIRONMENT_BLOCK)
			shortcut->environment =
				unpacked_from_utf16(parent, bytes_piece(rest, 268, 520));
		rest = bytes_from(rest, size);
	}
	return rest;
}

static struct slice target_of(const struct shortcut *shortcut)
{
	if (shortcut->place.size)
		return shortcut->place;
	if (shortcut->environment.size)
		return shortcut->environment;
	return shortcut->texts[TEXT_RELATIVE];
}

static bool is_elsewhere(struct slice path)
{
	return bytes_are(path, 0, "\\\\", 2) || bytes_find(path, 0, "://", 3) != SIZE_MAX;
}

/* The arguments are squeezed: hundreds of blanks before them push them out of the window that shows them. */
static struct slice squeeze(const void *parent, struct slice text, bool *is_padded)
{
	char *out = talloc_array(parent, char, text.size + 1);
	size_t used = 0, blanks = 0;

	*is_padded = false;
	for (size_t i = 0; i < text.size; i++) {
		bool is_blank = (uint8_t)text.data[i] <= ' ';
		blanks = is_blank ? blanks + 1 : 0;
		*is_padded = *is_padded || blanks > 32;
		if (blanks <= 1)
			out[used++] = is_blank ? ' ' : text.data[i];
	}
	return slice_make(out, used);
}

static void judge(const struct shortcut *shortcut, struct unpacked *out)
{
	bool is_padded;
	struct slice target = target_of(shortcut);
	struct slice arguments = squeeze(out->parent, shortcut->texts[TEXT_ARGUMENTS], &is_padded);

	if (is_padded)
		out->findings |= FINDING_OBFUSCATED;
	if (arguments.size)
		out->findings |= FINDING_LAUNCH_ACTION;
	unpacked_point(out,
		slice_of(talloc_asprintf(out->parent, "%.*s%s%.*s", SLICE_ARGS(target),
			arguments.size ? " " : "", SLICE_ARGS(arguments))));
	for (enum text i = TEXT_FOLDER; i < TEXTS; i++) {
		if (i != TEXT_ARGUMENTS && is_elsewhere(shortcut->texts[i])) {
			unpacked_point(out, shortcut->texts[i]);
			out->findings |= FINDING_EXTERNAL_LINK;
		}
	}
}

void link_unpack(struct slice bytes, struct unpacked *out)
{
	uint32_t flags = bytes_32(bytes, 20);
	struct slice rest = bytes_from(bytes, HEADER_SIZE);
	struct shortcut shortcut = {.place = slice_of(""), .environment = slice_of("")};

	if (flags & HAS_ITEMS)
		rest = bytes_from(rest, 2 + (uint64_t)bytes_16(rest, 0));
	if (flags & HAS_PLACE) {
		uint32_t size = bytes_32(rest, 0);
		shortcut.place = read_place(bytes_piece(rest, 0, size));
		rest = bytes_from(rest, size);
	}
	for (unsigned i = 0; i < TEXTS; i++) {
		shortcut.texts[i] = slice_of("");
		if (flags & HAS_NAME << i)
			shortcut.texts[i] = read_text(out->parent, &rest, flags & IS_UNICODE);
	}
	if (rest.size == 0 && bytes.size < HEADER_SIZE)
		out->findings |= FINDING_DAMAGED;
	rest = read_blocks(out->parent, rest, &shortcut);
	judge(&shortcut, out);
	if (rest.size) {
		out->findings |= FINDING_TRAILING;
		(void)unpacked_add_view(out, slice_of(""), rest);
	}
}

void link_unpack_url(struct slice bytes, struct unpacked *out)
{
	struct slice rest = bytes;

	while (rest.size && out->target_count < UNPACKED_TARGETS_MOST) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));
		while (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		if (slice_starts_nocase(line, "URL="))
			unpacked_point(out, slice_from(line, 4));
		if (slice_starts_nocase(line, "IconFile=") && is_elsewhere(slice_from(line, 9))) {
			unpacked_point(out, slice_from(line, 9));
			out->findings |= FINDING_EXTERNAL_LINK;
		}
	}
}
