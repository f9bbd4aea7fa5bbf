/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from inside a message. */
#include "policy/content_learner.h"

#include "policy/content/yara.h"

#include <talloc.h>

#define HALF 2 /* of the time a scanner has: the other is for the rules */

struct budget_limits content_learner_limits(const struct scanner_options *options)
{
	return (struct budget_limits){
		.bytes = (uint64_t)options->unpacked,
		.ratio = (uint32_t)options->unpacked_ratio,
		.entries = (uint32_t)options->entries,
		.depth = (uint32_t)options->depth,
		.milliseconds = (uint64_t)options->time / HALF,
	};
}

/* --- one value --- */

static struct value_field known(enum value_type type)
{
	return (struct value_field){FACT_KNOWN, {.type = type}};
}

static struct value_field text(enum value_type type, const char *value)
{
	struct value_field field = known(type);

	field.value.text = value;
	if (!value || !*value)
		field.state = FACT_ABSENT;
	return field;
}

static struct value_field number(enum value_type type, uint64_t value)
{
	struct value_field field = known(type);

	field.value.number = (int64_t)value;
	return field;
}

static struct value_field place_in_archive(uint64_t at)
{
	struct value_field field = number(VALUE_SIZE, at);

	if (at == UNPACKED_NOWHERE)
		field.state = FACT_ABSENT;
	return field;
}

static struct value_field truth(bool value)
{
	struct value_field field = known(VALUE_BOOL);

	field.value.boolean = value;
	return field;
}

/* --- records --- */

/* In the order of the fact's fields. */
#define ATTACHMENT_WIDTH 19
#define URL_WIDTH 6
#define YARA_WIDTH 3
#define YARA_MATCHES 1000

static void set_attachment(const void *parent, const struct content_attachment *of,
	bool wants_digest, struct value_field *fields)
{
	const struct value_field all[ATTACHMENT_WIDTH] = {
		text(VALUE_TEXT, of->name),
		text(VALUE_STRING, of->extension),
		number(VALUE_ENUM, of->type),
		number(VALUE_ENUM, file_type_group(of->type)),
		text(VALUE_STRING, of->declared_type),
		number(VALUE_SIZE, of->size),
		number(VALUE_INT, of->depth),
		text(VALUE_TEXT, of->path),
		truth(of->findings & FINDING_ENCRYPTED),
		truth(of->findings & (FINDING_MACROS | FINDING_EXCEL4_MACROS)),
		text(VALUE_STRING, wants_digest ? content_sha256(parent, of) : NULL),
		truth(of->in_archive),
		truth(of->is_disguised),
		number(VALUE_FLAGS, of->findings),
		number(VALUE_FLAGS, of->name_flags),
		number(VALUE_SIZE, of->place.header),
		number(VALUE_SIZE, of->place.body),
		number(VALUE_SIZE, of->place.end),
		place_in_archive(of->place.member),
	};

	memcpy(fields, all, sizeof all);
}

static void set_url(const void *parent, const struct body_text_url *of, struct value_field *fields)
{
	const struct value_field all[URL_WIDTH] = {
		text(VALUE_DOMAIN, of->url.host),
		text(VALUE_DOMAIN, of->url.domain),
		text(VALUE_TEXT, of->url.path),
		text(VALUE_STRING, of->url.scheme),
		text(VALUE_TEXT, of->shown.size ? slice_keep(parent, of->shown) : NULL),
		number(VALUE_FLAGS, of->url.flags),
	};

	memcpy(fields, all, sizeof all);
}

static void learn_attachments(
	struct facts *facts, const struct content *content, bool wants_digests)
{
	size_t count = content->attachment_count;
	struct value_field *fields =
		talloc_array(facts, struct value_field, count * ATTACHMENT_WIDTH);
	struct value value = {.type = VALUE_RECORDS,
		.records = {fields, (uint32_t)count, ATTACHMENT_WIDTH, !content->is_complete}};

	for (size_t i = 0; i < count; i++)
		set_attachment(facts, &content->attachments[i], wants_digests,
			&fields[i * ATTACHMENT_WIDTH]);
	facts_answer(facts, &(struct question){FACT_ATTACHMENT, NULL}, FACT_KNOWN, value);
}

static void learn_urls(struct facts *facts, const struct content *content)
{
	const struct body_text *body = content->body;
	struct value_field *fields =
		talloc_array(facts, struct value_field, body->url_count * URL_WIDTH);
	struct value value = {.type = VALUE_RECORDS,
		.records = {fields, (uint32_t)body->url_count, URL_WIDTH,
			body->is_cut || !content->is_complete}};

	for (size_t i = 0; i < body->url_count; i++)
		set_url(facts, &body->urls[i], &fields[i * URL_WIDTH]);
	facts_answer(facts, &(struct question){FACT_URL, NULL}, FACT_KNOWN, value);
}

/* --- texts --- */

static const struct {
	enum fact fact;
	enum body_text_kind kind;
} texts[] = {{FACT_BODY_TEXT, BODY_TEXT_SEEN}, {FACT_BODY_HIDDEN, BODY_TEXT_HIDDEN},
	{FACT_BODY_HTML, BODY_TEXT_HTML}, {FACT_BODY_SCRIPT, BODY_TEXT_SCRIPT}};

