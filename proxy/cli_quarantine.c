/* SPDX-License-Identifier: Apache-2.0 */
/* postern quarantine: what was kept, and what becomes of it. */
#include "base/log.h"
#include "base/utf8.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/quarantine.h"
#include "proxy/quarantine_hold.h"
#include "proxy/quarantine_release.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <talloc.h>
#include <time.h>

struct job {
	void *scratch; /* of one message */
	const struct configuration *configuration;
	const struct arguments *arguments;
	struct quarantine *quarantine;
};

#define NAMES_TOLD 20

/* What strangers wrote must not move the cursor, nor turn the words around. */
static const char *clean(const void *parent, const char *text)
{
	struct slice all = slice_of(text ? text : "");
	char *safe = talloc_array(parent, char, all.size + 1);

	safe[utf8_clean_for_eyes(safe, all.size, all)] = '\0';
	return safe;
}

static bool complain(const char *id, const char *reason)
{
	const char *safe = clean(NULL, reason);

	fprintf(stderr, "postern: %s: %s\n", id, safe);
	talloc_free((void *)(uintptr_t)safe);
	return false;
}

static struct ticket *read_ticket(const struct job *job, const char *id, const char **reason)
{
	char *text = quarantine_read_ticket(job->scratch, job->quarantine, id, reason);
	struct ticket *ticket = text ? ticket_parse(job->scratch, text) : NULL;

	if (text && !ticket)
		*reason = "its ticket is damaged";
	if (ticket)
		ticket->id = talloc_strdup(ticket, id);
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

/* --- what is told of one --- */

/* ticket may be NULL: it is lost. */
static const char *state_of(const struct quarantine_sight *sight, const struct ticket *ticket)
{
	if (sight->is_held)
		return "being released";
	if (sight->place == QUARANTINE_RELEASED || (ticket && ticket->released))
		return "released";
	return sight->place == QUARANTINE_CLAIMED ? "uncertain" : "waiting";
}

/* Of what was lost, what the message's file tells. */
static void list_damaged(const struct job *job, const char *id,
	const struct quarantine_sight *sight, const char *reason)
{
	printf("%s %s damaged %lld %s; it is %s\n", id, print_time(job->scratch, sight->came),
		(long long)sight->size, clean(job->scratch, reason), state_of(sight, NULL));
}

static void list_text(
	const struct job *job, const struct quarantine_sight *sight, const struct ticket *ticket)
{
	const struct envelope *envelope = ticket->envelope;

	printf("%s %s %s %lld <%s> <%s>", ticket->id, print_time(job->scratch, ticket->seconds),
		state_of(sight, ticket), (long long)ticket->size,
		clean(job->scratch, envelope->sender->text),
		clean(job->scratch, envelope->recipients[0].address->text));
	if (envelope->count > 1)
		printf(" and %zu more", envelope->count - 1);
	printf(" %s: %s\n", clean(job->scratch, ticket->decided_by),
		clean(job->scratch, ticket->reason));
}

static void print_json(json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(1));

	utf8_print_json(slice_of(text), stdout);
	putchar('\n');
	free(text);
}

/* damage: NULL, or why the ticket cannot be had. */
static void list_json(const struct job *job, const char *id, const struct quarantine_sight *sight,
	const struct ticket *ticket, const char *damage)
{
	const char *reason;
	const char *text =
		ticket ? quarantine_read_ticket(job->scratch, job->quarantine, id, &reason) : NULL;
	json_t *object = text ? json_loads(text, 0, NULL) : json_object();

	if (!text) {
		json_object_set_new(object, "id", json_string(id));
		json_object_set_new(object, "time", json_integer((json_int_t)sight->came));
		json_object_set_new(object, "size", json_integer((json_int_t)sight->size));
		json_object_set_new(object, "damage", json_string(damage ? damage : "lost"));
	}
	json_object_set_new(object, "state", json_string(state_of(sight, ticket)));
	print_json(object);
	json_decref(object);
}

