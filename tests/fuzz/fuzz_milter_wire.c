/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the milter protocol, both ways: what is taken apart is put together again to the same bytes. The first byte says whose
 * they are and how large the pieces are that they come in. */
#include "plugins/milter_wire.h"
#include "policy/milter_answer.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const void *scratch, enum milter_side side, struct slice payload)
{
	static struct milter_packet packet;
	struct slice printed;
	struct reply reply;

	if (milter_wire_parse(side, payload, &packet))
		return;
	printed = milter_wire_print(scratch, side, &packet);
	assert(printed.size == payload.size + 4 ||
		(!printed.size && payload.size > MILTER_WIRE_MAXIMUM));
	assert(!printed.size || memcmp(printed.data + 4, payload.data, payload.size) == 0);
	if (packet.byte == MILTER_REPLY_CODE &&
		milter_answer_reply(scratch, slice_keep(scratch, packet.texts[0]), &reply))
		assert(reply.code >= 400 && reply.code < 600 && *reply.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct milter_reader reader = {.maximum = MILTER_WIRE_HEARD_MAXIMUM};
	enum milter_side side = size && data[0] & 1 ? MILTER_SIDE_MILTER : MILTER_SIDE_SERVER;
	size_t piece = size ? (size_t)(data[0] >> 1) + 1 : 1;
	enum milter_reading reading = MILTER_PARTIAL;
	struct slice payload;

	for (size_t at = 1; at < size && reading != MILTER_TOO_LARGE; at += piece) {
		struct slice input =
			slice_make((const char *)data + at, size - at < piece ? size - at : piece);
		while (input.size && reading != MILTER_TOO_LARGE) {
			reading = milter_reader_take(&reader, scratch, &input, &payload);
			if (reading == MILTER_WHOLE)
				look_at(scratch, side, payload);
		}
	}
	talloc_free(scratch);
	return 0;
}
