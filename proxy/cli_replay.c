/* SPDX-License-Identifier: Apache-2.0 */
/* `postern replay`: mail of the past judged again, under one configuration or two. */
#include "policy/replay.h"

#include "base/file.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/keeper.h"
#include "proxy/records.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <talloc.h>

#define FILE_MOST ((size_t)1 << 30)
#define SEPARATOR "From " /* of an mbox */

/* What came out under one configuration. */
struct tally {
	const struct chain *chain;
	uint64_t verdicts[VERDICT_DISCONNECT + 1];
	uint64_t undecided;
	uint64_t missing[FACT_COUNT]; /* what was missed first, in those that are undecided */
};

struct replay {
	const struct configuration *configuration;
	const char *journal; /* that is read; NULL: the configuration's */
	unsigned hop;
	struct tally now;
	struct tally before; /* no chain: there is nothing to compare with */
	uint64_t cases;
	uint64_t as_recorded; /* of those that were recorded and are decided */
	uint64_t recorded;
	uint64_t changes;
	bool has_failed;
};

/* --- judging --- */

static void count(struct tally *tally, const struct replay_outcome *outcome)
{
	if (!outcome->is_undecided) {
		tally->verdicts[outcome->verdict.kind]++;
		return;
	}
	tally->undecided++;
	if (outcome->missing != FACT_COUNT)
		tally->missing[outcome->missing]++;
}

static void print_change(const struct replay_case *the_case, const struct replay_outcome *before,
	const struct replay_outcome *now)
{
	char *culprit = replay_culprit(now, before, now);

	printf("%s: %s -> %s, by %s\n", the_case->name, verdict_name(before->verdict.kind),
		verdict_name(now->verdict.kind), culprit);
}

static void compare(
	struct replay *replay, const struct replay_case *the_case, const struct replay_outcome *now)
{
	struct replay_outcome *before = replay_judge(the_case, replay->before.chain, the_case);

	count(&replay->before, before);
	if (now->is_undecided || before->is_undecided || !replay_differs(before, now))
		return;
	replay->changes++;
	print_change(the_case, before, now);
}

static void judge(struct replay *replay, struct replay_case *the_case)
{
	struct replay_outcome *now = replay_judge(the_case, replay->now.chain, the_case);

	replay->cases++;
	count(&replay->now, now);
	if (the_case->recorded && !now->is_undecided) {
		replay->recorded++;
		replay->as_recorded +=
			strcmp(the_case->recorded, verdict_name(now->verdict.kind)) == 0;
	}
	if (replay->before.chain)
		compare(replay, the_case, now);
	talloc_free(the_case);
}

/* --- where cases come from --- */

static void complain(struct replay *replay, const char *name, const char *why)
{
	fprintf(stderr, "postern: %s: %s\n", name, why);
	replay->has_failed = true;
}

/* One that has gone before its record did, or never came to be kept, is missed as any fact is. */
static void add_message(const struct replay *replay, struct replay_case *the_case)
{
	struct store_options store = *replay->configuration->store;
	size_t size;
	const char *bytes;

	if (!the_case->is_kept)
		return;
	if (replay->journal)
		store.path = replay->journal;
	bytes = keeper_read_message(the_case, &store, the_case->name, &size);
	if (bytes && !replay_case_take_message(the_case, slice_make(bytes, size)))
		the_case->message = NULL;
}

static bool take_record(void *owner, struct slice json)
{
	struct replay_case *the_case = replay_case_of_record(NULL, json);

	if (!the_case)
		return true;
	add_message(owner, the_case);
	judge(owner, the_case);
	return true;
}

static void take_id(struct replay *replay, const char *id)
{
	const char *reason;
	char *json = keeper_read_record(NULL, replay->configuration->store, id, &reason);

	if (json)
		take_record(replay, slice_of(json));
	else
		complain(replay, id, reason);
	talloc_free(json);
}

static void take_journal(struct replay *replay, const char *path)
{
	replay->journal = path;
	const char *why = path ? records_read_all(path, 0, 0, take_record, replay)
			       : "the configuration names no store: nothing is remembered";
	replay->journal = NULL;

	if (why)
		complain(replay, path ? path : "the journal", why);
}

static void take_message(struct replay *replay, const char *name, struct slice bytes)
{
	struct replay_case *the_case = replay_case_of_message(NULL, name, bytes, replay->hop);

	if (the_case)
		judge(replay, the_case);
	else
		complain(replay, name, "has no such Received field, or it tells no address");
}

static bool begins_mail(struct slice text, size_t at)
{
	return slice_starts_nocase(slice_from(text, at), SEPARATOR) &&
		memcmp(text.data + at, SEPARATOR, strlen(SEPARATOR)) == 0;
}

/* Where the next mail of an mbox begins: behind an empty line. */
static size_t next_mail(struct slice text, size_t at)
{
	for (;;) {
		size_t size = slice_find(slice_from(text, at), '\n');
		if (size == SIZE_MAX)
			return text.size;
		bool is_empty = size == 0 || (size == 1 && text.data[at] == '\r');
		at += size + 1;
		if (is_empty && begins_mail(text, at))
			return at;
	}
}

static void take_mbox(struct replay *replay, const char *path, struct slice text)
{
	for (unsigned number = 1; text.size; number++) {
		size_t end = next_mail(text, 0);
		struct slice mail = slice_make(text.data, end);
		char *name = talloc_asprintf(NULL, "%s:%u", path, number);

		slice_cut(&mail, '\n');
		take_message(replay, name, mail);
		talloc_free(name);
		text = slice_from(text, end);
	}
}

