/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox, from inside: what each profile can still do, tried in a child of its own. */
#include "config.h"

#include "base/sandbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static char inside[] = "/tmp/check_sandbox.XXXXXX";
static char outside[] = "/tmp/check_sandbox.XXXXXX";

/* Each attempt is true when it succeeded. */
static bool opens(const char *directory, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	int descriptor = open(path, flags | O_CLOEXEC, 0600);
	if (descriptor >= 0)
		close(descriptor);
	return descriptor >= 0;
}

static bool writes_inside(void)
{
	return opens(inside, "new", O_CREAT | O_WRONLY);
}

static bool writes_outside(void)
{
	return opens(outside, "new", O_CREAT | O_WRONLY);
}

static bool reads_outside(void)
{
	return opens(outside, "old", O_RDONLY);
}

static bool truncates_outside(void)
{
	char path[128];

	snprintf(path, sizeof path, "%s/old", outside);
	return truncate(path, 0) == 0;
}

static bool reads_etc(void)
{
	return opens("/etc", "passwd", O_RDONLY);
}

static bool writes_to_null(void)
{
	return opens("/dev", "null", O_WRONLY);
}

static bool executes(void)
{
	pid_t pid = vfork();
	int status = 1;

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool executes_itself(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return false; /* "true" would have ended with 0, and so been taken for success */
}

static bool forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool connects(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(1),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);

	return descriptor >= 0 &&
		(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 ||
			errno == ECONNREFUSED);
}

static bool listens(void)
{
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);

	return descriptor >= 0 && listen(descriptor, 1) == 0;
}

static bool speaks_packets(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || errno != EPERM;
}

static bool sends_datagrams(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}

static bool traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool makes_namespaces(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool uses_io_uring(void)
{
	char parameters[120] = {0};

	return syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}

static bool signals_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool is_root(void)
{
	return geteuid() == 0 || setuid(0) == 0;
}

static bool makes_memfd(void)
{
	return memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING) >= 0;
}

/* Memory of any size, time, what is open already. */
static bool computes(void)
{
	char *memory = malloc(8 << 20);
	struct timespec now;

	memset(memory, 1, 8 << 20);
	free(memory);
	return clock_gettime(CLOCK_REALTIME, &now) == 0 && write(STDOUT_FILENO, "", 0) == 0;
}

static bool makes_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0 &&
		mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0) != MAP_FAILED;
}

static bool opens_itself(void)
{
	return opens("/etc", "passwd", O_RDONLY);
}

static bool makes_directory(void)
{
	char path[128];

	snprintf(path, sizeof path, "%s/folder", inside);
	return mkdir(path, 0700) == 0 && rmdir(path) == 0;
}

static bool opens_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool makes_pair(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}

enum {
	WORKER = 1,
	KEEPER = 2,
	BOTH = 3,
	SCANNER = 4,
	PLUGIN = 8,
	CONNECTED = 16,
	PLUGINS = 24,
	OPEN = BOTH | PLUGINS
};

static const struct {
	const char *name;
	bool (*attempt)(void);
	unsigned allowed;  /* to which profiles */
	bool landlock;     /* needs Landlock to be denied */
	bool reports_need; /* let through in sanitizer builds */
} attempts[] = {
	{"write inside", writes_inside, OPEN, false, false},
	{"read /etc", reads_etc, OPEN, false, false},
	{"make a memfd", makes_memfd, OPEN, false, false},
	{"connect", connects, WORKER | CONNECTED, false, false},
	{"send datagrams", sends_datagrams, WORKER | CONNECTED, false, false},
	{"write outside", writes_outside, 0, true, false},
	{"read outside", reads_outside, PLUGINS, true, true},
	{"truncate outside", truncates_outside, 0, true, false},
	{"exec in a child", executes, PLUGINS, false, true},
	{"write to /dev/null", writes_to_null, PLUGINS, true, false},
	{"exec", executes_itself, 0, false, true},
	{"fork", forks, PLUGINS, false, true},
	{"listen", listens, CONNECTED, false, false},
	{"speak vsock", speaks_packets, 0, false, false},
	{"be traced", traces, 0, false, true},
	{"make a namespace", makes_namespaces, 0, false, false},
	{"use io_uring", uses_io_uring, 0, false, false},
	{"signal its parent", signals_parent, 0, true, false},
	{"be root", is_root, 0, false, false},
	{"compute", computes, OPEN | SCANNER, false, false},
	{"make code", makes_code, OPEN, false, true},
	{"open a file for reading", opens_itself, OPEN, false, true},
	{"make a directory", makes_directory, OPEN, false, false},
	{"open a socket", opens_socket, WORKER | PLUGINS, false, false},
	{"make a pair of sockets", makes_pair, WORKER | PLUGINS, false, true},
};

