/* SPDX-License-Identifier: Apache-2.0 */
/* INSTREAM, as clamd(8) has it: pieces, each behind its size in four bytes, and one of size 0. */
#include "proxy/clamd.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/steps.h"
#include "base/stream.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <talloc.h>

#define PIECE (1u << 20)
#define ANSWER_MOST 1024
#define RETRY_MILLISECONDS 1000
#define CONNECT_MILLISECONDS 5000
#define NAME_MOST 200

struct clamd {
	struct loop *loop;
	const struct policy *policy;
	size_t first;  /* that is asked first */
	bool *is_down; /* each one, as last logged */
};

/* One message on its way. */
struct errand {
	struct clamd *clamd;
	struct facts *facts;
	struct slice message;
	struct await *caller;
	struct stream *stream;
	struct steps steps;
	uint64_t begun;
	uint64_t until;  /* the answer must have come */
	size_t tried;    /* since all were tried last */
	size_t too_much; /* of these, to whom the message is too large */
	const char *reason;
	char answer[ANSWER_MOST]; /* what has come of it */
	size_t answered;
};

static struct step connect_next(void *owner);
static struct step say(void *owner);
static struct step hear(void *owner);
static struct step take(void *owner);
static struct step end(void *owner);

/* --- who --- */

static size_t number_of(const struct errand *errand)
{
	return (errand->clamd->first + errand->tried) % errand->clamd->policy->clamd_count;
}

static void note(struct clamd *clamd, size_t number, const char *reason)
{
	bool is_down = reason != NULL;

	if (clamd->is_down[number] == is_down)
		return;
	clamd->is_down[number] = is_down;
	log_event(is_down ? LEVEL_ERROR : LEVEL_NOTICE, is_down ? "clamd_down" : "clamd_up",
		"%s%s%s", clamd->policy->clamds[number]->name, reason ? ": " : "",
		reason ? reason : "");
}

static socklen_t address_of(const struct clamd_options *options, struct sockaddr_storage *address)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct ip ip;
	uint16_t port;

	if (*options->socket != '/')
		return ip_parse_with_port(slice_of(options->socket), &ip, &port)
			? ip_to_sockaddr(&ip, port, address)
			: 0;
	memcpy(local.sun_path, options->socket, strlen(options->socket) + 1);
	memcpy(address, &local, sizeof local);
	return sizeof local;
}

/* --- trying --- */

static uint64_t milliseconds_left(const struct errand *errand)
{
	uint64_t now = clock_now(errand->clamd->loop->clock);
	uint64_t until = errand->begun + (uint64_t)errand->clamd->policy->virus->hold;

	return now < until ? until - now : 0;
}

static void on_pause_over(void *operation)
{
	(void)operation;
}

/* Another one; when all were tried, all again after a while, for as long as the message may be held and there is hope. */
static struct step pass_on(struct errand *errand, const char *reason)
{
	uint64_t left = milliseconds_left(errand);
	bool has_hope = errand->too_much < errand->clamd->policy->clamd_count;

	talloc_free((void *)errand->reason);
	errand->reason = talloc_asprintf(errand, "clamd \"%s\": %s",
		errand->clamd->policy->clamds[number_of(errand)]->name, reason);
	TALLOC_FREE(errand->stream);
	if (++errand->tried < errand->clamd->policy->clamd_count)
		return THEN(connect_next);
	errand->tried = errand->too_much = 0;
	if (!left || !has_hope)
		return THEN(end);
	await_begin(&errand->steps.await, left < RETRY_MILLISECONDS ? left : RETRY_MILLISECONDS,
		on_pause_over, errand);
	return THEN(connect_next);
}

static struct step try_next(struct errand *errand, const char *reason)
{
	note(errand->clamd, number_of(errand), reason);
	return pass_on(errand, reason);
}

static struct step connect_next(void *owner)
{
	struct errand *errand = owner;
	struct clamd *clamd = errand->clamd;
	struct sockaddr_storage address;
	socklen_t size = address_of(clamd->policy->clamds[number_of(errand)], &address);

	errand->stream =
		stream_begin_connect(errand, clamd->loop, (const struct sockaddr *)&address, size,
			CONNECT_MILLISECONDS, &errand->steps.await);
	return THEN(say);
}

static struct step fail(struct errand *errand)
{
	const char *error = errand->stream ? stream_error(errand->stream) : "no socket";

	if (errand->steps.await.outcome == OUTCOME_TIMED_OUT)
		return try_next(errand, "it does not answer");
	return try_next(
		errand, *error ? talloc_strdup(errand, error) : "it has closed the connection");
}

static void write_size(struct stream *stream, size_t size)
{
	uint32_t bytes = htonl((uint32_t)size);

	stream_write(stream, slice_make((const char *)&bytes, sizeof bytes));
}

static struct step say(void *owner)
{
	struct errand *errand = owner;
	struct slice rest = errand->message;

	if (errand->steps.await.outcome != OUTCOME_DONE)
		return fail(errand);
	stream_write(errand->stream, slice_make("zINSTREAM", sizeof "zINSTREAM"));
	while (rest.size) {
		size_t size = rest.size < PIECE ? rest.size : PIECE;
		write_size(errand->stream, size);
		stream_lend(errand->stream, slice_make(rest.data, size));
		rest = slice_from(rest, size);
	}
	write_size(errand->stream, 0);
	errand->answered = 0;
	stream_begin_flush(errand->stream, 0, (uint64_t)errand->clamd->policy->virus->timeout,
		&errand->steps.await);
	return THEN(hear);
}

