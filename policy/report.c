/* SPDX-License-Identifier: Apache-2.0 */
/* What observe mode and monitored checks would have done. */
#include "policy/report.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <talloc.h>

#define RECIPIENTS_SHOWN 3
#define JSON_FLAGS (JSON_REAL_PRECISION(6) | JSON_INDENT(2))

/* One who spoke and was not heard. */
struct group {
	const char *by;
	uint64_t refused;
	uint64_t known_good; /* of the refused */
	uint64_t scored;
	double score; /* of all the scored together */
	bool has_fallen;
};

/* A rule that makes the shadow and the acting rules differ. */
struct shade {
	const char *by;
	bool is_of_shadow;
	uint64_t transactions;
	uint64_t known_good;                     /* of these */
	const char *id, *stage, *rules, *shadow; /* of the last: for an example */
};

/* A transaction that someone would have refused. */
struct finding {
	const char *id, *time, *client, *sender, *recipients;
	const char *by;
	const char *verdict;
	const char *detail;
	const char *exempt; /* the entry of the allow-list; NULL: none would */
	bool is_known_good;
};

struct report {
	const struct check *const *checks;
	uint64_t transactions;
	uint64_t refused; /* transactions, whoever would have done it */
	uint64_t known_good;
	struct group *groups;
	size_t group_count;
	uint64_t shaded; /* transactions that the shadow would have judged otherwise */
	struct shade *shades;
	size_t shade_count;
	uint64_t sessions; /* that were refused before any transaction */
	struct finding *findings;
	size_t count;
};

struct report *report_new(const void *parent, const struct check *const *checks)
{
	struct report *report = talloc_zero(parent, struct report);

	report->checks = checks;
	return report;
}

/* --- reading a record --- */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A stranger's words, fit for a terminal and on one line. */
static const char *keep(struct report *report, const char *text)
{
	struct slice slice = slice_of(text);
	char *clean = talloc_array(report, char, slice.size + 1);

	clean[utf8_clean(clean, slice.size, slice)] = '\0';
	return clean;
}

static bool is_true(const json_t *facts, const char *fact)
{
	return json_is_true(json_object_get(facts, fact));
}

static bool is_known_good(const json_t *facts)
{
	return is_true(facts, "client.known_good") || is_true(facts, "sender.known_good");
}

static const char *join_recipients(struct report *report, const json_t *facts)
{
	const json_t *recipients = json_object_get(facts, "recipients");
	size_t count = json_array_size(recipients);
	char *joined = talloc_strdup(report, "");

	if (!count)
		return keep(report, text_of(facts, "recipient"));
	for (size_t i = 0; i < count && i < RECIPIENTS_SHOWN; i++) {
		const char *text = json_string_value(json_array_get(recipients, i));
		joined = talloc_asprintf_append(joined, "%s%s", i ? ", " : "", keep(report, text));
	}
	if (count > RECIPIENTS_SHOWN)
		joined = talloc_asprintf_append(joined, " and %zu more", count - RECIPIENTS_SHOWN);
	return joined;
}

/* --- who would be exempt, and how --- */

/* Letters, digits, dots and hyphens: nothing that means more in a configuration. */
static bool is_plain_domain(const char *domain)
{
	return domain && *domain &&
		strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == strlen(domain);
}

/* NULL: it is none, but a rule. */
static const struct check *check_named(const struct report *report, const char *name)
{
	for (const struct check *const *check = report->checks; *check; check++) {
		if (strcmp((*check)->name, name) == 0)
			return *check;
	}
	return NULL;
}

static bool is_limit(const struct report *report, const char *by)
{
	const char *name = strncmp(by, "check ", strlen("check ")) == 0 ? strchr(by, ' ') + 1 : by;
	const struct check *check = check_named(report, name);

	return check && check->is_limit;
}

