/* SPDX-License-Identifier: Apache-2.0 */
/* Asking virus scanners that answer, fail, hang, lie and come back. */
#include "proxy/clamd.h"

#include "base/loop.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

#define MESSAGE "Subject: x\r\n\r\nbody\r\n"
#define PATIENCE 5000 /* turns */

/* A daemon that says one thing. */
struct daemon_row {
	const char *answer; /* NUL included in its size below; NULL: none is given */
	size_t heard_most;  /* closes after so many bytes; 0: hears all */
	size_t piece;       /* answers with so many bytes a turn; 0: all at once */
	bool is_cut;        /* closes where the answer's NUL should be */
	bool is_dead;       /* nobody listens */
};

struct fake {
	const struct daemon_row *row;
	int listening, connection;
	char path[64];
	char heard[4096];
	size_t size;
	size_t answered;
	unsigned connections;
};

static void *all;
static struct loop *loop;
static struct policy policy;
static struct virus_options virus;
static struct clamd_options options[2];
static const struct clamd_options *const pointers[2] = {&options[0], &options[1]};
static struct fake fakes[2];
static struct inquiry *inquiry;
static struct facts *facts;
static struct await await;

static void on_done(void *owner)
{
	(void)owner;
}

static void listen_at(struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, fake->path);
	fake->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fake->listening, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fake->listening, 8), 0);
}

static void begin_fake(size_t number, const struct daemon_row *row)
{
	struct fake *fake = &fakes[number];

	*fake = (struct fake){.row = row, .listening = -1, .connection = -1};
	snprintf(fake->path, sizeof fake->path, "/tmp/check_clamd.%d.%zu", (int)getpid(), number);
	unlink(fake->path);
	options[number] = (struct clamd_options){number ? "second" : "first", fake->path};
	if (!row->is_dead)
		listen_at(fake);
}

static void set_up(void)
{
	all = talloc_new(NULL);
	loop = loop_new(all);
	clock_move(loop->clock, 0);
	virus = (struct virus_options){.hold = 10000, .timeout = 2000};
	policy = (struct policy){.clamds = (const struct clamd_options **)(uintptr_t)pointers,
		.clamd_count = 1,
		.virus = &virus};
	facts = facts_new(all, NULL);
	inquiry = inquiry_new_of(all, &policy, facts);
	inquiry->message = message_view(all, slice_of(MESSAGE), 0);
	await_init(&await, loop->clock, on_done, NULL);
}

static void end_fake(struct fake *fake)
{
	if (fake->listening >= 0)
		close(fake->listening);
	if (fake->connection >= 0)
		close(fake->connection);
	if (*fake->path)
		unlink(fake->path);
	*fake = (struct fake){.listening = -1, .connection = -1};
}

static void tear_down(void)
{
	for (size_t i = 0; i < 2; i++) {
		if (fakes[i].row)
			end_fake(&fakes[i]);
	}
	talloc_free(all);
}

/* --- the daemon --- */

static void close_connection(struct fake *fake)
{
	close(fake->connection);
	fake->connection = -1;
	fake->size = 0;
	fake->answered = 0;
}

static bool has_heard_all(const struct fake *fake)
{
	return fake->size > sizeof "zINSTREAM" + 4 &&
		memcmp(fake->heard + fake->size - 4, "\0\0\0\0", 4) == 0;
}

static void answer(struct fake *fake)
{
	const struct daemon_row *row = fake->row;
	size_t whole = strlen(row->answer) + !row->is_cut, left = whole - fake->answered;
	size_t size = row->piece && row->piece < left ? row->piece : left;

	if (size)
		ck_assert_int_gt(send(fake->connection, row->answer + fake->answered, size, 0), 0);
	fake->answered += size;
	if (fake->answered == whole && row->is_cut)
		close_connection(fake);
}

static void hear(struct fake *fake)
{
	ssize_t got = recv(fake->connection, fake->heard + fake->size,
		sizeof fake->heard - fake->size, MSG_DONTWAIT);

	if (got == 0) {
		close_connection(fake);
		return;
	}
	fake->size += got > 0 ? (size_t)got : 0;
	if (fake->row->heard_most && fake->size >= fake->row->heard_most) {
		close_connection(fake);
		return;
	}
	if (has_heard_all(fake) && fake->row->answer)
		answer(fake);
}

static void turn_fake(struct fake *fake)
{
	if (!fake->row || fake->listening < 0)
		return;
	if (fake->connection < 0) {
		fake->connection = accept(fake->listening, NULL, NULL);
		fake->connections += fake->connection >= 0;
	}
	if (fake->connection >= 0)
		hear(fake);
}

