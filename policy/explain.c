/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a case through all stages, and tells what was judged. */
#include "policy/amendment.h"
#include "policy/explain.h"

#include "base/loop.h"
#include "base/utf8.h"
#include "policy/chain.h"
#include "policy/facts_file.h"
#include "policy/record.h"
#include "policy/rule_story.h"
#include "policy/shadow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <talloc.h>
#include <time.h>

#define JUDGE_TIMEOUT 60000
#define CHUNK 65536
#define TIME_SIZE 32
#define EDITS_SHOWN 20
#define RECORDS_SHOWN 100
#define JSON_FLAGS (JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY)

/* What became of one recipient. */
struct answer {
	const struct address *address;
	struct verdict verdict;
};

/* A case on its way through the stages. */
struct play {
	const struct explain_case *the_case;
	const struct policy *policy;
	struct loop *loop;
	struct complaints *complaints;
	struct facts *told; /* of the facts file; NULL for none */
	struct facts *facts;
	struct inquiry *inquiry;
	struct rule_story *story;
	struct address *sender; /* NULL for the null sender */
	struct answer *answers;
	size_t count;
	size_t passed;
	struct spool spool;
	struct message *message;
};

/* --- reading what is to be judged --- */

/* Adds bytes with CRLF where there was LF alone; *last is the byte before them. */
static bool add_lines(struct message *message, struct slice bytes, char *last)
{
	char *lines = talloc_array(NULL, char, 2 * bytes.size);
	size_t used = 0;
	bool added;

	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] == '\n' && *last != '\r')
			lines[used++] = '\r';
		*last = lines[used++] = bytes.data[i];
	}
	added = message_add(message, slice_make(lines, used)) == MESSAGE_OK;
	talloc_free(lines);
	return added;
}

static bool read_lines(struct message *message, FILE *in)
{
	char *chunk = talloc_array(message, char, CHUNK);
	char last = '\0';
	size_t size;
	bool added = true;

	while (added && (size = fread(chunk, 1, CHUNK, in)) > 0)
		added = add_lines(message, slice_make(chunk, size), &last);
	talloc_free(chunk);
	return added && !ferror(in) && message_finish(message) == MESSAGE_OK;
}

static void read_message(struct play *play)
{
	const char *name = play->the_case->message_file;
	bool is_standard_input = strcmp(name, "-") == 0;
	FILE *in = is_standard_input ? stdin : fopen(name, "re");

	play->message = message_new(play->facts, &play->spool);
	if (!in || !read_lines(play->message, in))
		complaint_error(play->complaints, (struct place){name, 0, 0},
			"cannot read the message: %s", strerror(errno));
	if (in && !is_standard_input)
		fclose(in);
}

static struct address *read_address(struct play *play, const char *text)
{
	struct address *address = address_parse(play->facts, slice_of(text));

	if (!address)
		complaint_error(play->complaints, (struct place){text, 0, 0}, "this is no address");
	return address;
}

static void read_addresses(struct play *play)
{
	const char *sender = play->the_case->sender;
	const char *const *recipients = play->the_case->recipients;

	if (sender && *sender && strcmp(sender, "<>") != 0)
		play->sender = read_address(play, sender);
	for (; recipients && recipients[play->count]; play->count++) {
		play->answers =
			talloc_realloc(play->facts, play->answers, struct answer, play->count + 1);
		play->answers[play->count] =
			(struct answer){.address = read_address(play, recipients[play->count])};
	}
}

static bool read_case(struct play *play)
{
	const char *facts_file = play->the_case->facts_file;

	if (facts_file)
		play->told = facts_file_read(play->facts, facts_file, play->complaints);
	read_addresses(play);
	read_message(play);
	complaints_print(play->complaints, stderr);
	return complaints_errors(play->complaints) == 0;
}

/* --- playing --- */

static void on_judged(void *owner)
{
	(void)owner; /* judge() looks */
}

