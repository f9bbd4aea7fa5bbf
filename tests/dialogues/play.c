/* SPDX-License-Identifier: Apache-2.0 */
/* Plays dialogues against a gateway: see README.md in this folder. */
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/session.h"
#include "tests/fakes/milter.h"
#include "tests/fakes/rig.h"
#include "tests/fakes/shelf.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <talloc.h>

enum way { WAY_WRITTEN, WAY_BYTES, WAY_AT_ONCE, WAY_CUT, WAY_AS_MILTER, WAYS };
static const char *const way_names[] = {"written", "bytes", "at once", "cut", "as milter"};

struct play {
	const char *file;
	unsigned line;
	enum way way;
	struct rig *rig;
	struct end backend;
	bool connected; /* the backend has heard of us */
	const char *offer;
	char **script;
	size_t count;
	size_t said;      /* script lines already sent by "at once" */
	const char **due; /* what the client has yet to hear, when all was said at once */
	unsigned *due_lines;
	size_t due_count;
	struct end beside; /* an earlier connection of the client, left open */
};

static struct certificate certificate;

static void give_up(const struct play *play, const char *what, const char *wanted, struct slice got)
{
	ck_abort_msg("%s:%u (%s): %s: wanted \"%s\", got \"%.*s\"", play->file, play->line,
		way_names[play->way], what, wanted, SLICE_ARGS(got));
}

/* "(offer)", "(offer STARTTLS)" or "(offer without STARTTLS)": all lines of a reply, and whether one of them is the keyword. */
static void expect_offer(struct play *play, struct end *end, const char *pattern)
{
	bool without = strncmp(pattern, "(offer without ", 15) == 0;
	const char *keyword = pattern[6] == ')' ? "" : pattern + (without ? 15 : 7);
	size_t size = strcspn(keyword, ")");
	bool found = false;
	char line[END_LINE];

	do {
		if (!rig_hear_line(play->rig, end, line))
			give_up(play, "the reply did not end", pattern, slice_of(""));
		found |= strlen(line) > 4 && strncmp(line + 4, keyword, size) == 0;
	} while (line[3] == '-');
	if (found == without)
		give_up(play, "another offer", pattern, slice_of(line));
}

static void expect_line(struct play *play, struct end *end, const char *pattern)
{
	char line[END_LINE];

	if (strncmp(pattern, "(offer", 6) == 0) {
		expect_offer(play, end, pattern);
		return;
	}
	if (!rig_hear_line(play->rig, end, line))
		give_up(play, end->ended ? "the connection ended" : "nothing came", pattern,
			slice_make(end->input, end->size));
	if (fnmatch(pattern, line, 0) != 0)
		give_up(play, "another line", pattern, slice_of(line));
}

static void expect_end(struct play *play, struct end *end)
{
	if (!rig_hear_end(play->rig, end) || end->size)
		give_up(play, end->ended ? "more came before the end" : "it did not end",
			"(closed)", slice_make(end->input, end->size));
}

static void shake_hands(struct play *play, struct end *end, bool as_client)
{
	const char *bad = rig_shake_hands(play->rig, end, as_client);

	if (bad)
		give_up(play, "handshake failed", "(tls)", slice_of(bad));
}

/* The gateway says in an alert what it thinks of the certificate; by then, the handshake may be over for us. */
static void have_tls_refused(struct play *play)
{
	const char *bad = rig_shake_hands(play->rig, &play->backend, false);

	if (!bad)
		rig_hear_end(play->rig, &play->backend);
	if (!bad && !play->backend.ended)
		give_up(play, "the certificate was taken", "(tls refused)", slice_of(""));
	SSL_free(play->backend.tls);
	play->backend.tls = NULL;
}

/* --- the backend --- */

static void accept_backend(struct play *play)
{
	if (!rig_accept(play->rig, &play->backend))
		give_up(play, "no connection came", "(connect)", slice_of(""));
	play->connected = true;
}

static void say(struct play *play, struct end *end, const char *text)
{
	rig_send(play->rig, end, text, strlen(text));
}

