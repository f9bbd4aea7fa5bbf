/* SPDX-License-Identifier: Apache-2.0 */
/* The table of facts, and sets of them. */
#include "policy/facts.h"
#include "policy/facts_file.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;
static struct facts *facts;

static void set_up(void)
{
	scratch = talloc_new(NULL);
	facts = facts_new(scratch, NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

START_TEST(has_a_sound_table)
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct fact_row *row = fact_row(fact);
		ck_assert_ptr_nonnull(row->name);
		ck_assert_ptr_nonnull(row->manual);
		ck_assert_int_eq(fact_named(slice_of(row->name)), fact);
		ck_assert((row->type == VALUE_FLAGS || row->type == VALUE_ENUM) ==
			(row->flags != NULL));
		ck_assert_int_lt(row->stage, STAGES);
		ck_assert(row->period == PER_SESSION || row->stage >= STAGE_MAIL || row->argument ||
			fact == FACT_SCORE || row->learner == LEARNER_DERIVED);
	}
	ck_assert_int_eq(fact_named(slice_of("no.such")), FACT_COUNT);
	ck_assert_int_eq(fact_named(slice_of("")), FACT_COUNT);
}
END_TEST

START_TEST(begins_with_nothing)
{
	struct value value;

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		if (fact_row(fact)->argument)
			continue;
		ck_assert_int_eq(facts_get(facts, fact, &value), FACT_UNKNOWN);
		ck_assert_str_eq(facts_print(scratch, facts, fact), "unknown");
	}
}
END_TEST

/* --- with arguments --- */

static const char *const hello[] = {"hello"}, *const both[] = {"a", "b"};

static void answer(struct facts *set, const char *name, enum fact_state state, struct value value)
{
	struct question question;

	ck_assert(fact_parse_question(scratch, name, &question));
	facts_answer(set, &question, state, value);
}

static char *printed(const struct facts *set, const char *name)
{
	struct question question;

	ck_assert(fact_parse_question(scratch, name, &question));
	return facts_print_answer(scratch, set, &question);
}

static struct value texts(const char *const *items, size_t count)
{
	return (struct value){VALUE_TEXTS, {.texts = {items, count}}};
}

START_TEST(keeps_each_argument_apart)
{
	struct facts *above = facts_new(scratch, facts);

	answer(facts, "header(Subject)", FACT_KNOWN, texts(hello, 1));
	answer(facts, "header(To)", FACT_ABSENT, (struct value){0});
	answer(above, "header(X (odd, name))", FACT_KNOWN, texts(both, 2));
	answer(above, "header()", FACT_FAILED, (struct value){.text = "timed out"});
	ck_assert_str_eq(printed(above, "header(Subject)"), "hello");
	ck_assert_str_eq(printed(above, "header(To)"), "absent");
	ck_assert_str_eq(printed(above, "header(X (odd, name))"), "a, b");
	ck_assert_str_eq(printed(above, "header()"), "failed: timed out");
	ck_assert_str_eq(printed(above, "header(subject)"), "unknown");
	ck_assert_str_eq(printed(facts, "header()"), "unknown");
	answer(facts, "header(Subject)", FACT_KNOWN, texts(both, 2));
	ck_assert_str_eq(printed(above, "header(Subject)"), "a, b");
}
END_TEST

START_TEST(keeps_many_arguments)
{
	char name[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "header(X-%d)", i);
		answer(facts, name, FACT_KNOWN, texts(hello, 1));
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "header(X-%d)", i);
		ck_assert_str_eq(printed(facts, name), "hello");
	}
}
END_TEST

START_TEST(lists_what_is_known)
{
	static const char *const wanted[] = {
		"helo.name", "header(Cc)", "header(To)", "subject", "score"};
	struct facts *above = facts_new(scratch, facts);
	struct question *known;
	size_t count;

	facts_set_text(facts, FACT_HELO_NAME, "client.example");
	facts_set_text(facts, FACT_SUBJECT, NULL);
	facts_set_text(above, FACT_SUBJECT, "x");
	facts_set_text(above, FACT_SENDER, "x");
	facts_forget(above, FACT_SENDER);
	facts_set_score(above, FACT_SCORE, 1);
	answer(facts, "header(To)", FACT_ABSENT, (struct value){0});
	answer(above, "header(To)", FACT_KNOWN, texts(hello, 1));
	answer(above, "header(Cc)", FACT_KNOWN, texts(hello, 1));
	known = facts_known(scratch, above, &count);
	ck_assert_uint_eq(count, COUNT(wanted));
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(fact_print_question(scratch, &known[i]), wanted[i]);
}
END_TEST

