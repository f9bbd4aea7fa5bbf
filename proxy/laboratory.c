/* SPDX-License-Identifier: Apache-2.0 */
/* A process for one message. */
#include "proxy/laboratory.h"

#include "base/file.h"
#include "base/sandbox.h"
#include "policy/scan.h"
#include "proxy/process.h"
#include "proxy/scan_desk.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define PIECE 65536

struct laboratory {
	struct learner learner;
	const struct policy *policy;
	const char *user;
	struct scan_tools *tools; /* NULL until the first message */
};

/* In the process. */
static _Noreturn void examine(
	const struct laboratory *laboratory, const struct inquiry *inquiry, int result)
{
	struct slice found;
	bool good = scan_desk_limit(laboratory->policy->scanner) && sandbox_seal_code() &&
		sandbox_enter(
			&(struct sandbox){.profile = SANDBOX_SCANNER, .user = laboratory->user});

	if (!good)
		_exit(1);
	scan_desk_set_alarm(laboratory->policy->scanner->time);
	found = scan_find(NULL, laboratory->tools, inquiry->message);
	_exit(file_write_all(result, found) ? 0 : 1);
}

/* All that comes until the end, under the parent. */
static struct slice read_all(const void *parent, int result)
{
	char *bytes = talloc_array(parent, char, PIECE);
	size_t size = 0;
	ssize_t got;

	while ((got = read(result, bytes + size, PIECE)) > 0 || (got < 0 && errno == EINTR)) {
		size += got > 0 ? (size_t)got : 0;
		bytes = talloc_realloc(parent, bytes, char, size + PIECE);
	}
	return slice_make(bytes, size);
}

static bool has_ended_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool learn(const struct laboratory *laboratory, struct inquiry *inquiry)
{
	int ends[2];
	struct slice found;
	pid_t pid;

	if (pipe(ends) != 0)
		return false;
	pid = process_fork();
	if (pid == 0) {
		close(ends[0]);
		examine(laboratory, inquiry, ends[1]);
	}
	close(ends[1]);
	found = pid < 0 ? slice_of("") : read_all(inquiry->facts, ends[0]);
	close(ends[0]);
	return pid > 0 && has_ended_well(pid) && scan_learn(inquiry, found);
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct laboratory *laboratory = owner;
	bool good;

	(void)question;
	if (!laboratory->tools)
		laboratory->tools = scan_prepare(laboratory, laboratory->policy);
	good = learn(laboratory, inquiry);
	if (!good)
		facts_set_text(inquiry->facts, FACT_SCANNER_FAILED,
			"the process that took the message apart has failed");
	if (await)
		await_skip(await, good ? OUTCOME_DONE : OUTCOME_FAILED);
}

const struct learner *laboratory_new(
	const void *parent, const struct policy *policy, const char *user)
{
	struct laboratory *laboratory = talloc_zero(parent, struct laboratory);

	laboratory->learner = (struct learner){begin, laboratory};
	laboratory->policy = policy;
	laboratory->user = user;
	return &laboratory->learner;
}