static struct step hear(void *owner)
{
	struct errand *errand = owner;
	uint64_t now = clock_now(errand->clamd->loop->clock);

	if (errand->steps.await.outcome != OUTCOME_DONE)
		return fail(errand);
	if (!errand->answered)
		errand->until = now + (uint64_t)errand->clamd->policy->virus->timeout;
	stream_begin_bytes(errand->stream, errand->until > now ? errand->until - now : 1,
		&errand->steps.await);
	return THEN(take);
}

/* --- the answer --- */

static bool ends_with(struct slice text, const char *end)
{
	size_t size = strlen(end);

	return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/* A message that is larger than StreamMaxLength says nothing about how the daemon fares. */
static struct step hear_failure(struct errand *errand, struct slice said)
{
	const char *reason = talloc_asprintf(errand, "it says \"%.*s\"",
		(int)(said.size < NAME_MOST ? said.size : NAME_MOST), said.data);

	if (!slice_starts_nocase(said, "INSTREAM size limit exceeded"))
		return try_next(errand, reason);
	errand->too_much++;
	return pass_on(errand, reason);
}

/* "stream: OK", "stream: NAME FOUND"; all else is a failure. */
static struct step read_answer(struct errand *errand, struct slice answer)
{
	static const char front[] = "stream: ";
	struct slice said = answer;
	bool is_about_us = slice_starts_nocase(answer, front);

	said = is_about_us ? slice_from(answer, strlen(front)) : answer;
	if (is_about_us && slice_equals(said, "OK")) {
		facts_set_absent(errand->facts, FACT_VIRUS_NAME);
	} else if (is_about_us && ends_with(said, " FOUND") && said.size > strlen(" FOUND")) {
		said.size -= strlen(" FOUND");
		if (said.size > NAME_MOST)
			said.size = NAME_MOST;
		facts_set_text(errand->facts, FACT_VIRUS_NAME, slice_keep(errand->facts, said));
	} else {
		return hear_failure(errand, said);
	}
	note(errand->clamd, number_of(errand), NULL);
	errand->clamd->first = number_of(errand);
	errand->reason = NULL;
	return DONE;
}

/* False: it is too long. */
static bool keep(struct errand *errand)
{
	struct slice bytes = stream_bytes(errand->stream);

	if (bytes.size > sizeof errand->answer - errand->answered)
		return false;
	memcpy(errand->answer + errand->answered, bytes.data, bytes.size);
	errand->answered += bytes.size;
	stream_take(errand->stream, bytes.size);
	return true;
}

static struct step take(void *owner)
{
	struct errand *errand = owner;
	struct slice answer;
	size_t size;

	if (errand->steps.await.outcome != OUTCOME_DONE)
		return fail(errand);
	if (!keep(errand))
		return try_next(errand, "it says too much");
	answer = slice_make(errand->answer, errand->answered);
	size = slice_find(answer, '\0');
	if (size < answer.size)
		return read_answer(errand, slice_make(answer.data, size));
	return THEN(hear);
}

static struct step end(void *owner)
{
	struct errand *errand = owner;

	facts_answer(errand->facts, &(struct question){.fact = FACT_VIRUS_NAME}, FACT_FAILED,
		(struct value){.text = talloc_strdup(errand->facts, errand->reason)});
	return DONE;
}

/* --- learning --- */

static void on_done(void *owner)
{
	struct errand *errand = owner;
	struct await *caller = errand->caller;

	talloc_free(errand);
	if (caller->pending)
		await_end(caller, OUTCOME_DONE);
	else
		await_skip(caller, OUTCOME_DONE);
}

static void cancel(void *operation)
{
	talloc_free(operation);
}

static int close_errand(struct errand *errand)
{
	steps_cancel(&errand->steps);
	return 0;
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct clamd *clamd = owner;
	struct errand *errand;

	if (!inquiry->message) {
		facts_answer(inquiry->facts, question, FACT_ABSENT, (struct value){0});
		await_skip(await, OUTCOME_DONE);
		return;
	}
	errand = talloc_zero(clamd, struct errand);
	*errand = (struct errand){.clamd = clamd,
		.facts = inquiry->facts,
		.message = message_bytes(inquiry->message),
		.caller = await,
		.begun = clock_now(clamd->loop->clock)};
	steps_init(&errand->steps, clamd->loop->clock, errand, THEN(end), on_done);
	talloc_set_destructor(errand, close_errand);
	await_begin(await, AWAIT_FOR_EVER, cancel, errand);
	steps_start(&errand->steps, THEN(connect_next));
}

struct learner clamd_learner(struct clamd *clamd)
{
	return (struct learner){begin, clamd};
}

struct clamd *clamd_new(const void *parent, struct loop *loop, const struct policy *policy)
{
	struct clamd *clamd = talloc_zero(parent, struct clamd);

	clamd->loop = loop;
	clamd->policy = policy;
	clamd->is_down = talloc_zero_array(clamd, bool, policy->clamd_count);
	return clamd;
}