static void greet_backend(struct play *play)
{
	char *offer = talloc_strdup(play, play->offer);
	const char *separator = "-";

	accept_backend(play);
	say(play, &play->backend, "220 backend.example ESMTP\r\n");
	expect_line(play, &play->backend, "EHLO mx.example.com");
	say(play, &play->backend, *offer ? "250-backend.example\r\n" : "250 backend.example\r\n");
	for (char *keyword = strtok(offer, ","); keyword;) {
		char *next = strtok(NULL, ",");
		separator = next ? "-" : " ";
		while (*keyword == ' ')
			keyword++;
		say(play, &play->backend, talloc_asprintf(play, "250%s%s\r\n", separator, keyword));
		keyword = next;
	}
}

static void expect_trace(struct play *play)
{
	expect_line(play, &play->backend, "Received: from *");
	for (unsigned patience = 0; patience < RIG_PATIENCE;) {
		char line[END_LINE];
		bool is_more = play->backend.size && isblank((unsigned char)play->backend.input[0]);
		bool is_tag = play->backend.size > 10 &&
			memcmp(play->backend.input, "X-Postern-", 10) == 0;
		if (play->backend.size > 10 && !is_more && !is_tag)
			return;
		if (play->backend.size && !is_more && play->backend.input[0] != 'X')
			return;
		if (!end_take_line(&play->backend, line)) {
			end_read(&play->backend, play->rig);
			rig_await(play->rig, play->backend.descriptor, &patience);
		}
	}
}

static void expect_bytes(struct play *play, size_t count)
{
	for (unsigned patience = 0; count && patience < RIG_PATIENCE;) {
		size_t some = play->backend.size < count ? play->backend.size : count;
		count -= some;
		if (some)
			end_drop(&play->backend, some);
		if (count && !end_read(&play->backend, play->rig))
			rig_await(play->rig, play->backend.descriptor, &patience);
	}
	if (count)
		give_up(play, "fewer bytes came", "(skip)", slice_of(""));
}

/* --- the script --- */

/* Undoes the escapes of a line; its size in *size. */
static char *unescape(void *parent, const char *text, size_t *size)
{
	char *out = talloc_array(parent, char, strlen(text) + 3);
	static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";

	for (*size = 0; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		if (*text == '\\' && text[1] == 'x') {
			char digits[3] = {text[2], text[3], '\0'};
			out[(*size)++] = (char)strtol(digits, NULL, 16);
			text += 3;
		} else if (letter) {
			out[(*size)++] = bytes[letter - letters];
			text++;
		} else {
			out[(*size)++] = *text;
		}
	}
	out[*size] = '\0';
	return out;
}

static void say_escaped(struct play *play, struct end *end, const char *text, bool with_crlf)
{
	size_t size;
	char *bytes = unescape(play, text, &size);

	if (with_crlf) {
		memcpy(bytes + size, "\r\n", 3);
		size += 2;
	}
	rig_send(play->rig, end, bytes, size);
}

static void repeat(struct play *play, struct end *end, const char *arguments)
{
	char *rest;
	unsigned long times = strtoul(arguments, &rest, 10);
	size_t size;
	char *text = talloc_strndup(play, rest + 1, strlen(rest + 1) - 1);
	char *bytes = unescape(play, text, &size);
	char *all = talloc_array(play, char, times *size + 1);

	for (unsigned long i = 0; i < times; i++)
		memcpy(all + i * size, bytes, size);
	rig_send(play->rig, end, all, times * size);
}

static bool is_barrier(const char *line)
{
	return strncmp(line, "wait", 4) == 0 || strncmp(line, "store", 5) == 0 ||
		strncmp(line, "C: (", 4) == 0 || strncmp(line, "log:", 4) == 0 ||
		strncmp(line, "drain", 5) == 0 || strncmp(line, "stop", 4) == 0 ||
		strcmp(line, "barrier") == 0;
}

/* Sends what the client says from here to the next barrier. */
static void say_all(struct play *play, size_t from)
{
	char *all = talloc_strdup(play, "");
	size_t size = 0;

	for (size_t i = from; i < play->count && !is_barrier(play->script[i]); i++) {
		size_t some;
		if (strncmp(play->script[i], "C:", 2) != 0 &&
			strncmp(play->script[i], "C-", 2) != 0)
			continue;
		char *bytes = unescape(play, play->script[i] + 3, &some);
		if (play->script[i][1] == ':') {
			memcpy(bytes + some, "\r\n", 3);
			some += 2;
		}
		all = talloc_realloc(play, all, char, size + some);
		memcpy(all + size, bytes, some);
		size += some;
		play->said = i + 1;
	}
	rig_send(play->rig, &play->rig->client, all, size);
}

