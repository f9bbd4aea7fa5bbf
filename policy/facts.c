/* SPDX-License-Identifier: Apache-2.0 */
/* The table of facts, and sets of known ones. */
#include "policy/facts.h"

#include "policy/content/file_type.h"
#include "policy/content/finding.h"
#include "policy/content/html.h"
#include "policy/content/mime_anomaly.h"
#include "policy/content/skeleton.h"
#include "policy/content/url.h"
#include "policy/content/yara.h"
#include "policy/mail/address.h"
#include "policy/mail/header.h"
#include "policy/mail/message.h"
#include "policy/milter_answer.h"
#include "policy/spf.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <talloc.h>
#include <uthash.h>

#define FACT_ROW(id, fact_name, fact_type, fact_stage, fact_period, fact_learner, fact_manual)     \
	[FACT_##id] = {.name = fact_name,                                                          \
		.type = fact_type,                                                                 \
		.stage = fact_stage,                                                               \
		.period = fact_period,                                                             \
		.learner = fact_learner,                                                           \
		.manual = fact_manual},

static const struct vocabulary_argument zone[] = {{"zone", VALUE_DOMAIN, false}};
static const struct vocabulary_argument zone_and_domain[] = {
	{"zone", VALUE_DOMAIN, false}, {"domain", VALUE_STRING, true}};
static const struct vocabulary_argument any_name[] = {{"name", VALUE_STRING, true}};

static const struct fact_kind domains = {.each = VALUE_DOMAIN};
static const struct fact_kind addresses = {.each = VALUE_ADDRESS};
static const struct fact_kind fields = {.each = VALUE_TEXT, .keyed = true};
static const struct fact_kind of_name = {
	.each = VALUE_STRING, .arguments = any_name, .argument_count = 1};
static const struct fact_kind domains_of_name = {
	.each = VALUE_DOMAIN, .arguments = any_name, .argument_count = 1};
static const struct fact_kind of_zone = {
	.each = VALUE_STRING, .arguments = zone, .argument_count = 1};
static const struct fact_kind of_zone_and_domain = {
	.each = VALUE_STRING, .arguments = zone_and_domain, .argument_count = 2};

/* clang-format off */
static const struct vocabulary_field attachment_fields[] = {
	{.name = "name", .type = VALUE_TEXT, .manual = "its name"},
	{.name = "extension", .type = VALUE_STRING, .manual = "what stands behind the last dot of the name, in small letters"},
	{.name = "type", .type = VALUE_ENUM, .names = file_type_names, .manual = "what it is by its bytes"},
	{.name = "group", .type = VALUE_ENUM, .names = file_group_names, .manual = "the group of that type"},
	{.name = "declared_type", .type = VALUE_STRING, .manual = "the type that the message says it has"},
	{.name = "size", .type = VALUE_SIZE, .manual = "its size, decoded"},
	{.name = "depth", .type = VALUE_INT, .manual = "how many containers it is in; 0 is attached to the message itself"},
	{.name = "path", .type = VALUE_TEXT, .manual = "the names of all that it is in, and its own, with slashes between them"},
	{.name = "encrypted", .type = VALUE_BOOL, .manual = "whether something in it cannot be read without a password"},
	{.name = "macros", .type = VALUE_BOOL, .manual = "whether it has macros"},
	{.name = "sha256", .type = VALUE_STRING, .manual = "SHA-256 of its bytes, in small hexadecimal digits"},
	{.name = "in_archive", .type = VALUE_BOOL, .manual = "whether it is in an archive"},
	{.name = "disguised", .type = VALUE_BOOL, .manual = "whether its extension says something else than its bytes"},
	{.name = "flags", .type = VALUE_FLAGS, .names = finding_names, .manual = "what was found in it"},
	{.name = "name_flags", .type = VALUE_FLAGS, .names = skeleton_flag_names, .manual = "what is strange about its name"},
	{.name = "part_at", .type = VALUE_SIZE, .manual = "where in the message the part begins that it came in: the byte, from 0"},
	{.name = "part_body", .type = VALUE_SIZE, .manual = "where the body of that part begins"},
	{.name = "part_end", .type = VALUE_SIZE, .manual = "where it ends"},
	{.name = "part_member", .type = VALUE_SIZE,
		.manual = "of a part that is a ZIP file: where in it the member begins that this is, or is in; absent where strip cannot remove it alone"},
	{0},
};
static const struct vocabulary_field url_fields[] = {
	{.name = "host", .type = VALUE_DOMAIN, .manual = "the host, in ASCII"},
	{.name = "domain", .type = VALUE_DOMAIN, .manual = "the part of it that is registered"},
	{.name = "path", .type = VALUE_TEXT, .manual = "what stands behind the host"},
	{.name = "scheme", .type = VALUE_STRING, .manual = "http, https …"},
	{.name = "text", .type = VALUE_TEXT, .manual = "the text that is shown instead of it; absent when it is shown itself"},
	{.name = "flags", .type = VALUE_FLAGS, .names = url_flag_names, .manual = "what is strange about it"},
	{0},
};
static const struct vocabulary_field yara_fields[] = {
	{.name = "matches", .type = VALUE_STRING, .manual = "the name of the rule of YARA: yara.matches == \"name\""},
	{.name = "name", .type = VALUE_STRING, .manual = "the same, for use within any yara (name == \"name\" and …)"},
	{.name = "path", .type = VALUE_TEXT, .manual = "the path of the attachment it matched in; absent for the message itself and its texts"},
	{0},
};
/* clang-format on */
static const struct fact_kind attachments = {.fields = attachment_fields};
static const struct fact_kind urls = {.fields = url_fields};
static const struct fact_kind yara_matches = {.fields = yara_fields};

