/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of name servers: the first byte chooses the type that was asked for. What leaves is counted, bounded and safe. */
#include "base/dns_packet.h"

#include <assert.h>
#include <talloc.h>

static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_TXT, DNS_PTR, DNS_CNAME};

static void look_at_record(enum dns_type type, const struct dns_record *record)
{
	if (type == DNS_A || type == DNS_AAAA)
		assert(!record->text && record->ip.family == (type == DNS_A ? 4 : 6));
	else if (type == DNS_TXT)
		assert(strlen(record->text) < 65536);
	else
		assert((type == DNS_MX && strcmp(record->text, ".") == 0) ||
			dns_is_host_name(slice_of(record->text)));
}

/* Every name in the packet, wherever one might begin. */
static void read_names(struct slice packet)
{
	char name[DNS_PACKET_NAME_SIZE];

	for (size_t start = 0; start < packet.size && start < 512; start++) {
		size_t offset = start;
		if (!dns_packet_read_name(packet, &offset, name))
			continue;
		assert(offset > start && offset <= packet.size && strlen(name) < sizeof name);
		for (const char *c = name; *c; c++)
			assert(*c > ' ' && *c < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer answer = {0};
	void *scratch = talloc_new(NULL);

	if (size > 0) {
		enum dns_type type = types[data[0] % (sizeof types / sizeof *types)];
		struct slice packet = {(const char *)data + 1, size - 1};
		dns_packet_read(scratch, packet, NULL, type, &answer);
		assert(answer.count <= DNS_RECORDS_MAXIMUM);
		assert(answer.outcome == DNS_FOUND || answer.count == 0);
		for (size_t i = 0; i < answer.count; i++)
			look_at_record(type, &answer.records[i]);
		read_names(packet);
	}
	talloc_free(scratch);
	return 0;
}
