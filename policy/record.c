/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict and all that led to it, as JSON. */
#include "policy/record.h"

#include "base/utf8.h"
#include "policy/shadow.h"

#include <talloc.h>

#define ACCEPTED_CODE 250
#define ACCEPTED_STATUS "2.0.0"
#define ACCEPTED_TEXT "accepted"
#define TRACE_KEPT 100 /* of a record that is too large */
#define EDITS_TOLD 100 /* a hostile header can have thousands; the trace has their number */

json_t *record_text(const char *text)
{
	struct slice slice = slice_of(text);
	json_t *json;
	char *clean;

	if (!text)
		return json_null();
	if (utf8_is_valid(slice))
		return json_stringn_nocheck(slice.data, slice.size);
	clean = talloc_array(NULL, char, slice.size);
	json = json_stringn_nocheck(clean, utf8_clean(clean, slice.size, slice));
	talloc_free(clean);
	return json;
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

json_t *record_of_verdict(const struct verdict *verdict)
{
	bool refuses = verdict->code != 0;
	json_t *object = json_object();

	set(object, "verdict", record_text(verdict_name(verdict->kind)));
	set(object, "code", json_integer(refuses ? verdict->code : ACCEPTED_CODE));
	set(object, "status", record_text(refuses ? verdict->status : ACCEPTED_STATUS));
	set(object, "text", record_text(refuses ? verdict->text : ACCEPTED_TEXT));
	set(object, "decided_by", record_text(verdict->decided_by));
	return object;
}

static json_t *entry_json(const struct trace_entry *entry)
{
	json_t *object = json_object();

	set(object, "stage", record_text(stage_name(entry->stage)));
	set(object, "check", record_text(entry->check));
	set(object, "result", record_text(entry->result));
	if (entry->detail)
		set(object, "detail", record_text(entry->detail));
	if (entry->score != 0)
		set(object, "score", json_real(entry->score));
	if (entry->monitored)
		set(object, "monitored", json_true());
	if (entry->has_fallen)
		set(object, "fallen", json_true());
	if (entry->would > VERDICT_ACCEPT)
		set(object, "would", record_text(verdict_name(entry->would)));
	set(object, "ms", json_real((double)entry->microseconds / 1000));
	return object;
}

static json_t *trace_json(const struct inquiry *inquiry)
{
	json_t *array = json_array();

	for (size_t i = 0; i < inquiry->trace_count; i++)
		json_array_append_new(array, entry_json(&inquiry->trace[i]));
	return array;
}

static json_t *flags_json(const char *const *names, int64_t flags)
{
	json_t *array = json_array();

	for (unsigned i = 0; names && names[i]; i++) {
		if (flags >> i & 1)
			json_array_append_new(array, record_text(names[i]));
	}
	return array;
}

static json_t *texts_json(const struct value_texts *texts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(array, record_text(texts->items[i]));
	return array;
}

static json_t *ip_json(const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	return record_text(ip_print(ip, text));
}

static json_t *value_json(const char *const *names, const struct value *value)
{
	switch (value->type) {
	case VALUE_BOOL:
		return json_boolean(value->boolean);
	case VALUE_INT:
	case VALUE_SIZE:
	case VALUE_DURATION:
		return json_integer(value->number);
	case VALUE_SCORE:
		return json_real(value->score);
	case VALUE_IP:
		return ip_json(&value->ip);
	case VALUE_ENUM:
		return record_text(names[value->number]);
	case VALUE_FLAGS:
		return flags_json(names, value->number);
	case VALUE_TEXTS:
		return texts_json(&value->texts);
	default:
		return record_text(value->text);
	}
}

/* One object a record; what a field does not have stands nowhere. */
static json_t *record_json(const struct vocabulary_field *fields, const struct value_field *values)
{
	json_t *object = json_object();

	for (size_t i = 0; fields[i].name; i++) {
		if (values[i].state == FACT_KNOWN)
			set(object, fields[i].name, value_json(fields[i].names, &values[i].value));
	}
	return object;
}

static json_t *records_json(
	const struct vocabulary_field *fields, const struct value_records *records)
{
	json_t *array = json_array();

	for (size_t i = 0; i < records->count; i++)
		json_array_append_new(
			array, record_json(fields, &records->fields[i * records->width]));
	return array;
}

static json_t *fact_json(enum fact fact, const struct value *value)
{
	const struct fact_row *row = fact_row(fact);

	return row->type == VALUE_RECORDS ? records_json(row->rules->fields, &value->records)
					  : value_json(row->flags, value);
}

bool record_keeps(enum fact fact)
{
	return fact_row(fact)->learner == LEARNER_TOLD || fact == FACT_SPF_RESULT ||
		fact == FACT_SENDER_KNOWN_GOOD || fact == FACT_ORIGIN_IP ||
		fact == FACT_HEADER_ANOMALIES || fact == FACT_RECEIVED_COUNT;
}

/* Which facts are told. */
struct choice {
	bool all;          /* not only those that every record has */
	bool of_recipient; /* only those of one */
};

static bool is_chosen(const struct choice *choice, enum fact fact)
{
	return (choice->all || record_keeps(fact)) &&
		(!choice->of_recipient || fact_row(fact)->period == PER_RECIPIENT);
}

/* All of these that is known; null for what is known to be absent. What failed stands apart, with its reason. */
static void set_facts(json_t *record, const struct facts *facts, const struct choice *choice)
{
	json_t *known = json_object(), *failed = json_object();
	struct value value;
	size_t count;
	struct question *questions = facts_known(NULL, facts, &count);

	for (size_t i = 0; i < count; i++) {
		if (!is_chosen(choice, questions[i].fact))
			continue;
		const char *name = fact_print_question(questions, &questions[i]);
		enum fact_state state = facts_look_up(facts, &questions[i], &value);
		if (state == FACT_KNOWN && value.type == VALUE_RECORDS && value.records.is_cut)
			continue; /* read again, it would pass for all there was */
		if (state == FACT_KNOWN)
			set(known, name, fact_json(questions[i].fact, &value));
		else if (state == FACT_ABSENT)
			set(known, name, json_null());
		else
			set(failed, name, record_text(value.text));
	}
	talloc_free(questions);
	set(record, "facts", known);
	if (json_object_size(failed))
		set(record, "failed", failed);
	else
		json_decref(failed);
}

static json_t *edit_json(const struct edit *edit)
{
	json_t *object = json_object();
	char *name = slice_keep(NULL, edit->name);

	set(object, "action", record_text(edit_action_name(edit->action)));
	if (edit->action == EDIT_BYTES) {
		set(object, "at", json_integer((json_int_t)edit->at));
		set(object, "size", json_integer((json_int_t)edit->size));
	} else {
		set(object, "name", record_text(name));
	}
	talloc_free(name);
	return object;
}

static json_t *envelope_edit_json(const struct envelope_edit *edit)
{
	json_t *object = json_object();

	set(object, "action", record_text(envelope_edit_action_name(edit->action)));
	set(object, "address", record_text(edit->address->text));
	return object;
}

static json_t *edits_json(const struct edits *edits, const struct envelope_edits *envelope)
{
	json_t *array = json_array();

	for (size_t i = 0; i < envelope->count && i < EDITS_TOLD; i++)
		json_array_append_new(array, envelope_edit_json(&envelope->items[i]));

	for (size_t i = 0; edits && i < edits->count && i < EDITS_TOLD; i++)
		json_array_append_new(array, edit_json(&edits->items[i]));
	return array;
}

/* --- the shadow --- */

static json_t *side_json(const struct shadow_side *side)
{
	json_t *object = json_object();
	char *text = shadow_print_side(NULL, side);

	set(object, "verdict",
		record_text(side->kind == VERDICT_NONE ? "none" : verdict_name(side->kind)));
	if (side->code)
		set(object, "code", json_integer(side->code));
	set(object, "score", json_real(side->score));
	set(object, "text", record_text(text));
	talloc_free(text);
	return object;
}

static json_t *difference_json(const struct shadow_difference *difference)
{
	json_t *object = json_object();

	set(object, "stage", record_text(stage_name(difference->stage)));
	if (difference->recipient)
		set(object, "recipient", record_text(difference->recipient));
	set(object, "by", record_text(difference->by));
	set(object, "of", record_text(difference->is_of_shadow ? "shadow" : "rules"));
	set(object, "rules", side_json(&difference->rules));
	set(object, "shadow", side_json(&difference->shadow));
	return object;
}

static void set_shadow(json_t *record, const struct inquiry *inquiry)
{
	json_t *array = json_array();
	size_t count;
	const struct shadow_difference *differences = shadow_differences(inquiry, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, difference_json(&differences[i]));
	if (count)
		set(record, "shadow", array);
	else
		json_decref(array);
	if (shadow_is_undecided(inquiry))
		set(record, "shadow_undecided", json_true());
}

json_t *record_new(struct inquiry *inquiry, bool with_facts)
{
	const struct choice choice = {.all = with_facts};
	json_t *record = record_of_verdict(&inquiry->verdict);

	if (inquiry->observed)
		set(record, "observed", record_of_verdict(inquiry->observed));
	set(record, "score", json_real(inquiry->score));
	if (inquiry->tagged)
		set(record, "tagged", json_true());
	set(record, "trace", trace_json(inquiry));
	set_facts(record, inquiry->facts, &choice);
	set_shadow(record, inquiry);
	if (inquiry->recipients)
		set(record, "recipients", json_incref(inquiry->recipients));
	set(record, "edits", edits_json(inquiry->edits, &inquiry->envelope_edits));
	return record;
}

void record_recipient(struct inquiry *inquiry, bool with_facts)
{
	const struct choice choice = {.all = with_facts, .of_recipient = true};
	json_t *known;

	if (json_array_size(inquiry->recipients) >= RECORD_RECIPIENTS)
		return;
	known = json_object();
	set_facts(known, inquiry->facts, &choice);
	if (!inquiry->recipients)
		inquiry->recipients = json_array();
	json_array_append_new(inquiry->recipients, known);
}

/* --- shortening --- */

static bool is_kept(const char *name)
{
	struct question question;
	bool is_fact = fact_parse_question(NULL, name, &question);
	bool keeps = is_fact && record_keeps(question.fact);

	if (is_fact)
		talloc_free((char *)(uintptr_t)question.argument);
	return keeps;
}

static bool keep_only(json_t *facts)
{
	const char *name;
	json_t *value;
	void *next;
	size_t before = json_object_size(facts);

	json_object_foreach_safe(facts, next, name, value)
	{
		if (!is_kept(name))
			json_object_del(facts, name);
	}
	return json_object_size(facts) < before;
}

static bool drop_facts(json_t *record)
{
	const json_t *recipients = json_object_get(record, "recipients");
	bool has_dropped = keep_only(json_object_get(record, "facts"));

	has_dropped |= keep_only(json_object_get(record, "failed"));
	for (size_t i = 0; i < json_array_size(recipients); i++) {
		const json_t *its = json_array_get(recipients, i);
		has_dropped |= keep_only(json_object_get(its, "facts"));
		has_dropped |= keep_only(json_object_get(its, "failed"));
	}
	set(record, "recorded", record_text("verdict"));
	return has_dropped;
}

static bool drop_recipients(json_t *record)
{
	bool has_edits = json_object_del(record, "edits") == 0;

	return json_object_del(record, "recipients") == 0 || has_edits;
}

/* Those that spoke first stay, and the last. */
static bool drop_trace(json_t *record)
{
	json_t *trace = json_object_get(record, "trace");
	bool has_dropped = json_object_del(record, "shadow") == 0;

	while (json_array_size(trace) > TRACE_KEPT) {
		json_array_remove(trace, TRACE_KEPT - 1);
		has_dropped = true;
	}
	return has_dropped;
}

static bool drop_names(json_t *record)
{
	return json_object_del(json_object_get(record, "facts"), "recipients") == 0;
}

static bool drop_words(json_t *record)
{
	bool has_trace = json_object_del(record, "trace") == 0;

	return json_object_clear(json_object_get(record, "facts")) == 0 && has_trace;
}

bool record_shorten(json_t *record)
{
	static bool (*const ways[])(json_t * record) = {
		drop_facts, drop_recipients, drop_trace, drop_names, drop_words};

	set(record, "shortened", json_true());
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (ways[i](record))
			return true;
	}
	return false;
}
