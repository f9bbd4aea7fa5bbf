/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of rules. */
#include "policy/language.h"

#include "policy/content/file_type.h"
#include "policy/content/finding.h"
#include "policy/content/html.h"
#include "policy/content/mime_anomaly.h"
#include "policy/content/skeleton.h"
#include "policy/content/url.h"
#include "policy/mail/address.h"
#include "policy/mail/encoded_word.h"
#include "policy/origin.h"

#include <talloc.h>

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define LONGEST_FIELD 900 /* of a field that a rule adds */
#define RECORDS_MOST 10000

#define DKIM "a later version, which checks signatures,"
#define GEOIP "--with-maxminddb, in a later version,"

/* --- facts that are missing --- */

static const char *const results[] = {
	"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror", "policy", NULL};
static const char *const policies[] = {"none", "quarantine", "reject", NULL};
/* clang-format off */
static const struct vocabulary_fact missing_facts[] = {
	{.name = "client.country",  .type = VALUE_STRING,  .stage = STAGE_CONNECT, .missing = GEOIP},
	{.name = "client.asn",      .type = VALUE_INT,     .stage = STAGE_CONNECT, .missing = GEOIP},
	{.name = "dkim.result",     .type = VALUE_ENUM,    .stage = STAGE_MESSAGE, .names = results, .missing = DKIM},
	{.name = "dkim.domains",    .type = VALUE_DOMAIN,  .stage = STAGE_MESSAGE, .repeatable = true, .missing = DKIM},
	{.name = "dmarc.result",    .type = VALUE_ENUM,    .stage = STAGE_MESSAGE, .names = results, .missing = DKIM},
	{.name = "dmarc.policy",    .type = VALUE_ENUM,    .stage = STAGE_MESSAGE, .names = policies, .missing = DKIM},
	{.name = "arc.result",      .type = VALUE_ENUM,    .stage = STAGE_MESSAGE, .names = results, .missing = DKIM},
};

/* --- records --- */

static const struct vocabulary_field recipient_fields[] = {
	{.name = "address", .type = VALUE_ADDRESS, .manual = "the whole address"},
	{.name = "local",   .type = VALUE_STRING,  .manual = "its local part"},
	{.name = "domain",  .type = VALUE_DOMAIN,  .manual = "its domain"},
	{0},
};
static const struct vocabulary_field header_fields[] = {
	{.name = "name",  .type = VALUE_TEXT, .manual = "the name of the field"},
	{.name = "value", .type = VALUE_TEXT, .manual = "what it says, unfolded and decoded"},
	{0},
};
static const struct vocabulary_field received_fields[] = {
	{.name = "text", .type = VALUE_TEXT,   .manual = "the whole field, unfolded"},
	{.name = "ip",   .type = VALUE_IP,     .manual = "the address of who handed the message over, as the field tells it"},
	{.name = "helo", .type = VALUE_STRING, .manual = "what that one called itself"},
	{0},
};
/* clang-format on */

enum { RECIPIENT, HEADER, RECEIVED, RECORDS };

static struct value_field known_text(enum value_type type, const char *text)
{
	return (struct value_field){
		text && *text ? FACT_KNOWN : FACT_ABSENT, {.type = type, .text = text}};
}

static void set_recipient(const void *parent, const void *of, struct value_field *fields)
{
	const char *text = of;
	const struct address *address = address_parse(parent, slice_of(text));

	fields[0] = known_text(VALUE_ADDRESS, text);
	fields[1] = known_text(VALUE_STRING, address ? address->local : text);
	fields[2] = known_text(VALUE_DOMAIN, address ? address->domain : NULL);
}

static void set_header(const void *parent, const void *of, struct value_field *fields)
{
	const struct field *field = of;
	char *text = header_unfold(parent, field->value);
	const char *value = encoded_word_decode(parent, slice_of(text));

	talloc_free(text);
	fields[0] = known_text(VALUE_TEXT, slice_keep(parent, field->name));
	fields[1] = (struct value_field){FACT_KNOWN, {.type = VALUE_TEXT, .text = value}};
}

static void set_received(const void *parent, const void *of, struct value_field *fields)
{
	const struct field *field = of;
	struct slice text = slice_of(header_unfold(parent, field->value)), helo;
	bool tells = origin_read_received(text, &fields[1].value.ip, &helo);

	fields[0] = known_text(VALUE_TEXT, text.data);
	fields[1].state = tells ? FACT_KNOWN : FACT_ABSENT;
	fields[1].value.type = VALUE_IP;
	fields[2] = known_text(VALUE_STRING, tells ? slice_keep(parent, helo) : NULL);
}