static void learn_text(struct facts *facts, enum fact fact, struct slice bytes)
{
	if (bytes.size)
		facts_set_text(facts, fact, slice_keep(facts, bytes));
	else
		facts_set_absent(facts, fact);
}

/* What is behind the header. */
static struct slice raw_body(struct slice message)
{
	const char *end = memmem(message.data, message.size, "\r\n\r\n", 4);

	return end ? slice_from(message, (size_t)(end - message.data) + 4) : slice_of("");
}

static void learn_texts(struct facts *facts, const struct content *content, struct slice message)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		learn_text(facts, texts[i].fact, content->body->texts[texts[i].kind]);
	learn_text(facts, FACT_BODY_RAW, raw_body(message));
	facts_set_number(facts, FACT_BODY_FLAGS, content->body->html_flags);
}

/* --- rules of YARA --- */

/* Matches, as they are found. */
struct matches {
	struct facts *facts;
	struct value_field *fields;
	size_t count;
	const char *path; /* of what is searched */
	bool is_cut;
};

static void on_match(void *owner, const char *rule)
{
	struct matches *matches = owner;
	size_t used = matches->count * YARA_WIDTH, room = talloc_array_length(matches->fields);

	if (matches->count == YARA_MATCHES) {
		matches->is_cut = true;
		return;
	}
	if (used == room)
		matches->fields = talloc_realloc(matches->facts, matches->fields,
			struct value_field, room ? 2 * room : 8 * YARA_WIDTH);
	matches->fields[used] = text(VALUE_STRING, rule);
	matches->fields[used + 1] = text(VALUE_STRING, rule);
	matches->fields[used + 2] = text(VALUE_TEXT, matches->path);
	matches->count++;
}

static void search(struct matches *matches, const struct yara *yara, struct budget *budget,
	const char *path, struct slice bytes)
{
	if (!bytes.size)
		return;
	matches->path = path;
	matches->is_cut |= !budget_has_time(budget) ||
		!yara_search(yara, bytes, budget_seconds(budget), on_match, matches);
}

/* An attachment under several names is searched once. */
static bool is_searched(const struct content *content, size_t index)
{
	const struct content_attachment *attachments = content->attachments;

	return index > 0 && attachments[index].bytes.data == attachments[index - 1].bytes.data &&
		attachments[index].bytes.size == attachments[index - 1].bytes.size;
}

static void learn_yara(
	struct facts *facts, const struct yara *yara, struct content *content, struct slice message)
{
	struct matches matches = {
		.facts = facts, .is_cut = !content->is_complete || content->body->is_cut};
	struct value value = {.type = VALUE_RECORDS};

	search(&matches, yara, &content->budget, NULL, message);
	for (unsigned kind = 0; kind < BODY_TEXT_KINDS; kind++)
		search(&matches, yara, &content->budget, NULL, content->body->texts[kind]);
	for (size_t i = 0; i < content->attachment_count; i++) {
		const struct content_attachment *attachment = &content->attachments[i];
		if (!is_searched(content, i))
			search(&matches, yara, &content->budget, attachment->path,
				attachment->bytes);
	}
	value.records = (struct value_records){
		matches.fields, (uint32_t)matches.count, YARA_WIDTH, matches.is_cut};
	facts_answer(facts, &(struct question){FACT_YARA, NULL}, FACT_KNOWN, value);
}

/* --- all of it --- */

static void learn_absence(struct facts *facts)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (fact_row(fact)->learner == LEARNER_CONTENT)
			facts_set_absent(facts, fact);
	}
}

struct facts *content_learner_find(const void *parent, const struct inquiry *inquiry,
	struct content_tools *tools, const struct content_wishes *wishes)
{
	const struct budget_limits limits = content_learner_limits(inquiry->policy->scanner);
	struct facts *facts = facts_new(parent, NULL);
	struct slice message;
	struct content *content;

	if (!inquiry->message) {
		learn_absence(facts);
		return facts;
	}
	message = message_bytes(inquiry->message);
	content = content_examine(facts, tools, message, &limits, NULL, NULL);
	facts_set_number(facts, FACT_MIME_ANOMALIES, (int64_t)content->anomalies);
	facts_set_number(facts, FACT_MIME_PARTS, (int64_t)content->parts);
	learn_attachments(facts, content, wishes->digests);
	learn_urls(facts, content);
	learn_texts(facts, content, message);
	if (wishes->yara && inquiry->policy->yara)
		learn_yara(facts, inquiry->policy->yara, content, message);
	return facts;
}

void content_learner_tell(struct inquiry *inquiry, const struct facts *found)
{
	struct value value;

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct question question = {fact, NULL};
		enum fact_state state;

		if (fact_row(fact)->learner != LEARNER_CONTENT ||
			facts_get(inquiry->facts, fact, &value) != FACT_UNKNOWN)
			continue;
		state = facts_get(found, fact, &value);
		if (state != FACT_UNKNOWN)
			facts_answer(inquiry->facts, &question, state, value);
	}
}
