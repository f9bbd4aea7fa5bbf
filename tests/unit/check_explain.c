/* SPDX-License-Identifier: Apache-2.0 */
/* Cases told in full. */
#include "judging.h"

#include "policy/explain.h"
#include "policy/record.h"

#include <jansson.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com spf { add_received = no } relay { domains = {example.com} "     \
	"networks = {10.0.0.0/8} } "                                                               \
	"limits { message_size = 64k recipients = 3 hops = 10 } "
#define GOOD "From: a@example.org\nDate: x\nMessage-ID: <1@example.org>\nSubject: hi\n\nbody\n"

static void *scratch;
static char *directory;
static struct explain_case the_case;
static const char *recipients[4];

static const char *file(const char *name, const char *text)
{
	char *path = talloc_asprintf(scratch, "%s/%s", directory, name);
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
	return path;
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	directory = talloc_strdup(scratch, "/tmp/explainXXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	recipients[0] = "user@example.com";
	recipients[1] = recipients[2] = NULL;
	the_case = (struct explain_case){
		.client = {4, {192, 0, 2, 1}},
		.helo = "client.example",
		.sender = "a@example.org",
		.recipients = recipients,
		.message_file = file("message", GOOD),
	};
}

static void tear_down(void)
{
	static const char *const names[] = {"message", "facts"};

	for (int i = 0; i < COUNT(names); i++)
		unlink(talloc_asprintf(scratch, "%s/%s", directory, names[i]));
	rmdir(directory);
	talloc_free(scratch);
}

/* What is printed, or NULL when it fails. */
static char *told(const char *settings, bool json)
{
	char *text = NULL, *kept;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool works = explain_print(judging_chain(scratch, settings), &the_case, json, out);

	fclose(out);
	kept = talloc_strdup(scratch, text);
	free(text);
	return works ? kept : NULL;
}

static json_t *told_json(const char *settings)
{
	json_error_t error;
	const char *text = told(settings, true);
	json_t *json;

	ck_assert_ptr_nonnull(text);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(json != NULL, "%s in %s", error.text, text);
	return json;
}

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

/* Every key of the contract, of its type. */
static void keeps_the_contract(const json_t *json)
{
	static const struct {
		const char *key;
		bool may_be_null;
		json_type type;
	} keys[] = {
		{"verdict", false, JSON_STRING},
		{"code", false, JSON_INTEGER},
		{"status", false, JSON_STRING},
		{"text", false, JSON_STRING},
		{"decided_by", true, JSON_STRING},
		{"score", false, JSON_REAL},
		{"trace", false, JSON_ARRAY},
		{"facts", false, JSON_OBJECT},
		{"edits", false, JSON_ARRAY},
	};

	for (int i = 0; i < COUNT(keys); i++) {
		const json_t *value = json_object_get(json, keys[i].key);
		ck_assert_msg(value != NULL, "no %s", keys[i].key);
		if (!json_is_null(value) || !keys[i].may_be_null)
			ck_assert_int_eq(json_typeof(value), keys[i].type);
	}
}

static void keeps_the_contract_of_the_trace(const json_t *json)
{
	const json_t *trace = json_object_get(json, "trace");

	for (size_t i = 0; i < json_array_size(trace); i++) {
		const json_t *entry = json_array_get(trace, i);
		ck_assert(json_is_string(json_object_get(entry, "stage")));
		ck_assert(json_is_string(json_object_get(entry, "check")));
		ck_assert(json_is_string(json_object_get(entry, "result")));
		ck_assert(json_is_number(json_object_get(entry, "ms")));
	}
}

START_TEST(accepts)
{
	json_t *json = told_json(SETTINGS);
	const json_t *facts = json_object_get(json, "facts");

	keeps_the_contract(json);
	keeps_the_contract_of_the_trace(json);
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert(json_is_null(json_object_get(json, "decided_by")));
	ck_assert_str_eq(text_of(facts, "client.ip"), "192.0.2.1");
	ck_assert_str_eq(text_of(facts, "helo.name"), "client.example");
	ck_assert_str_eq(text_of(facts, "subject"), "hi");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "recipients")), 1);
	json_decref(json);
}
END_TEST

