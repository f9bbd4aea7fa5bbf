/* SPDX-License-Identifier: Apache-2.0 */
/* MS-OXRTFCP: a window of 4096 bytes that begins with words of RTF. */
#include "policy/content/compressed_rtf.h"

#include "policy/content/bytes.h"
#include "policy/content/output.h"

#define HEADER_SIZE 16
#define WINDOW 4096
#define COMPRESSED 0x75465a4c
#define UNCOMPRESSED 0x414c454d

static const char beginning[] =
	"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss "
	"\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
	"{\\colortbl\\red0\\green0\\blue0\r\n\\par "
	"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

struct window {
	char bytes[WINDOW];
	size_t write;
};

static bool put(struct window *window, struct output *output, char byte)
{
	window->bytes[window->write] = byte;
	window->write = (window->write + 1) % WINDOW;
	return output_add(output, &byte, 1);
}

/* A reference: twelve bits of place, four of length. One to the place that is written next is the end. */
static bool copy(struct window *window, struct output *output, struct slice s, bool *is_end)
{
	size_t place = (size_t)bytes_8(s, 0) << 4 | bytes_8(s, 1) >> 4;
	size_t length = (bytes_8(s, 1) & 15U) + 2;

	*is_end = place == window->write;
	if (*is_end)
		return true;
	for (size_t i = 0; i < length; i++) {
		if (!put(window, output, window->bytes[(place + i) % WINDOW]))
			return false;
	}
	return true;
}

/* False when it was cut short by the budget or ended early. */
static bool expand(struct slice s, struct output *output)
{
	struct window window = {.write = sizeof beginning - 1};
	bool is_end = false, is_good = true;

	memcpy(window.bytes, beginning, sizeof beginning - 1);
	while (s.size && is_good && !is_end) {
		uint8_t flags = bytes_8(s, 0);
		s = slice_from(s, 1);
		for (unsigned bit = 0; bit < 8 && s.size && is_good && !is_end; bit++) {
			if (flags >> bit & 1) {
				is_good = copy(&window, output, s, &is_end);
				s = bytes_from(s, 2);
			} else {
				is_good = put(&window, output, s.data[0]);
				s = slice_from(s, 1);
			}
		}
	}
	return is_good && is_end;
}

void compressed_rtf_add(struct unpacked *out, struct slice name, struct slice compressed)
{
	struct output output = output_begin(out->parent, out->budget);
	struct slice data = bytes_from(compressed, HEADER_SIZE);
	uint32_t kind = bytes_32(compressed, 8);
	bool is_good = true;
	struct member *member = unpacked_add(out, name);

	if (!member)
		return;
	if (kind == UNCOMPRESSED)
		is_good = output_add(&output, data.data, data.size);
	else
		is_good = kind == COMPRESSED && expand(data, &output);
	member->bytes = output_slice(&output);
	member->size = output.size;
	if (output.is_cut)
		unpacked_find(out, member, FINDING_OVER_LIMITS);
	else if (!is_good)
		unpacked_find(out, member, FINDING_DAMAGED);
}
