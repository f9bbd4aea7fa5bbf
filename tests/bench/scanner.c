/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to have mail judged by a scanner: the way from a worker to one, shut off as it is in the gateway, and back, once, and once more
 * for a shadow; and whether its memory grows. Prints figures. */
#include "base/loop.h"
#include "base/sandbox.h"
#include "base/table.h"
#include "policy/chain.h"
#include "policy/checks/table.h"
#include "policy/rulebook.h"
#include "proxy/counters.h"
#include "proxy/scan_desk.h"
#include "proxy/scan_link.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define TRIPS 2000
#define MAILS 10000
#define FILES_MAXIMUM 8192
#define SHADOW "shadow { rules = {a.rules} }"
#define MAIL_MAXIMUM (16 << 20)

static const struct section *const sections[] = {policy_sections, NULL};

/* nftw() hands nothing through. */
static char *paths[FILES_MAXIMUM];
static size_t path_count;

struct stand {
	struct policy *policy;
	struct chain *chain;
	struct loop *loop;
	struct table *table;
	pid_t scanner;
	char folder[32];
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double figure, const char *unit, const char *target)
{
	printf("%-58s %10.1f %-5s %s\n", what, figure, unit, target);
}

/* --- one worker and one scanner --- */

static void write_rules(const struct stand *stand)
{
	char *path = talloc_asprintf(NULL, "%s/a.rules", stand->folder);
	FILE *out = fopen(path, "we");

	assert(out);
	fputs("version 1\nrule r { stage message when body.text contains \"zzzz\" then score 1 }\n",
		out);
	fclose(out);
	talloc_free(path);
}

static void read_policy(struct stand *stand, const char *more)
{
	struct complaints *complaints = complaints_new(stand);
	char *file = talloc_asprintf(stand, "%s/postern.conf", stand->folder);
	char *settings = talloc_asprintf(stand,
		"hostname = mx.example.com relay { domains = {example.com} } checks { chain = "
		"{rules} } "
		"rules { files = {a.rules} } scanner { time = 100s } %s",
		more);

	stand->policy = policy_new(
		stand, settings_read_text(stand, file, settings, sections, complaints), complaints);
	rulebook_read(stand->policy, file, complaints);
	rulebook_compile(stand->policy, complaints);
	complaints_print(complaints, stderr);
	assert(complaints_errors(complaints) == 0);
}

static _Noreturn void scan(const struct stand *stand, struct scan_ports *ports)
{
	struct loop *loop = loop_new(NULL);
	struct scan_desk *desk;

	scan_ports_keep_scanner(ports, 0);
	desk = scan_desk_new(loop, loop, stand->table, ports, 0, stand->policy);
	if (!scan_desk_limit(stand->policy->scanner) || !sandbox_seal_code() ||
		!sandbox_enter(&(struct sandbox){.profile = SANDBOX_SCANNER}))
		_exit(EXIT_FAILURE);
	scan_desk_open(desk);
	loop_run(loop);
	_exit(EXIT_SUCCESS);
}

/* Knows at once that there is nothing. */
static void know_nothing(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	(void)owner;
	facts_answer(inquiry->facts, question, FACT_ABSENT, (struct value){.number = 0});
	await_skip(await, OUTCOME_DONE);
}

static int close_stand(struct stand *stand)
{
	int status;

	unlink(talloc_asprintf(stand, "%s/a.rules", stand->folder));
	rmdir(stand->folder);
	kill(stand->scanner, SIGTERM);
	waitpid(stand->scanner, &status, 0);
	return 0;
}

static struct stand *stand_new(const char *more)
{
	static const struct check *const no_gates[] = {NULL};
	struct stand *stand = talloc_zero(NULL, struct stand);
	struct learner learners[LEARNERS];
	struct scan_ports *ports;

	strcpy(stand->folder, "/tmp/bench-scanner-XXXXXX");
	assert(mkdtemp(stand->folder));
	write_rules(stand);
	read_policy(stand, more);
	stand->table = table_new(stand, counter_names);
	ports = scan_ports_new(stand, 1, 1);
	stand->scanner = fork();
	if (stand->scanner == 0)
		scan(stand, ports);
	scan_ports_keep_worker(ports, 0);
	stand->loop = loop_new(stand);
	for (size_t i = 0; i < LEARNERS; i++)
		learners[i] = (struct learner){know_nothing, NULL};
	learners[LEARNER_HEADER] = (struct learner){NULL, NULL};
	learners[LEARNER_CONTENT] =
		scan_link_learner(scan_link_new(stand, stand->loop, stand->table, ports, 0));
	stand->chain = chain_new(
		stand, stand->policy, no_gates, checks_table, learners, complaints_new(stand));
	talloc_set_destructor(stand, close_stand);
	return stand;
}

/* --- mail --- */