/* The next record's source behind *cursor; NULL behind the last. */
static const void *next_recipient(struct inquiry *inquiry, size_t *cursor)
{
	struct value all;

	if (inquiry_ask(inquiry, FACT_RECIPIENTS, &all) != FACT_KNOWN || *cursor >= all.texts.count)
		return NULL;
	return all.texts.items[(*cursor)++];
}

static const void *next_header(struct inquiry *inquiry, size_t *cursor)
{
	return *cursor < inquiry->header->count ? &inquiry->header->fields[(*cursor)++] : NULL;
}

static const void *next_received(struct inquiry *inquiry, size_t *cursor)
{
	const struct field *field;

	while ((field = next_header(inquiry, cursor))) {
		if (slice_equals_nocase(field->name, "Received"))
			return field;
	}
	return NULL;
}

static const struct {
	struct vocabulary_fact fact;
	enum fact needs; /* known before the records are made */
	const void *(*next)(struct inquiry *inquiry, size_t *cursor);
	void (*set)(const void *parent, const void *of, struct value_field *fields);
	uint16_t width;
} records[RECORDS] = {
	[RECIPIENT] = {{.name = "recipient",
			       .type = VALUE_RECORDS,
			       .stage = STAGE_DATA,
			       .fields = recipient_fields,
			       .manual = "the recipients that passed"},
		FACT_RECIPIENTS, next_recipient, set_recipient, COUNT(recipient_fields) - 1},
	[HEADER] = {{.name = "header",
			    .type = VALUE_RECORDS,
			    .stage = STAGE_MESSAGE,
			    .fields = header_fields,
			    .manual = "the fields of the header"},
		FACT_HEADER_ANOMALIES, next_header, set_header, COUNT(header_fields) - 1},
	[RECEIVED] = {{.name = "received",
			      .type = VALUE_RECORDS,
			      .stage = STAGE_MESSAGE,
			      .fields = received_fields,
			      .manual = "the Received fields, the last hop first"},
		FACT_HEADER_ANOMALIES, next_received, set_received, COUNT(received_fields) - 1},
};

static enum fact_state ask_records(
	struct inquiry *inquiry, size_t kind, const void *parent, struct value *value)
{
	enum fact_state state = inquiry_ask(inquiry, records[kind].needs, value);
	uint16_t width = records[kind].width;
	uint32_t count = 0;
	struct value_field *fields = NULL;
	const void *of;
	size_t cursor = 0;

	if (state != FACT_KNOWN)
		return state;
	state = kind == RECIPIENT ? FACT_KNOWN : inquiry_ask_message(inquiry, value);
	if (state != FACT_KNOWN)
		return state;
	if (kind != RECIPIENT && !inquiry->header)
		return FACT_ABSENT;
	if (kind == HEADER && inquiry->header->anomalies & HEADER_TOO_LONG) {
		value->text = "the header is larger than what is looked at";
		return FACT_FAILED;
	}
	while (count < RECORDS_MOST && (of = records[kind].next(inquiry, &cursor))) {
		size_t room = talloc_array_length(fields) / width;
		if (count == room)
			fields = talloc_realloc(
				parent, fields, struct value_field, (room ? 2 * room : 8) * width);
		memset(&fields[count * width], 0, width * sizeof *fields);
		records[kind].set(parent, of, &fields[count++ * width]);
	}
	*value = (struct value){.type = VALUE_RECORDS,
		.records = {.fields = fields, .count = count, .width = width}};
	return FACT_KNOWN;
}

/* --- actions --- */

#define ANY_STAGE 0x7f