/* Whether the case goes on after this stage. about: which recipient; NULL: none. */
static bool judge_about(struct play *play, enum stage stage, const char *about)
{
	struct await await;

	if (play->told)
		facts_take_over(play->facts, play->told);
	await_init(&await, play->loop->clock, on_judged, NULL);
	inquiry_begin_judging(play->inquiry, stage, play->loop->clock, JUDGE_TIMEOUT, &await);
	while (await.pending)
		loop_turn(play->loop, true);
	rule_story_add(play->story, play->inquiry, about);
	return play->inquiry->verdict.kind <= VERDICT_ACCEPT;
}

static bool judge(struct play *play, enum stage stage)
{
	return judge_about(play, stage, NULL);
}

static bool play_connect(struct play *play)
{
	facts_set_number(play->facts, FACT_NOW, (int64_t)time(NULL));
	const struct ip *client = &play->the_case->client;
	bool trusted = cidrs_contain(&play->policy->relay->networks, client);

	if (client->family)
		facts_set_ip(play->facts, FACT_CLIENT_IP, client);
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED, trusted);
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED_RELAY,
		cidrs_contain(&play->policy->site->trusted_relays, client));
	facts_set_bool(play->facts, FACT_CLIENT_AUTHENTICATED, false);
	return judge(play, STAGE_CONNECT);
}

static bool play_helo(struct play *play)
{
	if (!play->the_case->helo)
		return true;
	facts_set_text(play->facts, FACT_HELO_NAME, play->the_case->helo);
	return judge(play, STAGE_HELO);
}

static bool play_mail(struct play *play)
{
	const struct address *sender = play->sender;

	facts_set_text(play->facts, FACT_SENDER, sender ? sender->text : "");
	facts_set_text(play->facts, FACT_SENDER_LOCAL, sender ? sender->local : "");
	facts_set_text(play->facts, FACT_SENDER_DOMAIN, sender ? sender->domain : "");
	facts_set_number(play->facts, FACT_SENDER_FORM, sender ? sender->form : 0);
	facts_set_bool(play->facts, FACT_SENDER_IS_NULL, !sender);
	facts_set_number(play->facts, FACT_SIZE, message_size(play->message));
	return judge(play, STAGE_MAIL);
}

static void play_recipient(struct play *play, struct answer *answer)
{
	const struct address *address = answer->address;

	facts_forget_recipient(play->facts);
	facts_set_text(play->facts, FACT_RECIPIENT, address->text);
	facts_set_text(play->facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(play->facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(play->facts, FACT_RECIPIENT_FORM, address->form);
	facts_set_number(play->facts, FACT_RECIPIENT_COUNT, (int64_t)play->passed);
	if (judge_about(play, STAGE_RCPT, address->text))
		play->passed++;
	answer->verdict = play->inquiry->verdict;
}

static bool play_recipients(struct play *play)
{
	for (size_t i = 0; i < play->count; i++)
		play_recipient(play, &play->answers[i]);
	return !play->count || play->passed;
}

static void tell_recipients(struct play *play)
{
	const char **passed = talloc_array(play->facts, const char *, play->count + 1);
	size_t count = 0;

	for (size_t i = 0; i < play->count; i++) {
		if (play->answers[i].verdict.kind <= VERDICT_ACCEPT)
			passed[count++] = play->answers[i].address->text;
	}
	facts_forget_recipient(play->facts);
	facts_set_texts(play->facts, FACT_RECIPIENTS, passed, count);
	facts_set_number(play->facts, FACT_RECIPIENT_COUNT, (int64_t)count);
}

static bool play_data(struct play *play)
{
	tell_recipients(play);
	return judge(play, STAGE_DATA);
}

static bool play_message(struct play *play)
{
	play->inquiry->message = play->message;
	facts_set_number(play->facts, FACT_MESSAGE_SIZE, message_size(play->message));
	facts_set_number(play->facts, FACT_MESSAGE_ANOMALIES, message_anomalies(play->message));
	if (!judge(play, STAGE_MESSAGE))
		return false;
	amendment_edit(play->inquiry, "explain", (int64_t)time(NULL));
	return true;
}

/* In the order in which a session meets them; the first that ends the case is the last. */
static bool (*const scenes[])(struct play *play) = {
	play_connect, play_helo, play_mail, play_recipients, play_data, play_message};

static void play_all(struct play *play)
{
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
		if (!scenes[i](play))
			return;
	}
}

/* --- telling it as text --- */

static void print_verdict(const struct verdict *verdict, FILE *out)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "accepted: nothing speaks against it",
		[VERDICT_UNKNOWN] = "",
		[VERDICT_ACCEPT] = "accepted",
		[VERDICT_DISCARD] = "accepted, and thrown away",
		[VERDICT_QUARANTINE] = "accepted, and put into quarantine",
		[VERDICT_TEMPFAIL] = "put off",
		[VERDICT_REJECT] = "refused",
		[VERDICT_DISCONNECT] = "refused, and the connection closed",
	};

	fputs(words[verdict->kind], out);
	if (verdict->code)
		fprintf(out, ": %d %s %s", verdict->code, verdict->status, verdict->text);
}