static const struct {
	const char *sender, *recipient, *message;
	const char *verdict;
	int code;
	const char *status, *decided_by;
} cases[] = {
	{"a@example.org", "user@example.com", GOOD, "accept", 250, "2.0.0", NULL},
	{"", "user@example.com", GOOD, "accept", 250, "2.0.0", NULL},
	{NULL, "user@example.com", GOOD, "accept", 250, "2.0.0", NULL},
	{"<>", "<user@example.com>", GOOD, "accept", 250, "2.0.0", NULL},
	{"a@example.org", "user@example.net", GOOD, "reject", 550, "5.7.1", "check relay"},
	{"a@example.org", "<@evil.example:user@example.com>", GOOD, "reject", 550, "5.7.1",
		"check relay"},
	{"a@example.org", "user@example.com", "From: <>\n\nbody\n", "reject", 550, "5.7.1",
		"check headers"},
	{"a@example.org", "postmaster", "From: <>\n\nbody\n", "accept", 250, "2.0.0", "postmaster"},
	{"a@example.org", "user@example.com",
		"Received: 1\nReceived: 2\nReceived: 3\nReceived: 4\nReceived: 5\nReceived: 6\n"
		"Received: 7\nReceived: 8\nReceived: 9\nReceived: 10\nReceived: 11\n" GOOD,
		"reject", 554, "5.4.6", "check hops"},
};

START_TEST(judges_like_a_session)
{
	json_t *json;

	the_case.sender = cases[_i].sender;
	recipients[0] = cases[_i].recipient;
	the_case.message_file = file("message", cases[_i].message);
	json = told_json(SETTINGS);
	keeps_the_contract(json);
	ck_assert_str_eq(text_of(json, "verdict"), cases[_i].verdict);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "code")), cases[_i].code);
	ck_assert_str_eq(text_of(json, "status"), cases[_i].status);
	ck_assert_pstr_eq(text_of(json, "decided_by"), cases[_i].decided_by);
	json_decref(json);
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
	char *large = talloc_zero_size(scratch, 100001);
	json_t *json;

	memset(large, 'x', 100000);
	the_case.message_file = file("message", large);
	json = told_json(SETTINGS);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "code")), 552);
	json_decref(json);
}
END_TEST

START_TEST(goes_on_with_the_recipients_that_passed)
{
	json_t *json;
	const json_t *answers;

	recipients[1] = "user@example.net";
	json = told_json(SETTINGS);
	answers = json_object_get(json, "recipients");
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert_str_eq(text_of(json_array_get(answers, 0), "verdict"), "accept");
	ck_assert_str_eq(text_of(json_array_get(answers, 1), "verdict"), "reject");
	ck_assert_uint_eq(
		json_array_size(json_object_get(json_object_get(json, "facts"), "recipients")), 1);
	json_decref(json);
}
END_TEST

START_TEST(reads_lines_of_any_end)
{
	static const char *const messages[] = {"A: 1\nB: 2\n\nx\n", "A: 1\r\nB: 2\r\n\r\nx\r\n"};
	json_t *json;

	the_case.message_file = file("message", messages[_i]);
	json = told_json(SETTINGS);
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_object_get(json, "facts"), "message.size")),
		17);
	json_decref(json);
}
END_TEST

START_TEST(adds_for_our_own)
{
	json_t *json;

	the_case.client = (struct ip){4, {10, 0, 0, 1}};
	the_case.message_file = file("message", "From: a@example.com\n\nx\n");
	recipients[0] = "user@example.net";
	json = told_json(SETTINGS);
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "edits")), 2);
	ck_assert_ptr_nonnull(strstr(told(SETTINGS, false), "The field Message-ID is added."));
	json_decref(json);
}
END_TEST

