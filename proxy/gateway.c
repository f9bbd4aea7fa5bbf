/* SPDX-License-Identifier: Apache-2.0 */
/* What all sessions of a worker share. */
#include "proxy/gateway.h"

#include "base/loop.h"
#include "base/stream.h"
#include "plugins/milter_learner.h"
#include "policy/breaker.h"
#include "policy/list_watch.h"
#include "policy/recipient_list.h"
#include "policy/rulebook.h"
#include "policy/store_learner.h"
#include "proxy/announcement.h"
#include "proxy/arrival.h"
#include "proxy/clamd.h"
#include "proxy/handshake.h"
#include "proxy/milter_tls.h"
#include "proxy/passthrough.h"
#include "proxy/pool.h"
#include "proxy/resolver.h"
#include "proxy/route.h"
#include "proxy/rule_log.h"
#include "proxy/scan_link.h"
#include "proxy/session.h"

#include <talloc.h>
#include <unistd.h>
#include <utlist.h>

enum {
	PATIENCE_MILLISECONDS = 5000
}; /* with those who have connected but not begun, when draining */
#define MEMORY_OF_ONE_MESSAGE (8 * 1024 * 1024) /* beyond it the spool directory, if there is one */

void gateway_take(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct ip *client, uint16_t port)
{
	gateway->session_count++;
	table_add(gateway->table, COUNT_SESSIONS, 1);
	table_add(gateway->table, COUNT_SESSIONS_ALL, 1);
	arrival_begin(
		gateway, listen, descriptor, &(struct client_view){.ip = *client, .port = port});
}

struct pool *gateway_pool(
	const struct gateway *gateway, const struct listen_options *listen, const char *domain)
{
	const struct configuration *configuration = gateway->configuration;
	const struct backend_options *wanted = route_backend(configuration, listen, domain);
	size_t i = 0;

	while (configuration->backends[i] != wanted)
		i++;
	return gateway->pools[i];
}

/* Of all backends that mail from the listener may come to. */
static struct capabilities capabilities_behind(
	const struct gateway *gateway, const struct listen_options *listen)
{
	const struct configuration *configuration = gateway->configuration;
	struct capabilities common = {0};
	bool first = true;

	for (size_t i = 0; i < configuration->backend_count; i++) {
		if (!route_reaches(configuration, listen, configuration->backends[i]))
			continue;
		struct capabilities its = pool_capabilities(gateway->pools[i]);
		common = first ? its : capabilities_common(common, its);
		first = false;
	}
	return common;
}

unsigned gateway_offered(const struct gateway *gateway, const struct session *s)
{
	unsigned keywords = capabilities_behind(gateway, s->listen).keywords;

	if (!stream_tls_version(s->client))
		keywords &= ~(unsigned)CAPABILITY_REQUIRETLS;
	return keywords & (CAPABILITY_SMTPUTF8 | CAPABILITY_DSN | CAPABILITY_REQUIRETLS);
}

char *gateway_offer(const struct gateway *gateway, const void *parent, const struct session *s)
{
	const struct limits_options *limits = gateway->configuration->policy->limits;
	struct offer offer = {
		.message_size = limits->message_size,
		.messages = limits->messages,
		.recipients = limits->recipients,
		.starttls = handshake_is_offered(s),
		.encrypted = stream_tls_version(s->client),
		.mechanisms = s->mechanisms,
		.announcing = announcement_offer(parent, s),
	};

	return capabilities_offer(parent, capabilities_behind(gateway, s->listen), &offer);
}

static void drain_sessions(struct gateway *gateway, bool now)
{
	struct session *session, *next;

	DL_FOREACH_SAFE(gateway->sessions, session, next)
	session->drain(session, now);
}

static void on_impatient(void *owner)
{
	struct gateway *gateway = owner;

	gateway->impatient = true;
	drain_sessions(gateway, false);
}

static void tell_drained(struct gateway *gateway)
{
	if (gateway->draining && gateway->session_count == 0 && gateway->on_drained)
		timer_start(&gateway->drained, gateway->loop->clock, 0);
}

void gateway_forget(struct gateway *gateway)
{
	gateway->session_count--;
	table_add(gateway->table, COUNT_SESSIONS, -1);
	tell_drained(gateway);
}