/* clang-format off */
static const struct vocabulary_slot accept_slots[] = {{.name = "session", .shape = SHAPE_WORD}};
static const struct vocabulary_slot reject_slots[] = {
	{.name = "code",   .shape = SHAPE_CODE,   .preset = "550", .minimum = 500, .maximum = 599},
	{.name = "status", .shape = SHAPE_STATUS, .preset = "5.7.1"},
	{.name = "text",   .shape = SHAPE_TEXT,   .preset = "the policy of this site does not allow this"},
};
static const struct vocabulary_slot tempfail_slots[] = {
	{.name = "code",   .shape = SHAPE_CODE,   .preset = "451", .minimum = 400, .maximum = 499},
	{.name = "status", .shape = SHAPE_STATUS, .preset = "4.7.1"},
	{.name = "text",   .shape = SHAPE_TEXT,   .preset = "please try again later"},
};
static const struct vocabulary_slot reason_slots[] = {{.name = "reason", .shape = SHAPE_TEXT}};
static const struct vocabulary_slot score_slots[] = {
	{.name = "points", .shape = SHAPE_NUMBER, .mandatory = true, .minimum = -1000, .maximum = 1000}};
static const struct vocabulary_slot header_slots[] = {
	{.name = "name",  .shape = SHAPE_FIELD, .mandatory = true},
	{.name = "value", .shape = SHAPE_TEXT,  .mandatory = true, .longest = LONGEST_FIELD},
};
static const struct vocabulary_slot remove_slots[] = {{.name = "name", .shape = SHAPE_FIELD, .mandatory = true}};
static const struct vocabulary_slot prefix_slots[] = {{.name = "text", .shape = SHAPE_TEXT, .mandatory = true, .longest = 60}};
static const struct vocabulary_slot log_slots[] = {{.name = "text", .shape = SHAPE_TEXT, .mandatory = true}};
static const struct vocabulary_slot address_slots[] = {{.name = "address", .shape = SHAPE_ADDRESS, .mandatory = true}};
static const struct vocabulary_slot sender_slots[] = {
	{.name = "address", .shape = SHAPE_ADDRESS, .mandatory = true, .may_be_null = true}};
static const struct vocabulary_slot greylist_slots[] = {
	{.name = "age", .shape = SHAPE_DURATION, .mandatory = true, .minimum = 1000, .maximum = 86400000}};
static const struct vocabulary_slot delay_slots[] = {
	{.name = "time", .shape = SHAPE_DURATION, .mandatory = true, .minimum = 1, .maximum = 30000}};

#define SLOTS(rows) .slots = rows, .slot_count = COUNT(rows)
static const struct vocabulary_action actions[] = {
	{.name = "accept",        .stages = ANY_STAGE, .final = true, SLOTS(accept_slots),
		.manual = "ends the checks of this stage, with session of all that follow; never gates and limits"},
	{.name = "reject",        .stages = ANY_STAGE, .final = true, SLOTS(reject_slots), .manual = "refuses for good"},
	{.name = "tempfail",      .stages = ANY_STAGE, .final = true, SLOTS(tempfail_slots), .manual = "puts off"},
	{.name = "disconnect",    .stages = ANY_STAGE, .final = true, .manual = "refuses for good, and closes the connection"},
	{.name = "score",         .stages = ANY_STAGE, SLOTS(score_slots), .manual = "adds to the score; at rcpt once a transaction"},
	{.name = "header",        .stages = AT(STAGE_MESSAGE), SLOTS(header_slots), .manual = "adds a field on top of the header"},
	{.name = "remove_header", .stages = AT(STAGE_MESSAGE), SLOTS(remove_slots), .manual = "removes all fields of that name that came with the message"},
	{.name = "subject_prefix", .stages = AT(STAGE_MESSAGE), SLOTS(prefix_slots), .manual = "puts a text before the subject"},
	{.name = "log",           .stages = ANY_STAGE, SLOTS(log_slots), .manual = "writes a line into the log"},
	{.name = "delay",         .stages = ANY_STAGE, SLOTS(delay_slots), .manual = "holds the answer back, by 30 s at most for all rules of a stage"},
	{.name = "discard",       .stages = AT(STAGE_MESSAGE), .final = true,
		.manual = "accepts the message and throws it away: nobody gets it, and nobody is told"},
	{.name = "quarantine",    .stages = AT(STAGE_MESSAGE), .final = true, SLOTS(reason_slots),
		.manual = "keeps the message until somebody has looked at it (postern quarantine); where there is no quarantine, it is refused"},
	{.name = "strip",         .stages = AT(STAGE_MESSAGE), .takes = "attachment",
		.manual = "replaces the parts of the attachments that matched by a text that names them"},
	{.name = "redirect",      .stages = AT(STAGE_RCPT) | AT(STAGE_MESSAGE), SLOTS(address_slots),
		.manual = "sends the mail to that address instead; at rcpt that of this recipient alone"},
	{.name = "add_recipient", .stages = AT(STAGE_MESSAGE), SLOTS(address_slots), .manual = "sends the mail to that address, too"},
	{.name = "remove_recipient", .stages = AT(STAGE_MESSAGE), SLOTS(address_slots),
		.manual = "does not send the mail to that address; when nobody is left, it is refused"},
	{.name = "change_sender", .stages = AT(STAGE_MESSAGE), SLOTS(sender_slots),
		.manual = "sends the mail with that sender in its envelope; <> is the null sender"},
	{.name = "greylist",      .stages = AT(STAGE_RCPT) | AT(STAGE_DATA), .final = true, .asks = "greylist.young", SLOTS(greylist_slots),
		.manual = "puts off while client, sender and recipient are younger than that; needs the store"},
};
/* clang-format on */