static void take_file(struct replay *replay, const char *path)
{
	void *all = talloc_new(NULL);
	struct slice text;
	const char *why = file_read(all, path, FILE_MOST, &text);

	if (why)
		complain(replay, path, why);
	else if (begins_mail(text, 0))
		take_mbox(replay, path, text);
	else
		take_message(replay, path, text);
	talloc_free(all);
}

static int is_mail(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool take_folder(struct replay *replay, const char *path, const char *folder)
{
	char *directory = talloc_asprintf(NULL, "%s/%s", path, folder);
	struct dirent **entries;
	int number = scandir(directory, &entries, is_mail, alphasort);

	for (int i = 0; i < number; i++) {
		char *file = talloc_asprintf(directory, "%s/%s", directory, entries[i]->d_name);
		take_file(replay, file);
		free(entries[i]);
		talloc_free(file);
	}
	if (number >= 0)
		free(entries);
	talloc_free(directory);
	return number >= 0;
}

static bool has_store(const char *path)
{
	struct stat status;
	char *file = talloc_asprintf(NULL, "%s/data.mdb", path);
	bool has = stat(file, &status) == 0;

	talloc_free(file);
	return has;
}

static void take_directory(struct replay *replay, const char *path)
{
	if (has_store(path)) {
		take_journal(replay, path);
		return;
	}
	bool has_cur = take_folder(replay, path, "cur");
	bool has_new = take_folder(replay, path, "new");
	if (!has_cur && !has_new)
		complain(replay, path, "is neither a Maildir nor a store");
}

/* What is no file is an id. */
static void take_subject(struct replay *replay, const char *subject)
{
	struct stat status;

	if (stat(subject, &status) != 0)
		take_id(replay, subject);
	else if (S_ISDIR(status.st_mode))
		take_directory(replay, subject);
	else
		take_file(replay, subject);
}

/* --- telling --- */

static void print_missing(const struct tally *tally)
{
	const char *before = " (not recorded: ";

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (!tally->missing[fact])
			continue;
		printf("%s%s %" PRIu64, before, fact_row(fact)->name, tally->missing[fact]);
		before = ", ";
	}
	if (before[0] == ',')
		putchar(')');
}

/* None counts as accept. */
static void print_tally(const struct tally *tally, const char *file)
{
	printf("%s: %" PRIu64 " accept", file,
		tally->verdicts[VERDICT_NONE] + tally->verdicts[VERDICT_ACCEPT]);
	for (enum verdict_kind kind = VERDICT_DISCARD; kind <= VERDICT_DISCONNECT; kind++) {
		if (tally->verdicts[kind])
			printf(", %" PRIu64 " %s", tally->verdicts[kind], verdict_name(kind));
	}
	printf(", %" PRIu64 " undecided", tally->undecided);
	print_missing(tally);
	putchar('\n');
}

static void print_all(const struct replay *replay, const struct arguments *arguments)
{
	printf("%" PRIu64 " judged\n", replay->cases);
	if (replay->before.chain)
		print_tally(&replay->before, arguments->against);
	print_tally(&replay->now, arguments->file);
	if (replay->recorded)
		printf("as recorded: %" PRIu64 " of %" PRIu64 "\n", replay->as_recorded,
			replay->recorded);
	if (replay->before.chain)
		printf("changed: %" PRIu64 "\n", replay->changes);
}

/* --- the command --- */

static const struct configuration *read_configuration(const void *parent, const char *file)
{
	struct complaints *complaints = complaints_new(parent);
	const struct configuration *configuration = configuration_read(parent, file, complaints);

	complaints_print(complaints, stderr);
	return complaints_errors(complaints) ? NULL : configuration;
}

static bool begin(struct replay *replay, const struct arguments *arguments)
{
	const struct configuration *before = NULL;

	replay->configuration = read_configuration(arguments, arguments->file);
	if (arguments->against)
		before = read_configuration(arguments, arguments->against);
	if (!replay->configuration || (arguments->against && !before))
		return false;
	replay->now.chain = replay->configuration->chain;
	replay->before.chain = before ? before->chain : NULL;
	return true;
}

static bool read_hop(const char *text, unsigned *hop)
{
	uint64_t number = 0;

	if (text && (!slice_to_number(slice_of(text), &number) || !number || number > 1000)) {
		fprintf(stderr, "postern: --client-from-received takes a number from 1 to 1000\n");
		return false;
	}
	*hop = (unsigned)number;
	return true;
}

static int run(struct replay *replay, const struct arguments *arguments)
{
	if (!read_hop(arguments->hop, &replay->hop))
		return EX_USAGE;
	if (!begin(replay, arguments))
		return EX_CONFIG;
	for (const char **subject = arguments->subjects; *subject; subject++)
		take_subject(replay, *subject);
	if (!arguments->subject)
		take_journal(replay, replay->configuration->store->path);
	print_all(replay, arguments);
	if (replay->has_failed)
		return EX_NOINPUT;
	return replay->changes ? 1 : 0;
}

int cli_replay(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct replay *replay = talloc_zero(all, struct replay);
	int status = run(replay, arguments_parse(all, ARGUMENTS_REPLAY, argc, argv));

	talloc_free(all);
	return status;
}
