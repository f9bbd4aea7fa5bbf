/* SPDX-License-Identifier: Apache-2.0 */
/* libunbound with its event interface. */
#include "base/dns_unbound.h"

#include "base/dns_packet.h"
#include "base/log.h"

#include <errno.h>
#include <talloc.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>
#include <utlist.h>

#define CLASS_IN 1
#define RESOLV_CONF "/etc/resolv.conf"

enum { NOT_CHECKED, BOGUS, SECURE }; /* what the callback is told */

/* A question that the library has. */
struct query {
	struct dns_unbound *unbound;
	struct dns_question *question;
	char *name; /* as it was given to the library */
	int id;
	struct query *prev, *next;
};

struct dns_unbound {
	struct ub_ctx *context;
	struct query *queries;
};

/* --- answers --- */

static void fail(struct dns_answer *answer, enum dns_failure failure)
{
	*answer = (struct dns_answer){.outcome = DNS_FAILED, .failure = failure};
}

static void read_answer(const void *parent, const struct query *query, struct slice packet,
	int security, struct dns_answer *answer)
{
	dns_packet_read(parent, packet, query->name, query->question->type, answer);
	answer->secure = security == SECURE;
	if (security == BOGUS)
		fail(answer, DNS_BOGUS);
}

/* With another code than 0 neither packet nor size mean anything; a remembered failure has code 0 and says so in the packet. */
static void on_answer(
	void *owner, int code, void *packet, int size, int security, char *why, int was_limited)
{
	struct query *query = owner;
	struct dns_question *question = query->question;
	struct dns_answer answer = {0};
	void *scratch = talloc_new(query->unbound);

	(void)why;
	(void)was_limited;
	DL_DELETE(query->unbound->queries, query);
	if (code != 0 || size < 0)
		fail(&answer, DNS_SERVFAIL);
	else
		read_answer(scratch, query, slice_make(packet, (size_t)size), security, &answer);
	talloc_free(query);
	dns_hear(question, &answer);
	talloc_free(scratch);
}

static void begin(void *owner, struct dns_question *question)
{
	struct dns_unbound *unbound = owner;
	struct query *query = talloc_zero(unbound, struct query);

	query->unbound = unbound;
	query->question = question;
	query->name = dns_packet_print_name(query, question->name);
	DL_APPEND(unbound->queries, query);
	/* on_answer may run inside, and the query be gone; the id is written before. */
	int bad = ub_resolve_event(unbound->context, query->name, (int)question->type, CLASS_IN,
		query, on_answer, &query->id);
	if (bad) {
		DL_DELETE(unbound->queries, query);
		talloc_free(query);
		dns_hear(question,
			&(struct dns_answer){.outcome = DNS_FAILED, .failure = DNS_MALFORMED});
	}
}

/* --- life --- */

/* Questions that are still there would be answered inside ub_ctx_delete. */
static int close_unbound(struct dns_unbound *unbound)
{
	struct query *query;

	DL_FOREACH(unbound->queries, query)
	ub_cancel(unbound->context, query->id);
	if (unbound->context)
		ub_ctx_delete(unbound->context);
	return 0;
}

static bool failed(const char *what, const char *why)
{
	log_event(LEVEL_ERROR, "dns_failed", "%s: %s", what, why);
	return false;
}

static bool set(struct ub_ctx *context, const char *option, const char *value)
{
	int bad = ub_ctx_set_option(context, option, value);

	return bad == 0 || failed(option, ub_strerror(bad));
}

/* Memory is bounded; local names are no secrets that the servers may not be asked for; patience with a server that is slow for one name must not
 * become impatience with it for all. */
static const struct {
	const char *option;
	const char *value;
} options[] = {
	{"do-not-query-localhost:", "no"},
	{"unblock-lan-zones:", "yes"},
	{"insecure-lan-zones:", "yes"},
	{"msg-cache-size:", "4m"},
	{"rrset-cache-size:", "8m"},
	{"key-cache-size:", "1m"},
	{"neg-cache-size:", "1m"},
	{"cache-max-ttl:", "86400"},
	{"cache-max-negative-ttl:", "3600"},
	{"infra-cache-min-rtt:", "1500"},
	{"infra-keep-probing:", "yes"},
	{"edns-buffer-size:", "1232"},
	{"qname-minimisation:", "no"},
};

static bool set_options(struct ub_ctx *context, size_t in_flight)
{
	char range[24];

	snprintf(range, sizeof range, "%zu", in_flight + in_flight / 4 + 16);
	if (!set(context, "outgoing-range:", range) ||
		!set(context, "num-queries-per-thread:", range))
		return false;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		if (!set(context, options[i].option, options[i].value))
			return false;
	}
	return true;
}

/* The library writes ADDRESS@PORT. */
static bool set_server(struct ub_ctx *context, const char *server)
{
	char address[IP_TEXT_SIZE + 8], text[IP_TEXT_SIZE];
	struct ip ip;
	uint16_t port;

	if (!ip_parse_with_port(slice_of(server), &ip, &port))
		return failed(server, "a name server is written ADDRESS:PORT");
	snprintf(address, sizeof address, "%s@%u", ip_print(&ip, text), port);
	int bad = ub_ctx_set_fwd(context, address);
	return bad == 0 || failed(server, ub_strerror(bad));
}

static bool set_servers(struct ub_ctx *context, const struct dns_unbound_setup *setup)
{
	for (size_t i = 0; i < setup->server_count; i++) {
		if (!set_server(context, setup->servers[i]))
			return false;
	}
	if (setup->server_count)
		return true;
	int bad = ub_ctx_resolvconf(context, RESOLV_CONF);
	if (bad)
		log_event(LEVEL_WARNING, "dns_without_servers",
			RESOLV_CONF " cannot be read: the root servers are asked themselves");
	return true;
}

static bool set_anchor(struct ub_ctx *context, const char *file)
{
	if (!file)
		return true;
	if (access(file, R_OK) != 0)
		return failed(file, strerror(errno));
	int bad = ub_ctx_add_ta_file(context, file);
	return bad == 0 || failed(file, ub_strerror(bad));
}

struct dns_unbound *dns_unbound_new(
	const void *parent, struct loop *loop, const struct dns_unbound_setup *setup)
{
	struct dns_unbound *unbound = talloc_zero(parent, struct dns_unbound);

	talloc_set_destructor(unbound, close_unbound);
	unbound->context = ub_ctx_create_event(loop->base);
	if (!unbound->context) {
		failed("libunbound", "cannot be set up");
	} else {
		ub_ctx_debugout(unbound->context, NULL);
		if (set_options(unbound->context, setup->in_flight) &&
			set_servers(unbound->context, setup) &&
			set_anchor(unbound->context, setup->trust_anchor))
			return unbound;
	}
	talloc_free(unbound);
	return NULL;
}

struct dns_resolver dns_unbound_resolver(struct dns_unbound *unbound)
{
	return (struct dns_resolver){begin, unbound};
}
