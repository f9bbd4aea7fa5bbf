/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to name servers: who asks what, and what is with the servers. */
#include "base/dns.h"

#include "base/log.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <talloc.h>
#include <uthash.h>
#include <utlist.h>

#define LABEL_MAXIMUM 63
#define ALARM_SILENCE 30000 /* ms */

struct question {
	struct dns_question seen; /* by who answers */
	char *key;                /* type and name */
	struct asking *askings;
	struct question *prev, *next; /* in the queue */
	bool is_asked;
	UT_hash_handle hh;
};

/* Somebody who waits for a question's answer. */
struct asking {
	struct question *question; /* NULL: it was answered */
	struct dns_answer **answer;
	struct await *await; /* NULL while dns_begin_asking runs */
	struct timer deadline;
	struct asking *prev, *next;
};

struct dns {
	struct clock *clock;
	struct dns_resolver resolver;
	struct dns_limits limits;
	struct question *questions; /* by key */
	struct question *queue;
	size_t in_flight, queued;
	unsigned failures; /* in a row */
	uint64_t well;     /* clock_now() of the last good answer, or of the beginning */
	bool has_alarmed;
	bool is_starting; /* an answer that comes at once must not start the next from inside */
};

static void forget(struct question *question)
{
	struct dns *dns = question->seen.dns;

	assert(!question->askings);
	if (!question->is_asked) {
		DL_DELETE(dns->queue, question);
		dns->queued--;
	}
	HASH_DEL(dns->questions, question);
	talloc_free(question);
}

/* --- asking --- */

static void start(struct question *question)
{
	struct dns *dns = question->seen.dns;

	question->is_asked = true;
	dns->in_flight++;
	dns->resolver.begin(dns->resolver.owner, &question->seen);
}

static void start_queued(struct dns *dns)
{
	if (dns->is_starting)
		return;
	dns->is_starting = true;
	while (dns->queue && dns->in_flight < dns->limits.in_flight) {
		struct question *question = dns->queue;
		DL_DELETE(dns->queue, question);
		dns->queued--;
		start(question);
	}
	dns->is_starting = false;
}

static struct question *find_question(struct dns *dns, const char *name, enum dns_type type)
{
	char *key = talloc_asprintf(dns, "%d %s", type, name);
	struct question *question;

	HASH_FIND_STR(dns->questions, key, question);
	if (!question) {
		question = talloc_zero(dns, struct question);
		question->key = talloc_steal(question, key);
		question->seen = (struct dns_question){strchr(key, ' ') + 1, type, dns};
		HASH_ADD_KEYPTR(hh, dns->questions, key, strlen(key), question);
		DL_APPEND(dns->queue, question);
		dns->queued++;
	} else {
		talloc_free(key);
	}
	return question;
}

static struct dns_answer *copy(struct dns *dns, const struct dns_answer *answer)
{
	struct dns_answer *own = talloc_memdup(dns, answer, sizeof *answer);

	own->records = talloc_array(own, struct dns_record, answer->count);
	for (size_t i = 0; i < answer->count; i++) {
		own->records[i] = answer->records[i];
		if (answer->records[i].text)
			own->records[i].text = talloc_strdup(own->records, answer->records[i].text);
	}
	return own;
}

/* --- whether there are answers at all --- */

static void note_failure(struct dns *dns)
{
	uint64_t silence = clock_now(dns->clock) - dns->well;

	if (++dns->failures < DNS_ALARM_FAILURES || silence < ALARM_SILENCE || dns->has_alarmed)
		return;
	dns->has_alarmed = true;
	log_event(LEVEL_ERROR, "dns_silent",
		"the name servers have answered nothing for %u s: mail of strangers waits for "
		"them, and is judged without what they know",
		(unsigned)(silence / 1000));
}

static void note_answer(struct dns *dns)
{
	dns->failures = 0;
	dns->well = clock_now(dns->clock);
	if (dns->has_alarmed)
		log_event(LEVEL_NOTICE, "dns_answers", "the name servers answer again");
	dns->has_alarmed = false;
}

/* --- who waits --- */

/* One that waits no longer. */
static void leave(struct asking *asking)
{
	struct question *question = asking->question;

	timer_stop(&asking->deadline);
	DL_DELETE(question->askings, asking);
	asking->question = NULL;
}

static void tell(struct dns *dns, struct asking *asking, const struct dns_answer *answer)
{
	struct await *await = asking->await;

	leave(asking);
	*asking->answer = copy(dns, answer);
	if (!await)
		return; /* dns_begin_asking looks */
	talloc_free(asking);
	await_end(await, OUTCOME_DONE);
}

static void fail(struct dns *dns, struct dns_answer **answer, enum dns_failure failure)
{
	*answer = copy(dns, &(struct dns_answer){.outcome = DNS_FAILED, .failure = failure});
}

/* What is with the servers stays there, though nobody waits for it. */
static void give_up(struct asking *asking)
{
	struct question *question = asking->question;

	leave(asking);
	talloc_free(asking);
	if (!question->askings && !question->is_asked)
		forget(question);
}

static void on_deadline(void *owner)
{
	struct asking *asking = owner;
	struct dns *dns = asking->question->seen.dns;
	struct await *await = asking->await;

	note_failure(dns);
	fail(dns, asking->answer, DNS_TIMED_OUT);
	give_up(asking);
	await_end(await, OUTCOME_DONE);
}

static void cancel(void *operation)
{
	give_up(operation);
}

