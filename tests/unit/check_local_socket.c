/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets with a path: who listens, and what is taken away. */
#include "base/local_socket.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char folder[] = "/tmp/check-local-socket-XXXXXX";
static struct sockaddr_un address;

static void begin(void)
{
	char path[64];

	strcpy(folder + sizeof folder - sizeof "XXXXXX", "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	ck_assert(local_socket_address(path, &address));
}

static void end(void)
{
	unlink(address.sun_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static int bind_there(void)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
	return descriptor;
}

START_TEST(takes_paths_that_fit)
{
	char path[sizeof address.sun_path + 1];

	memset(path, 'a', sizeof path);
	path[sizeof path - 1] = '\0';
	ck_assert(!local_socket_address(path, &address) && errno == ENAMETOOLONG);
	path[sizeof path - 2] = '\0';
	ck_assert(local_socket_address(path, &address));
	ck_assert_str_eq(address.sun_path, path);
	address.sun_path[0] = '\0';
}
END_TEST

START_TEST(leaves_who_listens)
{
	int descriptor = bind_there(), client;

	ck_assert_int_eq(listen(descriptor, 5), 0);
	ck_assert(!local_socket_vacate(&address));
	client = local_socket_connect(&address);
	ck_assert_int_ge(client, 0);
	close(client);
	close(descriptor);
}
END_TEST

START_TEST(takes_what_was_left)
{
	close(bind_there());
	ck_assert(local_socket_vacate(&address));
	ck_assert(access(address.sun_path, F_OK) < 0 && errno == ENOENT);
	ck_assert(local_socket_vacate(&address));
	ck_assert(local_socket_connect(&address) < 0 && errno == ENOENT);
}
END_TEST

START_TEST(leaves_other_files)
{
	close(open(address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert(local_socket_vacate(&address));
	ck_assert_int_eq(access(address.sun_path, F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("local_socket");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, takes_paths_that_fit);
	tcase_add_test(cases, leaves_who_listens);
	tcase_add_test(cases, takes_what_was_left);
	tcase_add_test(cases, leaves_other_files);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
