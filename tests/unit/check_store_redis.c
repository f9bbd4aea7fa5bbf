/* SPDX-License-Identifier: Apache-2.0 */
/* A store in Redis: a real one, where redis-server is installed, and servers that do not answer, or answer what was not asked. */
#include "base/log.h"
#include "base/loop.h"
#include "base/store_redis.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define PATIENCE 20000 /* ms of real time */
#define TIMEOUT 500
#define SERVER "/usr/bin/redis-server"

static void *scratch;
static struct loop *loop;
static struct store *store;
static char *logged;
static int listener, peer;
static uint16_t port;
static pid_t server;
static const char *password;

static void on_log(const char *line, void *owner)
{
	(void)owner;
	logged = talloc_strdup_append(logged, line);
}

/* A port that nobody listens on. */
static int listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof address;
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(descriptor, 5), 0);
	getsockname(descriptor, (struct sockaddr *)&address, &size);
	port = ntohs(address.sin_port);
	return descriptor;
}

static struct store *open_store(void)
{
	struct store_redis_setup setup = {.port = port, .timeout = TIMEOUT, .password = password};
	bool good = ip_parse(slice_of("127.0.0.1"), &setup.ip);

	ck_assert(good);
	return store_redis_new(scratch, loop, &setup);
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	logged = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
	loop = loop_new(NULL);
	clock_move(loop->clock, 0);
	listener = listen_somewhere();
	peer = -1;
	server = 0;
	password = NULL;
}