static bool list_one(const struct job *job, const char *id)
{
	const char *reason;
	struct quarantine_sight sight;
	const struct ticket *ticket;

	if (!quarantine_look(job->quarantine, id, &sight, &reason))
		return complain(id, reason);
	reason = NULL;
	ticket = read_ticket(job, id, &reason);
	if (job->arguments->json)
		list_json(job, id, &sight, ticket, reason);
	else if (ticket)
		list_text(job, &sight, ticket);
	else
		list_damaged(job, id, &sight, reason);
	return true;
}

/* Whether as many bytes are there as were kept; where nobody knows how many those were, they are. */
static bool is_whole(const struct job *job, const struct ticket *ticket, size_t size)
{
	if (!ticket || ticket->size <= 0 || (uint64_t)ticket->size == size)
		return true;
	return complain(ticket->id,
		talloc_asprintf(job->scratch,
			"its file is damaged: it has %zu bytes, and %lld were kept", size,
			(long long)ticket->size));
}

static bool show(const struct job *job, const char *id)
{
	const char *reason;
	size_t size;
	const char *bytes =
		quarantine_read_message(job->scratch, job->quarantine, id, &size, &reason);

	if (!bytes)
		return complain(id, reason);
	if (!is_whole(job, read_ticket(job, id, &reason), size))
		return false;
	if (fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0)
		return true;
	return complain(id, "it cannot be written to the end");
}

static bool explain(const struct job *job, const char *id)
{
	const char *reason;
	struct quarantine_sight sight;
	const struct ticket *ticket;

	if (!quarantine_look(job->quarantine, id, &sight, &reason) ||
		!(ticket = read_ticket(job, id, &reason)))
		return complain(id, reason);
	utf8_print_json(slice_of(ticket->record ? ticket->record : "{}"), stdout);
	putchar('\n');
	return true;
}

/* --- release --- */

struct releasing {
	const struct job *job;
	struct ticket *ticket;
	struct quarantine_hold *hold;
	const struct envelope *envelope; /* the ticket's, or some of it */
	bool is_again;                   /* it was not waiting */
};

static bool refuse(const struct releasing *releasing, const char *reason)
{
	return complain(releasing->ticket->id, reason);
}

/* "<a@example.com> and <b@example.com>" … of those recipients that were refused, or were not. */
static char *print_names(
	const struct releasing *releasing, const char *const *refusals, bool refused)
{
	const struct envelope *envelope = releasing->envelope;
	char *text = talloc_strdup(releasing->job->scratch, "");
	size_t told = 0;

	for (size_t i = 0; i < envelope->count; i++) {
		if (refused != (refusals && refusals[i]) || told++ >= NAMES_TOLD)
			continue;
		text = talloc_asprintf_append(
			text, "%s<%s>", *text ? ", " : "", envelope->recipients[i].address->text);
		if (refused)
			text = talloc_asprintf_append(text, " (%s)", refusals[i]);
	}
	if (told > NAMES_TOLD)
		text = talloc_asprintf_append(text, " and %zu more", told - NAMES_TOLD);
	return text;
}

static char *print_released_to(const struct releasing *releasing)
{
	const char **to = releasing->ticket->released_to;
	char *text = talloc_strdup(releasing->job->scratch, "");

	for (size_t i = 0; i < talloc_array_length(to); i++)
		text = talloc_asprintf_append(text, "%s<%s>", i ? ", " : " to ", to[i]);
	return text;
}

static bool refuse_released(const struct releasing *releasing)
{
	const struct ticket *ticket = releasing->ticket;
	struct quarantine_sight sight = {0};
	const char *reason;

	if (!ticket->released)
		(void)quarantine_look(releasing->job->quarantine, ticket->id, &sight, &reason);
	return refuse(releasing,
		talloc_asprintf(releasing->job->scratch,
			"it was released at %s%s: once is enough; to one who has not got it all "
			"the "
			"same: release --force --to RECIPIENT",
			print_time(releasing->job->scratch,
				ticket->released ? ticket->released : sight.changed),
			print_released_to(releasing)));
}