/* The sender's domain where SPF vouches for it, else the client; behind a trusted relay, the client is none of the sender's. */
static const char *print_exemption(struct report *report, const json_t *facts)
{
	const char *domain = text_of(facts, "sender.domain");
	const char *spf = text_of(facts, "spf.result"), *client = text_of(facts, "client.ip");
	bool is_relayed = is_true(facts, "client.is_trusted_relay");
	bool is_verified = spf && strcmp(spf, "pass") == 0;
	struct ip ip;

	if (is_plain_domain(domain) && (is_verified || is_relayed))
		return talloc_asprintf(report, "allow \"%s\" { senders = {\"%s\"}%s }", domain,
			domain, is_verified ? "" : "  unverified = yes");
	if (is_relayed || !client || !ip_parse(slice_of(client), &ip))
		return NULL;
	return talloc_asprintf(report, "allow \"%s\" { networks = {\"%s\"} }", client, client);
}

/* --- collecting --- */

static struct group *group_of(struct report *report, const char *by)
{
	for (size_t i = 0; i < report->group_count; i++) {
		if (strcmp(report->groups[i].by, by) == 0)
			return &report->groups[i];
	}
	report->groups =
		talloc_realloc(report, report->groups, struct group, report->group_count + 1);
	struct group *group = &report->groups[report->group_count++];
	*group = (struct group){.by = keep(report, by)};
	return group;
}

static struct finding *new_finding(struct report *report)
{
	size_t room = talloc_array_length(report->findings);

	if (report->count == room)
		report->findings = talloc_realloc(
			report, report->findings, struct finding, room ? 2 * room : 16);
	return &report->findings[report->count++];
}

/* Who would have refused one record; each counts once. */
struct reading {
	struct report *report;
	const json_t *record;
	const json_t *facts;
	size_t first; /* of its findings */
};

static bool is_found(const struct reading *reading, const char *by)
{
	for (size_t i = reading->first; i < reading->report->count; i++) {
		if (strcmp(reading->report->findings[i].by, by) == 0)
			return true;
	}
	return false;
}

static void find(struct reading *reading, const char *by, const char *verdict, const char *detail)
{
	struct report *report = reading->report;
	struct finding *finding;

	if (is_found(reading, by))
		return;
	finding = new_finding(report);
	*finding = (struct finding){
		.id = keep(report, text_of(reading->record, "id")),
		.time = keep(report, text_of(reading->record, "time")),
		.client = keep(report, text_of(reading->facts, "client.ip")),
		.sender = keep(report, text_of(reading->facts, "sender")),
		.recipients = join_recipients(report, reading->facts),
		.by = keep(report, by),
		.verdict = keep(report, verdict),
		.detail = keep(report, detail),
		.exempt = is_limit(report, by) ? NULL : print_exemption(report, reading->facts),
		.is_known_good = is_known_good(reading->facts),
	};
	struct group *group = group_of(report, by);
	group->refused++;
	group->known_good += finding->is_known_good;
}

static void note_score(struct group *group, double score)
{
	group->scored++;
	group->score += score;
}

/* A line of the trace: a check of checks.monitor that would have refused, or scored. */
static void look_at_entry(struct reading *reading, const json_t *entry)
{
	const char *check = text_of(entry, "check"), *would = text_of(entry, "would");
	double score = json_number_value(json_object_get(entry, "score"));
	char *by;

	if (!check || !json_is_true(json_object_get(entry, "monitored")))
		return;
	by = talloc_asprintf(reading->report, "%s%s",
		check_named(reading->report, check) ? "check " : "", check);
	if (json_is_true(json_object_get(entry, "fallen")))
		group_of(reading->report, by)->has_fallen = true;
	if (would)
		find(reading, by, would, text_of(entry, "detail"));
	else if (score != 0)
		note_score(group_of(reading->report, by), score);
}

/* --- the shadow --- */

static struct shade *shade_of(struct report *report, const char *by, bool is_of_shadow)
{
	for (size_t i = 0; i < report->shade_count; i++) {
		struct shade *shade = &report->shades[i];
		if (strcmp(shade->by, by) == 0 && shade->is_of_shadow == is_of_shadow)
			return shade;
	}
	report->shades =
		talloc_realloc(report, report->shades, struct shade, report->shade_count + 1);
	struct shade *shade = &report->shades[report->shade_count++];
	*shade = (struct shade){.by = keep(report, by), .is_of_shadow = is_of_shadow};
	return shade;
}