#ifdef SANITIZED
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static long landlock_abi(void)
{
	return syscall(444, NULL, 0, 1U);
}

static bool is_skipped(int index)
{
	const char *reason = NULL;

	if (attempts[index].landlock && landlock_abi() < 6)
		reason = "this kernel's Landlock is too old or missing";
	else if (attempts[index].reports_need && sanitized)
		reason = "sanitizers need it";
	else if (attempts[index].attempt == is_root && getuid() != 0)
		reason = "only root can give root up";
	if (reason)
		printf("skipped: \"%s\": %s\n", attempts[index].name, reason);
	return reason != NULL;
}

enum { STATUS_SUCCEEDED, STATUS_DENIED = 10, STATUS_NO_SANDBOX = 11 };

static int try_inside(enum sandbox_profile profile, bool network, bool (*attempt)(void))
{
	const char *const write[] = {inside, NULL};
	const char *const read[] = {"/etc", "/usr", "/lib", "/lib64", "/proc", "/dev", NULL};
	const struct sandbox sandbox = {.profile = profile,
		.user = "nobody",
		.read_below = read,
		.write_below = write,
		.network = network};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!sandbox_enter(&sandbox))
			_exit(STATUS_NO_SANDBOX);
		_exit(attempt() ? STATUS_SUCCEEDED : STATUS_DENIED);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void make_directory(char *name)
{
	char path[128];

	strcpy(name + strlen(name) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chmod(name, 0777), 0);
	ck_assert(opens(name, "old", O_CREAT | O_WRONLY));
	snprintf(path, sizeof path, "%s/old", name);
	ck_assert_int_eq(chmod(path, 0666), 0); /* so that nothing but the sandbox is in the way */
}

static void remove_directory(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/old", name);
	unlink(path);
	snprintf(path, sizeof path, "%s/new", name);
	unlink(path);
	rmdir(name);
}

static void set_up(void)
{
	make_directory(inside);
	make_directory(outside);
}

static void tear_down(void)
{
	remove_directory(inside);
	remove_directory(outside);
}

static void try_profile(int index, enum sandbox_profile profile, unsigned bit)
{
	int status = try_inside(profile, bit == CONNECTED, attempts[index].attempt);
	int expected = attempts[index].allowed & bit ? STATUS_SUCCEEDED : STATUS_DENIED;

	ck_assert_msg(status == expected, "\"%s\" ended with %d instead of %d",
		attempts[index].name, status, expected);
}

START_TEST(worker)
{
	if (!is_skipped(_i))
		try_profile(_i, SANDBOX_WORKER, WORKER);
}
END_TEST

/* In a scanner all of that is closed; only the plain build is as strict. */
START_TEST(scanner)
{
	if (sanitized)
		printf("skipped: \"%s\": sanitizers need files\n", attempts[_i].name);
	else if (!is_skipped(_i))
		try_profile(_i, SANDBOX_SCANNER, SCANNER);
}
END_TEST

START_TEST(keeper)
{
	if (!is_skipped(_i))
		try_profile(_i, SANDBOX_KEEPER, KEEPER);
}
END_TEST

/* "exec" would succeed, and end with the status of that program. */
START_TEST(plugin)
{
	if (attempts[_i].attempt == executes_itself || is_skipped(_i))
		return;
	try_profile(_i, SANDBOX_PLUGIN, PLUGIN);
	try_profile(_i, SANDBOX_PLUGIN, CONNECTED);
}
END_TEST

START_TEST(refuses_to_go_on_without_its_directory)
{
	const char *const write[] = {"/nonexistent", NULL};
	const struct sandbox sandbox = {.profile = SANDBOX_KEEPER, .write_below = write};
	int status;
	pid_t pid = fork();

	if (landlock_abi() < 1) {
		printf("skipped: no Landlock\n");
		return;
	}
	if (pid == 0)
		_exit(sandbox_enter(&sandbox) ? 1 : 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *cases = tcase_create("sandbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, worker, 0, COUNT(attempts));
	tcase_add_loop_test(cases, keeper, 0, COUNT(attempts));
	tcase_add_loop_test(cases, scanner, 0, COUNT(attempts));
	tcase_add_loop_test(cases, plugin, 0, COUNT(attempts));
	tcase_add_test(cases, refuses_to_go_on_without_its_directory);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