static void print_head(const struct play *play, FILE *out)
{
	const struct inquiry *inquiry = play->inquiry;

	fputs("The message is ", out);
	print_verdict(&inquiry->verdict, out);
	fputs(".\n", out);
	if (inquiry->verdict.decided_by)
		fprintf(out, "Decided by %s at stage %s.\n", inquiry->verdict.decided_by,
			stage_name(inquiry->stage));
	if (inquiry->observed) {
		fputs("Without mode = \"observe\" it would have been ", out);
		print_verdict(inquiry->observed, out);
		fprintf(out, " (by %s).\n", inquiry->observed->decided_by);
	}
	fprintf(out, "Score %.1f%s.\n", inquiry->score, inquiry->tagged ? ", marked" : "");
}

static void print_edits(const struct edits *edits, FILE *out)
{
	static const char *const words[] = {"added", "removed", "replaced"};

	for (size_t i = 0; edits && i < edits->count && i < EDITS_SHOWN; i++) {
		const struct edit *edit = &edits->items[i];
		if (edit->action == EDIT_BYTES)
			fprintf(out, "%zu bytes of the body are replaced by %zu.\n", edit->size,
				edit->text.size);
		else
			fprintf(out, "The field %.*s is %s.\n", SLICE_ARGS(edit->name),
				words[edit->action]);
	}
	if (edits && edits->count > EDITS_SHOWN)
		fprintf(out, "And %zu more.\n", edits->count - EDITS_SHOWN);
}

static void print_envelope_edits(const struct envelope_edits *edits, FILE *out)
{
	static const char *const words[] = {[ENVELOPE_REDIRECT] = "It goes to <%s> instead.\n",
		[ENVELOPE_ADD_RECIPIENT] = "It goes to <%s>, too.\n",
		[ENVELOPE_REMOVE_RECIPIENT] = "It does not go to <%s>.\n",
		[ENVELOPE_CHANGE_SENDER] = "It goes with the sender <%s>.\n"};

	for (size_t i = 0; i < edits->count && i < EDITS_SHOWN; i++) {
		const char *form = words[edits->items[i].action], *gap = strstr(form, "%s");
		fprintf(out, "%.*s%s%s", (int)(gap - form), form, edits->items[i].address->text,
			gap + 2);
	}
}

/* NULL when that is not known. */
static const char *way_of(const struct play *play, const struct answer *answer)
{
	const struct explain_case *the_case = play->the_case;

	return the_case->way_of
		? the_case->way_of(play->facts, the_case->owner, answer->address->domain)
		: NULL;
}

static void print_recipients(const struct play *play, FILE *out)
{
	if (play->count < 2 && !(play->count && play->the_case->way_of))
		return;
	fputs("\nRecipients\n", out);
	for (size_t i = 0; i < play->count; i++) {
		fprintf(out, "  %-32s ", play->answers[i].address->text);
		print_verdict(&play->answers[i].verdict, out);
		if (way_of(play, &play->answers[i]))
			fprintf(out, "; goes to %s", way_of(play, &play->answers[i]));
		fputc('\n', out);
	}
}