/* Some turns; then a second passes, and so on. */
static void wait_for_it(void)
{
	for (unsigned turn = 1; await.pending && turn < PATIENCE; turn++) {
		turn_fake(&fakes[0]);
		turn_fake(&fakes[1]);
		loop_turn(loop, false);
		if (turn % 20 == 0) {
			poll(NULL, 0, 1);
			clock_move(loop->clock, 500);
		}
	}
	ck_assert(!await.pending);
}

static enum fact_state ask(struct clamd *clamd, struct value *value)
{
	const struct question question = {FACT_VIRUS_NAME, NULL};
	struct learner learner = clamd_learner(clamd);

	learner.begin(learner.owner, inquiry, &question, &await);
	wait_for_it();
	return facts_get(facts, FACT_VIRUS_NAME, value);
}

/* --- one --- */

#define LONG                                                                                       \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"890123456789"
#define ENDLESS LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG

static const struct {
	struct daemon_row daemon;
	enum fact_state state;
	const char *text; /* name, or in the reason */
} rows[] = {
	{{.answer = "stream: OK"}, FACT_ABSENT, NULL},
	{{.answer = "stream: Eicar-Test-Signature FOUND"}, FACT_KNOWN, "Eicar-Test-Signature"},
	{{.answer = "stream: A B FOUND"}, FACT_KNOWN, "A B"},
	{{.answer = "stream: OK FOUND"}, FACT_KNOWN, "OK"},
	{{.answer = "stream:  FOUND"}, FACT_FAILED, "it says"},
	{{.answer = "stream: OKAY"}, FACT_FAILED, "it says \"OKAY\""},
	{{.answer = "other: OK"}, FACT_FAILED, "it says \"other: OK\""},
	{{.answer = "OK"}, FACT_FAILED, "it says \"OK\""},
	{{.answer = ""}, FACT_FAILED, "it says \"\""},
	{{.answer = "INSTREAM size limit exceeded. ERROR"}, FACT_FAILED, "size limit exceeded"},
	{{.answer = "COMMAND READ TIMED OUT"}, FACT_FAILED, "TIMED OUT"},
	{{.answer = NULL}, FACT_FAILED, "it does not answer"},
	{{.answer = "stream: OK", .piece = 1}, FACT_ABSENT, NULL},
	{{.answer = "stream: A B FOUND", .piece = 1}, FACT_KNOWN, "A B"},
	{{.answer = "stream: A B FOUND", .piece = 7}, FACT_KNOWN, "A B"},
	{{.answer = "stream: OK", .is_cut = true}, FACT_FAILED, "clamd \"first\": "},
	{{.answer = "stream: OK", .piece = 3, .is_cut = true}, FACT_FAILED, "clamd \"first\": "},
	{{.answer = ENDLESS, .piece = 100, .is_cut = true}, FACT_FAILED, "it says too much"},
	{{.heard_most = 1}, FACT_FAILED, "clamd \"first\": "},
	{{.heard_most = 12}, FACT_FAILED, "clamd \"first\": "},
	{{.heard_most = 30}, FACT_FAILED, "clamd \"first\": "},
	{{.is_dead = true}, FACT_FAILED, "No such file or directory"},
};

START_TEST(hears_what_it_says)
{
	struct value value;

	begin_fake(0, &rows[_i].daemon);
	ck_assert_int_eq(ask(clamd_new(all, loop, &policy), &value), rows[_i].state);
	if (rows[_i].state == FACT_KNOWN)
		ck_assert_str_eq(value.text, rows[_i].text);
	if (rows[_i].state == FACT_FAILED)
		ck_assert_msg(strstr(value.text, rows[_i].text), "%s", value.text);
}
END_TEST

/* For as long as virus.hold, once a second. */
START_TEST(tries_again_while_it_may)
{
	static const struct daemon_row reloading = {.answer = "reloading ERROR"};
	uint64_t begun = clock_now(loop->clock);
	struct value value;

	begin_fake(0, &reloading);
	ck_assert_int_eq(ask(clamd_new(all, loop, &policy), &value), FACT_FAILED);
	ck_assert_uint_ge(fakes[0].connections, 9);
	ck_assert_uint_le(fakes[0].connections, 12);
	ck_assert_uint_le(clock_now(loop->clock) - begun, 13000);
}
END_TEST

