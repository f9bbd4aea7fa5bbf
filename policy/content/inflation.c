/* SPDX-License-Identifier: Apache-2.0 */
/* zlib, a piece at a time. */
#include "policy/content/inflation.h"

#include <zlib.h>

#define PIECE 65536

static const int window_bits[] = {
	[INFLATION_RAW] = -15, [INFLATION_ZLIB] = 15, [INFLATION_GZIP] = 15 + 16};

/* Time is asked for once for so many bytes, whichever way they go. */
static bool goes_on(z_stream *stream, struct output *out, const char *piece, size_t *asked)
{
	if (!output_add(out, piece, PIECE - stream->avail_out))
		return false;
	if (stream->total_in + stream->total_out - *asked < PIECE)
		return true;
	*asked = stream->total_in + stream->total_out;
	if (budget_has_time(out->budget))
		return true;
	out->is_cut = true;
	return false;
}

static enum inflation_end run(z_stream *stream, struct slice in, struct output *out)
{
	char piece[PIECE];
	size_t given = 0, asked = 0;
	int result = Z_OK;

	while (result == Z_OK) {
		if (stream->avail_in == 0 && given < in.size) {
			size_t size = in.size - given < PIECE ? in.size - given : PIECE;
			stream->next_in = (Bytef *)(uintptr_t)in.data + given;
			stream->avail_in = (uInt)size;
			given += size;
		}
		stream->next_out = (Bytef *)piece;
		stream->avail_out = PIECE;
		result = inflate(stream, Z_NO_FLUSH);
		if (!goes_on(stream, out, piece, &asked))
			return INFLATION_CUT;
	}
	if (result == Z_STREAM_END)
		return INFLATION_DONE;
	return result == Z_BUF_ERROR ? INFLATION_SHORT : INFLATION_DAMAGED;
}

enum inflation_end inflation_run(
	struct slice in, enum inflation_form form, struct output *out, size_t *used)
{
	z_stream stream = {0};
	enum inflation_end end;

	*used = 0;
	if (inflateInit2(&stream, window_bits[form]) != Z_OK)
		return INFLATION_DAMAGED;
	end = run(&stream, in, out);
	*used = stream.total_in;
	inflateEnd(&stream);
	return end;
}