static const char *const no_questions[] = {"", "no.such", "header", "header(", "header(x",
	"subject(x)", "subject()", "(x)", "Header(x)", "header(x) "};

START_TEST(refuses_what_is_no_question)
{
	struct question question;

	ck_assert(!fact_parse_question(scratch, no_questions[_i], &question));
}
END_TEST

START_TEST(knows_where_a_fact_belongs)
{
	struct facts *above = facts_new(scratch, facts);

	ck_assert_ptr_eq(facts_keeper(above, FACT_CLIENT_IP), facts);
	ck_assert_ptr_eq(facts_keeper(above, FACT_SUBJECT), above);
	ck_assert_ptr_eq(facts_keeper(facts, FACT_SUBJECT), facts);
}
END_TEST

START_TEST(forgets_the_recipient)
{
	facts_set_text(facts, FACT_RECIPIENT, "a@example.com");
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.com");
	facts_set_text(facts, FACT_SENDER, "b@example.com");
	facts_forget_recipient(facts);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_RECIPIENT), "unknown");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_RECIPIENT_DOMAIN), "unknown");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SENDER), "b@example.com");
}
END_TEST

static void tell_all(void)
{
	static const struct ip ip = {4, {192, 0, 2, 1}};
	static const char *const recipients[] = {"a@example.com", "b@example.com"};

	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_set_number(facts, FACT_CLIENT_PORT, 4711);
	facts_set_bool(facts, FACT_CLIENT_TLS, true);
	facts_set_text(facts, FACT_HELO_NAME, "client.example");
	facts_set_text(facts, FACT_SENDER, "a@example.com");
	facts_set_number(facts, FACT_SIZE, 1000000);
	facts_set_number(facts, FACT_RECIPIENT_FORM, 1 | 32);
	facts_set_number(facts, FACT_MESSAGE_ANOMALIES, 0);
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 2);
	facts_set_score(facts, FACT_SCORE, 4.5);
	facts_set_text(facts, FACT_SUBJECT, NULL);
	facts_set_failed(facts, FACT_RECEIVED_COUNT, "timed out");
}

static const struct {
	enum fact fact;
	enum fact_state state;
	const char *printed;
} told[] = {
	{FACT_CLIENT_IP, FACT_KNOWN, "192.0.2.1"},
	{FACT_CLIENT_PORT, FACT_KNOWN, "4711"},
	{FACT_CLIENT_TLS, FACT_KNOWN, "true"},
	{FACT_HELO_NAME, FACT_KNOWN, "client.example"},
	{FACT_SENDER, FACT_KNOWN, "a@example.com"},
	{FACT_SIZE, FACT_KNOWN, "1000000"},
	{FACT_RECIPIENT_FORM, FACT_KNOWN, "source_route percent"},
	{FACT_MESSAGE_ANOMALIES, FACT_KNOWN, ""},
	{FACT_RECIPIENTS, FACT_KNOWN, "a@example.com, b@example.com"},
	{FACT_SCORE, FACT_KNOWN, "4.5"},
	{FACT_SUBJECT, FACT_ABSENT, "absent"},
	{FACT_RECEIVED_COUNT, FACT_FAILED, "failed: timed out"},
	{FACT_MESSAGE_ID, FACT_UNKNOWN, "unknown"},
};

START_TEST(remembers)
{
	struct value value;

	tell_all();
	ck_assert_int_eq(facts_get(facts, told[_i].fact, &value), told[_i].state);
	if (told[_i].state == FACT_KNOWN)
		ck_assert_int_eq(value.type, fact_row(told[_i].fact)->type);
	ck_assert_str_eq(facts_print(scratch, facts, told[_i].fact), told[_i].printed);
}
END_TEST