/* Nor is it called down: the next message may be smaller. */
START_TEST(does_not_try_again_what_is_too_large)
{
	static const struct daemon_row small = {.answer = "INSTREAM size limit exceeded. ERROR"};
	struct value value;

	begin_fake(0, &small);
	ck_assert_int_eq(ask(clamd_new(all, loop, &policy), &value), FACT_FAILED);
	ck_assert_uint_eq(fakes[0].connections, 1);
}
END_TEST

/* A byte now and then is no answer. */
START_TEST(gives_up_on_one_that_trickles)
{
	static const struct daemon_row slow = {.answer = ENDLESS, .piece = 1};
	uint64_t begun = clock_now(loop->clock);
	struct value value;

	virus.hold = 0;
	begin_fake(0, &slow);
	ck_assert_int_eq(ask(clamd_new(all, loop, &policy), &value), FACT_FAILED);
	ck_assert_msg(strstr(value.text, "it does not answer"), "%s", value.text);
	ck_assert_uint_le(clock_now(loop->clock) - begun, 3000);
}
END_TEST

START_TEST(waits_until_it_is_back)
{
	static const struct daemon_row dead = {.is_dead = true}, clean = {.answer = "stream: OK"};
	const struct question question = {FACT_VIRUS_NAME, NULL};
	struct learner learner = clamd_learner(clamd_new(all, loop, &policy));
	struct value value;

	begin_fake(0, &dead);
	learner.begin(learner.owner, inquiry, &question, &await);
	for (int i = 0; i < 5; i++) {
		loop_turn(loop, false);
		clock_move(loop->clock, 1000);
	}
	ck_assert(await.pending);
	begin_fake(0, &clean);
	wait_for_it();
	ck_assert_int_eq(facts_get(facts, FACT_VIRUS_NAME, &value), FACT_ABSENT);
}
END_TEST

/* --- two --- */

static const struct daemon_row clean_row = {.answer = "stream: OK"};

START_TEST(asks_the_next_when_one_cannot)
{
	struct value value;
	struct clamd *clamd;
	enum fact_state state = rows[_i].state == FACT_FAILED ? FACT_ABSENT : rows[_i].state;

	policy.clamd_count = 2;
	clamd = clamd_new(all, loop, &policy);
	begin_fake(0, &rows[_i].daemon);
	begin_fake(1, &clean_row);
	ck_assert_int_eq(ask(clamd, &value), state);
	ck_assert_uint_eq(fakes[1].connections, rows[_i].state == FACT_FAILED);
}
END_TEST

START_TEST(stays_with_the_one_that_answered)
{
	static const struct daemon_row dead = {.is_dead = true};
	struct value value;
	struct clamd *clamd;

	policy.clamd_count = 2;
	clamd = clamd_new(all, loop, &policy);
	begin_fake(0, &dead);
	begin_fake(1, &clean_row);
	ck_assert_int_eq(ask(clamd, &value), FACT_ABSENT);
	end_fake(&fakes[0]);
	begin_fake(0, &clean_row);
	ck_assert_int_eq(ask(clamd, &value), FACT_ABSENT);
	ck_assert_uint_eq(fakes[0].connections, 0);
}
END_TEST

START_TEST(can_be_cancelled)
{
	static const struct daemon_row silent = {.answer = NULL};
	const struct question question = {FACT_VIRUS_NAME, NULL};
	struct clamd *clamd = clamd_new(all, loop, &policy);
	struct learner learner = clamd_learner(clamd);
	size_t blocks;

	begin_fake(0, &silent);
	blocks = talloc_total_blocks(clamd);
	for (int turns = 0; turns < 8; turns++) {
		learner.begin(learner.owner, inquiry, &question, &await);
		for (int i = 0; i < turns; i++) {
			turn_fake(&fakes[0]);
			loop_turn(loop, false);
		}
		await_cancel(&await);
		ck_assert_uint_eq(talloc_total_blocks(clamd), blocks);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clamd");
	TCase *cases = tcase_create("clamd");
	SRunner *runner = srunner_create(suite);
	const int count = (int)(sizeof rows / sizeof rows[0]);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, hears_what_it_says, 0, count);
	tcase_add_test(cases, tries_again_while_it_may);
	tcase_add_test(cases, does_not_try_again_what_is_too_large);
	tcase_add_test(cases, gives_up_on_one_that_trickles);
	tcase_add_test(cases, waits_until_it_is_back);
	tcase_add_loop_test(cases, asks_the_next_when_one_cannot, 0, count);
	tcase_add_test(cases, stays_with_the_one_that_answered);
	tcase_add_test(cases, can_be_cancelled);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
