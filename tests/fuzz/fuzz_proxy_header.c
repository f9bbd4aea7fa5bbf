/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the beginning of a connection that a load balancer made. */
#include "proxy/proxy_header.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Just as large as the cut, so that each byte read beyond it is seen. */
static enum proxy_header_outcome parse_cut(
	const uint8_t *data, size_t size, struct proxy_header *header)
{
	char *exact = malloc(size ? size : 1);

	memcpy(exact, data, size);
	enum proxy_header_outcome outcome = proxy_header_parse(slice_make(exact, size), header);
	free(exact);
	return outcome;
}

/* What was announced is printed so that it is read again; an address of the server that does not fit its client's is left out. */
static void print_again(const struct proxy_header *header)
{
	char printed[PROXY_HEADER_PRINTED];
	struct proxy_header again;
	size_t size = proxy_header_print(header, printed);

	assert(size <= sizeof printed);
	enum proxy_header_outcome outcome = proxy_header_parse(slice_make(printed, size), &again);
	assert(outcome == PROXY_HEADER_COMPLETE && again.size == size);
	assert(again.announces == header->announces);
	if (header->announces) {
		assert(ip_equals(&again.client, &header->client));
		assert(again.client_port == header->client_port);
	}
}

/* As it comes in pieces, a header is asked for more until it is complete or never will be; then nothing changes that any more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum proxy_header_outcome before = PROXY_HEADER_MORE;
	struct proxy_header header, first = {0};

	for (size_t cut = 0; cut <= size && cut <= PROXY_HEADER_MAXIMUM + 1; cut++) {
		enum proxy_header_outcome outcome = parse_cut(data, cut, &header);

		assert(before == PROXY_HEADER_MORE || outcome == before);
		if (before == PROXY_HEADER_COMPLETE) {
			assert(header.size == first.size);
			continue;
		}
		if (outcome == PROXY_HEADER_COMPLETE) {
			assert(header.size == cut);
			first = header;
			print_again(&header);
		}
		before = outcome;
	}
	assert(size <= PROXY_HEADER_MAXIMUM || before != PROXY_HEADER_MORE);
	return 0;
}
