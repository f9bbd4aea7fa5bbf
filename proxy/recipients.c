/* SPDX-License-Identifier: Apache-2.0 */
/* Has the list of recipients compiled, whenever its file has changed. */
#include "proxy/recipients.h"

#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "policy/recipient_list.h"
#include "proxy/file_watch.h"
#include "proxy/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define PATIENCE 60000 /* ms for one list */

struct recipients {
	struct loop *loop;
	struct recipients_events events;
	char *path; /* NULL: there is no list */
	char *user;
	uint64_t period;
	struct file_watch *watch;
	struct timer look;
	struct timer patience;
	int table; /* in force; -1: none */
	int draft; /* the child's */
	pid_t child;
	pid_t owner; /* who may end the child: a process forked from it may not */
};

/* --- reading a list --- */

/* The whole file; NULL, and *reason, when it cannot be had as it is now. */
static char *read_all(const void *parent, int file, size_t *size, const char **reason)
{
	struct stat before, after;
	ssize_t got = 0;

	*size = 0;
	*reason = "it is no regular file, or too large";
	if (fstat(file, &before) < 0 || !S_ISREG(before.st_mode) ||
		before.st_size > RECIPIENT_LIST_SIZE_MOST)
		return NULL;
	char *text = talloc_size(parent, (size_t)before.st_size + 1);
	while (*size <= (size_t)before.st_size &&
		(got = read(file, text + *size, (size_t)before.st_size + 1 - *size)) > 0)
		*size += (size_t)got;
	*reason = "it changed while it was read; it is read again";
	bool is_same = got >= 0 && *size == (size_t)before.st_size && fstat(file, &after) == 0 &&
		after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
		after.st_mtim.tv_nsec == before.st_mtim.tv_nsec;
	return is_same ? text : NULL;
}

/* The table of the file, under the parent; NULL when it has none, and what is wrong at which line: 0, of the file. */
static char *compile_file(
	const void *parent, int file, size_t *size, struct recipient_list_fault *fault)
{
	size_t text_size;

	*fault = (struct recipient_list_fault){0};
	char *text = read_all(parent, file, &text_size, &fault->reason);
	if (!text)
		return NULL;
	char *table = recipient_list_compile(parent, slice_make(text, text_size), size, fault);
	talloc_free(text);
	return table;
}

