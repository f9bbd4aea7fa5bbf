/* SPDX-License-Identifier: Apache-2.0 */
/* postern quarantine: what was kept, and what becomes of it. */
#include "base/log.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/quarantine.h"
#include "proxy/quarantine_release.h"

#include <stdio.h>
#include <sysexits.h>
#include <talloc.h>
#include <time.h>

struct job {
	void *scratch; /* of one message */
	const struct configuration *configuration;
	const struct arguments *arguments;
	struct quarantine *quarantine;
};

static bool complain(const char *id, const char *reason)
{
	fprintf(stderr, "postern: %s: %s\n", id, reason);
	return false;
}

static struct ticket *read_ticket(const struct job *job, const char *id, const char **reason)
{
	char *text = quarantine_read_ticket(job->scratch, job->quarantine, id, reason);
	struct ticket *ticket = text ? ticket_parse(job->scratch, text) : NULL;

	if (text && !ticket)
		*reason = "its ticket cannot be read";
	return ticket;
}

static const char *print_time(const void *parent, int64_t seconds)
{
	time_t time = (time_t)seconds;
	struct tm parts;
	char text[32];

	gmtime_r(&time, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return talloc_strdup(parent, text);
}

/* What strangers wrote must not move the cursor. */
static const char *print_safely(const void *parent, const char *text)
{
	char *safe = talloc_strdup(parent, text ? text : "");

	for (char *c = safe; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return safe;
}

/* --- what is done with one --- */

static const char *state_of(const struct job *job, const struct ticket *ticket)
{
	if (ticket->released)
		return "released";
	return quarantine_is_claimed(job->quarantine, ticket->id) ? "uncertain" : "waiting";
}

static bool list_one(const struct job *job, const char *id)
{
	const char *reason;
	const struct ticket *ticket = read_ticket(job, id, &reason);
	const struct envelope *envelope = ticket ? ticket->envelope : NULL;

	if (!ticket)
		return complain(id, reason);
	if (job->arguments->json) {
		printf("%s", quarantine_read_ticket(job->scratch, job->quarantine, id, &reason));
		return true;
	}
	printf("%s %s %s %lld <%s> <%s>", id, print_time(job->scratch, ticket->seconds),
		state_of(job, ticket), (long long)ticket->size, envelope->sender->text,
		envelope->recipients[0].address->text);
	if (envelope->count > 1)
		printf(" and %zu more", envelope->count - 1);
	printf(" %s: %s\n", print_safely(job->scratch, ticket->decided_by),
		print_safely(job->scratch, ticket->reason));
	return true;
}

static bool show(const struct job *job, const char *id)
{
	const char *reason;
	size_t size;
	const char *bytes =
		quarantine_read_message(job->scratch, job->quarantine, id, &size, &reason);

	if (!bytes)
		return complain(id, reason);
	return fwrite(bytes, 1, size, stdout) == size;
}

static bool explain(const struct job *job, const char *id)
{
	const char *reason;
	const struct ticket *ticket = read_ticket(job, id, &reason);

	if (!ticket)
		return complain(id, reason);
	puts(ticket->record ? ticket->record : "{}");
	return true;
}

/* The words about one that somebody has begun to release before. */
static bool is_free(const struct job *job, const struct ticket *ticket)
{
	if (!quarantine_is_claimed(job->quarantine, ticket->id))
		return true;
	if (ticket->released)
		return complain(ticket->id,
			talloc_asprintf(job->scratch, "it was released at %s: once is enough",
				print_time(job->scratch, ticket->released)));
	if (job->arguments->force)
		return true;
	return complain(ticket->id,
		"its release was begun before, and nobody knows how that ended: ask the "
		"recipients, and release it with --force if they have not got it");
}

static bool finish(
	const struct job *job, struct ticket *ticket, enum release release, const char *reply)
{
	const char *reason = NULL;
	char *text;

	if (release == RELEASE_UNCERTAIN)
		return complain(ticket->id,
			talloc_asprintf(job->scratch,
				"it was sent, and the backend did not answer: %s", reply));
	if (release == RELEASE_REFUSED) {
		reason = quarantine_give_back(job->quarantine, ticket->id);
		complain(ticket->id, reply);
		return reason ? complain(ticket->id, reason) : false;
	}
	ticket->released = (int64_t)time(NULL);
	text = ticket_print(job->scratch, ticket);
	reason = quarantine_write_ticket(job->quarantine, ticket->id, slice_of(text));
	printf("%s: released: %s\n", ticket->id, reply);
	return reason ? complain(ticket->id, reason) : true;
}

static bool release(const struct job *job, const char *id)
{
	const char *reason, *reply, *bytes;
	struct ticket *ticket = read_ticket(job, id, &reason);
	size_t size = 0;
	enum release outcome;

	if (!ticket)
		return complain(id, reason);
	if (!is_free(job, ticket))
		return false;
	if (!job->configuration->backend_count)
		return complain(id, "there is no backend section: nobody could take it");
	bytes = quarantine_read_message(job->scratch, job->quarantine, id, &size, &reason);
	if (!bytes || !size)
		return complain(id, bytes ? "its message is empty" : reason);
	if (!quarantine_is_claimed(job->quarantine, id) &&
		(reason = quarantine_claim(job->quarantine, id)))
		return complain(id, reason);
	outcome = quarantine_release_send(
		job->scratch, job->configuration, ticket, slice_make(bytes, size), &reply);
	return finish(job, ticket, outcome, reply);
}

static bool delete_one(const struct job *job, const char *id)
{
	const char *reason = quarantine_delete(job->quarantine, id);

	return reason ? complain(id, reason) : printf("%s: deleted\n", id) > 0;
}

/* --- commands --- */

static bool list_all(struct job *job)
{
	const char **ids = quarantine_list(job->configuration, job->quarantine);
	bool good = true;

	for (size_t i = 0; i < talloc_array_length(ids); i++) {
		job->scratch = talloc_new(NULL);
		good &= list_one(job, ids[i]);
		TALLOC_FREE(job->scratch);
	}
	return good;
}

static bool expire(struct job *job)
{
	printf("%zu messages were too old, and are gone\n",
		quarantine_expire(job->quarantine, (int64_t)time(NULL)));
	return true;
}

static const struct {
	const char *name;
	bool (*run)(const struct job *job, const char *id); /* for each id */
	bool (*run_all)(struct job *job); /* without one; NULL: there must be one */
} rows[] = {
	{"list", list_one, list_all},
	{"show", show, NULL},
	{"explain", explain, NULL},
	{"release", release, NULL},
	{"delete", delete_one, NULL},
	{"expire", NULL, expire},
	{0},
};

static int run_row(struct job *job, size_t row)
{
	const struct arguments *arguments = job->arguments;
	bool good = true;

	if (arguments->subject_count == 1 && rows[row].run_all)
		return rows[row].run_all(job) ? 0 : 1;
	for (size_t i = 1; i < arguments->subject_count; i++) {
		job->scratch = talloc_new(NULL);
		good &= rows[row].run(job, arguments->subjects[i]);
		TALLOC_FREE(job->scratch);
	}
	return good ? 0 : 1;
}

static int run(struct job *job)
{
	const char *wanted = job->arguments->subject;
	bool has_ids = job->arguments->subject_count > 1;
	size_t row = 0;

	while (rows[row].name && strcmp(rows[row].name, wanted) != 0)
		row++;
	if (rows[row].name && (has_ids ? rows[row].run != NULL : rows[row].run_all != NULL))
		return run_row(job, row);
	fprintf(stderr,
		rows[row].name ? has_ids ? "postern: quarantine %s takes no id\n"
					 : "postern: quarantine %s needs the id of a message\n"
			       : "postern: quarantine cannot %s: list, show, explain, release, "
				 "delete, expire are what it can\n",
		wanted);
	return EX_USAGE;
}

int cli_quarantine(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);
	const struct arguments *arguments = arguments_parse(all, ARGUMENTS_QUARANTINE, argc, argv);
	struct job job = {.arguments = arguments,
		.configuration = configuration_read(all, arguments->file, complaints)};
	const char *reason = "the configuration has no quarantine.path";
	int status = 1;

	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_ERROR);
	if (complaints_errors(complaints) > 0) {
		complaints_print(complaints, stderr);
	} else {
		if (job.configuration->policy->quarantine->path)
			job.quarantine = quarantine_open(
				all, job.configuration->policy->quarantine, &reason);
		if (job.quarantine)
			status = run(&job);
		else
			fprintf(stderr, "postern: %s\n", reason);
	}
	talloc_free(all);
	return status;
}
