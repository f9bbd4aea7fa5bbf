/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery of a message that was kept. */
#include "proxy/quarantine_release.h"

#include "base/loop.h"
#include "policy/mail/edit.h"
#include "proxy/counters.h"
#include "proxy/delivery.h"

#include <talloc.h>

struct sending {
	struct gateway *gateway;
	struct delivery *delivery;
	struct steps steps;
	struct edit_plan plan;
	const struct message *message;
	enum release release;
	struct reply reply;
	bool is_done;
};

static struct step commit(void *owner);
static struct step hear(void *owner);

static struct step begin(void *owner)
{
	struct sending *sending = owner;

	delivery_begin_message(
		sending->delivery, &sending->plan, sending->message, &sending->steps.await);
	return THEN(commit);
}

static struct step commit(void *owner)
{
	struct sending *sending = owner;

	if (!sending->delivery->reply.code)
		delivery_begin_commit(sending->delivery, &sending->steps.await);
	return THEN(hear);
}

static struct step hear(void *owner)
{
	struct sending *sending = owner;
	const struct delivery *delivery = sending->delivery;

	if (!delivery->reply.code)
		return THEN(commit); /* played again on another connection */
	sending->steps.await.committed = false;
	sending->reply = delivery->reply;
	if (!delivery->committed)
		sending->release = RELEASE_REFUSED;
	else if (delivery->told_by_backend && reply_is_positive(&delivery->reply))
		sending->release = RELEASE_DONE;
	else
		sending->release = delivery->told_by_backend ? RELEASE_REFUSED : RELEASE_UNCERTAIN;
	return DONE;
}

static void on_done(void *owner)
{
	struct sending *sending = owner;

	sending->is_done = true;
	loop_stop(sending->gateway->loop);
}

/* Of that name, or, if there is none any more, the first. */
static struct pool *pool_for(const struct gateway *gateway, const char *backend)
{
	const struct configuration *configuration = gateway->configuration;

	for (size_t i = 0; backend && i < configuration->backend_count; i++) {
		if (strcmp(configuration->backends[i]->name, backend) == 0)
			return gateway->pools[i];
	}
	return gateway->pools[0];
}

enum release quarantine_release_send(const void *parent, const struct configuration *configuration,
	const struct ticket *ticket, struct slice message, const char **reply)
{
	void *all = talloc_new(NULL);
	struct loop *loop = loop_new(NULL);
	struct sending *sending = talloc_zero(all, struct sending);
	/* Nobody has looked for dots and odd line ends in it. */
	unsigned odd = ANOMALY_BARE_LF | ANOMALY_BARE_CR | ANOMALY_NUL;
	enum release release;

	sending->message = message_view(sending, message, odd);
	sending->plan = (struct edit_plan){.slices = &message,
		.count = 1,
		.size = (int64_t)message.size,
		.needs_stuffing = true};
	sending->gateway = gateway_new(all, loop, configuration, counters_new(all), NULL, 0);
	sending->gateway->draining = true; /* so that no server is asked besides */
	sending->delivery = delivery_new(sending, sending->gateway,
		pool_for(sending->gateway, ticket->backend), NULL, ticket->envelope);
	steps_init(&sending->steps, loop->clock, sending, THEN(hear), on_done);
	steps_start(&sending->steps, THEN(begin));
	if (!sending->is_done)
		loop_run(loop);
	*reply = talloc_asprintf(parent, "%d %s %s", sending->reply.code, sending->reply.status,
		sending->reply.text ? sending->reply.text : "");
	release = sending->release;
	delivery_end(sending->delivery);
	talloc_free(sending->gateway);
	talloc_free(all);
	talloc_free(loop);
	return release;
}
