/* SPDX-License-Identifier: Apache-2.0 */
/* What servers can do: RFC 5321 §4.1.1.1, RFC 3461, RFC 8689, RFC 9422. */
#include "proxy/capabilities.h"

#include <stdio.h>
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
	{"DSN", CAPABILITY_DSN},
	{"REQUIRETLS", CAPABILITY_REQUIRETLS},
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

/* How many bytes of it are the words that fit: half a name is another's. */
static size_t whole_words(struct slice line, size_t room)
{
	if (line.size <= room)
		return line.size;
	while (room > 0 && line.data[room] != ' ')
		room--;
	return room;
}

void capabilities_add_mechanisms(char *mechanisms, size_t size, struct slice line)
{
	if (slice_equals_nocase(slice_cut(&line, ' '), "AUTH"))
		snprintf(mechanisms, size, "%.*s", (int)whole_words(line, size - 1), line.data);
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

static void add(char **lines, bool offered, const char *line)
{
	if (offered)
		*lines = talloc_asprintf_append(*lines, "%s\n", line);
}

char *capabilities_offer(const void *parent, struct capabilities servers, const struct offer *offer)
{
	int64_t size = servers.size && servers.size < offer->message_size ? servers.size
									  : offer->message_size;
	char *lines = talloc_asprintf(parent,
		"PIPELINING\nSIZE %lld\n8BITMIME\nCHUNKING\nLIMITS MAILMAX=%lld RCPTMAX=%lld\n",
		(long long)size, (long long)offer->messages, (long long)offer->recipients);
	bool keeps_tls = servers.keywords & CAPABILITY_REQUIRETLS && offer->encrypted;

	add(&lines, servers.keywords & CAPABILITY_SMTPUTF8, "SMTPUTF8");
	add(&lines, servers.keywords & CAPABILITY_DSN, "DSN");
	add(&lines, keeps_tls, "REQUIRETLS");
	if (offer->mechanisms)
		lines = talloc_asprintf_append(lines, "AUTH %s\n", offer->mechanisms);
	if (offer->announcing)
		lines = talloc_strdup_append(lines, offer->announcing);
	add(&lines, offer->starttls, "STARTTLS");
	return talloc_strdup_append(lines, "ENHANCEDSTATUSCODES");
}
