/* SPDX-License-Identifier: Apache-2.0 */
/* A store in Redis, through hiredis. */
#include "base/store_redis.h"

#include "base/loop.h"

#include <adapters/libevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>
#include <utlist.h>

#define RETRY_MILLISECONDS 1000
#define NAME_SIZE (sizeof "postern:" + 2 * STORE_KEY_SIZE)

/* Gives back: the count, the first time, the last. */
static const char adding[] =
	"redis.call('HSETNX',KEYS[1],'f',ARGV[2]) redis.call('HSET',KEYS[1],'l',ARGV[2]) "
	"local n=redis.call('HINCRBY',KEYS[1],'c',ARGV[1]) "
	"if redis.call('PTTL',KEYS[1])<tonumber(ARGV[3]) then "
	"redis.call('PEXPIRE',KEYS[1],ARGV[3]) end "
	"return {tostring(n),redis.call('HGET',KEYS[1],'f'),ARGV[2]}";

/* A question on its way. It lives until hiredis has said what became of it, or will not any more. */
struct asked {
	struct redis *redis;
	struct store_entry *entry;
	struct await *await; /* NULL: nobody wants to know any more */
	struct timer late;
	struct asked *prev, *next;
};

struct redis {
	struct store *store;
	struct loop *loop;
	struct store_redis_setup setup;
	redisAsyncContext *context; /* NULL: no connection, and none is being made */
	struct timer retry;
	struct timer drop; /* gives the connection up, from the loop */
	struct asked *asked;
	size_t count;
	const char *trouble;
	char reason[128];
	bool closing;
};

/* --- what was heard --- */

static void finish(struct asked *asked, const char *trouble)
{
	struct redis *redis = asked->redis;
	struct await *await = asked->await;

	DL_DELETE(redis->asked, asked);
	redis->count--;
	timer_stop(&asked->late);
	talloc_free(asked);
	if (!redis->closing)
		store_report(redis->store, trouble);
	if (await && await->pending)
		await_end(await, trouble ? OUTCOME_FAILED : OUTCOME_DONE);
	else if (await)
		await_skip(await, trouble ? OUTCOME_FAILED : OUTCOME_DONE);
}

/* False when it is no number of ours. */
static bool read_number(const redisReply *reply, uint64_t *number)
{
	char *end;

	*number = 0;
	if (reply->type == REDIS_REPLY_NIL)
		return true;
	if (reply->type != REDIS_REPLY_STRING || reply->len == 0)
		return false;
	*number = strtoull(reply->str, &end, 10);
	return *end == '\0' && reply->str[0] != '-';
}

static const char *read_reply(
	struct redis *redis, const redisReply *reply, struct store_entry *entry)
{
	uint64_t *const numbers[] = {&entry->count, &entry->first, &entry->last};
	bool good = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3;

	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(redis->reason, sizeof redis->reason, "Redis says: %s", reply->str);
		return redis->reason;
	}
	for (size_t i = 0; i < 3 && good; i++)
		good = read_number(reply->element[i], numbers[i]);
	return good ? NULL : "Redis answers what was not asked";
}

/* Without a reply the connection has ended. */
static void on_reply(redisAsyncContext *context, void *answer, void *owner)
{
	struct asked *asked = owner;
	struct store_entry found = {0};
	const char *trouble;

	(void)context;
	if (!answer) {
		finish(asked, asked->redis->trouble);
		return;
	}
	trouble = read_reply(asked->redis, answer, &found);
	if (!trouble && asked->await && asked->entry && found.count)
		*asked->entry = found;
	finish(asked, trouble);
}

/* --- the connection --- */

static void begin_retry(struct redis *redis)
{
	if (!timer_is_running(&redis->retry))
		timer_start(&redis->retry, redis->loop->clock, RETRY_MILLISECONDS);
}

/* hiredis frees it when this is over. */
static void lose(struct redis *redis, const char *trouble)
{
	redis->context = NULL;
	redis->trouble = trouble;
	timer_stop(&redis->drop);
	begin_retry(redis);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct redis *redis = context->data;

	if (!redis)
		return;
	if (status == REDIS_OK)
		redis->trouble = "Redis has closed the connection";
	else
		lose(redis, "Redis cannot be reached");
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
	struct redis *redis = context->data;

	(void)status;
	if (redis)
		lose(redis, "Redis has closed the connection");
}

static void on_password(redisAsyncContext *context, void *answer, void *owner)
{
	struct redis *redis = context->data;
	const redisReply *reply = answer;

	(void)owner;
	if (redis && reply && reply->type == REDIS_REPLY_ERROR)
		store_report(redis->store, "Redis does not take store.redis_password");
}

static void connect_redis(struct redis *redis)
{
	char ip[IP_TEXT_SIZE];
	redisAsyncContext *context =
		redisAsyncConnect(ip_print(&redis->setup.ip, ip), redis->setup.port);

	redis->trouble = "Redis cannot be reached";
	if (!context || context->err || redisLibeventAttach(context, redis->loop->base) != 0) {
		if (context)
			redisAsyncFree(context);
		begin_retry(redis);
		return;
	}
	context->data = redis;
	redis->context = context;
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	if (redis->setup.password)
		redisAsyncCommand(context, on_password, NULL, "AUTH %s", redis->setup.password);
}