/* --- all together --- */

static const char *const stages[] = {
	"connect", "helo", "auth", "mail", "rcpt", "data", "message", NULL};
_Static_assert(COUNT(stages) == STAGES + 1, "a name for each stage");

static struct vocabulary_fact fact_of(const struct fact_row *row)
{
	static const struct fact_kind plain = {.each = VALUE_STRING};
	const struct fact_kind *kind = row->rules ? row->rules : &plain;
	bool is_several = row->type == VALUE_TEXTS;

	return (struct vocabulary_fact){
		.name = row->name,
		.type = is_several ? kind->each : row->type,
		.stage = row->stage,
		.stages_end = row->period == PER_RECIPIENT ? STAGE_DATA : 0,
		.keyed = kind->keyed,
		.repeatable = is_several,
		.arguments = kind->arguments,
		.argument_count = kind->argument_count,
		.counting = row->counting,
		.names = row->flags,
		.fields = kind->fields,
		.missing = row->missing ? *row->missing : NULL,
		.manual = row->manual,
	};
}

const struct vocabulary *language_new(const void *parent)
{
	struct vocabulary *vocabulary = talloc_zero(parent, struct vocabulary);
	size_t count = FACT_COUNT + RECORDS + COUNT(missing_facts);
	struct vocabulary_fact *facts = talloc_array(vocabulary, struct vocabulary_fact, count);

	for (enum fact fact = 0; fact < FACT_COUNT; fact++)
		facts[fact] = fact_of(fact_row(fact));
	for (size_t i = 0; i < RECORDS; i++)
		facts[FACT_COUNT + i] = records[i].fact;
	memcpy(&facts[FACT_COUNT + RECORDS], missing_facts, sizeof missing_facts);
	vocabulary->stages = stages;
	vocabulary->facts = facts;
	vocabulary->fact_count = count;
	vocabulary->actions = actions;
	vocabulary->action_count = COUNT(actions);
	return vocabulary;
}

/* --- asking --- */

/* What the fact is asked with, in the one text that facts know. */
static char *argument_of(const void *parent, const struct evaluate_question *question)
{
	char *text;

	if (question->key)
		return talloc_strdup(parent, question->key);
	if (!question->count)
		return NULL;
	text = talloc_strdup(parent, "");
	for (size_t i = 0; i < question->count; i++)
		text = talloc_asprintf_append(text, "%s%s", i ? ", " : "",
			value_print(text, &question->arguments[i], NULL));
	return text;
}

/* An empty domain is none: the null sender has no domain. */
static enum fact_state without_empty(enum fact_state state, const struct value *value)
{
	bool is_empty =
		state == FACT_KNOWN && value->type == VALUE_DOMAIN && value->text[0] == '\0';

	return is_empty ? FACT_ABSENT : state;
}

enum fact_state language_ask(struct inquiry *inquiry, const struct vocabulary *vocabulary,
	const void *parent, const struct evaluate_question *question, struct value *value)
{
	size_t number = (size_t)(question->fact - vocabulary->facts);
	enum fact_state state;
	char *argument;

	if (number >= FACT_COUNT)
		return ask_records(inquiry, number - FACT_COUNT, parent, value);
	argument = argument_of(parent, question);
	state = inquiry_ask_of(inquiry, (enum fact)number, argument, value);
	talloc_free(argument);
	return without_empty(state, value);
}

/* --- the manual --- */

