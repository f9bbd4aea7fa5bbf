/* SPDX-License-Identifier: Apache-2.0 */
/* The suite of RFC 7208, with all answers known, and again with answers that come one run later. */
#include "foreign.h"

#include "policy/spf.h"
#include "policy/spf_libspf2.h"

#include <arpa/inet.h>
#include <strings.h>

#define RUNS_MAXIMUM 40
#define ALIASES_MAXIMUM 10

static unsigned of_libspf2; /* cases that it gets right */

static struct foreign_deviation deviations[] = {{NULL, NULL, false}};

/* What a run is told. */
struct names {
	void *memory;
	const json_t *zone;
	const char **known;  /* questions that were asked before; NULL: all are known */
	const char **wanted; /* of this run */
};

static const json_t *records_of(const struct names *names, const char *name)
{
	const char *key;
	json_t *records;

	json_object_foreach((json_t *)names->zone, key, records)
	{
		size_t size = strlen(key);
		if (size && key[size - 1] == '.')
			size--;
		if (strlen(name) == size && strncasecmp(key, name, size) == 0)
			return records;
	}
	return NULL;
}

static const char *type_of(const json_t *record)
{
	return json_string_value(json_object_get(record, "type"));
}

/* Strings of a record one behind the other; a NUL, which our texts cannot hold, is another control character. */
static char *joined(const struct names *names, const json_t *strings)
{
	char *text = talloc_strdup(names->memory, "");

	for (size_t i = 0; i < json_array_size(strings); i++) {
		const json_t *string = json_array_get(strings, i);
		char *piece = slice_keep(names->memory,
			slice_make(json_string_value(string), json_string_length(string)));
		for (size_t at = 0; at < json_string_length(string); at++)
			piece[at] = piece[at] ? piece[at] : '\x01';
		text = talloc_strdup_append(text, piece);
	}
	return text;
}

static char *text_of(const struct names *names, const json_t *record)
{
	const json_t *strings = json_object_get(record, "strings");
	const char *data = json_string_value(json_object_get(record, "data"));

	if (strings)
		return joined(names, strings);
	if (data)
		return talloc_strdup(names->memory, data);
	return talloc_asprintf(names->memory, "%d %s",
		(int)json_integer_value(json_object_get(record, "pref")),
		json_string_value(json_object_get(record, "target")));
}

static enum fact_state look_up(struct names *names, const char *type, const char *name,
	struct value_texts *answer, int aliases)
{
	const json_t *records = records_of(names, name);
	const char **items =
		talloc_array(names->memory, const char *, json_array_size(records) + 1);
	const char *alias = NULL;
	bool fails = false;

	*answer = (struct value_texts){items, 0};
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);
		if (strcmp(type_of(record), type) == 0)
			items[answer->count++] = text_of(names, record);
		else if (strcmp(type_of(record), "CNAME") == 0)
			alias = text_of(names, record);
		fails = fails || strcmp(type_of(record), "TIMEOUT") == 0;
	}
	if (answer->count)
		return FACT_KNOWN;
	if (fails || aliases == 0)
		return FACT_FAILED;
	if (alias && alias[strlen(alias) - 1] == '.')
		alias = talloc_strndup(names->memory, alias, strlen(alias) - 1);
	if (alias)
		return look_up(names, type, alias, answer, aliases - 1);
	return records ? FACT_KNOWN : FACT_ABSENT;
}

/* The name under which an address's names are kept (RFC 1035 §3.5, RFC 3596 §2.5). */
static char *reverse_name(const struct names *names, const char *address)
{
	unsigned char bytes[16];
	char *name = talloc_strdup(names->memory, "");

	if (inet_pton(AF_INET, address, bytes) == 1)
		return talloc_asprintf(names->memory, "%d.%d.%d.%d.in-addr.arpa", bytes[3],
			bytes[2], bytes[1], bytes[0]);
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return name;
	for (int i = 15; i >= 0; i--)
		name = talloc_asprintf_append(name, "%x.%x.", bytes[i] & 0xf, bytes[i] >> 4);
	return talloc_strdup_append(name, "ip6.arpa");
}

