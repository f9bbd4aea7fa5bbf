/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that others have written (POSTERN_TESTDATA), played against a gateway before a backend that takes everything. What we answer
 * otherwise must be listed with its reason; what is listed must not agree. */
#include "base/loop.h"
#include "proxy/pool.h"
#include "tests/fakes/acceptor.h"

#include <check.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <talloc.h>

#define SKIPPED 77
#define STRANGER "192.0.2.10"
#define OURS "10.0.0.1"

static const struct deviation {
	const char *id;
	const char *reason;
} deviations[] = {
	{"relay-24",
		"a source route is refused, though its mailbox is ours: RFC 5321 §3.6.1 and "
		"appendix C let a server decline it, and DESIGN "
		"has the relay gate refuse it"},
	{"stls-03", "554 and the end instead of a handshake: DEFAULTS, plaintext behind STARTTLS"},
	{"dlg-001", "500 and the end: DEFAULTS, a line that begins with no letter"},
	{"dlg-002", "500 and the end: DEFAULTS, a line that begins with no letter"},
	{"dlg-091", "no setting makes the limit of a message as small as 50 octets"},
	{"dlg-147", "a chunk of one octet is one, and LAST in small letters ends the message"},
	{"dlg-136", "RFC 3030 §2 lets a chunk be empty"},
	{"dlg-144", "RFC 3030 §2 lets a chunk be empty"},
	{NULL, NULL},
};

/* What a case takes for granted and we do not have. As soon as EHLO offers it, the row is stale. */
static const struct {
	const char *assumption;
	const char *keyword;
} lacking[] = {
	{"DSN offered", "DSN"},
	{"AUTH offered on this port", "AUTH"},
	{"AUTH PLAIN offered", "AUTH"},
};

static struct {
	const char *name;
	const char *file;
	const char *key;
	json_t *root;
	json_t *cases;
} suites[] = {
	{"dialogue", "dialogue/dialogues.json", "dialogues", NULL, NULL},
	{"smuggling", "smuggling/eod-variants.json", "variants", NULL, NULL},
	{"relay", "relay/relay-tests.json", "tests", NULL, NULL},
	{"starttls", "starttls/starttls.json", "cases", NULL, NULL},
};

enum { DIALOGUE, SMUGGLING, RELAY, STARTTLS, SUITES };

static struct certificate certificate;

/* --- a session --- */

struct play {
	const json_t *row;
	const char *id;
	struct rig *rig;
	struct acceptor *acceptor;
	char *heard;      /* the replies, for the complaint */
	size_t delivered; /* messages that the client heard 2xx to */
	bool at_message;  /* the last reply was 354 */
};

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

static bool assumes(const json_t *row, const char *assumption)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(row, "assume"), i, item)
	{
		if (strcmp(json_string_value(item), assumption) == 0)
			return true;
	}
	return false;
}

/* The backend is probed before the client comes: what it cannot do is not offered. */
static void await_probe(struct play *play)
{
	clock_move(play->rig->loop->clock, 1);
	for (unsigned patience = 0; patience < RIG_PATIENCE; patience++) {
		rig_turn(play->rig);
		if (pool_capabilities(play->rig->gateway->pools[0]).known)
			return;
		poll(NULL, 0, 1);
	}
	ck_abort_msg("%s: the backend was not probed", play->id);
}

static struct play *begin(const json_t *row, const char *site)
{
	struct play *play = talloc_zero(NULL, struct play);
	bool utf8 = !assumes(row, "SMTPUTF8 not offered");

	play->row = row;
	play->id = text_of(row, "id");
	play->heard = talloc_strdup(play, "");
	play->rig = rig_new(play, &certificate);
	rig_configure(
		play->rig, "backend \"test\" { servers = {\"@SERVER@\"} tls = off probe = 60s }");
	rig_configure(play->rig,
		"limits { errors = 1000 unknown_verbs = 1000 idle_verbs = 1000 messages = 1000 }");
	rig_configure(play->rig, site);
	const char *bad = rig_begin(play->rig);
	ck_assert_msg(!bad, "%s", bad);
	play->acceptor = acceptor_new(play->rig,
		utf8 ? "250-PIPELINING\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n"
		     : "250-PIPELINING\r\n250-8BITMIME\r\n");
	await_probe(play);
	return play;
}

/* Undoes \r, \n and \xHH. */
static char *unescape(const void *parent, const char *text, size_t *size)
{
	char *out = talloc_array(parent, char, strlen(text) + 1);
	unsigned byte;

	for (*size = 0; *text;) {
		if (sscanf(text, "\\x%2x", &byte) == 1) {
			out[(*size)++] = (char)byte;
			text += 4;
		} else if (text[0] == '\\' && (text[1] == 'r' || text[1] == 'n')) {
			out[(*size)++] = text[1] == 'r' ? '\r' : '\n';
			text += 2;
		} else {
			out[(*size)++] = *text++;
		}
	}
	return out;
}