START_TEST(looks_below)
{
	struct facts *above;

	tell_all();
	above = facts_new(scratch, facts);
	ck_assert_str_eq(facts_print(scratch, above, FACT_HELO_NAME), "client.example");
	facts_set_text(above, FACT_HELO_NAME, "other.example");
	ck_assert_str_eq(facts_print(scratch, above, FACT_HELO_NAME), "other.example");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_HELO_NAME), "client.example");
	facts_forget(above, FACT_HELO_NAME);
	ck_assert_str_eq(facts_print(scratch, above, FACT_HELO_NAME), "client.example");
	facts_set_absent(above, FACT_HELO_NAME);
	ck_assert_str_eq(facts_print(scratch, above, FACT_HELO_NAME), "absent");
}
END_TEST

START_TEST(replaces_and_forgets)
{
	for (int i = 0; i < 1000; i++)
		facts_set_number(facts, FACT_CLIENT_PORT, i);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_CLIENT_PORT), "999");
	facts_forget(facts, FACT_CLIENT_PORT);
	facts_forget(facts, FACT_CLIENT_PORT);
	facts_forget(facts, FACT_SIZE);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_CLIENT_PORT), "unknown");
	facts_set_failed(facts, FACT_CLIENT_PORT, "x");
	facts_set_number(facts, FACT_CLIENT_PORT, 1);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_CLIENT_PORT), "1");
}
END_TEST

START_TEST(takes_over)
{
	struct facts *other = facts_new(scratch, NULL);

	tell_all();
	facts_set_text(other, FACT_HELO_NAME, "other.example");
	facts_set_absent(other, FACT_SENDER);
	facts_set_number(other, FACT_CLIENT_PORT, 1);
	facts_forget(other, FACT_CLIENT_PORT);
	facts_take_over(facts, other);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_HELO_NAME), "other.example");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SENDER), "absent");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_CLIENT_PORT), "4711");
}
END_TEST

/* What a session of a plain client knows must stay small. */
START_TEST(is_small_while_idle)
{
	static const struct ip ip = {4, {192, 0, 2, 1}};

	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_set_number(facts, FACT_CLIENT_PORT, 4711);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, false);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, false);
	facts_set_bool(facts, FACT_CLIENT_TLS, false);
	facts_set_text(facts, FACT_LISTENER, "inbound");
	facts_set_text(facts, FACT_HELO_NAME, "client.example");
	facts_set_score(facts, FACT_SCORE, 0);
	ck_assert_uint_le(talloc_total_size(facts), 512);
}
END_TEST

/* --- facts files --- */

static struct facts *read_file(const char *json, struct complaints *complaints)
{
	char *path = talloc_strdup(scratch, "/tmp/factsXXXXXX");
	int descriptor = mkstemp(path);
	struct facts *read;

	ck_assert(write(descriptor, json, strlen(json)) == (ssize_t)strlen(json));
	close(descriptor);
	read = facts_file_read(scratch, path, complaints);
	unlink(path);
	return read;
}

static const struct {
	const char *json;
	enum fact fact;
	const char *printed;
} files[] = {
	{"{\"client.ip\": \"2001:db8::1\"}", FACT_CLIENT_IP, "2001:db8::1"},
	{"{\"client.tls\": true}", FACT_CLIENT_TLS, "true"},
	{"{\"client.tls\": false}", FACT_CLIENT_TLS, "false"},
	{"{\"size\": 12345678901}", FACT_SIZE, "12345678901"},
	{"{\"score\": 2}", FACT_SCORE, "2.0"},
	{"{\"score\": 2.5}", FACT_SCORE, "2.5"},
	{"{\"subject\": \"caf\\u00e9\"}", FACT_SUBJECT, "caf\xc3\xa9"},
	{"{\"subject\": null}", FACT_SUBJECT, "absent"},
	{"{\"recipients\": [\"a@b.example\", \"c@d.example\"]}", FACT_RECIPIENTS,
		"a@b.example, c@d.example"},
	{"{\"recipients\": []}", FACT_RECIPIENTS, ""},
	{"{\"header.anomalies\": [\"missing_date\", \"no_field\"]}", FACT_HEADER_ANOMALIES,
		"missing_date no_field"},
	{"{\"attachment\": [{\"name\": \"a.exe\", \"type\": \"pe\", \"size\": 3, \"flags\": "
	 "[\"macros\"], "
	 "\"encrypted\": true}, {}]}",
		FACT_ATTACHMENT, "2 records"},
	{"{\"attachment\": []}", FACT_ATTACHMENT, "0 records"},
	{"{}", FACT_SUBJECT, "unknown"},
};