static void on_retry(void *owner)
{
	connect_redis(owner);
}

/* All that was asked on it is told so. */
static void drop_connection(struct redis *redis)
{
	redisAsyncContext *context = redis->context;

	timer_stop(&redis->drop);
	if (!context)
		return;
	lose(redis, "Redis does not answer in time");
	context->data = NULL;
	redisAsyncFree(context);
}

static void on_drop(void *owner)
{
	drop_connection(owner);
}

/* --- asking --- */

/* The rest is for the loop: the one who is woken may ask again. */
static void on_late(void *owner)
{
	struct asked *asked = owner;
	struct redis *redis = asked->redis;
	struct await *await = asked->await;

	asked->await = NULL;
	timer_start(&redis->drop, redis->loop->clock, 0);
	if (await)
		await_end(await, OUTCOME_TIMED_OUT);
}

static void forget(void *operation)
{
	struct asked *asked = operation;

	asked->await = NULL;
}

static const char *print_name(const struct store_key *key, char name[NAME_SIZE])
{
	size_t used = (size_t)snprintf(name, NAME_SIZE, "postern:");

	for (size_t i = 0; i < STORE_KEY_SIZE; i++)
		used += (size_t)snprintf(name + used, NAME_SIZE - used, "%02x", key->bytes[i]);
	return name;
}

static const char *why_not(const struct redis *redis)
{
	if (!redis->context)
		return redis->trouble;
	return redis->count >= STORE_REDIS_IN_FLIGHT ? "Redis does not keep up" : NULL;
}

/* NULL, after the await has been told, when it cannot be asked. */
static struct asked *begin(struct redis *redis, struct store_entry *entry, struct await *await)
{
	const char *trouble = why_not(redis);
	struct asked *asked;

	if (trouble) {
		store_report(redis->store, trouble);
		if (await)
			await_skip(await, OUTCOME_FAILED);
		return NULL;
	}
	asked = talloc_zero(redis, struct asked);
	asked->redis = redis;
	asked->entry = entry;
	asked->await = await;
	asked->late = (struct timer){.on_due = on_late, .owner = asked};
	DL_APPEND(redis->asked, asked);
	redis->count++;
	return asked;
}

/* hiredis answers from the loop, not before. */
static void await_answer(struct asked *asked, int sent)
{
	if (sent != REDIS_OK) {
		finish(asked, "Redis has closed the connection");
		return;
	}
	timer_start(&asked->late, asked->redis->loop->clock, asked->redis->setup.timeout);
	if (asked->await)
		await_begin(asked->await, AWAIT_FOR_EVER, forget, asked);
}

static void get(
	void *owner, const struct store_key *key, struct store_entry *entry, struct await *await)
{
	struct redis *redis = owner;
	struct asked *asked = begin(redis, entry, await);
	char name[NAME_SIZE];

	if (asked)
		await_answer(asked,
			redisAsyncCommand(redis->context, on_reply, asked, "HMGET %s c f l",
				print_name(key, name)));
}

static void add(
	void *owner, const struct store_note *note, struct store_entry *entry, struct await *await)
{
	struct redis *redis = owner;
	struct asked *asked = begin(redis, entry, await);
	char name[NAME_SIZE], amount[24], wall[24], lifetime[24];

	if (!asked)
		return;
	snprintf(amount, sizeof amount, "%" PRIu64, note->amount);
	snprintf(wall, sizeof wall, "%" PRIu64, clock_wall(redis->loop->clock));
	snprintf(lifetime, sizeof lifetime, "%" PRIu64, note->lifetime ? note->lifetime : 1);
	await_answer(asked,
		redisAsyncCommand(redis->context, on_reply, asked, "EVAL %s 1 %s %s %s %s", adding,
			print_name(&note->key, name), amount, wall, lifetime));
}

/* --- life --- */

/* Nobody is told any more. */
static int close_redis(struct redis *redis)
{
	redisAsyncContext *context = redis->context;
	struct asked *asked;

	timer_stop(&redis->retry);
	DL_FOREACH(redis->asked, asked)
	asked->await = NULL;
	redis->closing = true;
	redis->context = NULL;
	if (context) {
		context->data = NULL;
		redisAsyncFree(context);
	}
	timer_stop(&redis->drop);
	return 0;
}

struct store *store_redis_new(
	const void *parent, struct loop *loop, const struct store_redis_setup *setup)
{
	struct redis *redis = talloc_zero(NULL, struct redis);

	redis->loop = loop;
	redis->setup = *setup;
	redis->store = store_new(parent, loop->clock, (struct store_way){get, add, redis});
	redis->retry = (struct timer){.on_due = on_retry, .owner = redis};
	redis->drop = (struct timer){.on_due = on_drop, .owner = redis};
	talloc_steal(redis->store, redis);
	talloc_set_destructor(redis, close_redis);
	connect_redis(redis);
	return redis->store;
}