static void say(struct play *play, const char *text)
{
	size_t size;
	char *bytes = unescape(play, text, &size);

	rig_send(play->rig, &play->rig->client, bytes, size);
}

/* The code of the next reply, 0 when the connection has ended. */
static unsigned hear(struct play *play)
{
	char line[END_LINE];

	do {
		if (!rig_hear_line(play->rig, &play->rig->client, line)) {
			play->heard = talloc_strdup_append(play->heard, " (nothing)");
			return 0;
		}
	} while (strlen(line) > 3 && line[3] == '-');
	unsigned code = (unsigned)strtoul(line, NULL, 10);
	bool is_of_message = play->at_message || strcmp(line, "250 2.0.0 taken") == 0;
	play->delivered += is_of_message && code / 100 == 2;
	play->at_message = code == 354;
	play->heard = talloc_asprintf_append(play->heard, " [%.60s]", line);
	return code;
}

static void connect_client(struct play *play, const char *address)
{
	rig_connect(play->rig, address);
	ck_assert_uint_eq(hear(play), 220);
}

/* Nothing more is said. */
static bool is_quiet(struct play *play)
{
	for (unsigned i = 0; i < 20; i++) {
		rig_turn(play->rig);
		end_read(&play->rig->client, play->rig);
		poll(NULL, 0, i > 10);
	}
	return play->rig->client.size == 0;
}

static bool is_listed(const char *id)
{
	for (const struct deviation *row = deviations; row->id; row++) {
		if (strcmp(row->id, id) == 0)
			return true;
	}
	return false;
}

/* The client was told the truth, nothing is left, and the case agrees or is listed. */
static void end(struct play *play, bool agrees)
{
	bool listed = is_listed(play->id);
	size_t kept = play->acceptor->message_count;

	while (!is_quiet(play))
		hear(play);
	acceptor_close(play->acceptor);
	ck_assert_msg(kept == play->delivered,
		"%s: %zu messages lie behind, 2xx was heard to %zu:%s", play->id, kept,
		play->delivered, play->heard);
	ck_assert_msg(agrees != listed, "%s (%s): %s:%s", play->id, text_of(play->row, "name"),
		agrees ? "agrees, but is listed" : "does not agree", play->heard);
	const char *left = rig_end(play->rig);
	ck_assert_msg(!left, "%s: %s", play->id, left);
	talloc_free(play);
}

static const json_t *case_of(unsigned suite, int index)
{
	return json_array_get(suites[suite].cases, (size_t)index);
}

/* --- dialogues --- */

/* Alternatives like 2|501: whole codes or first digits. */
static bool is_expected(const char *alternatives, unsigned code)
{
	for (const char *at = alternatives; *at;) {
		char *rest;
		unsigned long one = strtoul(at, &rest, 10);
		if (code && one == (one < 10 ? code / 100 : code))
			return true;
		at = *rest ? rest + 1 : rest;
	}
	return false;
}

/* Whether EHLO offers what the case is about. */
static bool has_what_it_takes(struct play *play)
{
	for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
		if (!assumes(play->row, lacking[i].assumption))
			continue;
		char line[END_LINE];
		bool offered = false;
		say(play, "EHLO client.example\r\n");
		do {
			ck_assert(rig_hear_line(play->rig, &play->rig->client, line));
			offered |= strncmp(line + 4, lacking[i].keyword,
					   strlen(lacking[i].keyword)) == 0;
		} while (line[3] == '-');
		ck_assert_msg(!offered, "%s: \"%s\" is listed as lacking, but is there", play->id,
			lacking[i].keyword);
		return false;
	}
	return true;
}

static bool play_step(struct play *play, const json_t *step)
{
	const char *expected = text_of(step, "expect");

	say(play, text_of(step, "send"));
	if (strcmp(expected, "close-by-client") == 0) {
		end_close(&play->rig->client);
		return true;
	}
	return is_expected(expected, hear(play));
}

static bool play_steps(struct play *play)
{
	bool agrees = true;
	const json_t *step;
	size_t i;

	if (strstr(text_of(play->row, "note"), "1,000,000 letters")) {
		char *letters = talloc_size(play, 1000000);
		memset(letters, 'a', 1000000);
		rig_send(play->rig, &play->rig->client, letters, 1000000);
	}
	json_array_foreach(json_object_get(play->row, "steps"), i, step) agrees &=
		play_step(play, step);
	return agrees && is_quiet(play);
}

