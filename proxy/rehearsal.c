/* SPDX-License-Identifier: Apache-2.0 */
/* Trying a program before it takes our place. */
#include "proxy/rehearsal.h"

#include "base/loop.h"
#include "proxy/listeners.h"
#include "proxy/master.h"
#include "proxy/process.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define SAID_MOST 4096

struct rehearsal {
	struct loop *loop;
	pid_t pid; /* 0: it has ended */
	pid_t maker;
	int output;
	struct event event;
	struct timer timer; /* the end of patience; then, the end */
	size_t used;
	char said[SAID_MOST + 1];
	int status;
	bool is_late;
	void (*on_end)(void *owner, const char *why);
	void *owner;
};

char *rehearsal_program(const void *parent)
{
	char path[PATH_MAX];
	const char *name = program_invocation_name;

	if (name[0] == '/')
		return talloc_strdup(parent, name);
	if (strchr(name, '/') && getcwd(path, sizeof path))
		return talloc_asprintf(parent, "%s/%s", path, name);
	ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
	return size > 0 ? talloc_strndup(parent, path, (size_t)size) : NULL;
}

/* --- what it says --- */

/* Beyond what is kept it may go on: nobody listens. */
static bool hear(struct rehearsal *rehearsal)
{
	char more[1024];
	ssize_t got = read(rehearsal->output, more, sizeof more);
	size_t room = SAID_MOST - rehearsal->used;

	if (got <= 0)
		return false;
	size_t kept = (size_t)got < room ? (size_t)got : room;
	memcpy(rehearsal->said + rehearsal->used, more, kept);
	rehearsal->used += kept;
	rehearsal->said[rehearsal->used] = '\0';
	return true;
}

static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	struct rehearsal *rehearsal = owner;

	(void)descriptor;
	(void)what;
	if (!hear(rehearsal) && errno != EAGAIN)
		event_del(&rehearsal->event);
}

/* --- its end --- */

static char *why_not(const struct rehearsal *rehearsal)
{
	int status = rehearsal->status;

	if (rehearsal->is_late)
		return talloc_asprintf(rehearsal, "the new program did not come up within %d s\n%s",
			REHEARSAL_MILLISECONDS / 1000, rehearsal->said);
	if (WIFSIGNALED(status))
		return talloc_asprintf(rehearsal, "the new program died of signal %d\n%s",
			WTERMSIG(status), rehearsal->said);
	return talloc_asprintf(rehearsal, "the new program does not come up (status %d)\n%s",
		WEXITSTATUS(status), rehearsal->said);
}

static void on_over(void *owner)
{
	struct rehearsal *rehearsal = owner;
	bool good = WIFEXITED(rehearsal->status) && WEXITSTATUS(rehearsal->status) == 0;

	while (hear(rehearsal))
		continue;
	rehearsal->on_end(rehearsal->owner, good ? NULL : why_not(rehearsal));
}

static void on_late(void *owner)
{
	struct rehearsal *rehearsal = owner;

	rehearsal->is_late = true;
	kill(rehearsal->pid, SIGKILL);
}

bool rehearsal_bury(struct rehearsal *rehearsal, pid_t pid, int status)
{
	if (!rehearsal || rehearsal->pid != pid)
		return false;
	rehearsal->pid = 0;
	rehearsal->status = status;
	rehearsal->timer.on_due = on_over;
	timer_start(&rehearsal->timer, rehearsal->loop->clock, 0);
	return true;
}

/* --- its beginning --- */

static _Noreturn void become(const char *program, const struct master_task *task,
	const struct handover *handover, int output)
{
	int descriptor;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	unsetenv("NOTIFY_SOCKET");
	listeners_keep_activated(true);
	if (handover_leave(handover, &descriptor))
		execl(program, program, "rehearse", "-c", task->file, task->socket, (char *)NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Also run in processes that were forked with a copy. */
static int rehearsal_close(struct rehearsal *rehearsal)
{
	timer_stop(&rehearsal->timer);
	event_del(&rehearsal->event);
	close(rehearsal->output);
	if (rehearsal->pid && rehearsal->maker == getpid())
		kill(rehearsal->pid, SIGKILL);
	return 0;
}

static struct rehearsal *watch(const void *parent, struct loop *loop, pid_t pid, int output)
{
	struct rehearsal *rehearsal = talloc_zero(parent, struct rehearsal);

	rehearsal->loop = loop;
	rehearsal->pid = pid;
	rehearsal->maker = getpid();
	rehearsal->output = output;
	event_assign(&rehearsal->event, loop->base, output, EV_READ | EV_PERSIST, on_readable,
		rehearsal);
	event_add(&rehearsal->event, NULL);
	rehearsal->timer = (struct timer){.on_due = on_late, .owner = rehearsal};
	timer_start(&rehearsal->timer, loop->clock, REHEARSAL_MILLISECONDS);
	talloc_set_destructor(rehearsal, rehearsal_close);
	return rehearsal;
}

struct rehearsal *rehearsal_begin(const void *parent, struct loop *loop, const char *program,
	const struct master_task *task, const struct handover *handover,
	void (*on_end)(void *owner, const char *why), void *owner)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return NULL;
	pid_t pid = process_fork();
	if (pid == 0) {
		for (int number = 1; number < SIGRTMIN; number++)
			signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
		become(program, task, handover, ends[1]);
	}
	int error = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = error;
		return NULL;
	}
	struct rehearsal *rehearsal = watch(parent, loop, pid, ends[0]);
	rehearsal->on_end = on_end;
	rehearsal->owner = owner;
	return rehearsal;
}