void gateway_drain(struct gateway *gateway, bool now, void (*on_drained)(void *owner), void *owner)
{
	gateway->draining = true;
	gateway->impatient |= now;
	gateway->patience.on_due = on_impatient;
	gateway->patience.owner = gateway;
	timer_start(&gateway->patience, gateway->loop->clock, PATIENCE_MILLISECONDS);
	gateway->on_drained = on_drained;
	gateway->drained.on_due = on_drained;
	gateway->drained.owner = owner;
	drain_sessions(gateway, now);
	if (now) {
		arrival_close_all(gateway);
		passthrough_close_all(gateway);
	}
	tell_drained(gateway);
}

/* The configuration's, with those of this process. */
static void make_chain(struct gateway *gateway)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	resolver_teach(gateway->dns, learners);
	if (gateway->lists)
		learners[LEARNER_LISTS] = list_watch_learner(gateway->lists);
	if (gateway->store)
		learners[LEARNER_STORE] = store_learner(gateway->store);
	if (gateway->milters)
		learners[LEARNER_MILTER] = milter_learner_row(gateway->milters);
	if (gateway->clamd)
		learners[LEARNER_VIRUS] = clamd_learner(gateway->clamd);
	if (gateway->scans)
		learners[LEARNER_CONTENT] = scan_link_learner(gateway->scans);
	learners[LEARNER_RECIPIENTS] = recipient_list_learner(gateway->recipients);
	gateway->chain = chain_with_learners(gateway, gateway->configuration->chain, learners);
}

bool gateway_use_recipients(struct gateway *gateway, int descriptor)
{
	return recipient_list_load(gateway->recipients, descriptor);
}

void gateway_use_dns(struct gateway *gateway, struct dns *dns)
{
	gateway->dns = talloc_steal(gateway, dns);
	if (dns)
		gateway->lists = list_watch_new(
			gateway, gateway->loop->clock, dns, &gateway->configuration->policy->lists);
	make_chain(gateway);
}

void gateway_use_store(struct gateway *gateway, struct store *store)
{
	gateway->store = talloc_steal(gateway, store);
	make_chain(gateway);
}

void gateway_use_scans(struct gateway *gateway, struct scan_link *scans)
{
	gateway->scans = talloc_steal(gateway, scans);
	make_chain(gateway);
}

static int close_gateway(struct gateway *gateway)
{
	timer_stop(&gateway->drained);
	timer_stop(&gateway->patience);
	gateway->on_drained = NULL;
	while (gateway->sessions)
		talloc_free(gateway->sessions);
	arrival_close_all(gateway);
	passthrough_close_all(gateway);
	for (size_t i = 0; i < gateway->configuration->backend_count; i++)
		talloc_free(gateway->pools[i]);
	talloc_free(gateway->milters);
	talloc_free(gateway->store);
	talloc_free(gateway->lists);
	talloc_free(gateway->dns);
	return 0;
}

struct gateway *gateway_new(const void *parent, struct loop *loop,
	const struct configuration *configuration, struct table *table, struct keeper_link *keeper,
	unsigned worker_number)
{
	struct gateway *gateway = talloc_zero(parent, struct gateway);

	gateway->loop = loop;
	gateway->configuration = configuration;
	gateway->recipients = recipient_list_new(gateway);
	gateway->table = table;
	gateway->keeper = keeper;
	gateway->worker_number = worker_number;
	gateway->spool = (struct spool){
		.directory = configuration->process->spool,
		.memory_maximum = MEMORY_OF_ONE_MESSAGE,
		.total_maximum = configuration->policy->limits->spool,
		.table = table,
		.counter = COUNT_SPOOL_BYTES,
	};
	if (configuration->policy->clamd_count)
		gateway->clamd = clamd_new(gateway, loop, configuration->policy);
	gateway->rule_log = rule_log_new(gateway, gateway);
	if (configuration->policy->rulebook)
		breaker_use_table(configuration->policy->rulebook->breaker, table, KEY_RULE,
			COUNT_KNOWN_GOOD);
	gateway->pools = talloc_array(gateway, struct pool *, configuration->backend_count);
	for (size_t i = 0; i < configuration->backend_count; i++)
		gateway->pools[i] = pool_new(gateway, gateway, configuration->backends[i]);
	if (configuration->plugins->milter_count)
		gateway->milters = milter_learner_new(gateway, loop, table, KEY_MILTER,
			configuration->policy, configuration->plugins->milters,
			milter_tls_contexts(configuration->milter_tls),
			configuration->plugins->milter_count);
	make_chain(gateway);
	talloc_set_destructor(gateway, close_gateway);
	return gateway;
}