/* The value of a head line, or NULL; nth from 0. */
static const char *head(const struct play *play, const char *name, size_t nth)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < play->count; i++) {
		if (strncmp(play->script[i], name, size) == 0 && nth-- == 0)
			return play->script[i] + size + 1;
	}
	return NULL;
}

static void connect_client(struct play *play)
{
	const char *address = head(play, "client:", 0);

	rig_connect(play->rig, address ? address : "192.0.2.10");
}

/* A second connection, on which the dialogue goes on; the first stays open. */
static void connect_beside(struct play *play)
{
	play->beside = play->rig->client;
	connect_client(play);
}

/* close_notify, and the connection stays open: what follows comes in plain. */
static void end_tls(struct end *end)
{
	SSL_shutdown(end->tls);
	SSL_free(end->tls);
	end->tls = NULL;
}

/* The gateway does not get to see it before what comes behind it. */
static void say_ahead(struct play *play, const char *text)
{
	char *line = talloc_asprintf(play, "%s\r\n", text);
	long size = (long)strlen(line);

	if (end_write(&play->rig->client, line, (size_t)size) != size)
		give_up(play, "it could not be sent", text, slice_of(""));
}

static void client_says(struct play *play, size_t index, const char *text, bool with_crlf)
{
	if (strcmp(text, "(close)") == 0)
		end_close(&play->rig->client);
	else if (strcmp(text, "(reset)") == 0)
		end_reset(&play->rig->client);
	else if (strcmp(text, "(again)") == 0)
		connect_beside(play);
	else if (strcmp(text, "(half-close)") == 0)
		shutdown(play->rig->client.descriptor, SHUT_WR);
	else if (strcmp(text, "(tls)") == 0)
		shake_hands(play, &play->rig->client, true);
	else if (strcmp(text, "(tls end)") == 0)
		end_tls(&play->rig->client);
	else if (strncmp(text, "(repeat ", 8) == 0)
		repeat(play, &play->rig->client, text + 8);
	else if (play->way != WAY_AT_ONCE)
		say_escaped(play, &play->rig->client, text, with_crlf);
	else if (index >= play->said)
		say_all(play, index);
	rig_turn(play->rig);
}

/* What was said at once may be answered only when the backend has spoken: then these lines are heard at the end. */
static void hear_what_is_due(struct play *play)
{
	unsigned line = play->line;

	for (size_t i = 0; i < play->due_count && play->rig->client.descriptor >= 0; i++) {
		play->line = play->due_lines[i];
		expect_line(play, &play->rig->client, play->due[i]);
	}
	play->due_count = 0;
	play->line = line;
}

static void client_hears(struct play *play, const char *pattern)
{
	if (strcmp(pattern, "(closed)") == 0) {
		hear_what_is_due(play);
		expect_end(play, &play->rig->client);
	} else if (play->way == WAY_AT_ONCE) {
		play->due = talloc_realloc(play, play->due, const char *, play->due_count + 1);
		play->due_lines =
			talloc_realloc(play, play->due_lines, unsigned, play->due_count + 1);
		play->due_lines[play->due_count] = play->line;
		play->due[play->due_count++] = pattern;
	} else {
		expect_line(play, &play->rig->client, pattern);
	}
}

static void backend_hears(struct play *play, const char *pattern)
{
	if (strcmp(pattern, "(connect)") == 0) {
		accept_backend(play);
		return;
	}
	if (strcmp(pattern, "(connects)") == 0 || !play->connected) {
		greet_backend(play);
		if (strcmp(pattern, "(connects)") == 0)
			return;
	}
	if (strcmp(pattern, "(closed)") == 0)
		expect_end(play, &play->backend);
	else if (strcmp(pattern, "(trace)") == 0)
		expect_trace(play);
	else if (strncmp(pattern, "(skip ", 6) == 0)
		expect_bytes(play, strtoul(pattern + 6, NULL, 10));
	else
		expect_line(play, &play->backend, pattern);
}