static const struct vocabulary_argument key_and_period[] = {
	{"key", VALUE_STRING, true}, {"period", VALUE_DURATION, false}};
static const struct vocabulary_argument milter_name[] = {{"name", VALUE_STRING, false}};
static const struct fact_kind of_milter = {.arguments = milter_name, .argument_count = 1};
static const struct vocabulary_argument age[] = {{"age", VALUE_DURATION, false}};
static const struct vocabulary_argument three[] = {{"first", VALUE_STRING, true},
	{"second", VALUE_STRING, true}, {"third", VALUE_STRING, true}};
static const struct fact_kind of_key_and_period = {
	.arguments = key_and_period, .argument_count = 2};
static const struct fact_kind of_age = {.arguments = age, .argument_count = 1};
static const struct fact_kind of_two = {.arguments = three, .argument_count = 2};
static const struct fact_kind of_three = {.arguments = three, .argument_count = 3};

static const char *const weekdays[] = {
	"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", NULL};

/* clang-format off */
static const struct fact_row rows[FACT_COUNT] = {
	FACTS(FACT_ROW)
	[FACT_SENDER_FORM].flags = address_form_names,
	[FACT_RECIPIENT_FORM].flags = address_form_names,
	[FACT_MESSAGE_ANOMALIES].flags = message_anomaly_names,
	[FACT_HEADER_ANOMALIES].flags = header_anomaly_names,
	[FACT_MIME_ANOMALIES].flags = mime_anomaly_names,
	[FACT_BODY_TEXT].bulky = true,
	[FACT_BODY_HTML].bulky = true,
	[FACT_BODY_RAW].bulky = true,
	[FACT_BODY_HIDDEN].bulky = true,
	[FACT_BODY_SCRIPT].bulky = true,
	[FACT_BODY_FLAGS].flags = html_flag_names,
	[FACT_ATTACHMENT].rules = &attachments,
	[FACT_URL].rules = &urls,
	[FACT_YARA].rules = &yara_matches,
	[FACT_YARA].missing = &yara_missing,
	[FACT_HEADER].argument = "field name",
	[FACT_DNS_A].argument = "name",
	[FACT_DNS_AAAA].argument = "name",
	[FACT_DNS_MX].argument = "name",
	[FACT_DNS_TXT].argument = "name",
	[FACT_DNS_PTR].argument = "address",
	[FACT_DNSBL].argument = "zone",
	[FACT_RHSBL].argument = "zone, domain",
	[FACT_DNSBL_SUSPENDED].argument = "zone",
	[FACT_RESOLVES].argument = "name",
	[FACT_MX].argument = "name",
	[FACT_NOW_WEEKDAY].flags = weekdays,
	[FACT_SPF_RESULT].flags = spf_result_names,
	[FACT_GREYLIST_YOUNG].argument = "age",
	[FACT_GREYLIST_YOUNG].counting = true,
	[FACT_GREYLIST_YOUNG].rules = &of_age,
	[FACT_KNOWN_GOOD].rules = &of_name,
	[FACT_GREYLIST_PASSED].rules = &of_two,
	[FACT_GREYLIST_AGE].rules = &of_three,
	[FACT_RATE].rules = &of_key_and_period,
	[FACT_SEEN].rules = &of_key_and_period,
	[FACT_USAGE].rules = &of_three,
	[FACT_CLIENT_PTR].rules = &domains,
	[FACT_RECIPIENTS].rules = &addresses,
	[FACT_HEADER].rules = &fields,
	[FACT_DNS_A].rules = &of_name,
	[FACT_DNS_AAAA].rules = &of_name,
	[FACT_DNS_MX].rules = &of_name,
	[FACT_DNS_TXT].rules = &of_name,
	[FACT_DNS_PTR].rules = &domains_of_name,
	[FACT_DNSBL].rules = &of_zone,
	[FACT_RHSBL].rules = &of_zone_and_domain,
	[FACT_DNSBL_SUSPENDED].rules = &of_zone,
	[FACT_RESOLVES].rules = &of_name,
	[FACT_MX].rules = &domains_of_name,
	[FACT_KNOWN_GOOD].argument = "address or domain",
	[FACT_GREYLIST_PASSED].argument = "client, domain",
	[FACT_GREYLIST_AGE].argument = "client, sender, recipient",
	[FACT_GREYLIST_AGE].counting = true,
	[FACT_RATE].argument = "key, period",
	[FACT_RATE].counting = true,
	[FACT_RATE].staged = true,
	[FACT_SEEN].argument = "key, period",
	[FACT_SEEN].counting = true,
	[FACT_SEEN].staged = true,
	[FACT_USAGE].argument = "section, key, amount",
	[FACT_MILTER].flags = milter_answer_names,
	[FACT_MILTER].argument = "name",
	[FACT_MILTER].rules = &of_milter,
	[FACT_MILTER].counting = true,
	[FACT_MILTER].staged = true,
	[FACT_MILTER_REPLY].argument = "name",
	[FACT_MILTER_REPLY].rules = &of_milter,
	[FACT_MILTER_REPLY].counting = true,
	[FACT_MILTER_REPLY].staged = true,
	[FACT_USAGE].counting = true,
};
/* clang-format on */