static void look_at_difference(struct reading *reading, const json_t *difference)
{
	struct report *report = reading->report;
	const char *by = text_of(difference, "by"), *of = text_of(difference, "of");
	const char *id = keep(report, text_of(reading->record, "id"));
	struct shade *shade;

	if (!by || !of)
		return;
	shade = shade_of(report, by, strcmp(of, "shadow") == 0);
	if (!shade->id || strcmp(shade->id, id) != 0) {
		shade->transactions++;
		shade->known_good += is_known_good(reading->facts);
	}
	shade->id = id;
	shade->stage = keep(report, text_of(difference, "stage"));
	shade->rules = keep(report, text_of(json_object_get(difference, "rules"), "text"));
	shade->shadow = keep(report, text_of(json_object_get(difference, "shadow"), "text"));
}

static void look_at_shadow(struct reading *reading)
{
	const json_t *differences = json_object_get(reading->record, "shadow");
	size_t count = json_array_size(differences);

	reading->report->shaded += count > 0;
	for (size_t i = 0; i < count; i++)
		look_at_difference(reading, json_array_get(differences, i));
}

static void look_at_record(struct reading *reading)
{
	const json_t *observed = json_object_get(reading->record, "observed");
	const json_t *trace = json_object_get(reading->record, "trace");
	const char *by = text_of(observed, "decided_by");

	if (by)
		find(reading, by, text_of(observed, "verdict"), text_of(observed, "text"));
	for (size_t i = 0; i < json_array_size(trace); i++)
		look_at_entry(reading, json_array_get(trace, i));
}

void report_add(struct report *report, struct slice json)
{
	json_t *record = json_loadb(json.data, json.size, 0, NULL);
	struct reading reading = {report, record, json_object_get(record, "facts"), report->count};

	if (text_of(record, "id") && json_is_object(reading.facts)) {
		bool is_session = json_object_get(record, "session") != NULL;
		report->sessions += is_session;
		report->transactions += !is_session;
		look_at_record(&reading);
		look_at_shadow(&reading);
	}
	if (report->count > reading.first) {
		report->refused++;
		report->known_good += report->findings[reading.first].is_known_good;
	}
	json_decref(record);
}

/* --- telling --- */

static void print_group(const struct group *group, FILE *out)
{
	fprintf(out, "  %-24s", group->by);
	if (group->refused)
		fprintf(out, " would have refused %" PRIu64 ", %" PRIu64 " known as good",
			group->refused, group->known_good);
	if (group->scored)
		fprintf(out, "%s would have scored %.1f in %" PRIu64, group->refused ? ";" : "",
			group->score, group->scored);
	if (group->has_fallen)
		fprintf(out, "%s fell: it harmed the known-good, and did not act any more",
			group->refused || group->scored ? ";" : "");
	fputc('\n', out);
}

static void print_shade(const struct shade *shade, FILE *out)
{
	fprintf(out, "  the %s %s: %" PRIu64 ", %" PRIu64 " known as good\n",
		shade->is_of_shadow ? "shadow's" : "acting", shade->by, shade->transactions,
		shade->known_good);
	fprintf(out, "    as %s at %s: %s instead of %s\n", shade->id, shade->stage, shade->shadow,
		shade->rules);
}

static void print_shades(const struct report *report, FILE *out)
{
	if (!report->shade_count)
		return;
	fprintf(out,
		"\nThe shadow would have done otherwise in %" PRIu64 " transactions, because of\n",
		report->shaded);
	for (size_t i = 0; i < report->shade_count; i++)
		print_shade(&report->shades[i], out);
}

static void print_finding(const struct finding *finding, FILE *out)
{
	fprintf(out, "  %s %s <%s> from %s to %s\n", finding->id, finding->time, finding->sender,
		finding->client, finding->recipients);
	fprintf(out, "    %s: %s%s%s\n", finding->by, finding->verdict,
		*finding->detail ? ": " : "", finding->detail);
	if (finding->exempt)
		fprintf(out, "    not with: %s\n", finding->exempt);
	else
		fputs("    no entry of the allow-list exempts from this\n", out);
}