static void backend_says(struct play *play, const char *text, bool with_crlf)
{
	if (strcmp(text, "(close)") == 0) {
		end_close(&play->backend);
	} else if (strcmp(text, "(reset)") == 0) {
		end_reset(&play->backend);
	} else if (strcmp(text, "(tls)") == 0) {
		shake_hands(play, &play->backend, false);
	} else if (strcmp(text, "(tls refused)") == 0) {
		have_tls_refused(play);
	} else if (strcmp(text, "(down)") == 0) {
		rig_unlisten(play->rig);
	} else if (strcmp(text, "(up)") == 0) {
		rig_listen(play->rig);
	} else {
		say_escaped(play, &play->backend, text, with_crlf);
	}
	rig_turn(play->rig);
}

static void pass_time(struct play *play, const char *text)
{
	char *unit;
	uint64_t milliseconds = strtoul(text, &unit, 10);

	if (strcmp(unit, "s") == 0)
		milliseconds *= 1000;
	else if (strcmp(unit, "m") == 0)
		milliseconds *= 60000;
	rig_turn(play->rig);
	rig_settle_names(play->rig);
	clock_move(play->rig->loop->clock, milliseconds);
	rig_turn(play->rig);
}

/* The log is looked at once the gateway had a chance to write. */
static void expect_log(struct play *play, const char *pattern)
{
	for (unsigned patience = 0; patience < RIG_PATIENCE; patience++) {
		char *copy = talloc_strdup(play, play->rig->log);
		for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
			if (fnmatch(pattern, line, 0) == 0) {
				*play->rig->log = '\0';
				return;
			}
		}
		rig_turn(play->rig);
		poll(NULL, 0, 1);
	}
	give_up(play, "not in the log", pattern, slice_of(play->rig->log));
}

/* How much a session may hold that its client does not read. */
static void expect_bounded(struct play *play, const char *bytes)
{
	const struct session *session = play->rig->gateway->sessions;

	ck_assert_msg(session != NULL, "%s:%u: no session", play->file, play->line);
	size_t unsent = stream_unsent(session->client);
	ck_assert_msg(unsent > 0 && unsent < strtoul(bytes, NULL, 10),
		"%s:%u: %zu bytes are unsent", play->file, play->line, unsent);
}

static void on_drained(void *owner)
{
	(void)owner;
}

/* What a milter hears next; its macros only when they are asked for. */
static void milter_hears(struct play *play, size_t number, const char *pattern)
{
	struct fake_milter *milter = play->rig->milters[number];
	bool with_macros = strncmp(pattern, "macros", 6) == 0;
	const char *heard = NULL;

	ck_assert_msg(milter != NULL, "%s:%u: no such milter", play->file, play->line);
	for (unsigned patience = 0; patience < RIG_PATIENCE && !heard; patience++) {
		heard = milter_heard(milter, with_macros);
		if (!heard) {
			rig_turn(play->rig);
			poll(NULL, 0, patience > 20);
		}
	}
	if (!heard || fnmatch(pattern, heard, FNM_NOESCAPE) != 0)
		give_up(play, "the milter hears something else", pattern, slice_of(heard));
}

static void set_mood(struct play *play, const char *mood)
{
	static const char *const moods[] = {
		[SHELF_WELL] = "well", [SHELF_SLOW] = "slow", [SHELF_GONE] = "gone"};
	size_t i = 0;

	while (i < 3 && strcmp(moods[i], mood) != 0)
		i++;
	if (i == 3 || !play->rig->shelf)
		give_up(play, "no store, or no mood of one", "", slice_of(mood));
	play->rig->shelf->mood = (enum shelf_mood)i;
}