static void print_trace(const struct inquiry *inquiry, FILE *out)
{
	fputs(inquiry->trace_count ? "\nWho spoke\n" : "\nNobody spoke.\n", out);
	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		fprintf(out, "  %-8s %-12s %-18s", stage_name(entry->stage), entry->check,
			entry->result);
		if (entry->score != 0)
			fprintf(out, " %+.1f", entry->score);
		if (entry->detail) {
			fputc(' ', out);
			utf8_print_clean(slice_of(entry->detail), out);
		}
		fputs(entry->monitored ? " (monitored: it does not act)\n" : "\n", out);
	}
}

static void print_shadow(const struct inquiry *inquiry, FILE *out)
{
	size_t count;
	const struct shadow_difference *differences = shadow_differences(inquiry, &count);

	if (count)
		fputs("\nWhat the shadow would have done otherwise\n", out);
	for (size_t i = 0; i < count; i++) {
		const struct shadow_difference *difference = &differences[i];
		char *shadow = shadow_print_side(NULL, &difference->shadow);
		char *rules = shadow_print_side(NULL, &difference->rules);

		fprintf(out, "  %-8s %s%s", stage_name(difference->stage),
			difference->recipient ? difference->recipient : "",
			difference->recipient ? ": " : "");
		utf8_print_clean(slice_of(shadow), out);
		fputs(" instead of ", out);
		utf8_print_clean(slice_of(rules), out);
		fprintf(out, ", by the %s %s\n", difference->is_of_shadow ? "shadow's" : "acting",
			difference->by);
		talloc_free(shadow);
		talloc_free(rules);
	}
}

/* What is false, empty or not there goes without saying. */
static bool is_worth_telling(const struct value_field *field)
{
	return field->state == FACT_KNOWN &&
		!(field->value.type == VALUE_BOOL && !field->value.boolean) &&
		!(field->value.type == VALUE_FLAGS && !field->value.number);
}

static void print_record(
	const struct vocabulary_field *fields, const struct value_field *values, FILE *out)
{
	const char *separator = "";

	for (size_t i = 0; fields[i].name; i++) {
		if (!is_worth_telling(&values[i]))
			continue;
		fprintf(out, "%s%s", separator, fields[i].name);
		separator = ", ";
		if (values[i].value.type == VALUE_BOOL)
			continue;
		char *text = value_print(NULL, &values[i].value, fields[i].names);
		fputc(' ', out);
		utf8_print_clean(slice_of(text), out);
		talloc_free(text);
	}
}

/* A line for each. */
static void print_records(const struct facts *facts, const struct question *question, FILE *out)
{
	const struct vocabulary_field *fields = fact_row(question->fact)->rules->fields;
	const struct value_records *records;
	struct value value;

	if (facts_look_up(facts, question, &value) != FACT_KNOWN)
		return;
	records = &value.records;
	for (uint32_t i = 0; i < records->count && i < RECORDS_SHOWN; i++) {
		fprintf(out, "    %3u: ", (unsigned)i + 1);
		print_record(fields, &records->fields[i * records->width], out);
		fputc('\n', out);
	}
	if (records->count > RECORDS_SHOWN)
		fprintf(out, "    and %u more\n", (unsigned)records->count - RECORDS_SHOWN);
	if (records->is_cut)
		fputs("    and what nobody has looked at: a limit was reached\n", out);
}

static void print_facts(const struct facts *facts, FILE *out)
{
	size_t count;
	struct question *known = facts_known(NULL, facts, &count);

	fputs("\nWhat was known\n", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "  %-24s ", fact_print_question(known, &known[i]));
		utf8_print_clean(slice_of(facts_print_answer(known, facts, &known[i])), out);
		fputc('\n', out);
		if (fact_row(known[i].fact)->type == VALUE_RECORDS)
			print_records(facts, &known[i], out);
	}
	talloc_free(known);
}