_Static_assert(FACT_COUNT < UINT8_MAX, "a set keeps the places of its facts in bytes");

#define CONTENT offsetof(struct value, boolean) /* where the value stands behind its type */
#define WORD_BITS 64
#define WORDS ((FACT_COUNT + WORD_BITS - 1) / WORD_BITS)

/* What is known about one fact: a value without its type, which the fact's row tells; its last byte, which no value uses, is the state's. Idle
 * sessions are many. */
struct known {
	_Alignas(struct value) char content[sizeof(struct value) - CONTENT -
		1];    /* of a failed fact: the reason, as text */
	uint8_t state; /* enum fact_state */
};

_Static_assert(sizeof(struct cidr) < sizeof(struct known), "the largest value leaves a byte");
_Static_assert(
	sizeof(struct value_records) < sizeof(struct known), "the largest value leaves a byte");

/* What is known about a question with an argument. */
struct answered {
	UT_hash_handle hh;
	enum fact fact;
	struct known known;
	char key[]; /* the fact as one byte, then the argument with its NUL */
};

#define KEY_ROOM 256
#define SESSION_ROOM 11 /* what is known of most sessions */

struct facts {
	struct facts *under;
	struct answered *answered; /* NULL in most sessions */
	struct known
		*known; /* in the order of the table; own, or a longer array once that is full */
	uint64_t there[WORDS]; /* which facts stand in it; bits */
	uint8_t before[WORDS]; /* how many stand in the words before each */
	uint8_t count, room;
	bool dense; /* each fact of the table has its place in known, else only those that are there */
	struct known own[];
};

const struct fact_row *fact_row(enum fact fact)
{
	assert(fact < FACT_COUNT);
	return &rows[fact];
}

enum fact fact_named(struct slice name)
{
	enum fact fact;

	for (fact = 0; fact < FACT_COUNT; fact++) {
		if (slice_equals(name, rows[fact].name))
			break;
	}
	return fact;
}

/* --- questions --- */

