/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of a server, and whose turn it is. */
#include "proxy/server.h"

#include <talloc.h>

/* --- reading --- */

static const char *parse_weight(const void *parent, struct slice value, struct server *server)
{
	uint64_t weight;

	if (!slice_to_number(value, &weight) || weight < 1 || weight > SERVER_WEIGHT_MOST)
		return talloc_asprintf(parent,
			"a weight is a number between 1 and %d, not \"%.*s\"", SERVER_WEIGHT_MOST,
			SLICE_ARGS(value));
	server->weight = (unsigned)weight;
	return NULL;
}

static const char *parse_word(const void *parent, struct slice word, struct server *server)
{
	if (slice_equals(word, "backup")) {
		server->backup = true;
		return NULL;
	}
	if (slice_starts_nocase(word, "weight="))
		return parse_weight(parent, slice_from(word, strlen("weight=")), server);
	return talloc_asprintf(parent,
		"behind a server's address may stand weight=NUMBER and backup, not \"%.*s\"",
		SLICE_ARGS(word));
}

/* ADDRESS:PORT *( blank word ) */
const char *server_parse(
	const void *parent, const char *text, struct server *server, size_t *offset)
{
	struct slice rest = slice_of(text), word = slice_cut(&rest, ' ');
	const char *bad = NULL;

	*offset = 0;
	if (!ip_parse_with_port(word, &server->ip, &server->port) || server->port == 0)
		return talloc_asprintf(parent,
			"\"%.*s\" is no ADDRESS:PORT, as 192.0.2.1:25 or [2001:db8::1]:25; names "
			"of "
			"hosts are not looked up",
			SLICE_ARGS(word));
	server->name = slice_keep(parent, word);
	while (rest.size && !bad) {
		*offset = (size_t)(rest.data - text);
		word = slice_cut(&rest, ' ');
		if (word.size)
			bad = parse_word(parent, word, server);
	}
	return bad;
}

/* --- turns --- */

static bool is_open_to(const struct server *server, size_t index, uint64_t passed, bool backups)
{
	return !(passed >> index & 1) && (backups || !server->backup);
}

static bool has_weights(const struct server *servers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (servers[i].weight)
			return true;
	}
	return false;
}

static unsigned weight_of(const struct server *server)
{
	return server->weight ? server->weight : 1;
}

/* Everybody's turn comes nearer by his weight; whose turn is nearest goes back by all weights together. */
static struct server *take_turn(struct server *servers, size_t count, uint64_t passed, bool backups)
{
	struct server *next = NULL;
	int64_t all = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_open_to(&servers[i], i, passed, backups))
			continue;
		servers[i].turn += weight_of(&servers[i]);
		all += weight_of(&servers[i]);
		if (!next || servers[i].turn > next->turn)
			next = &servers[i];
	}
	if (next)
		next->turn -= all;
	return next;
}

static struct server *take_first(
	struct server *servers, size_t count, uint64_t passed, bool backups)
{
	for (size_t i = 0; i < count; i++) {
		if (is_open_to(&servers[i], i, passed, backups))
			return &servers[i];
	}
	return NULL;
}

struct server *server_choose(struct server *servers, size_t count, uint64_t passed, bool backups)
{
	struct server *first = has_weights(servers, count)
		? take_turn(servers, count, passed, false)
		: take_first(servers, count, passed, false);

	return first || !backups ? first : take_first(servers, count, passed, true);
}