static void print_names(const struct vocabulary_fact *fact, FILE *out)
{
	const char *const *names = fact->names;
	const char *what = fact->type == VALUE_FLAGS ? "Flags:\n" : "One of\n";

	for (size_t i = 0; names && names[i]; i++)
		fprintf(out, "%s.Cm %s%s\n", i ? "" : what, names[i], names[i + 1] ? " ," : " .");
}

static void print_arguments(const struct vocabulary_fact *fact, FILE *out)
{
	if (fact->keyed)
		fputs(" Ns Bq Qq Ar name", out);
	for (size_t i = 0; i < fact->argument_count; i++)
		fprintf(out, "%s%s", i ? " , Ar " : " Ns Po Ar ", fact->arguments[i].name);
	if (fact->argument_count)
		fputs(" Pc", out);
}

static void print_fact(const struct vocabulary_fact *fact, FILE *out)
{
	fprintf(out, ".It Ic %s", fact->name);
	print_arguments(fact, out);
	fprintf(out, "\n%s%s, from stage %s", fact->repeatable ? "several of type " : "",
		value_type_name(fact->type), stages[fact->stage]);
	if (fact->stages_end)
		fprintf(out, ", and no more from stage %s", stages[fact->stages_end]);
	if (fact->missing)
		fprintf(out, ".\nNot in this build: %s brings it.\n", fact->missing);
	else
		fprintf(out, ":\n%s.\n", fact->manual);
	if (!fact->missing)
		print_names(fact, out);
}

static void print_fields(const struct vocabulary_fact *fact, FILE *out)
{
	for (const struct vocabulary_field *field = fact->fields; field->name; field++)
		fprintf(out, ".It Ic %s.%s\n%s: %s.\n", fact->name, field->name,
			value_type_name(field->type), field->manual);
}

static void print_facts(const struct vocabulary *vocabulary, FILE *out)
{
	fputs(".Ss Facts\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		if (vocabulary->facts[i].type != VALUE_RECORDS)
			print_fact(&vocabulary->facts[i], out);
	}
	fputs(".El\n.Ss Lists of records\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		const struct vocabulary_fact *fact = &vocabulary->facts[i];
		if (fact->type != VALUE_RECORDS)
			continue;
		print_fact(fact, out);
		if (!fact->missing)
			print_fields(fact, out);
	}
	fputs(".El\n", out);
}

/* Flags and types that need a word each. */
static const struct {
	const char *of;
	const char *const *names, *const *manual;
} explained[] = {
	{"mime.anomalies", mime_anomaly_names, mime_anomaly_manual},
	{"body.flags", html_flag_names, html_flag_manual},
	{"url.flags", url_flag_names, url_flag_manual},
	{"attachment.flags", finding_names, finding_manual},
	{"attachment.name_flags", skeleton_flag_names, skeleton_flag_manual},
	{"attachment.type", file_type_names, file_type_manual},
};

static void print_explanations(FILE *out)
{
	fputs(".Ss What the flags and types mean\n", out);
	for (size_t i = 0; i < sizeof explained / sizeof *explained; i++) {
		fprintf(out, "%sOf\n.Ic %s :\n.Bl -tag -width Ds -compact\n", i ? ".Pp\n" : "",
			explained[i].of);
		for (size_t k = 0; explained[i].names[k]; k++)
			fprintf(out, ".It Cm %s\n%s.\n", explained[i].names[k],
				explained[i].manual[k]);
		fputs(".El\n", out);
	}
}

static void print_actions(const void *parent, const struct vocabulary *vocabulary, FILE *out)
{
	fputs(".Ss Actions of this build\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < vocabulary->action_count; i++) {
		const struct vocabulary_action *action = &vocabulary->actions[i];
		bool is_anywhere = action->stages == ANY_STAGE;

		fprintf(out, ".It Ic %s\n", action->name);
		if (action->missing)
			fprintf(out, "Not in this build: %s brings it.\n", action->missing);
		else
			fprintf(out, "%s%s: %s.\n", is_anywhere ? "any stage" : "stage ",
				is_anywhere ? ""
					    : vocabulary_print_stages(
						      parent, vocabulary, action->stages),
				action->manual);
	}
	fputs(".El\n", out);
}

void language_print_manual(FILE *out)
{
	void *all = talloc_new(NULL);
	const struct vocabulary *vocabulary = language_new(all);

	print_facts(vocabulary, out);
	print_explanations(out);
	print_actions(all, vocabulary, out);
	talloc_free(all);
}