static void play_line(struct play *play, size_t index)
{
	const char *line = play->script[index];
	const char *text = strlen(line) > 3 ? line + 3 : "";

	play->line = (unsigned)index + 1;
	if (line[0] == '#' || line[0] == '\0' || strcmp(line, "barrier") == 0)
		return;
	if (strncmp(line, "C+", 2) == 0)
		say_ahead(play, text);
	else if (strncmp(line, "C:", 2) == 0 || strncmp(line, "C-", 2) == 0)
		client_says(play, index, text, line[1] == ':');
	else if (strncmp(line, "S:", 2) == 0)
		client_hears(play, text);
	else if (strncmp(line, ">B", 2) == 0)
		backend_hears(play, text);
	else if (strncmp(line, "<B", 2) == 0)
		backend_says(play, line[2] == '-' ? line + 4 : text, line[2] != '-');
	else if (strncmp(line, ">M2", 3) == 0)
		milter_hears(play, 1, line + 4);
	else if (strncmp(line, ">M", 2) == 0)
		milter_hears(play, 0, text);
	else if (strncmp(line, "wait ", 5) == 0)
		pass_time(play, line + 5);
	else if (strncmp(line, "store ", 6) == 0)
		set_mood(play, line + 6);
	else if (strncmp(line, "unsent ", 7) == 0)
		expect_bounded(play, line + 7);
	else if (strncmp(line, "log: ", 5) == 0)
		expect_log(play, line + 5);
	else if (strcmp(line, "drain") == 0 || strcmp(line, "stop") == 0)
		gateway_drain(play->rig->gateway, line[0] == 's', on_drained, play);
	else if (!strchr(line, ':') ||
		!strstr("config: rules: shadow: client: dns: offer: recipients: store: ways: "
			"proxy: milter: milter2:",
			talloc_strndup(play, line, strcspn(line, " "))))
		give_up(play, "no line of a dialogue", "", slice_of(line));
}

/* --- before and after --- */

static void read_script(struct play *play)
{
	FILE *in = fopen(play->file, "r");
	char line[END_LINE];

	if (!in) {
		perror(play->file);
		exit(1);
	}
	play->script = talloc_array(play, char *, 0);
	while (fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = '\0';
		play->script = talloc_realloc(play, play->script, char *, play->count + 1);
		play->script[play->count++] = talloc_strdup(play, line);
	}
	fclose(in);
}

/* Cut off in between it is played the way it is meant for. */
static bool is_for_milters_alone(const struct play *play)
{
	const char *ways = head(play, "ways:", 0);

	return ways && strcmp(ways, "as milter") == 0;
}

static struct play *begin(const char *file, enum way way)
{
	struct play *play = talloc_zero(NULL, struct play);
	const char *config, *rule, *name, *bad;

	play->file = file;
	play->way = way;
	play->backend = END_NONE;
	play->beside = END_NONE;
	read_script(play);
	play->offer = head(play, "offer:", 0);
	if (!play->offer)
		play->offer = "PIPELINING, 8BITMIME, SIZE 52428800";
	play->rig = rig_new(play, &certificate);
	play->rig->piece = way == WAY_BYTES;
	if (way == WAY_AS_MILTER || is_for_milters_alone(play))
		rig_judge_as_milter(play->rig);
	for (size_t i = 0; (config = head(play, "config:", i)); i++)
		rig_configure(play->rig, config);
	for (size_t i = 0; (rule = head(play, "rules:", i)); i++)
		rig_rule(play->rig, rule);
	for (size_t i = 0; (rule = head(play, "shadow:", i)); i++)
		rig_shadow_rule(play->rig, rule);
	for (size_t i = 0; (name = head(play, "dns:", i)); i++) {
		bad = rig_name(play->rig, name);
		ck_assert_msg(!bad, "%s: no line of a zone: %s", file, bad);
	}
	for (size_t i = 0; (name = head(play, "milter:", i)); i++)
		rig_milter(play->rig, 0, name);
	for (size_t i = 0; (name = head(play, "milter2:", i)); i++)
		rig_milter(play->rig, 1, name);
	for (size_t i = 0; (name = head(play, "recipients:", i)); i++)
		rig_recipient(play->rig, name);
	bad = rig_begin(play->rig);
	ck_assert_msg(!bad, "%s: %s", file, bad);
	if (head(play, "store:", 0))
		rig_use_store(play->rig);
	connect_client(play);
	return play;
}

/* When client and time are gone, nothing may be left. */
static void end(struct play *play)
{
	end_close(&play->beside);
	end_close(&play->backend);
	const char *left = rig_end(play->rig);
	ck_assert_msg(!left, "%s: %s", play->file, left);
	talloc_free(play);
}

/* Why it can only hold in the proxy; NULL: it can as a milter, too. */
static const char *why_in_the_proxy_alone(const struct play *play)
{
	const char *reason = head(play, "proxy:", 0);

	return reason ? reason + strspn(reason, " ") : NULL;
}

static struct play *read_play(const char *file)
{
	struct play *play = talloc_zero(NULL, struct play);