char *fact_print_question(const void *parent, const struct question *question)
{
	const char *name = fact_row(question->fact)->name;

	return question->argument ? talloc_asprintf(parent, "%s(%s)", name, question->argument)
				  : talloc_strdup(parent, name);
}

bool fact_parse_question(const void *parent, const char *text, struct question *question)
{
	size_t size = strlen(text), name = strcspn(text, "(");
	bool has_argument = name < size && text[size - 1] == ')';

	question->fact = fact_named(slice_make(text, has_argument ? name : size));
	question->argument = NULL;
	if (question->fact == FACT_COUNT || has_argument != (rows[question->fact].argument != NULL))
		return false;
	if (has_argument)
		question->argument = talloc_strndup(parent, text + name + 1, size - name - 2);
	return true;
}

/* --- sets --- */

struct facts *facts_new(const void *parent, struct facts *under)
{
	size_t room = under ? FACT_COUNT : SESSION_ROOM;
	struct facts *facts = talloc_size(parent, sizeof *facts + room * sizeof *facts->own);

	talloc_set_name_const(facts, "struct facts");
	*facts = (struct facts){
		.under = under, .known = facts->own, .room = SESSION_ROOM, .dense = under};
	return facts;
}

static bool is_there(const struct facts *facts, enum fact fact)
{
	return facts->there[fact / WORD_BITS] >> fact % WORD_BITS & 1;
}

/* Counts pairs, then fours, then bytes of bits: compilers call a slow function where they may not ask the processor. */
static size_t count_bits(uint64_t bits)
{
	bits -= bits >> 1 & 0x5555555555555555;
	bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return bits * 0x0101010101010101 >> 56;
}

/* How many facts that stand before it in the table are there: where it stands in a set that is not dense. */
static size_t place_of(const struct facts *facts, enum fact fact)
{
	size_t word = fact / WORD_BITS;
	uint64_t lower = (UINT64_C(1) << fact % WORD_BITS) - 1;

	return facts->before[word] + count_bits(facts->there[word] & lower);
}

static void grow(struct facts *facts)
{
	size_t room = 2 * (size_t)facts->room < FACT_COUNT ? 2 * (size_t)facts->room : FACT_COUNT;
	struct known *longer = talloc_array(facts, struct known, room);

	memcpy(longer, facts->known, facts->count * sizeof *longer);
	if (facts->known != facts->own)
		talloc_free(facts->known);
	facts->known = longer;
	facts->room = (uint8_t)room;
}

static struct known *known_at(const struct facts *facts, enum fact fact)
{
	return &facts->known[facts->dense ? fact : place_of(facts, fact)];
}

static void make_place(struct facts *facts, enum fact fact)
{
	facts->there[fact / WORD_BITS] |= UINT64_C(1) << fact % WORD_BITS;
	if (facts->dense)
		return;
	if (facts->count == facts->room)
		grow(facts);
	size_t place = place_of(facts, fact);
	memmove(&facts->known[place + 1], &facts->known[place],
		(facts->count - place) * sizeof *facts->known);
	for (size_t word = fact / WORD_BITS + 1; word < WORDS; word++)
		facts->before[word]++;
	facts->count++;
}

static struct known *place_for(struct facts *facts, enum fact fact)
{
	assert(fact < FACT_COUNT && !rows[fact].argument);
	if (!is_there(facts, fact))
		make_place(facts, fact);
	return known_at(facts, fact);
}

static void set(struct facts *facts, enum fact fact, enum fact_state state, struct value value)
{
	struct known *known = place_for(facts, fact);

	known->state = (uint8_t)state;
	memcpy(known->content, (const char *)&value + CONTENT, sizeof known->content);
}

void facts_set_bool(struct facts *facts, enum fact fact, bool value)
{
	assert(rows[fact].type == VALUE_BOOL);
	set(facts, fact, FACT_KNOWN, (struct value){.boolean = value});
}

void facts_set_number(struct facts *facts, enum fact fact, int64_t value)
{
	assert(value_is_number(rows[fact].type));
	set(facts, fact, FACT_KNOWN, (struct value){.number = value});
}

void facts_set_score(struct facts *facts, enum fact fact, double value)
{
	assert(rows[fact].type == VALUE_SCORE);
	set(facts, fact, FACT_KNOWN, (struct value){.score = value});
}

