/* SPDX-License-Identifier: Apache-2.0 */
/* The table of facts, and sets of known ones. */
#include "policy/facts.h"

#include "policy/mail/address.h"
#include "policy/mail/header.h"
#include "policy/mail/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <talloc.h>

#define FACT_ROW(id, fact_name, fact_type, fact_stage, fact_period, fact_learner, fact_manual)     \
	[FACT_##id] = {.name = fact_name,                                                          \
		.type = fact_type,                                                                 \
		.stage = fact_stage,                                                               \
		.period = fact_period,                                                             \
		.learner = fact_learner,                                                           \
		.manual = fact_manual},

/* clang-format off */
static const struct fact_row rows[FACT_COUNT] = {
	FACTS(FACT_ROW)
	[FACT_SENDER_FORM].flags = address_form_names,
	[FACT_RECIPIENT_FORM].flags = address_form_names,
	[FACT_MESSAGE_ANOMALIES].flags = message_anomaly_names,
	[FACT_HEADER_ANOMALIES].flags = header_anomaly_names,
};
/* clang-format on */

_Static_assert(FACT_COUNT < UINT8_MAX, "a set keeps the places of its facts in bytes");

#define CONTENT offsetof(struct value, boolean) /* where the value stands behind its type */

/* What is known about one fact: a value without its type, which the fact's row tells. Idle sessions are many. */
struct known {
	enum fact_state state;
	_Alignas(struct value) char content[sizeof(struct value) -
		CONTENT]; /* of a failed fact: the reason, as text */
};

#define OWN_ROOM 10 /* what is known of most sessions */

struct facts {
	const struct facts *under;
	struct known *known; /* own, or a longer array once that is full */
	uint8_t count, room;
	uint8_t places[FACT_COUNT]; /* in known, from 1; 0: not there */
	struct known own[OWN_ROOM];
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

struct facts *facts_new(const void *parent, const struct facts *under)
{
	struct facts *facts = talloc_zero(parent, struct facts);

	facts->under = under;
	facts->known = facts->own;
	facts->room = OWN_ROOM;
	return facts;
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

static struct known *place_for(struct facts *facts, enum fact fact)
{
	assert(fact < FACT_COUNT);
	if (!facts->places[fact]) {
		if (facts->count == facts->room)
			grow(facts);
		facts->places[fact] = ++facts->count;
	}
	return &facts->known[facts->places[fact] - 1];
}

static bool is_number(enum value_type type)
{
	return type == VALUE_INT || type == VALUE_SIZE || type == VALUE_DURATION ||
		type == VALUE_FLAGS;
}

static bool is_text(enum value_type type)
{
	return type == VALUE_DOMAIN || type == VALUE_ADDRESS || type == VALUE_NAME ||
		type == VALUE_STRING || type == VALUE_TEXT;
}

static void set(struct facts *facts, enum fact fact, enum fact_state state, struct value value)
{
	struct known *known = place_for(facts, fact);

	known->state = state;
	memcpy(known->content, (const char *)&value + CONTENT, sizeof known->content);
}

void facts_set_bool(struct facts *facts, enum fact fact, bool value)
{
	assert(rows[fact].type == VALUE_BOOL);
	set(facts, fact, FACT_KNOWN, (struct value){.boolean = value});
}

void facts_set_number(struct facts *facts, enum fact fact, int64_t value)
{
	assert(is_number(rows[fact].type));
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
	assert(is_text(rows[fact].type));
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

void facts_forget(struct facts *facts, enum fact fact)
{
	if (facts->places[fact])
		place_for(facts, fact)->state = FACT_UNKNOWN;
}

void facts_take_over(struct facts *facts, const struct facts *other)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		uint8_t place = other->places[fact];
		if (place && other->known[place - 1].state != FACT_UNKNOWN)
			*place_for(facts, fact) = other->known[place - 1];
	}
}

static const struct known *look_up(const struct facts *facts, enum fact fact)
{
	assert(fact < FACT_COUNT);
	for (; facts; facts = facts->under) {
		uint8_t place = facts->places[fact];
		if (place && facts->known[place - 1].state != FACT_UNKNOWN)
			return &facts->known[place - 1];
	}
	return NULL;
}

enum fact_state facts_get(const struct facts *facts, enum fact fact, struct value *value)
{
	const struct known *known = look_up(facts, fact);

	if (!known)
		return FACT_UNKNOWN;
	value->type = rows[fact].type;
	memcpy((char *)value + CONTENT, known->content, sizeof known->content);
	return known->state;
}

static char *print_flags(const void *parent, enum fact fact, int64_t bits)
{
	const char *const *flags = rows[fact].flags;
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; flags && flags[i]; i++) {
		if (bits & (INT64_C(1) << i))
			text = talloc_asprintf_append_buffer(
				text, "%s%s", *text ? " " : "", flags[i]);
	}
	return text;
}

static char *print_texts(const void *parent, const struct value_texts *texts)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < texts->count; i++)
		text = talloc_asprintf_append_buffer(text, "%s%s", i ? ", " : "", texts->items[i]);
	return text;
}

static char *print_value(const void *parent, enum fact fact, const struct value *value)
{
	char ip[IP_TEXT_SIZE];

	if (is_text(value->type))
		return talloc_strdup(parent, value->text);
	if (value->type == VALUE_BOOL)
		return talloc_strdup(parent, value->boolean ? "true" : "false");
	if (value->type == VALUE_IP)
		return talloc_strdup(parent, ip_print(&value->ip, ip));
	if (value->type == VALUE_SCORE)
		return talloc_asprintf(parent, "%.1f", value->score);
	if (value->type == VALUE_FLAGS)
		return print_flags(parent, fact, value->number);
	if (value->type == VALUE_TEXTS)
		return print_texts(parent, &value->texts);
	return talloc_asprintf(parent, "%" PRId64, value->number);
}

char *facts_print(const void *parent, const struct facts *facts, enum fact fact)
{
	struct value value;
	enum fact_state state = facts_get(facts, fact, &value);

	if (state == FACT_KNOWN)
		return print_value(parent, fact, &value);
	if (state == FACT_FAILED)
		return talloc_asprintf(parent, "failed: %s", value.text);
	return talloc_strdup(parent, state == FACT_ABSENT ? "absent" : "unknown");
}

static const char *type_name(enum value_type type)
{
	static const char *const names[] = {"bool", "int", "size", "duration", "score", "ip",
		"domain", "address", "name", "string", "text", "flags", "list of text"};

	return names[type];
}

static void print_manual_of_flags(const char *const *flags, FILE *out)
{
	for (size_t i = 0; flags && flags[i]; i++)
		fprintf(out, "%s.Cm %s%s\n", i ? "" : "Flags:\n", flags[i],
			flags[i + 1] ? " ," : " .");
}

void facts_print_manual(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct fact_row *row = &rows[fact];
		fprintf(out, ".It Ic %s Pq %s, from stage %s\n%s.\n", row->name,
			type_name(row->type), stage_name(row->stage), row->manual);
		print_manual_of_flags(row->flags, out);
	}
	fputs(".El\n", out);
}