static char *mail(const void *parent, size_t size)
{
	char *text = talloc_strdup(parent,
		"From: Someone <someone@example.com>\r\nTo: other@example.org\r\nSubject: a small "
		"mail\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: "
		"multipart/alternative; boundary=\"=_a\"\r\n\r\n--=_a\r\nContent-Type: text/plain; "
		"charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");

	while (strlen(text) < size / 2)
		text = talloc_strdup_append(text,
			"A line of text with a soft break and an umlaut =C3=A4 in it, as mail has "
			"=\r\nthem.\r\n");
	text = talloc_strdup_append(
		text, "--=_a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
	while (strlen(text) < size)
		text = talloc_strdup_append(text,
			"<p style=\"color:#333\">A <b>line</b> with <a "
			"href=\"https://www.example.com/1\">a link</a> &amp; more</p>\r\n");
	return talloc_strdup_append(text, "</body></html>\r\n--=_a--\r\n");
}

static struct message *keep(const void *parent, struct slice bytes)
{
	static const struct spool spool = {.memory_maximum = INT64_MAX, .total_maximum = INT64_MAX};
	struct message *message = message_new(parent, &spool);

	if (message_add(message, bytes) != MESSAGE_OK || message_finish(message) != MESSAGE_OK)
		exit(EXIT_FAILURE);
	return message;
}

static void on_judged(void *owner)
{
	(void)owner; /* judge() looks */
}

static void judge(const struct stand *stand, struct slice bytes)
{
	void *scratch = talloc_new(NULL);
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, stand->chain, facts);
	struct await await;

	inquiry->message = keep(scratch, bytes);
	await_init(&await, stand->loop->clock, on_judged, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, stand->loop->clock, AWAIT_FOR_EVER, &await);
	while (await.pending)
		loop_turn(stand->loop, true);
	talloc_free(scratch);
}

/* --- trips --- */

/* Microseconds of one, in the best of several rounds: others use the machine as well. */
static double best_trip(const struct stand *stand, struct slice bytes)
{
	double shortest = 1e9;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = seconds(), took;
		for (unsigned i = 0; i < TRIPS; i++)
			judge(stand, bytes);
		took = (seconds() - start) / TRIPS * 1e6;
		shortest = took < shortest ? took : shortest;
	}
	return shortest;
}

static void measure_trip(const char *what, const char *more, size_t size, const char *target)
{
	struct stand *stand = stand_new(more);
	const char *text = mail(stand, size);
	double took = best_trip(stand, slice_of(text));
	int64_t scans = table_sum(stand->table, COUNT_SCANS), mails = (int64_t)ROUNDS * TRIPS;

	report(talloc_asprintf(stand, "%s (%.2f trips each)", what, (double)scans / (double)mails),
		took, "us", target);
	talloc_free(stand);
}

/* --- memory --- */

static int add_path(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type == FTW_F && path_count < FILES_MAXIMUM)
		paths[path_count++] = strdup(path);
	return 0;
}

static struct slice load(const void *parent, const char *path)
{
	char *bytes = talloc_array(parent, char, MAIL_MAXIMUM);
	FILE *in = fopen(path, "re");
	size_t size = in ? fread(bytes, 1, MAIL_MAXIMUM, in) : 0;

	if (in)
		fclose(in);
	return slice_make(bytes, size);
}

/* KiB that are the process's own. */
static unsigned own_memory(pid_t pid)
{
	char path[64], line[256];
	unsigned size = 0;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof line, in) && sscanf(line, "RssAnon: %u", &size) != 1)
		;
	if (in)
		fclose(in);
	return size;
}

static void measure_memory(const char *folder)
{
	struct stand *stand = stand_new("");
	const char *text = mail(stand, 4096);

	nftw(folder, add_path, 16, FTW_PHYS);
	for (unsigned i = 0; i < 100; i++)
		judge(stand, slice_of(text));
	report("memory of a scanner before", own_memory(stand->scanner) / 1024.0, "MiB", "");
	for (size_t i = 0; path_count && i < MAILS; i++) {
		void *scratch = talloc_new(NULL);
		judge(stand, load(scratch, paths[i % path_count]));
		talloc_free(scratch);
		if (i + 1 == path_count)
			report(talloc_asprintf(stand, "after each of %zu mails", path_count),
				own_memory(stand->scanner) / 1024.0, "MiB", "");
	}
	report("after 10000 mails", own_memory(stand->scanner) / 1024.0, "MiB",
		"(no more than after each)");
	report("mails that scanners judged", (double)table_sum(stand->table, COUNT_SCANS), "", "");
	talloc_free(stand);
}

int main(int argc, char **argv)
{
	measure_trip("there and back, 4 KB", "", 4096, "(to reach 100)");
	measure_trip("there and back, 300 bytes", "", 300, "");
	measure_trip("there and back, 60 KB", "", 61440, "");
	measure_trip("4 KB, and again for the shadow", SHADOW, 4096, "");
	measure_trip("60 KB, and again for the shadow", SHADOW, 61440, "");
	if (argc > 1)
		measure_memory(argv[1]);
	return EXIT_SUCCESS;
}
