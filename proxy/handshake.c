/* SPDX-License-Identifier: Apache-2.0 */
/* A session's TLS: RFC 3207, RFC 8314 §3.3. */
#include "proxy/handshake.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/tls.h"
#include "proxy/tls_server.h"

#include <openssl/ssl.h>

#define FAILURES_ENOUGH 2
#define DAY_SECONDS 86400

static uint64_t wall_second(const struct session *s)
{
	return clock_wall(s->gateway->loop->clock) / 1000;
}

/* Who has failed twice within a day is known for the rest of it, to all workers. */
static bool has_failed_twice(const struct session *s)
{
	return table_recent(s->gateway->table, KEY_TLS_FAILURE, s->ip.bytes, sizeof s->ip.bytes,
		       wall_second(s), DAY_SECONDS) >= FAILURES_ENOUGH;
}

static void note_incompatible(const struct session *s)
{
	table_add(s->gateway->table, COUNT_TLS_INCOMPATIBLE, 1);
	table_note_recent(s->gateway->table, KEY_TLS_FAILURE, s->ip.bytes, sizeof s->ip.bytes,
		wall_second(s), DAY_SECONDS);
}

bool handshake_is_offered(const struct session *s)
{
	if (!s->tls || stream_tls_version(s->client))
		return false;
	if (s->listen->tls == LISTEN_TLS_REQUIRED || !has_failed_twice(s))
		return true;
	table_add(s->gateway->table, COUNT_TLS_NOT_OFFERED, 1);
	return false;
}

void handshake_begin(struct session *s)
{
	stream_begin_tls(s->client, tls_server_context(s->tls), TLS_SERVER, NULL,
		HANDSHAKE_PATIENCE, &s->steps.await);
}

static void note_failure(const struct session *s)
{
	char ip[IP_TEXT_SIZE];
	struct log_line line;

	table_add(s->gateway->table, COUNT_TLS_FAILED, 1);
	if (tls_is_incompatible(stream_tls_error(s->client)))
		note_incompatible(s);
	log_begin(&line, LEVEL_INFO, "tls_failed");
	log_text(&line, "id", s->id);
	log_text(&line, "client", ip_print(&s->ip, ip));
	log_text(&line, "reason", stream_error(s->client));
	log_end(&line);
}

bool handshake_has_succeeded(struct session *s)
{
	if (s->steps.await.outcome != OUTCOME_DONE) {
		note_failure(s);
		return false;
	}
	table_add(s->gateway->table, COUNT_TLS_SESSIONS, 1);
	if (SSL_session_reused(stream_tls(s->client)))
		table_add(s->gateway->table, COUNT_TLS_RESUMED, 1);
	tls_tell_facts(s->facts, s, s->client);
	return true;
}