static void print_findings(const struct report *report, bool known_good, FILE *out)
{
	const char *head = known_good ? "\nKnown as good\n" : "\nOthers\n";

	for (size_t i = 0; i < report->count; i++) {
		if (report->findings[i].is_known_good != known_good)
			continue;
		fputs(head, out);
		head = "";
		print_finding(&report->findings[i], out);
	}
}

static void print_text(const struct report *report, const char *since, FILE *out)
{
	fprintf(out,
		"Of %" PRIu64 " transactions of the last %s, %" PRIu64
		" would have been refused, %" PRIu64 " of these known as good.\n",
		report->transactions, since, report->refused, report->known_good);
	if (report->sessions)
		fprintf(out, "%" PRIu64 " sessions were judged and came to no transaction.\n",
			report->sessions);
	if (report->group_count)
		fputs("\nBy whom\n", out);
	for (size_t i = 0; i < report->group_count; i++)
		print_group(&report->groups[i], out);
	print_shades(report, out);
	print_findings(report, true, out);
	print_findings(report, false, out);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

static json_t *group_json(const struct group *group)
{
	json_t *object = json_object();

	set_text(object, "by", group->by);
	json_object_set_new(object, "refused", json_integer((json_int_t)group->refused));
	json_object_set_new(object, "known_good", json_integer((json_int_t)group->known_good));
	json_object_set_new(object, "scored", json_integer((json_int_t)group->scored));
	json_object_set_new(object, "score", json_real(group->score));
	json_object_set_new(object, "fallen", json_boolean(group->has_fallen));
	return object;
}

static json_t *shade_json(const struct shade *shade)
{
	json_t *object = json_object();

	set_text(object, "by", shade->by);
	set_text(object, "of", shade->is_of_shadow ? "shadow" : "rules");
	json_object_set_new(object, "transactions", json_integer((json_int_t)shade->transactions));
	json_object_set_new(object, "known_good", json_integer((json_int_t)shade->known_good));
	set_text(object, "id", shade->id);
	set_text(object, "stage", shade->stage);
	set_text(object, "rules", shade->rules);
	set_text(object, "shadow", shade->shadow);
	return object;
}

static json_t *shades_json(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->shade_count; i++)
		json_array_append_new(array, shade_json(&report->shades[i]));
	return array;
}

static json_t *finding_json(const struct finding *finding)
{
	json_t *object = json_object();

	set_text(object, "id", finding->id);
	set_text(object, "time", finding->time);
	set_text(object, "client", finding->client);
	set_text(object, "sender", finding->sender);
	set_text(object, "recipients", finding->recipients);
	set_text(object, "by", finding->by);
	set_text(object, "verdict", finding->verdict);
	set_text(object, "detail", finding->detail);
	json_object_set_new(object, "known_good", json_boolean(finding->is_known_good));
	set_text(object, "exempt", finding->exempt);
	return object;
}

static void print_json(const struct report *report, const char *since, FILE *out)
{
	json_t *object = json_object(), *groups = json_array(), *findings = json_array();

	for (size_t i = 0; i < report->group_count; i++)
		json_array_append_new(groups, group_json(&report->groups[i]));
	for (int known_good = 1; known_good >= 0; known_good--) {
		for (size_t i = 0; i < report->count; i++) {
			if (report->findings[i].is_known_good == known_good)
				json_array_append_new(findings, finding_json(&report->findings[i]));
		}
	}
	set_text(object, "since", since);
	json_object_set_new(object, "transactions", json_integer((json_int_t)report->transactions));
	json_object_set_new(object, "refused", json_integer((json_int_t)report->refused));
	json_object_set_new(object, "known_good", json_integer((json_int_t)report->known_good));
	json_object_set_new(object, "sessions", json_integer((json_int_t)report->sessions));
	json_object_set_new(object, "by", groups);
	json_object_set_new(object, "shadow", shades_json(report));
	json_object_set_new(object, "findings", findings);
	json_dumpf(object, out, JSON_FLAGS);
	fputc('\n', out);
	json_decref(object);
}

void report_print(const struct report *report, const char *since, bool json, FILE *out)
{
	(json ? print_json : print_text)(report, since, out);
}