static void stop_server(void)
{
	if (server) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

static void tear_down(void)
{
	talloc_free(scratch);
	talloc_free(loop);
	log_capture(NULL, NULL);
	stop_server();
	close(listener);
	if (peer >= 0)
		close(peer);
}

static void turn(void)
{
	loop_turn(loop, false);
	poll(NULL, 0, 1);
}

/* --- operations --- */

struct operation {
	struct store_entry entry;
	struct await await;
	unsigned woken;
};

static void wake(void *owner)
{
	struct operation *operation = owner;

	operation->woken++;
}

static void begin_getting(struct operation *operation, const char *text)
{
	struct store_key key = store_key("test", slice_of(text));

	operation->woken = 0;
	await_init(&operation->await, loop->clock, wake, operation);
	store_begin_getting(store, &key, &operation->entry, &operation->await);
}

static void begin_adding(struct operation *operation, const char *text, uint64_t lifetime)
{
	struct store_note note = {store_key("test", slice_of(text)), 1, lifetime};

	operation->woken = 0;
	await_init(&operation->await, loop->clock, wake, operation);
	store_begin_adding(store, &note, &operation->entry, &operation->await);
}

static enum outcome settle(struct operation *operation)
{
	for (unsigned i = 0; operation->await.pending && i < PATIENCE; i++)
		turn();
	ck_assert(!operation->await.pending);
	return operation->await.outcome;
}

static struct store_entry get(const char *text)
{
	struct operation operation;

	begin_getting(&operation, text);
	ck_assert_int_eq(settle(&operation), OUTCOME_DONE);
	return operation.entry;
}

static struct store_entry add(const char *text, uint64_t lifetime)
{
	struct operation operation;

	begin_adding(&operation, text, lifetime);
	ck_assert_int_eq(settle(&operation), OUTCOME_DONE);
	return operation.entry;
}

/* --- a real one --- */

static bool is_listening(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bool good = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
	close(descriptor);
	return good;
}

static _Noreturn void become_redis(void)
{
	char number[8];
	int nowhere = open("/dev/null", O_WRONLY);

	snprintf(number, sizeof number, "%u", port);
	dup2(nowhere, 1);
	execl(SERVER, SERVER, "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly",
		"no", "--dir", "/tmp", password ? "--requirepass" : NULL, password, NULL);
	_exit(127);
}

static void start_server(void)
{
	close(listener);
	listener = -1;
	server = fork();
	if (server == 0)
		become_redis();
	for (unsigned i = 0; !is_listening() && i < PATIENCE; i++)
		poll(NULL, 0, 1);
	ck_assert(is_listening());
}

START_TEST(remembers)
{
	start_server();
	store = open_store();
	ck_assert_uint_eq(get("a").count, 0);
	ck_assert_uint_eq(add("a", 60000).count, 1);
	uint64_t begun = clock_wall(loop->clock);
	clock_move(loop->clock, 100);
	struct store_entry entry = add("a", 60000);
	ck_assert_uint_eq(entry.count, 2);
	ck_assert_uint_eq(entry.first, begun);
	ck_assert_uint_eq(entry.last, begun + 100);
	entry = get("a");
	ck_assert_uint_eq(entry.count, 2);
	ck_assert_uint_eq(entry.first, begun);
	ck_assert_uint_eq(get("b").count, 0);
	ck_assert_uint_eq(store_failures(store), 0);
	ck_assert_str_eq(logged, "");
}
END_TEST

/* Redis has its own clock: an entry of a millisecond is gone soon. One that was given longer keeps it. */
START_TEST(forgets)
{
	start_server();
	store = open_store();
	add("short", 1);
	add("long", 60000);
	add("long", 1);
	for (unsigned i = 0; get("short").count && i < PATIENCE; i++)
		turn();
	ck_assert_uint_eq(get("short").count, 0);
	ck_assert_uint_eq(get("long").count, 2);
}
END_TEST

START_TEST(is_shared)
{
	struct store *first, *second;

	start_server();
	first = open_store();
	second = open_store();
	for (unsigned i = 1; i <= 20; i++) {
		store = i % 2 ? first : second;
		ck_assert_uint_eq(add("a", 60000).count, i);
	}
	store_add(first, &(struct store_note){store_key("test", slice_of("a")), 5, 60000});
	store = first;
	ck_assert_uint_eq(get("a").count, 25);
}
END_TEST

START_TEST(asks_much_at_a_time)
{
	struct operation *operations = talloc_array(scratch, struct operation, 2000);

	start_server();
	store = open_store();
	for (unsigned i = 0; i < 2000; i++)
		begin_adding(&operations[i], "a", 60000);
	for (unsigned i = 0; i < 2000; i += 2)
		await_cancel(&operations[i].await);
	for (unsigned i = 1; i < 2000; i += 2) {
		ck_assert_int_eq(settle(&operations[i]), OUTCOME_DONE);
		ck_assert_uint_eq(operations[i].entry.count, i + 1);
	}
	ck_assert_uint_eq(operations[0].woken, 0);
}
END_TEST

START_TEST(comes_back)
{
	struct operation operation;

	start_server();
	store = open_store();
	add("a", 60000);
	stop_server();
	begin_getting(&operation, "a");
	ck_assert_int_eq(settle(&operation), OUTCOME_FAILED);
	begin_getting(&operation, "a");
	ck_assert(!operation.await.pending);
	ck_assert_int_eq(operation.await.outcome, OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "store_failed"));
	clock_move(loop->clock, 1000);
	begin_getting(&operation, "a");
	ck_assert_int_eq(settle(&operation), OUTCOME_FAILED);
	start_server();
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(add("a", 60000).count, 1);
	ck_assert_ptr_nonnull(strstr(logged, "store_works"));
}
END_TEST

START_TEST(tells_the_password)
{
	struct operation operation;

	password = "open sesame";
	start_server();
	store = open_store();
	ck_assert_uint_eq(add("a", 60000).count, 1);
	password = "wrong";
	store = open_store();
	begin_getting(&operation, "a");
	ck_assert_int_eq(settle(&operation), OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "store.redis_password"));
}
END_TEST

/* --- others --- */

START_TEST(nobody_is_there)
{
	struct operation operation;

	close(listener);
	listener = -1;
	store = open_store();
	begin_getting(&operation, "a");
	ck_assert_int_eq(settle(&operation), OUTCOME_FAILED);
	ck_assert_uint_eq(store_failures(store), 1);
	ck_assert_ptr_nonnull(strstr(logged, "Redis cannot be reached"));
}
END_TEST

/* It takes the connection and says nothing: nobody waits longer than the time that was set, and the next not at all. */
START_TEST(silence)
{
	struct operation first, second;

	store = open_store();
	begin_getting(&first, "a");
	begin_adding(&second, "a", 1000);
	store_add(store, &(struct store_note){store_key("test", slice_of("a")), 1, 1000});
	for (unsigned i = 0; i < 50; i++)
		turn();
	clock_move(loop->clock, TIMEOUT - 1);
	ck_assert(first.await.pending && second.await.pending);
	clock_move(loop->clock, 1);
	turn();
	ck_assert_int_eq(first.await.outcome, OUTCOME_TIMED_OUT);
	ck_assert(!second.await.pending);
	ck_assert_uint_eq(first.woken + second.woken, 2);
	ck_assert_uint_eq(store_failures(store), 3);
	begin_getting(&first, "a");
	ck_assert(!first.await.pending);
	ck_assert_int_eq(first.await.outcome, OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "Redis does not answer in time"));
}
END_TEST