static bool is_among(const char *const *list, const char *text)
{
	for (size_t i = 0; i < talloc_array_length(list); i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

static void note(struct names *names, const char *question)
{
	size_t count = talloc_array_length(names->wanted);

	names->wanted = talloc_realloc(names->memory, names->wanted, const char *, count + 1);
	names->wanted[count] = question;
}

static enum fact_state answer_query(
	void *owner, enum spf_dns kind, const char *name, struct value_texts *answer)
{
	static const char *const types[] = {"A", "AAAA", "MX", "TXT", "PTR"};
	struct names *names = owner;
	const char *question = talloc_asprintf(names->memory, "%s %s", types[kind], name);

	if (names->known && !is_among(names->known, question)) {
		note(names, question);
		return FACT_UNKNOWN;
	}
	return look_up(names, types[kind], kind == SPF_DNS_PTR ? reverse_name(names, name) : name,
		answer, ALIASES_MAXIMUM);
}

static struct spf_query read_query(const struct foreign *foreign, const json_t *test)
{
	const char *sender = json_string_value(json_object_get(test, "mailfrom"));
	const char *host = json_string_value(json_object_get(test, "host"));
	const char *at = strrchr(sender, '@');
	struct spf_query query = {.helo = json_string_value(json_object_get(test, "helo")),
		.receiver = "receiver.example",
		.seconds = 1700000000};

	query.local = at && at > sender
		? talloc_strndup(foreign->scratch, sender, (size_t)(at - sender))
		: "postmaster";
	query.domain = at ? at + 1 : *sender ? sender : query.helo;
	if (!ip_parse(slice_of(host), &query.ip))
		abort();
	return query;
}

static bool is_listed(const json_t *results, enum spf_result result)
{
	const char *name = spf_result_name(result);

	for (size_t i = 0; i < json_array_size(results); i++) {
		if (strcmp(json_string_value(json_array_get(results, i)), name) == 0)
			return true;
	}
	return false;
}

static bool is_explained(const json_t *wanted, const char *explanation)
{
	const char *text = json_string_value(wanted);

	if (!text)
		return true;
	return explanation ? strcmp(text, explanation) == 0 : strcmp(text, "DEFAULT") == 0;
}

typedef struct spf_outcome engine_fn(
	const void *parent, const struct spf_query *query, const struct spf_source *source);

static struct spf_outcome run_later(engine_fn *engine, struct names *names,
	const struct spf_query *query, const struct spf_source *source)
{
	struct spf_outcome outcome;
	unsigned runs = 0;

	names->known = talloc_array(names->memory, const char *, 0);
	do {
		size_t count = talloc_array_length(names->known);
		names->wanted = NULL;
		outcome = engine(names->memory, query, source);
		size_t more = talloc_array_length(names->wanted);
		names->known =
			talloc_realloc(names->memory, names->known, const char *, count + more);
		for (size_t i = 0; i < more; i++)
			names->known[count + i] = names->wanted[i];
	} while (outcome.is_unknown && ++runs < RUNS_MAXIMUM);
	return outcome;
}

static bool agrees(const json_t *test, const struct spf_outcome *outcome)
{
	return !outcome->is_unknown &&
		is_listed(json_object_get(test, "results"), outcome->result) &&
		is_explained(json_object_get(test, "explanation"), outcome->explanation);
}

static bool is_same(const struct spf_outcome *a, const struct spf_outcome *b)
{
	return a->result == b->result && !a->explanation == !b->explanation &&
		(!a->explanation || strcmp(a->explanation, b->explanation) == 0);
}

/* libspf2 is not held to the suite, but to itself: the same with answers that come later. */
static void try_libspf2(struct foreign *foreign, const json_t *zone, const json_t *test)
{
	struct names names = {.memory = talloc_new(foreign->scratch), .zone = zone};
	const struct spf_source source = {answer_query, &names};
	const struct spf_query query = read_query(foreign, test);
	const struct spf_outcome at_once = spf_libspf2_evaluate(names.memory, &query, &source);
	const struct spf_outcome later = run_later(spf_libspf2_evaluate, &names, &query, &source);
	const char *id = talloc_asprintf(
		names.memory, "libspf2 %s", json_string_value(json_object_get(test, "name")));

	of_libspf2 += agrees(test, &at_once);
	foreign_case(
		foreign, id, slice_of(spf_result_name(later.result)), is_same(&at_once, &later));
}

static void try_test(struct foreign *foreign, const json_t *zone, const json_t *test)
{
	struct names names = {.memory = talloc_new(foreign->scratch), .zone = zone};
	const struct spf_source source = {answer_query, &names};
	const struct spf_query query = read_query(foreign, test);
	const struct spf_outcome at_once = spf_evaluate(names.memory, &query, &source);
	const struct spf_outcome later = run_later(spf_evaluate, &names, &query, &source);
	const char *id = json_string_value(json_object_get(test, "name"));
	const char *shown = talloc_asprintf(names.memory, "%s, later %s (%s)",
		spf_result_name(at_once.result), spf_result_name(later.result),
		at_once.explanation       ? at_once.explanation
			: at_once.problem ? at_once.problem
					  : "");

	foreign_case(foreign, id, slice_of(shown), agrees(test, &at_once) && agrees(test, &later));
}

int main(void)
{
	struct foreign foreign = foreign_begin("spf/json", deviations);
	json_t *root = foreign_json(&foreign, "rfc7208-tests.json");
	const json_t *scenarios = json_object_get(root, "scenarios");

	for (size_t i = 0; i < json_array_size(scenarios); i++) {
		const json_t *scenario = json_array_get(scenarios, i);
		const json_t *tests = json_object_get(scenario, "tests");
		const json_t *zone = json_object_get(scenario, "zonedata");
		for (size_t test = 0; test < json_array_size(tests); test++) {
			try_test(&foreign, zone, json_array_get(tests, test));
			try_libspf2(&foreign, zone, json_array_get(tests, test));
		}
	}
	json_decref(root);
	printf("libspf2 agrees with %u of %u\n", of_libspf2, foreign.cases / 2);
	return foreign_end(&foreign);
}