void facts_set_ip(struct facts *facts, enum fact fact, const struct ip *ip)
{
	assert(rows[fact].type == VALUE_IP);
	set(facts, fact, FACT_KNOWN, (struct value){.ip = *ip});
}

void facts_set_text(struct facts *facts, enum fact fact, const char *text)
{
	assert(value_is_text(rows[fact].type));
	if (text)
		set(facts, fact, FACT_KNOWN, (struct value){.text = text});
	else
		facts_set_absent(facts, fact);
}

void facts_set_texts(struct facts *facts, enum fact fact, const char *const *items, size_t count)
{
	assert(rows[fact].type == VALUE_TEXTS);
	set(facts, fact, FACT_KNOWN, (struct value){.texts = {items, count}});
}

void facts_set_absent(struct facts *facts, enum fact fact)
{
	place_for(facts, fact)->state = FACT_ABSENT;
}

void facts_set_failed(struct facts *facts, enum fact fact, const char *reason)
{
	set(facts, fact, FACT_FAILED, (struct value){.text = reason});
}

/* --- with arguments --- */

/* The key under which a question is kept; in the room given, when that suffices, else under facts. */
static char *key_of(
	const struct facts *facts, const struct question *question, char *room, size_t *size)
{
	size_t argument = strlen(question->argument) + 1;
	char *key = argument < KEY_ROOM ? room : talloc_array(facts, char, argument + 1);

	*size = argument + 1;
	key[0] = (char)question->fact;
	memcpy(key + 1, question->argument, argument);
	return key;
}

static struct answered *find_answered(const struct facts *facts, const struct question *question)
{
	char room[KEY_ROOM], *key;
	struct answered *found;
	size_t size;

	if (!facts->answered)
		return NULL;
	key = key_of(facts, question, room, &size);
	HASH_FIND(hh, facts->answered, key, size, found);
	if (key != room)
		talloc_free(key);
	return found;
}

static int forget_answers(struct facts *facts)
{
	HASH_CLEAR(hh, facts->answered);
	return 0;
}

static struct answered *answered_for(struct facts *facts, const struct question *question)
{
	struct answered *answered = find_answered(facts, question);
	size_t argument = strlen(question->argument) + 1;

	if (answered)
		return answered;
	answered = talloc_zero_size(facts, sizeof *answered + argument + 1);
	talloc_set_name_const(answered, "struct answered");
	answered->fact = question->fact;
	answered->key[0] = (char)question->fact;
	memcpy(answered->key + 1, question->argument, argument);
	HASH_ADD(hh, facts->answered, key, argument + 1, answered);
	talloc_set_destructor(facts, forget_answers);
	return answered;
}

void facts_answer(struct facts *facts, const struct question *question, enum fact_state state,
	struct value value)
{
	struct known *known;

	assert(!question->argument == !fact_row(question->fact)->argument);
	assert(state != FACT_KNOWN || value.type == fact_row(question->fact)->type);
	known = question->argument ? &answered_for(facts, question)->known
				   : place_for(facts, question->fact);
	known->state = (uint8_t)state;
	memcpy(known->content, (const char *)&value + CONTENT, sizeof known->content);
}

/* --- forgetting and looking up --- */

void facts_forget(struct facts *facts, enum fact fact)
{
	struct answered *answered, *next;

	if (is_there(facts, fact))
		place_for(facts, fact)->state = FACT_UNKNOWN;
	HASH_ITER(hh, facts->answered, answered, next)
	{
		if (answered->fact == fact)
			answered->known.state = FACT_UNKNOWN;
	}
}

void facts_forget_recipient(struct facts *facts)
{
	struct answered *answered, *next;

	for (size_t word = 0; word < WORDS; word++) {
		for (uint64_t left = facts->there[word]; left; left &= left - 1) {
			size_t fact = word * WORD_BITS + (size_t)__builtin_ctzll(left);
			if (rows[fact].period == PER_RECIPIENT)
				facts_forget(facts, (enum fact)fact);
		}
	}
	HASH_ITER(hh, facts->answered, answered, next)
	{
		if (rows[answered->fact].period == PER_RECIPIENT)
			answered->known.state = FACT_UNKNOWN;
	}
}

/* In the set or in those under it; NULL when it is unknown. */
static const struct known *find_simple(const struct facts *facts, enum fact fact)
{
	for (; facts; facts = facts->under) {
		const struct known *known;
		if (!is_there(facts, fact))
			continue;
		known = known_at(facts, fact);
		if (known->state != FACT_UNKNOWN)
			return known;
	}
	return NULL;
}