START_TEST(test_dialogue)
{
	struct play *play = begin(case_of(DIALOGUE, _i),
		"relay { domains = {\"example.com\", \"example.org\", \"gchq.gov.uk\", "
		"\"test.ex\", \".test.ex\", "
		"\"some.domain\", \"y\", \"good1.ex\", \"good2.ex\"} }");

	connect_client(play, STRANGER);
	if (has_what_it_takes(play))
		end(play, play_steps(play));
	else
		end(play, !is_listed(play->id));
}
END_TEST

/* --- smuggling --- */

static char *decode_hex(const void *parent, const char *hex, size_t *size)
{
	char *bytes = talloc_array(parent, char, strlen(hex) / 2 + 1);

	for (*size = 0; hex[2 * *size]; ++*size) {
		unsigned byte;
		ck_assert_int_eq(sscanf(hex + 2 * *size, "%2x", &byte), 1);
		bytes[*size] = (char)byte;
	}
	return bytes;
}

/* Whether nobody who takes bare CR or LF for line ends, or drops NUL, finds an end in it. */
static bool is_safe(const void *parent, struct slice message)
{
	char *plain = talloc_array(parent, char, message.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < message.size; i++) {
		if (message.data[i] != '\0')
			plain[size++] = message.data[i];
	}
	for (size_t i = 0; i < size; i++) {
		if (plain[i] == '\r' && (i + 1 == size || plain[i + 1] != '\n'))
			return false;
		if (plain[i] == '\n' && (i == 0 || plain[i - 1] != '\r'))
			return false;
	}
	return !memmem(plain, size, "\r\n.\r\n", 5);
}

/* All that follows 354, in one piece or byte by byte; then the connection ends, by QUIT or by us. */
static void say_message(struct play *play, const json_t *template, struct slice variant)
{
	say(play, text_of(template, "message"));
	rig_send(play->rig, &play->rig->client, variant.data, variant.size);
	say(play, text_of(template, "smuggled"));
	say(play, text_of(template, "end"));
	while (hear(play))
		;
	ck_assert_msg(rig_hear_end(play->rig, &play->rig->client), "%s: it did not end:%s",
		play->id, play->heard);
}

/* Without a true end there is one message or none, and it is safe; with one, what follows is executed unless a NUL stands before it. */
static bool is_framed(struct play *play, struct slice variant)
{
	const struct acceptor *acceptor = play->acceptor;
	bool has_end = json_is_true(json_object_get(play->row, "contains_true_eod"));
	size_t messages = !has_end ? 0 : variant.data[variant.size - 1] == '\0' ? 1 : 2;

	for (size_t i = 0; i < acceptor->message_count; i++) {
		if (!is_safe(play, acceptor->messages[i]))
			return false;
	}
	if (!has_end)
		return acceptor->sender_count <= 1 && acceptor->message_count <= 1;
	return acceptor->sender_count == messages && acceptor->message_count == messages &&
		!memmem(acceptor->messages[0].data, acceptor->messages[0].size, "MAIL FROM", 9);
}

/* "EHLO …\r\nMAIL …\r\n", a line at a time. */
static void say_lines(struct play *play, const char *escaped)
{
	size_t size;
	const char *bytes = unescape(play, escaped, &size), *end = bytes + size;

	while (bytes < end) {
		const char *next = (const char *)memchr(bytes, '\n', (size_t)(end - bytes)) + 1;
		rig_send(play->rig, &play->rig->client, bytes, (size_t)(next - bytes));
		hear(play);
		bytes = next;
	}
}

static void smuggle(int index, const char *client, size_t piece)
{
	const json_t *template = json_object_get(suites[SMUGGLING].root, "template");
	struct play *play = begin(case_of(SMUGGLING, index),
		"relay { domains = {\"example.com\"} networks = {\"10.0.0.0/8\"} }");
	size_t size;
	const char *bytes = decode_hex(play, text_of(play->row, "hex"), &size);

	connect_client(play, client);
	say_lines(play, text_of(template, "pre"));
	ck_assert(play->at_message);
	play->rig->piece = piece;
	say_message(play, template, slice_make(bytes, size));
	end(play, is_framed(play, slice_make(bytes, size)));
}

START_TEST(test_smuggling)
{
	smuggle(_i, STRANGER, 0);
	smuggle(_i, STRANGER, 1);
	smuggle(_i, OURS, 0);
	smuggle(_i, OURS, 1);
}
END_TEST

/* --- relay --- */