/* What strangers may not bring stands in the edits, a long list cut short, and counted in the trace. */
START_TEST(tells_what_is_removed)
{
	char *message = talloc_strdup(scratch, "X-Spam-Flag: NO\n");
	const json_t *edits, *trace, *last;
	const char *text;
	json_t *json;

	for (int i = 0; i < 200; i++)
		message = talloc_strdup_append(
			message, "Authentication-Results: mx.example.com; dmarc=pass\n");
	the_case.message_file = file("message", talloc_strdup_append(message, GOOD));
	json = told_json(SETTINGS);
	edits = json_object_get(json, "edits");
	ck_assert_uint_eq(json_array_size(edits), 100);
	ck_assert_str_eq(text_of(json_array_get(edits, 0), "action"), "remove_header");
	ck_assert_str_eq(text_of(json_array_get(edits, 0), "name"), "X-Spam-Flag");
	trace = json_object_get(json, "trace");
	last = json_array_get(trace, json_array_size(trace) - 1);
	ck_assert_str_eq(text_of(last, "check"), "hygiene");
	ck_assert_str_eq(text_of(last, "detail"), "1 X-Spam-Flag, 200 Authentication-Results");
	json_decref(json);
	text = told(SETTINGS, false);
	ck_assert_ptr_nonnull(strstr(text, "The field X-Spam-Flag is removed.\n"));
	ck_assert_ptr_nonnull(strstr(text, "And 181 more.\n"));
}
END_TEST

START_TEST(knows_trusted_relays)
{
	json_t *json;

	the_case.helo = "mx.example.com";
	json = told_json(SETTINGS "trusted_relays = {192.0.2.0/24} ");
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert(json_is_true(
		json_object_get(json_object_get(json, "facts"), "client.is_trusted_relay")));
	json_decref(json);
	json = told_json(SETTINGS);
	ck_assert_str_eq(text_of(json, "decided_by"), "check helo");
	json_decref(json);
}
END_TEST

START_TEST(tells_what_observing_held_back)
{
	const char *text;
	json_t *json;

	the_case.message_file = file("message", "From: <>\n\nx\n");
	json = told_json("mode = observe " SETTINGS);
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert_str_eq(text_of(json_object_get(json, "observed"), "verdict"), "reject");
	text = told("mode = observe " SETTINGS, false);
	ck_assert_ptr_nonnull(strstr(text, "it would have been refused: 550 5.7.1"));
	json_decref(json);
}
END_TEST

START_TEST(is_pleasant_to_read)
{
	const char *text;

	the_case.message_file = file("message", "Subject: \x1b[2Jx\n\nx\n");
	text = told(SETTINGS, false);
	ck_assert_ptr_nonnull(strstr(text, "The message is accepted"));
	ck_assert_ptr_nonnull(strstr(text, "Score 5.0, marked."));
	ck_assert_ptr_nonnull(strstr(text, "missing_from       +5.0 no From, no Date"));
	ck_assert_ptr_nonnull(strstr(text, "?[2Jx"));
	ck_assert_ptr_null(strchr(text, '\x1b'));
	recipients[0] = "user@example.net";
	text = told(SETTINGS, false);
	ck_assert_ptr_nonnull(strstr(text,
		"The message is refused: 550 5.7.1 we do not relay mail for example.net.\n"
		"Decided by check relay at stage rcpt.\n"));
}
END_TEST

/* --- facts files --- */

START_TEST(believes_a_facts_file)
{
	json_t *json;

	the_case.facts_file = file("facts", "{\"received.count\": 99, \"subject\": \"told\"}");
	json = told_json(SETTINGS);
	ck_assert_str_eq(text_of(json, "decided_by"), "check hops");
	ck_assert_str_eq(text_of(json_object_get(json, "facts"), "subject"), "told");
	json_decref(json);
	the_case.facts_file = file("facts", "{\"client.authenticated\": true}");
	recipients[0] = "user@example.net";
	json = told_json(SETTINGS);
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	json_decref(json);
}
END_TEST

/* The facts of one explanation, given back, lead to the same one. */
START_TEST(replays_its_own_facts)
{
	json_t *once, *again;
	char *facts;

	the_case.message_file = file("message", "From: <>\nSubject: x\xff\n\nx\n");
	once = told_json(SETTINGS);
	facts = json_dumps(json_object_get(once, "facts"), 0);
	the_case.facts_file = file("facts", facts);
	the_case.message_file = file("message", GOOD);
	again = told_json(SETTINGS);
	ck_assert_str_eq(text_of(again, "decided_by"), text_of(once, "decided_by"));
	ck_assert_str_eq(text_of(again, "text"), text_of(once, "text"));
	ck_assert(json_equal(json_object_get(once, "facts"), json_object_get(again, "facts")));
	free(facts);
	json_decref(once);
	json_decref(again);
}
END_TEST