START_TEST(reads_answers_with_arguments)
{
	struct complaints *complaints = complaints_new(scratch);
	struct facts *read =
		read_file("{\"header(To)\": [\"a\", \"b\"], \"header(Cc)\": null}", complaints);

	ck_assert_uint_eq(complaints_errors(complaints), 0);
	ck_assert_str_eq(printed(read, "header(To)"), "a, b");
	ck_assert_str_eq(printed(read, "header(Cc)"), "absent");
}
END_TEST

START_TEST(reads_files)
{
	struct complaints *complaints = complaints_new(scratch);
	struct facts *read = read_file(files[_i].json, complaints);

	ck_assert_uint_eq(complaints_errors(complaints), 0);
	ck_assert_str_eq(facts_print(scratch, read, files[_i].fact), files[_i].printed);
}
END_TEST

static const struct {
	const char *json, *complaint;
} bad_files[] = {
	{"", "1:"},
	{"{\n\"size\": }", ":2:"},
	{"[]", "one JSON object"},
	{"1", "expected near"},
	{"{\"sise\": 1}", "did you mean \"size\""},
	{"{\"nothing.like.it\": 1}", "there is no fact"},
	{"{\"size\": \"1\"}", "size takes a number of bytes"},
	{"{\"client.ip\": \"1.2.3\"}", "IP address"},
	{"{\"client.ip\": 1}", "IP address"},
	{"{\"client.tls\": 1}", "true or false"},
	{"{\"score\": \"x\"}", "a number"},
	{"{\"subject\": []}", "a string"},
	{"{\"recipients\": \"a\"}", "array of strings"},
	{"{\"recipients\": [1]}", "array of strings"},
	{"{\"header.anomalies\": [\"nonsense\"]}", "names of its flags"},
	{"{\"attachment\": {}}", "array of objects"},
	{"{\"attachment\": [1]}", "array of objects"},
	{"{\"attachment\": [{\"nome\": \"x\"}]}", "array of objects"},
	{"{\"attachment\": [{\"type\": \"nonsense\"}]}", "array of objects"},
	{"{\"attachment\": [{\"size\": \"3\"}]}", "array of objects"},
	{"{\"size\": 1, \"size\": 2}", "duplicate"},
	{"{\"header\": [\"x\"]}", "header is written header(field name)"},
	{"{\"size(x)\": 1}", "size has no argument"},
	{"{\"heder(x)\": []}", "did you mean \"header\""},
};

START_TEST(complains_about_files)
{
	struct complaints *complaints = complaints_new(scratch);
	const char *text;

	read_file(bad_files[_i].json, complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 1);
	text = complaints_text(scratch, complaints);
	ck_assert_msg(strstr(text, bad_files[_i].complaint) != NULL, "%s", text);
}
END_TEST

START_TEST(complains_about_a_missing_file)
{
	struct complaints *complaints = complaints_new(scratch);

	facts_file_read(scratch, "/nonexistent/facts", complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *cases = tcase_create("facts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, has_a_sound_table);
	tcase_add_test(cases, begins_with_nothing);
	tcase_add_test(cases, keeps_each_argument_apart);
	tcase_add_test(cases, keeps_many_arguments);
	tcase_add_test(cases, lists_what_is_known);
	tcase_add_loop_test(cases, refuses_what_is_no_question, 0, COUNT(no_questions));
	tcase_add_test(cases, knows_where_a_fact_belongs);
	tcase_add_test(cases, forgets_the_recipient);
	tcase_add_loop_test(cases, remembers, 0, COUNT(told));
	tcase_add_test(cases, looks_below);
	tcase_add_test(cases, replaces_and_forgets);
	tcase_add_test(cases, takes_over);
	tcase_add_test(cases, is_small_while_idle);
	tcase_add_loop_test(cases, reads_files, 0, COUNT(files));
	tcase_add_test(cases, reads_answers_with_arguments);
	tcase_add_loop_test(cases, complains_about_files, 0, COUNT(bad_files));
	tcase_add_test(cases, complains_about_a_missing_file);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