/* The name in small letters and without a dot at its end; NULL when it cannot be one. */
static char *normal_name(const void *parent, const char *name)
{
	size_t size = strlen(name), label = 0;
	char *normal;

	size -= size && name[size - 1] == '.';
	if (size == 0 || size > DNS_NAME_MAXIMUM)
		return NULL;
	normal = talloc_strndup(parent, name, size);
	for (size_t i = 0; i < size; i++) {
		label = name[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAXIMUM ||
			(label == 0 && (i == 0 || i + 1 == size || name[i - 1] == '.'))) {
			talloc_free(normal);
			return NULL;
		}
		if (name[i] >= 'A' && name[i] <= 'Z')
			normal[i] = (char)(name[i] - 'A' + 'a');
	}
	return normal;
}

static void begin_waiting(
	struct dns *dns, struct question *question, struct dns_answer **answer, struct await *await)
{
	struct asking *asking = talloc_zero(dns, struct asking);

	asking->question = question;
	asking->answer = answer;
	asking->deadline = (struct timer){.on_due = on_deadline, .owner = asking};
	DL_APPEND(question->askings, asking);
	start_queued(dns);
	if (!asking->question) {
		talloc_free(asking);
		await_skip(await, OUTCOME_DONE);
		return;
	}
	asking->await = await;
	timer_start(&asking->deadline, dns->clock, dns->limits.timeout);
	await_begin(await, AWAIT_FOR_EVER, cancel, asking);
}

void dns_begin_asking(struct dns *dns, const char *name, enum dns_type type,
	struct dns_answer **answer, struct await *await)
{
	char *normal = normal_name(dns, name);
	bool is_too_much = dns->queued >= DNS_QUEUE_MAXIMUM;

	*answer = NULL;
	if (!normal)
		*answer = copy(dns, &(struct dns_answer){.outcome = DNS_NO_NAME});
	else if (is_too_much)
		fail(dns, answer, DNS_OVERLOADED);
	if (*answer)
		await_skip(await, OUTCOME_DONE);
	else
		begin_waiting(dns, find_question(dns, normal, type), answer, await);
	talloc_free(normal);
}

/* --- hearing --- */

void dns_hear(struct dns_question *seen, const struct dns_answer *answer)
{
	struct dns *dns = seen->dns;
	struct question *question = (struct question *)seen;

	HASH_DEL(dns->questions, question);
	dns->in_flight--;
	if (answer->outcome != DNS_FAILED)
		note_answer(dns);
	else if (question->askings)
		note_failure(dns);
	while (question->askings)
		tell(dns, question->askings, answer);
	talloc_free(question);
	start_queued(dns);
}

/* --- life --- */

static int close_dns(struct dns *dns)
{
	struct question *question, *next;

	HASH_ITER(hh, dns->questions, question, next)
	{
		struct asking *asking, *after;
		DL_FOREACH_SAFE(question->askings, asking, after)
		await_cancel(asking->await);
	}
	HASH_CLEAR(hh, dns->questions);
	return 0;
}

struct dns *dns_new(const void *parent, struct clock *clock, struct dns_resolver resolver,
	struct dns_limits limits)
{
	struct dns *dns = talloc_zero(parent, struct dns);

	assert(limits.in_flight > 0);
	dns->clock = clock;
	dns->resolver = resolver;
	dns->limits = limits;
	dns->well = clock_now(clock);
	talloc_set_destructor(dns, close_dns);
	return dns;
}

size_t dns_in_flight(const struct dns *dns)
{
	return dns->in_flight;
}

size_t dns_queued(const struct dns *dns)
{
	return dns->queued;
}

/* --- names --- */

const char *dns_failure_text(enum dns_failure failure)
{
	static const char *const texts[] = {
		[DNS_WELL] = "nothing",
		[DNS_TIMED_OUT] = "no answer from the name servers in time",
		[DNS_SERVFAIL] = "the name servers cannot find out (SERVFAIL)",
		[DNS_REFUSED] = "the name servers refused to answer",
		[DNS_BOGUS] = "the answer is forged, says DNSSEC",
		[DNS_MALFORMED] = "the answer of the name servers cannot be read",
		[DNS_OVERLOADED] = "too many questions to the name servers are waiting",
	};

	return texts[failure];
}

const char *dns_type_name(enum dns_type type)
{
	static const struct {
		enum dns_type type;
		const char *name;
	} names[] = {{DNS_A, "A"}, {DNS_AAAA, "AAAA"}, {DNS_MX, "MX"}, {DNS_TXT, "TXT"},
		{DNS_PTR, "PTR"}, {DNS_CNAME, "CNAME"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}

static bool is_host_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		c == '-' || c == '_';
}

bool dns_is_host_name(struct slice name)
{
	if (name.size == 0 || name.size > DNS_NAME_MAXIMUM || name.data[name.size - 1] == '.')
		return false;
	while (name.size) {
		struct slice label = slice_cut(&name, '.');
		if (label.size == 0 || label.size > LABEL_MAXIMUM || label.data[0] == '-' ||
			label.data[label.size - 1] == '-')
			return false;
		for (size_t i = 0; i < label.size; i++) {
			if (!is_host_character(label.data[i]))
				return false;
		}
	}
	return true;
}

char *dns_reverse(const void *parent, const struct ip *ip, const char *suffix)
{
	const uint8_t *bytes = ip->bytes;
	char *name;

	if (ip->family == 4)
		return talloc_asprintf(parent, "%u.%u.%u.%u.%s", bytes[3], bytes[2], bytes[1],
			bytes[0], suffix ? suffix : "in-addr.arpa");
	name = talloc_strdup(parent, "");
	for (int i = 15; i >= 0; i--)
		name = talloc_asprintf_append_buffer(name, "%x.%x.", bytes[i] & 15, bytes[i] >> 4);
	return talloc_asprintf_append_buffer(name, "%s", suffix ? suffix : "ip6.arpa");
}