/* Records too. */
START_TEST(tells_records_as_it_reads_them)
{
	static const char facts[] = "[{\"name\": \"a.exe\", \"type\": \"pe\", \"encrypted\": true, "
				    "\"size\": 3, \"flags\": [\"encrypted\", \"macros\"]}, {}]";
	json_t *wanted = json_loads(facts, 0, NULL), *json;

	the_case.facts_file =
		file("facts", talloc_asprintf(scratch, "{\"attachment\": %s}", facts));
	json = told_json(SETTINGS);
	ck_assert(
		json_equal(json_object_get(json_object_get(json, "facts"), "attachment"), wanted));
	json_decref(json);
	json_decref(wanted);
}
END_TEST

/* In words: a line for each, without what goes without saying. */
START_TEST(tells_records_in_words)
{
	const char *said;

	the_case.facts_file = file("facts",
		"{\"attachment\": [{\"name\": \"a\\n.exe\", \"type\": \"pe\", \"encrypted\": true, "
		"\"macros\": false, \"size\": 3, \"flags\": [\"encrypted\", \"damaged\"], "
		"\"name_flags\": []}, {}], "
		"\"url\": []}");
	said = told(SETTINGS, false);
	ck_assert_msg(strstr(said,
			      "attachment               2 records\n"
			      "      1: name a?.exe, type pe, size 3, encrypted, flags encrypted "
			      "damaged\n"
			      "      2: \n"
			      "  url                      0 records\n") != NULL,
		"%s", said);
}
END_TEST

START_TEST(fails_with_a_complaint)
{
	the_case.message_file = "/nonexistent";
	ck_assert_ptr_null(told(SETTINGS, true));
	the_case.message_file = directory;
	ck_assert_ptr_null(told(SETTINGS, true));
	the_case.message_file = file("message", GOOD);
	the_case.facts_file = file("facts", "{\"nonsense\": 1}");
	ck_assert_ptr_null(told(SETTINGS, true));
	the_case.facts_file = NULL;
	the_case.sender = "a@b@c";
	ck_assert_ptr_null(told(SETTINGS, true));
	the_case.sender = NULL;
	recipients[0] = "a@b@c";
	ck_assert_ptr_null(told(SETTINGS, true));
}
END_TEST

/* --- records --- */

START_TEST(records)
{
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, judging_chain(scratch, SETTINGS), facts);
	struct await await;
	const char *text;
	json_t *json;

	await_init(&await, NULL, NULL, NULL);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.net");
	facts_set_text(facts, FACT_HELO_NAME, "bad\xff\n\"name\"");
	facts_set_failed(facts, FACT_SUBJECT, "timed out");
	inquiry_begin_judging(inquiry, STAGE_RCPT, NULL, 0, &await);
	const struct record_form form = {.id = "abc.1", .seconds = 1795314522, .with_facts = true};
	bool is_shortened;

	text = explain_record(scratch, inquiry, &form, &is_shortened);
	ck_assert_ptr_null(strchr(text, '\n'));
	json = json_loads(text, 0, NULL);
	keeps_the_contract(json);
	ck_assert_str_eq(text_of(json, "id"), "abc.1");
	ck_assert_str_eq(text_of(json, "time"), "2026-11-22T02:28:42Z");
	ck_assert_str_eq(text_of(json, "verdict"), "reject");
	ck_assert_str_eq(text_of(json_object_get(json, "failed"), "subject"), "timed out");
	ck_assert_ptr_nonnull(text_of(json_object_get(json, "facts"), "helo.name"));
	json_decref(json);
}
END_TEST

/* --- what they hold --- */

static json_t *record_with(
	struct inquiry *inquiry, const struct record_form *form, bool *is_shortened)
{
	const char *text = explain_record(scratch, inquiry, form, is_shortened);

	if (form->most)
		ck_assert_uint_le(strlen(text), form->most);
	return json_loads(text, 0, NULL);
}

