/* SPDX-License-Identifier: Apache-2.0 */
/* What servers can do: RFC 5321 §4.1.1.1, RFC 1869. */
#include "proxy/capabilities.h"

#include <talloc.h>

static const struct {
	const char *name;
	enum capability capability;
} keywords[] = {
	{"PIPELINING", CAPABILITY_PIPELINING},
	{"CHUNKING", CAPABILITY_CHUNKING},
	{"8BITMIME", CAPABILITY_8BITMIME},
	{"SMTPUTF8", CAPABILITY_SMTPUTF8},
	{"ENHANCEDSTATUSCODES", CAPABILITY_ENHANCEDSTATUSCODES},
	{"STARTTLS", CAPABILITY_STARTTLS},
	{"SIZE", CAPABILITY_SIZE},
};

#define KEYWORDS (sizeof keywords / sizeof keywords[0])

void capabilities_add_line(struct capabilities *capabilities, struct slice line)
{
	struct slice keyword = slice_cut(&line, ' ');
	uint64_t size;

	for (size_t i = 0; i < KEYWORDS; i++) {
		if (slice_equals_nocase(keyword, keywords[i].name))
			capabilities->keywords |= keywords[i].capability;
	}
	if (slice_equals_nocase(keyword, "SIZE") && slice_to_number(slice_trim(line), &size) &&
		size <= INT64_MAX)
		capabilities->size = (int64_t)size;
}

struct capabilities capabilities_common(struct capabilities a, struct capabilities b)
{
	struct capabilities both = {
		.known = a.known && b.known,
		.keywords = a.keywords & b.keywords,
		.size = a.size && (!b.size || a.size < b.size) ? a.size : b.size,
	};

	return both;
}

char *capabilities_offer(
	const void *parent, struct capabilities servers, int64_t message_size, bool starttls)
{
	int64_t size = servers.size && servers.size < message_size ? servers.size : message_size;

	return talloc_asprintf(parent, "PIPELINING\nSIZE %lld\n8BITMIME%s%s\nENHANCEDSTATUSCODES",
		(long long)size, servers.keywords & CAPABILITY_SMTPUTF8 ? "\nSMTPUTF8" : "",
		starttls ? "\nSTARTTLS" : "");
}
