/* SPDX-License-Identifier: Apache-2.0 */
/* From a row of the configuration to a process. */
#include "config.h"

#include "proxy/plugin_command.h"

#include "base/sandbox.h"
#include "plugins/milter_address.h"
#include "plugins/plugin_words.h"
#include "proxy/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

#define HOST "postern-plugin-host"
#define GIVEN_SOCKET "fd:3"

enum { SOCKET = 3, FIRST_FREE = 4 };

/* --- what is started --- */

/* Beside our own program, as where it was built, or where it was installed. */
static char *find_host(const void *parent)
{
	char own[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
	char *slash, *beside;

	own[size > 0 ? size : 0] = '\0';
	slash = strrchr(own, '/');
	beside = talloc_asprintf(parent, "%.*s/" HOST, slash ? (int)(slash - own) : 0, own);
	if (access(beside, X_OK) == 0)
		return beside;
	talloc_free(beside);
	return talloc_strdup(parent, PLUGIN_HOST_FOLDER "/" HOST);
}

static const char **copy_texts(const void *parent, const struct texts *texts)
{
	const char **copy = talloc_array(parent, const char *, texts->count + 1);

	for (size_t i = 0; i < texts->count; i++)
		copy[i] = talloc_strdup(copy, texts->items[i]);
	copy[texts->count] = NULL;
	return copy;
}

static const char *path_of(const void *parent, const char *socket)
{
	struct milter_address address;
	const char *reason;

	if (!milter_address_parse(socket, &address, &reason) ||
		address.address.ss_family != AF_UNIX)
		return NULL;
	return talloc_strdup(parent, ((struct sockaddr_un *)&address.address)->sun_path);
}

/* --- what makes it another process --- */

static void add(EVP_MD_CTX *digest, const char *text)
{
	EVP_DigestUpdate(digest, text ? text : "", strlen(text ? text : "") + 1);
}

static void add_texts(EVP_MD_CTX *digest, const char *const *texts)
{
	for (; *texts; texts++)
		add(digest, *texts);
	add(digest, "");
}

/* Which file it is, and since when it is as it is. */
static void add_file(EVP_MD_CTX *digest, const char *path)
{
	struct stat status;
	char text[128] = "";

	if (stat(path, &status) == 0)
		snprintf(text, sizeof text, "%llu %llu %lld %lld.%09ld",
			(unsigned long long)status.st_dev, (unsigned long long)status.st_ino,
			(long long)status.st_size, (long long)status.st_mtim.tv_sec,
			status.st_mtim.tv_nsec);
	add(digest, text);
}

static void compute_digest(struct plugin_command *command, const char *file)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char bytes[EVP_MAX_MD_SIZE];

	EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
	add(digest, command->name);
	add_texts(digest, (const char *const *)command->words);
	add_texts(digest, command->writable);
	add(digest, command->user);
	add(digest, command->own_path);
	add(digest, command->sandbox ? "sandbox" : "");
	add(digest, command->network ? "network" : "");
	add_file(digest, file);
	EVP_DigestFinal_ex(digest, bytes, NULL);
	EVP_MD_CTX_free(digest);
	for (size_t i = 0; i < sizeof command->digest / 2; i++)
		snprintf(command->digest + 2 * i, 3, "%02x", bytes[i]);
}

/* What tells the host to try alone. */
static const char *socket_for(const struct plugin_options *options, bool is_trial)
{
	if (is_trial)
		return "";
	return options->has_socket ? options->milter.socket : GIVEN_SOCKET;
}

struct plugin_command *plugin_command_new(
	const void *parent, const struct plugin_options *options, const char *user, bool is_trial)
{
	struct plugin_command *command = talloc_zero(parent, struct plugin_command);

	command->name = talloc_strdup(command, options->milter.name);
	command->words = plugin_words_new(
		command, options, find_host(command), socket_for(options, is_trial));
	command->user = talloc_strdup(command, options->user && user ? options->user : user);
	command->writable = copy_texts(command, &options->writable);
	command->own_path = options->has_socket ? path_of(command, options->milter.socket) : NULL;
	command->is_object = options->path != NULL;
	command->is_given_socket = !options->has_socket;
	command->sandbox = options->sandbox;
	command->network = options->network;
	compute_digest(command, options->path ? options->path : command->words[0]);
	return command;
}

/* --- in the child --- */

static void settle_signals(void)
{
	sigset_t none;

	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the service manager, or a shell, has said to the master alone. */
static void settle_environment(void)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
}

static int above(int descriptor)
{
	return descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_FREE);
}

/* All others close when the program begins; until then an error can be told. */
static bool settle_descriptors(int socket, int output)
{
	int null = above(open("/dev/null", O_RDONLY | O_CLOEXEC));
	bool good = (socket = above(socket), output = above(output), null >= 0 && output >= 0);

	good = good && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
		dup2(output, STDERR_FILENO) >= 0 && (socket < 0 || dup2(socket, SOCKET) >= 0);
	return good && close_range(socket < 0 ? SOCKET : FIRST_FREE, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool give_up(const struct plugin_command *command)
{
	const struct sandbox sandbox = {.profile = SANDBOX_PLUGIN,
		.user = command->user,
		.write_below = command->writable,
		.network = command->network};

	return command->sandbox ? sandbox_enter(&sandbox) : sandbox_become(command->user);
}

/* What one that crashed has left behind: nobody could listen there again. */
static void remove_socket(const char *path)
{
	struct stat status;

	if (path && lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
		unlink(path);
}

/* The host is opened by who we were, lest its folder be closed to the plugin's user. */
static void execute(const struct plugin_command *command, int host)
{
	if (!command->is_object)
		execv(command->words[0], command->words);
	else if (host >= 0)
		fexecve(host, command->words, environ);
	fprintf(stderr, "%s: %s\n", command->words[0], strerror(errno));
}

static _Noreturn void become(
	const struct plugin_command *command, int socket, int output, pid_t master)
{
	int host = command->is_object ? open(command->words[0], O_PATH | O_CLOEXEC) : -1;

	settle_signals();
	settle_environment();
	setsid();
	host = above(host);
	if (!settle_descriptors(socket, output) || chdir("/") != 0 || !give_up(command))
		_exit(126);
	remove_socket(command->own_path);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == master)
		execute(command, host);
	_exit(127);
}

pid_t plugin_command_start(const struct plugin_command *command, int socket, int output)
{
	pid_t master = getpid();
	pid_t pid = process_fork();

	if (pid == 0)
		become(command, command->is_given_socket ? socket : -1, output, master);
	return pid;
}