/* As much as fifty recipients bring along. */
static struct inquiry *much(void)
{
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, judging_chain(scratch, SETTINGS), facts);
	const char **names = talloc_array(scratch, const char *, 50);

	facts_set_text(facts, FACT_SUBJECT, "secret");
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	facts_set_failed(facts, FACT_MESSAGE_ID, "secret, too");
	for (int i = 0; i < 50; i++) {
		names[i] = talloc_asprintf(scratch, "recipient-number-%d@example.com", i);
		facts_set_text(facts, FACT_RECIPIENT, names[i]);
		facts_answer(facts, &(struct question){FACT_RESOLVES, names[i]}, FACT_KNOWN,
			(struct value){.type = VALUE_BOOL, .boolean = true});
		record_recipient(inquiry, true);
		for (int k = 0; k < 10; k++)
			inquiry_record(inquiry,
				&(struct trace_entry){.stage = STAGE_RCPT,
					.check = "check",
					.result = "result",
					.detail = names[i]});
	}
	facts_set_texts(facts, FACT_RECIPIENTS, names, 50);
	return inquiry;
}

static const struct {
	bool with_facts, with_message;
	size_t most;
	const char *recorded;
	bool is_shortened, has_subject, has_recipients, has_names;
} forms[] = {
	{true, false, 0, "facts", false, true, true, true},
	{true, true, 0, "message", false, true, true, true},
	{false, false, 0, "verdict", false, false, true, true},
	{true, false, 1000000, "facts", false, true, true, true},
	{true, false, 57500, "verdict", true, false, true, true},
	{true, true, 57500, "verdict", true, false, true, true},
	{true, false, 50000, "verdict", true, false, false, true},
	{true, false, 13000, "verdict", true, false, false, true},
	{true, false, 12000, "verdict", true, false, false, false},
	{true, false, 1000, "verdict", true, false, false, false},
};

START_TEST(records_as_much_as_is_wanted)
{
	const struct record_form form = {.id = "abc.1",
		.seconds = 1795314522,
		.with_facts = forms[_i].with_facts,
		.with_message = forms[_i].with_message,
		.most = forms[_i].most};
	bool is_shortened;
	json_t *json = record_with(much(), &form, &is_shortened);
	const json_t *facts = json_object_get(json, "facts");

	ck_assert_int_eq(is_shortened, forms[_i].is_shortened);
	ck_assert_int_eq(json_is_true(json_object_get(json, "shortened")), is_shortened);
	ck_assert_str_eq(text_of(json, "recorded"), forms[_i].recorded);
	ck_assert_str_eq(text_of(json, "verdict"), "accept");
	ck_assert_int_eq(json_object_get(facts, "subject") != NULL, forms[_i].has_subject);
	ck_assert_int_eq(json_object_get(json_object_get(json, "failed"), "message_id") != NULL,
		forms[_i].has_subject);
	ck_assert_int_eq(json_object_get(json, "recipients") != NULL, forms[_i].has_recipients);
	ck_assert_int_eq(json_object_get(facts, "recipients") != NULL, forms[_i].has_names);
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tests = tcase_create("explain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, accepts);
	tcase_add_loop_test(tests, judges_like_a_session, 0, COUNT(cases));
	tcase_add_test(tests, refuses_what_is_too_large);
	tcase_add_test(tests, goes_on_with_the_recipients_that_passed);
	tcase_add_loop_test(tests, reads_lines_of_any_end, 0, 2);
	tcase_add_test(tests, adds_for_our_own);
	tcase_add_test(tests, tells_what_is_removed);
	tcase_add_test(tests, knows_trusted_relays);
	tcase_add_test(tests, tells_what_observing_held_back);
	tcase_add_test(tests, is_pleasant_to_read);
	tcase_add_test(tests, believes_a_facts_file);
	tcase_add_test(tests, replays_its_own_facts);
	tcase_add_test(tests, tells_records_as_it_reads_them);
	tcase_add_test(tests, tells_records_in_words);
	tcase_add_test(tests, fails_with_a_complaint);
	tcase_add_test(tests, records);
	tcase_add_loop_test(
		tests, records_as_much_as_is_wanted, 0, (int)(sizeof forms / sizeof *forms));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