static const struct known *find_with_argument(
	const struct facts *facts, const struct question *question)
{
	for (; facts; facts = facts->under) {
		const struct answered *answered = find_answered(facts, question);
		if (answered && answered->known.state != FACT_UNKNOWN)
			return &answered->known;
	}
	return NULL;
}

enum fact_state facts_look_up(
	const struct facts *facts, const struct question *question, struct value *value)
{
	const struct known *known = question->argument ? find_with_argument(facts, question)
						       : find_simple(facts, question->fact);

	assert(!question->argument == !rows[question->fact].argument);
	if (!known)
		return FACT_UNKNOWN;
	value->type = rows[question->fact].type;
	memcpy((char *)value + CONTENT, known->content, sizeof known->content);
	return (enum fact_state)known->state;
}

enum fact_state facts_get(const struct facts *facts, enum fact fact, struct value *value)
{
	return facts_look_up(facts, &(struct question){fact, NULL}, value);
}

void facts_take_over(struct facts *facts, const struct facts *other)
{
	struct value value;
	size_t count;
	struct question *known = facts_known(NULL, other, &count);

	for (size_t i = 0; i < count; i++) {
		enum fact_state state = facts_look_up(other, &known[i], &value);
		facts_answer(facts, &known[i], state, value);
	}
	talloc_free(known);
}

struct facts *facts_keeper(struct facts *facts, enum fact fact)
{
	while (fact_row(fact)->period == PER_SESSION && facts->under)
		facts = facts->under;
	return facts;
}

/* --- all of them --- */

static size_t add_simple(const struct facts *facts, struct question *known)
{
	struct value value;
	size_t count = 0;

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (!rows[fact].argument && facts_get(facts, fact, &value) != FACT_UNKNOWN)
			known[count++] = (struct question){fact, NULL};
	}
	return count;
}

static int compare_questions(const void *a, const void *b)
{
	const struct question *first = a, *second = b;

	if (first->fact != second->fact)
		return first->fact < second->fact ? -1 : 1;
	return first->argument ? strcmp(first->argument, second->argument) : 0;
}

/* What two sets, one under the other, both know stands once. */
static size_t without_repetitions(struct question *questions, size_t count)
{
	size_t kept = 0;

	qsort(questions, count, sizeof *questions, compare_questions);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_questions(&questions[i], &questions[i - 1]) != 0)
			questions[kept++] = questions[i];
	}
	return kept;
}

struct question *facts_known(const void *parent, const struct facts *facts, size_t *count)
{
	size_t room = FACT_COUNT;
	struct question *known;
	const struct answered *answered;

	for (const struct facts *set = facts; set; set = set->under)
		room += HASH_COUNT(set->answered);
	known = talloc_array(parent, struct question, room);
	*count = add_simple(facts, known);
	for (const struct facts *set = facts; set; set = set->under) {
		for (answered = set->answered; answered; answered = answered->hh.next) {
			if (answered->known.state != FACT_UNKNOWN)
				known[(*count)++] =
					(struct question){answered->fact, answered->key + 1};
		}
	}
	*count = without_repetitions(known, *count);
	return known;
}

/* --- printing --- */

/* Scores and durations as their raw figures. */
static char *print_value(const void *parent, enum fact fact, const struct value *value)
{
	if (value->type == VALUE_SCORE)
		return talloc_asprintf(parent, "%.1f", value->score);
	if (value->type == VALUE_DURATION)
		return talloc_asprintf(parent, "%" PRId64, value->number);
	return value_print(parent, value, rows[fact].flags);
}

char *facts_print_answer(
	const void *parent, const struct facts *facts, const struct question *question)
{
	struct value value;
	enum fact_state state = facts_look_up(facts, question, &value);

	if (state == FACT_KNOWN)
		return print_value(parent, question->fact, &value);
	if (state == FACT_FAILED)
		return talloc_asprintf(parent, "failed: %s", value.text);
	return talloc_strdup(parent, state == FACT_ABSENT ? "absent" : "unknown");
}

char *facts_print(const void *parent, const struct facts *facts, enum fact fact)
{
	return facts_print_answer(parent, facts, &(struct question){fact, NULL});
}