static void print_text(const struct play *play, FILE *out)
{
	print_head(play, out);
	print_edits(play->inquiry->edits, out);
	print_envelope_edits(&play->inquiry->envelope_edits, out);
	print_recipients(play, out);
	print_trace(play->inquiry, out);
	rule_story_print(play->story, out);
	print_shadow(play->inquiry, out);
	print_facts(play->facts, out);
}

/* --- telling it as JSON --- */

static json_t *answers_json(const struct play *play)
{
	json_t *array = json_array();

	for (size_t i = 0; i < play->count; i++) {
		json_t *object = record_of_verdict(&play->answers[i].verdict);
		json_object_set_new(
			object, "recipient", record_text(play->answers[i].address->text));
		if (way_of(play, &play->answers[i]))
			json_object_set_new(
				object, "goes_to", record_text(way_of(play, &play->answers[i])));
		json_array_append_new(array, object);
	}
	return array;
}

static void print_json(const struct play *play, FILE *out)
{
	json_t *record = record_new(play->inquiry, true);

	json_object_set_new(record, "recipients", answers_json(play));
	json_object_set_new(record, "rules", rule_story_json(play->story));
	char *text = json_dumps(record, JSON_FLAGS | JSON_INDENT(2));
	utf8_print_json(slice_of(text), out);
	fputc('\n', out);
	free(text);
	json_decref(record);
}

/* With whom there is to ask. */
static const struct chain *taught(const struct play *play, const struct chain *chain)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};
	const struct explain_case *the_case = play->the_case;

	if (!the_case->teach || the_case->facts_file)
		return chain;
	the_case->teach(play->facts, the_case->owner, play->loop, learners);
	return chain_with_learners(play->facts, chain, learners);
}

bool explain_print(
	const struct chain *chain, const struct explain_case *the_case, bool json, FILE *out)
{
	void *all = talloc_new(NULL);
	struct play play = {
		.the_case = the_case,
		.policy = chain_policy(chain),
		.complaints = complaints_new(all),
		.facts = facts_new(all, NULL),
	};
	bool is_read = read_case(&play);

	if (is_read) {
		play.loop = loop_new(all);
		play.story = rule_story_new(play.facts);
		play.inquiry = inquiry_new(play.facts, taught(&play, chain), play.facts);
		play_all(&play);
		(json ? print_json : print_text)(&play, out);
		talloc_free(play.facts); /* with whoever was asked, before the loop */
	}
	talloc_free(all);
	return is_read;
}

/* --- records --- */

static char *dump(const void *parent, const json_t *record)
{
	char *text = json_dumps(record, JSON_FLAGS | JSON_COMPACT);
	char *kept = talloc_strdup(parent, text);

	free(text);
	return kept;
}

static const char *what_is_recorded(const struct record_form *form)
{
	if (!form->with_facts)
		return "verdict";
	return form->with_message ? "message" : "facts";
}

static void add_form(json_t *record, const struct record_form *form)
{
	time_t time = (time_t)form->seconds;
	char text[TIME_SIZE];
	struct tm tm;

	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &tm));
	json_object_set_new(record, "id", record_text(form->id));
	json_object_set_new(record, "time", record_text(text));
	json_object_set_new(record, "recorded", record_text(what_is_recorded(form)));
	if (form->session)
		json_object_set_new(record, "session", record_text(form->session));
}

char *explain_record(const void *parent, struct inquiry *inquiry, const struct record_form *form,
	bool *is_shortened)
{
	json_t *record = record_new(inquiry, form->with_facts);
	char *text;

	add_form(record, form);
	text = dump(parent, record);
	*is_shortened = form->most && strlen(text) > form->most;
	while (form->most && strlen(text) > form->most && record_shorten(record)) {
		talloc_free(text);
		text = dump(parent, record);
	}
	json_decref(record);
	return text;
}
