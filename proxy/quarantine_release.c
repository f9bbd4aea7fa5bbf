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
	struct slice bytes;
	const struct message *message;
	const struct envelope *envelope;
	enum release release;
	struct reply reply;
	const char **refusals;
	bool is_done;
};

/* --- whom to --- */

static bool is_among(const struct address *address, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct address *name = address_parse(NULL, slice_of(names[i]));
		bool is_it =
			name && slice_is_same_nocase(slice_of(name->text), slice_of(address->text));
		talloc_free((void *)(uintptr_t)name);
		if (is_it)
			return true;
	}
	return false;
}

static const char *find_stranger(
	const struct envelope *envelope, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_known = false;
		for (size_t j = 0; j < envelope->count && !is_known; j++)
			is_known = is_among(envelope->recipients[j].address, &names[i], 1);
		if (!is_known)
			return names[i];
	}
	return NULL;
}

struct envelope *quarantine_release_select(const void *parent, const struct envelope *envelope,
	const char *const *names, size_t count, const char **stranger)
{
	struct envelope *selected = envelope_new(parent);
	struct recipient *none = selected->recipients;

	*stranger = find_stranger(envelope, names, count);
	if (*stranger) {
		talloc_free(selected);
		return NULL;
	}
	*selected = *envelope;
	selected->recipients = none;
	selected->count = selected->passed = 0;
	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		if (!is_among(recipient->address, names, count))
			continue;
		envelope_add(selected, recipient)->passed = true;
		selected->passed++;
	}
	return selected;
}

/* --- sending --- */

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

/* In a later play, what it says then. */
static void on_recipient(void *owner, const struct recipient *recipient, const struct reply *reply)
{
	struct sending *sending = owner;
	size_t place = (size_t)(recipient - sending->envelope->recipients);

	sending->refusals[place] =
		reply_is_positive(reply) ? NULL : reply_on_one_line(sending->refusals, reply);
}

/* Nobody has looked for dots and odd line ends in it. */
static void plan(struct sending *sending, const struct release_order *order)
{
	unsigned odd = ANOMALY_BARE_LF | ANOMALY_BARE_CR | ANOMALY_NUL;

	sending->bytes = order->message;
	sending->message = message_view(sending, sending->bytes, odd);
	sending->plan = (struct edit_plan){.slices = &sending->bytes,
		.count = 1,
		.size = (int64_t)sending->bytes.size,
		.needs_stuffing = true};
}

/* What it answered, under the parent. */
static char *run(const void *parent, struct sending *sending, const struct release_order *order)
{
	char *reply;
	struct loop *loop = sending->gateway->loop;

	sending->delivery = delivery_new(sending, sending->gateway,
		pool_for(sending->gateway, order->backend), NULL, order->envelope);
	sending->delivery->on_recipient = on_recipient;
	sending->delivery->owner = sending;
	steps_init(&sending->steps, loop->clock, sending, THEN(hear), on_done);
	steps_start(&sending->steps, THEN(begin));
	if (!sending->is_done)
		loop_run(loop);
	reply = reply_on_one_line(parent, &sending->reply);
	delivery_end(sending->delivery);
	return reply;
}

struct release_end quarantine_release_send(const void *parent,
	const struct configuration *configuration, const struct release_order *order)
{
	void *all = talloc_new(NULL);
	struct loop *loop = loop_new(NULL);
	struct sending *sending = talloc_zero(all, struct sending);
	struct release_end end;

	sending->envelope = order->envelope;
	sending->refusals = talloc_zero_array(parent, const char *, order->envelope->count);
	plan(sending, order);
	sending->gateway = gateway_new(all, loop, configuration, counters_new(all), NULL, 0);
	sending->gateway->draining = true; /* so that no server is asked besides */
	end.reply = run(parent, sending, order);
	end.release = sending->release;
	end.refusals = sending->refusals;
	talloc_free(sending->gateway);
	talloc_free(all);
	talloc_free(loop);
	return end;
}