/* Whether it may be sent, as far as others have begun to before. */
static bool is_free(struct releasing *releasing)
{
	const struct arguments *arguments = releasing->job->arguments;
	enum quarantine_place place = quarantine_hold_place(releasing->hold);

	releasing->is_again = place != QUARANTINE_WAITS;
	if (place == QUARANTINE_RELEASED || releasing->ticket->released)
		return (arguments->force && arguments->to_count) || refuse_released(releasing);
	if (place == QUARANTINE_WAITS || arguments->force)
		return true;
	return refuse(releasing,
		"its release was begun before, and nobody knows how that ended: ask the "
		"recipients, and release it with --force if they have not got it");
}

/* All of its recipients, or those that were asked for. */
static bool select_recipients(struct releasing *releasing)
{
	const struct arguments *arguments = releasing->job->arguments;
	const char *stranger;

	releasing->envelope = releasing->ticket->envelope;
	if (!arguments->to_count)
		return true;
	releasing->envelope = quarantine_release_select(releasing->ticket, releasing->envelope,
		arguments->to, arguments->to_count, &stranger);
	return releasing->envelope ||
		refuse(releasing,
			talloc_asprintf(releasing->job->scratch,
				"<%s> is none of its recipients; nothing was sent", stranger));
}

/* What was sent to in the end: a list only where that was not to all. */
static void note_recipients(struct releasing *releasing)
{
	struct ticket *ticket = releasing->ticket;
	const struct envelope *envelope = releasing->envelope;
	size_t before = talloc_array_length(ticket->released_to);

	if (envelope == ticket->envelope || (ticket->released && !ticket->released_to)) {
		ticket->released_to = NULL;
		return;
	}
	ticket->released_to =
		talloc_realloc(ticket, ticket->released_to, const char *, before + envelope->count);
	for (size_t i = 0; i < envelope->count; i++)
		ticket->released_to[before + i] = envelope->recipients[i].address->text;
}

/* The rename says that it was released; the ticket only when, and to whom. */
static bool note_released(struct releasing *releasing)
{
	void *scratch = releasing->job->scratch;
	struct ticket *ticket = releasing->ticket;
	const char *unmoved = quarantine_hold_place(releasing->hold) == QUARANTINE_RELEASED
		? NULL
		: quarantine_hold_move(releasing->hold, QUARANTINE_RELEASED);
	const char *unwritten;

	note_recipients(releasing);
	ticket->released = (int64_t)time(NULL);
	unwritten = quarantine_write_ticket(
		releasing->job->quarantine, ticket->id, slice_of(ticket_print(scratch, ticket)));
	if (unwritten && unmoved)
		return refuse(releasing,
			talloc_asprintf(scratch,
				"it was released, and that could not be written down at all (%s; "
				"%s): do not release it again",
				unmoved, unwritten));
	if (unmoved)
		refuse(releasing,
			talloc_asprintf(scratch,
				"that is written in its ticket, but its file could not be moved: "
				"%s",
				unmoved));
	if (unwritten)
		refuse(releasing,
			talloc_asprintf(scratch,
				"it is marked as released, but when and to whom could not be "
				"written into its ticket: %s",
				unwritten));
	return true;
}

static bool tell_released(struct releasing *releasing, const char *reply)
{
	const char *names = releasing->envelope == releasing->ticket->envelope
		? ""
		: print_names(releasing, NULL, false);

	printf("%s: released%s%s: %s\n", releasing->ticket->id, *names ? " to " : "",
		clean(releasing->job->scratch, names), clean(releasing->job->scratch, reply));
	return note_released(releasing);
}