static int open_list(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* --- the child --- */

static bool refuse(const struct recipients *recipients, const struct recipient_list_fault *fault)
{
	if (fault->line)
		log_event(LEVEL_ERROR, "recipients_refused", "%s:%zu: %s", recipients->path,
			fault->line, fault->reason);
	else
		log_event(LEVEL_ERROR, "recipients_refused", "%s: %s", recipients->path,
			fault->reason);
	return false;
}

static bool compile(const struct recipients *recipients)
{
	struct recipient_list_fault fault = {0};
	int file = open_list(recipients->path);
	size_t size;

	if (file < 0) {
		fault.reason = strerror(errno);
		return refuse(recipients, &fault);
	}
	if (!sandbox_enter(&(struct sandbox){.profile = SANDBOX_KEEPER, .user = recipients->user}))
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char *table = compile_file(NULL, file, &size, &fault);
	if (!table)
		return refuse(recipients, &fault);
	return file_write_all(recipients->draft, slice_make(table, size));
}

/* --- having it compiled --- */

static void close_list(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static void begin(struct recipients *recipients)
{
	close_list(&recipients->draft);
	recipients->draft = memfd_create("recipients", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (recipients->draft >= 0)
		recipients->child = process_fork();
	if (recipients->draft < 0 || recipients->child < 0) {
		log_event(LEVEL_ERROR, "recipients_refused", "%s: %s", recipients->path,
			strerror(errno));
		recipients->child = 0;
		return;
	}
	if (recipients->child == 0)
		_exit(compile(recipients) ? 0 : 1);
	timer_start(&recipients->patience, recipients->loop->clock, PATIENCE);
}

/* --- what became of it --- */

static bool seal(int descriptor)
{
	return fcntl(descriptor, F_ADD_SEALS,
		       F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

/* Puts the draft into force; false when it is no table. */
static bool take_draft(struct recipients *recipients)
{
	struct recipient_list *list = recipient_list_new(NULL);
	struct log_line line;
	bool good = seal(recipients->draft) && recipient_list_load(list, recipients->draft);

	if (good) {
		close_list(&recipients->table);
		recipients->table = recipients->draft;
		recipients->draft = -1;
		log_begin(&line, LEVEL_NOTICE, "recipients_loaded");
		log_text(&line, "file", recipients->path);
		log_number(&line, "entries", (int64_t)recipient_list_count(list));
		log_end(&line);
	}
	talloc_free(list);
	return good;
}

/* The child has said what is wrong with the list, if it could. */
static void tell_failure(const struct recipients *recipients, int status)
{
	if (WIFSIGNALED(status))
		log_event(LEVEL_ERROR, "recipients_refused",
			"%s: the process that compiled it ended with signal %d", recipients->path,
			WTERMSIG(status));
	log_event(LEVEL_ERROR, recipients->table < 0 ? "recipients_not_loaded" : "recipients_kept",
		"%s: %s", recipients->path,
		recipients->table < 0
			? "there is no list of recipients: none is refused before the backend is "
			  "asked"
			: "the list before stays in force");
}

bool recipients_bury(struct recipients *recipients, pid_t pid, int status)
{
	bool is_new;

	if (!recipients->child || pid != recipients->child)
		return false;
	recipients->child = 0;
	timer_stop(&recipients->patience);
	is_new = WIFEXITED(status) && WEXITSTATUS(status) == 0 && take_draft(recipients);
	if (!is_new)
		tell_failure(recipients, status);
	close_list(&recipients->draft);
	recipients->events.on_settled(recipients->events.owner, is_new);
	return true;
}

/* --- watching --- */

/* A change while a list is being compiled is seen the next time. */
static void look(struct recipients *recipients)
{
	if (!recipients->child && file_watch_changed(recipients->watch))
		begin(recipients);
	timer_start(&recipients->look, recipients->loop->clock, recipients->period);
}

static void on_look(void *owner)
{
	look(owner);
}

static void on_impatient(void *owner)
{
	struct recipients *recipients = owner;

	kill(recipients->child, SIGKILL);
}

/* Its child is nobody's any more; when it dies there is nothing to be said. */
static void let_go(struct recipients *recipients)
{
	if (recipients->child && recipients->owner == getpid())
		kill(recipients->child, SIGKILL);
	recipients->child = 0;
	timer_stop(&recipients->patience);
	timer_stop(&recipients->look);
	close_list(&recipients->draft);
	close_list(&recipients->table);
	TALLOC_FREE(recipients->watch);
	TALLOC_FREE(recipients->path);
}

void recipients_use(struct recipients *recipients, const struct configuration *configuration)
{
	const char *path = configuration->recipients_file;
	bool is_same = path && recipients->path && strcmp(path, recipients->path) == 0;

	if (!is_same)
		let_go(recipients);
	if (!path)
		return;
	recipients->period = (uint64_t)configuration->policy->recipients->watch;
	talloc_free(recipients->user);
	recipients->user = talloc_strdup(recipients, configuration->user);
	if (!is_same) {
		recipients->path = talloc_strdup(recipients, path);
		recipients->watch = file_watch_new(recipients);
		file_watch_add(recipients->watch, recipients->path);
		begin(recipients);
	}
	look(recipients);
}

/* --- life --- */

static int close_recipients(struct recipients *recipients)
{
	let_go(recipients);
	return 0;
}

struct recipients *recipients_new(
	const void *parent, struct loop *loop, struct recipients_events events)
{
	struct recipients *recipients = talloc_zero(parent, struct recipients);

	recipients->loop = loop;
	recipients->events = events;
	recipients->owner = getpid();
	recipients->table = recipients->draft = -1;
	recipients->look = (struct timer){.on_due = on_look, .owner = recipients};
	recipients->patience = (struct timer){.on_due = on_impatient, .owner = recipients};
	talloc_set_destructor(recipients, close_recipients);
	return recipients;
}

int recipients_descriptor(const struct recipients *recipients)
{
	return recipients->table;
}

bool recipients_are_awaited(const struct recipients *recipients)
{
	return recipients->child && recipients->table < 0;
}

void recipients_examine(const struct configuration *configuration, struct complaints *complaints)
{
	const struct policy *policy = configuration->policy;
	const char *path = configuration->recipients_file;
	struct recipient_list_fault fault;
	size_t size;

	if (policy->recipients->source != RECIPIENTS_FILE || !path)
		return;
	int file = open_list(path);
	if (file < 0) {
		complaint_error(complaints, policy_place(policy, policy->recipients, "file"),
			"%s cannot be read: %s", path, strerror(errno));
		return;
	}
	char *table = compile_file(NULL, file, &size, &fault);
	if (!table)
		complaint_error(complaints,
			(struct place){path, (unsigned)fault.line, fault.line ? 1 : 0}, "%s",
			fault.reason);
	talloc_free(table);
	close(file);
}

bool recipients_load(const struct configuration *configuration, struct recipient_list *list)
{
	const char *path = configuration->recipients_file;
	struct recipient_list_fault fault;
	size_t size;
	int file = path ? open_list(path) : -1;
	int copy = memfd_create("recipients", MFD_CLOEXEC);
	char *table = file < 0 ? NULL : compile_file(NULL, file, &size, &fault);
	bool good = table && copy >= 0 && file_write_all(copy, slice_make(table, size)) &&
		recipient_list_load(list, copy);

	talloc_free(table);
	close_list(&copy);
	close_list(&file);
	return good;
}