START_TEST(test_relay)
{
	const json_t *setup = json_object_get(suites[RELAY].root, "setup");
	const json_t *domain = json_array_get(json_object_get(setup, "local_domains"), 0);
	char *site =
		talloc_asprintf(NULL, "relay { domains = {\"%s\"} }", json_string_value(domain));
	struct play *play = begin(case_of(RELAY, _i), site);
	const char *expected = text_of(play->row, "expect");
	unsigned code;

	talloc_free(site);
	connect_client(play, STRANGER);
	say_lines(play, "EHLO client.example\\r\\n");
	say_lines(
		play, talloc_asprintf(play, "MAIL FROM:%s\\r\\n", text_of(play->row, "mail_from")));
	say(play, talloc_asprintf(play, "RCPT TO:%s\r\n", text_of(play->row, "rcpt_to")));
	code = hear(play);
	for (size_t i = 0; i < play->acceptor->recipient_count; i++)
		ck_assert_msg(!strstr(play->acceptor->recipients[i], "outside"), "%s is relayed",
			play->acceptor->recipients[i]);
	end(play, is_expected(expected, code));
}
END_TEST

/* --- STARTTLS --- */

/* The code of the last reply. */
static unsigned play_around_tls(struct play *play)
{
	const json_t *piece;
	unsigned code = 0;
	size_t i;

	json_array_foreach(json_object_get(play->row, "pre_tls"), i, piece)
	{
		say(play, json_string_value(piece));
		code = hear(play);
	}
	if (code != 220)
		return code;
	const char *bad = rig_shake_hands(play->rig, &play->rig->client, true);
	ck_assert_msg(!bad, "%s: %s", play->id, bad);
	json_array_foreach(json_object_get(play->row, "post_tls"), i, piece)
	{
		say(play, json_string_value(piece));
		code = hear(play);
	}
	return code;
}

/* The first number in what is expected is the code of the last reply. */
START_TEST(test_starttls)
{
	const json_t *row = case_of(STARTTLS, _i);
	const char *expected = text_of(row, "expect");

	if (json_object_get(row, "server_sends"))
		return; /* where we are the client: see the dialogues backend-*starttls* */
	struct play *play = begin(row, "relay { domains = {\"example.com\"} }");
	connect_client(play, STRANGER);
	unsigned code = play_around_tls(play);
	for (size_t i = 0; i < play->acceptor->sender_count; i++)
		ck_assert_msg(!strstr(play->acceptor->senders[i], "injected"),
			"%s: what was injected is relayed", play->id);
	end(play, code == strtoul(expected + strcspn(expected, "0123456789"), NULL, 10));
}
END_TEST

/* --- all --- */

static bool is_known(const char *id)
{
	for (size_t i = 0; i < SUITES; i++) {
		const json_t *row;
		size_t index;
		json_array_foreach(suites[i].cases, index, row)
		{
			if (strcmp(text_of(row, "id"), id) == 0)
				return true;
		}
	}
	return false;
}

START_TEST(test_listed_ones_exist)
{
	for (const struct deviation *row = deviations; row->id; row++)
		ck_assert_msg(is_known(row->id), "%s is listed, but is no case", row->id);
}
END_TEST

static void load(const char *root)
{
	for (size_t i = 0; i < SUITES; i++) {
		char path[4096];
		json_error_t error;
		snprintf(path, sizeof path, "%s/smtp/%s", root, suites[i].file);
		suites[i].root = json_load_file(path, JSON_ALLOW_NUL, &error);
		if (!suites[i].root) {
			printf("skipped: %s\n", error.text);
			exit(SKIPPED);
		}
		suites[i].cases = json_object_get(suites[i].root, suites[i].key);
	}
}

static Suite *foreign(void)
{
	const TTest *const tests[] = {test_dialogue, test_smuggling, test_relay, test_starttls};
	Suite *suite = suite_create("foreign sessions");
	TCase *listed = tcase_create("listed");

	for (size_t i = 0; i < SUITES; i++) {
		TCase *cases = tcase_create(suites[i].name);
		tcase_add_loop_test(cases, tests[i], 0, (int)json_array_size(suites[i].cases));
		suite_add_tcase(suite, cases);
	}
	tcase_add_test(listed, test_listed_ones_exist);
	suite_add_tcase(suite, listed);
	return suite;
}

int main(void)
{
	const char *root = getenv("POSTERN_TESTDATA");

	if (!root || !*root) {
		printf("skipped: POSTERN_TESTDATA is not set\n");
		return SKIPPED;
	}
	load(root);
	certificate_make(&certificate);
	SRunner *runner = srunner_create(foreign());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	certificate_remove(&certificate);
	for (size_t i = 0; i < SUITES; i++)
		json_decref(suites[i].root);
	return failed != 0;
}