/* What was uncertain before stays so. */
static bool tell_refused(struct releasing *releasing, const struct release_end *end)
{
	void *scratch = releasing->job->scratch;
	const char *bad = print_names(releasing, end->refusals, true);
	const char *good = print_names(releasing, end->refusals, false);
	const char *reason = releasing->is_again
		? NULL
		: quarantine_hold_move(releasing->hold, QUARANTINE_WAITS);

	if (!*bad)
		refuse(releasing, end->reply);
	else
		refuse(releasing,
			talloc_asprintf(scratch, "nothing was sent, for the backend refuses %s%s%s",
				bad, *good ? "; those that it takes get it by release --to: " : "",
				*good ? good : ""));
	return reason ? refuse(releasing,
				talloc_asprintf(scratch,
					"it could not be moved back, and will be called "
					"uncertain: %s",
					reason))
		      : false;
}

static bool finish(struct releasing *releasing, const struct release_end *end)
{
	if (end->release == RELEASE_DONE)
		return tell_released(releasing, end->reply);
	if (end->release == RELEASE_REFUSED)
		return tell_refused(releasing, end);
	return refuse(releasing,
		talloc_asprintf(releasing->job->scratch,
			"it was sent, and the backend did not answer: %s", end->reply));
}

static bool claim(struct releasing *releasing)
{
	const char *reason = releasing->is_again
		? NULL
		: quarantine_hold_move(releasing->hold, QUARANTINE_CLAIMED);

	if (!reason)
		return true;
	if (quarantine_hold_place(releasing->hold) == QUARANTINE_CLAIMED &&
		quarantine_hold_move(releasing->hold, QUARANTINE_WAITS))
		return refuse(
			releasing, "it was not sent, and is called uncertain, for the disk fails");
	return refuse(releasing, reason);
}

/* Read before it is claimed: what cannot be read goes on waiting. */
static bool send_held(struct releasing *releasing)
{
	const struct job *job = releasing->job;
	const struct ticket *ticket = releasing->ticket;
	const char *reason;
	size_t size = 0;
	const char *bytes = quarantine_hold_read(job->scratch, releasing->hold, &size, &reason);

	if (!bytes)
		return refuse(releasing, reason);
	if (!is_whole(job, ticket, size))
		return false;
	if (!size)
		return refuse(releasing, "its message is empty");
	if (!claim(releasing))
		return false;
	const struct release_order order = {
		ticket->backend, releasing->envelope, slice_make(bytes, size)};
	const struct release_end end =
		quarantine_release_send(job->scratch, job->configuration, &order);
	return finish(releasing, &end);
}

static bool release(const struct job *job, const char *id)
{
	const char *reason;
	struct releasing releasing = {.job = job};

	if (!job->configuration->backend_count)
		return complain(id, "there is no backend section: nobody could take it");
	releasing.hold = quarantine_hold_new(job->scratch, job->quarantine, id, &reason);
	if (!releasing.hold)
		return complain(id, reason);
	releasing.ticket = read_ticket(job, id, &reason);
	if (!releasing.ticket)
		return complain(id,
			talloc_asprintf(job->scratch,
				"%s; its envelope is lost with it, so nobody knows whom to release "
				"it to; show prints the message",
				reason));
	return is_free(&releasing) && select_recipients(&releasing) && send_held(&releasing);
}

static bool delete_one(const struct job *job, const char *id)
{
	const char *reason;
	struct quarantine_hold *hold =
		quarantine_hold_new(job->scratch, job->quarantine, id, &reason);

	if (hold)
		reason = quarantine_hold_remove(hold);
	return hold && !reason ? printf("%s: deleted\n", id) > 0 : complain(id, reason);
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
	if (job->arguments->to_count && strcmp(wanted, "release") != 0) {
		fprintf(stderr, "postern: only quarantine release takes --to\n");
		return EX_USAGE;
	}
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