	play->file = file;
	read_script(play);
	return play;
}

static bool is_played(const char *file, enum way way)
{
	struct play *play = read_play(file);
	const char *ways = head(play, "ways:", 0);
	bool played = !ways || strstr(ways, way_names[way]) || way == WAY_CUT;

	if (way == WAY_AS_MILTER)
		played = !why_in_the_proxy_alone(play);
	talloc_free(play);
	return played;
}

static glob_t files;
static struct {
	int number, of;
} player; /* plays number, number + of, number + 2 * of and so on */

static void play_whole(const char *file, enum way way)
{
	if (!is_played(file, way))
		return;
	struct play *play = begin(file, way);
	for (size_t i = 0; i < play->count; i++)
		play_line(play, i);
	hear_what_is_due(play);
	end(play);
}

/* Every dialogue broken off behind every line, by an end and by a reset: nothing may be left, whatever was awaited. */
static void play_cut(const char *file)
{
	size_t lines = 1;

	for (size_t cut = 0; cut < lines; cut++) {
		struct play *play = begin(file, WAY_CUT);
		lines = play->count;
		for (size_t i = 0; i < cut; i++)
			play_line(play, i);
		if (cut % 2 && play->rig->client.descriptor >= 0)
			end_reset(&play->rig->client);
		end(play);
	}
}

START_TEST(test_dialogue)
{
	int number = player.number + _i * player.of;
	const char *file = files.gl_pathv[number / WAYS];

	if (number % WAYS == WAY_CUT)
		play_cut(file);
	else
		play_whole(file, (enum way)(number % WAYS));
}
END_TEST

static Suite *dialogues(int count)
{
	Suite *suite = suite_create("dialogues");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, test_dialogue, 0, count);
	suite_add_tcase(suite, all);
	return suite;
}

static int play_some(int count)
{
	SRunner *runner =
		srunner_create(dialogues((count - player.number + player.of - 1) / player.of));

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* Players wait for one another's kernel more than they work: so several play at a time (PLAYERS says how many), taking turns. */
static int play_all(int count)
{
	const char *wanted = getenv("PLAYERS");
	int failed = 0, status;

	player.of = wanted ? atoi(wanted) : 12;
	fflush(NULL);
	for (player.number = 0; player.number < player.of; player.number++) {
		if (fork() == 0)
			exit(play_some(count));
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

/* --- the account of what is not played as a milter --- */

struct account {
	const char **reasons;
	unsigned *counts;
	size_t count;
};

static void count_reason(struct account *account, const char *reason)
{
	size_t i = 0;

	while (i < account->count && strcmp(account->reasons[i], reason) != 0)
		i++;
	if (i == account->count) {
		account->count++;
		account->reasons =
			talloc_realloc(account, account->reasons, const char *, account->count);
		account->counts =
			talloc_realloc(account, account->counts, unsigned, account->count);
		account->reasons[i] = talloc_strdup(account, reason);
		account->counts[i] = 0;
	}
	account->counts[i]++;
}

static void tell_account(void)
{
	struct account *account = talloc_zero(NULL, struct account);
	unsigned both = 0;

	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct play *play = read_play(files.gl_pathv[i]);
		const char *reason = why_in_the_proxy_alone(play);

		both += !reason;
		if (reason)
			count_reason(account, reason);
		talloc_free(play);
	}
	printf("%u of %zu dialogues are played as a milter, too\n", both, files.gl_pathc);
	for (size_t i = 0; i < account->count; i++)
		printf("%5u in the proxy alone: %s\n", account->counts[i], account->reasons[i]);
	talloc_free(account);
}

int main(int argc, char **argv)
{
	const char *root = getenv("SOURCE_ROOT");
	char pattern[4096];

	snprintf(pattern, sizeof pattern, "%s/tests/dialogues/%s.dialogue", root ? root : ".",
		argc > 1 ? argv[1] : "*");
	if (glob(pattern, 0, NULL, &files) != 0) {
		fprintf(stderr, "no dialogue is %s\n", pattern);
		return 1;
	}
	tell_account();
	certificate_make(&certificate);
	int failed = play_all((int)files.gl_pathc * WAYS);
	globfree(&files);
	certificate_remove(&certificate);
	return failed;
}