static const char *const answers[] = {
	"+OK\r\n",
	"-ERR unknown command\r\n",
	":5\r\n",
	"$-1\r\n",
	"*-1\r\n",
	"*0\r\n",
	"*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
	"*3\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\n1\r\n",
	"*3\r\n$2\r\n-1\r\n$1\r\n1\r\n$1\r\n1\r\n",
	"*3\r\n$0\r\n\r\n$1\r\n1\r\n$1\r\n1\r\n",
	"*3\r\n*0\r\n*0\r\n*0\r\n",
	"*3\r\n$1\r\n1\r\n",
	"$99999999999\r\n",
	"HTTP/1.1 400 Bad Request\r\n\r\n",
	"\r\n\r\n\r\n",
};

/* What is no answer has failed, by what it says or by being late. */
START_TEST(other_answers)
{
	struct operation operation;

	store = open_store();
	begin_getting(&operation, "a");
	for (unsigned i = 0; peer < 0 && i < PATIENCE; i++) {
		turn();
		peer = accept(listener, NULL, NULL);
	}
	ck_assert_int_ge(peer, 0);
	ck_assert_int_gt(send(peer, answers[_i], strlen(answers[_i]), 0), 0);
	for (unsigned i = 0; operation.await.pending && i < 100; i++)
		turn();
	clock_move(loop->clock, TIMEOUT);
	turn();
	ck_assert(!operation.await.pending);
	ck_assert_int_ne(operation.await.outcome, OUTCOME_DONE);
	ck_assert_uint_eq(operation.entry.count, 0);
	ck_assert_uint_eq(store_failures(store), 1);
}
END_TEST

START_TEST(it_goes_while_asked)
{
	struct operation operation;

	store = open_store();
	begin_getting(&operation, "a");
	for (unsigned i = 0; peer < 0 && i < PATIENCE; i++) {
		turn();
		peer = accept(listener, NULL, NULL);
	}
	close(peer);
	peer = -1;
	ck_assert_int_eq(settle(&operation), OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "closed the connection"));
}
END_TEST

/* The gateway ends, and whoever asked does not care any more. */
START_TEST(ends_while_asked)
{
	struct operation operation;

	store = open_store();
	begin_getting(&operation, "a");
	turn();
	TALLOC_FREE(store);
	ck_assert_uint_eq(operation.woken, 0);
	timer_stop(&operation.await.deadline);
	ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(does_not_hoard)
{
	const struct store_note note = {store_key("test", slice_of("a")), 1, 1000};

	store = open_store();
	for (unsigned i = 0; i < STORE_REDIS_IN_FLIGHT; i++)
		store_add(store, &note);
	ck_assert_uint_eq(store_failures(store), 0);
	store_add(store, &note);
	ck_assert_uint_eq(store_failures(store), 1);
	ck_assert_ptr_nonnull(strstr(logged, "does not keep up"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_redis");
	TCase *real = tcase_create("real"), *others = tcase_create("others");

	tcase_add_checked_fixture(real, set_up, tear_down);
	tcase_add_test(real, remembers);
	tcase_add_test(real, forgets);
	tcase_add_test(real, is_shared);
	tcase_add_test(real, asks_much_at_a_time);
	tcase_add_test(real, comes_back);
	tcase_add_test(real, tells_the_password);
	if (access(SERVER, X_OK) == 0)
		suite_add_tcase(suite, real);
	else
		fprintf(stderr, "skipped: there is no %s\n", SERVER);
	tcase_add_checked_fixture(others, set_up, tear_down);
	tcase_add_test(others, nobody_is_there);
	tcase_add_test(others, silence);
	tcase_add_loop_test(others, other_answers, 0, sizeof answers / sizeof *answers);
	tcase_add_test(others, it_goes_while_asked);
	tcase_add_test(others, ends_while_asked);
	tcase_add_test(others, does_not_hoard);
	suite_add_tcase(suite, others);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
