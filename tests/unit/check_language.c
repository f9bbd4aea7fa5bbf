/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary that rules are given, and what is answered to them. */
#include "policy/language.h"

#include "policy/header_learner.h"
#include "policy/rulebook.h"
#include "rules/sources.h"
#include "judging.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* Every fact can be asked as its row says. */
START_TEST(has_all_facts)
{
	const struct vocabulary *vocabulary = language_new(scratch);

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct fact_row *row = fact_row(fact);
		const struct vocabulary_fact *known = &vocabulary->facts[fact];
		ck_assert_str_eq(known->name, row->name);
		ck_assert(known->type != VALUE_TEXTS);
		ck_assert((known->type == VALUE_RECORDS) == (known->fields != NULL));
		ck_assert_int_eq(known->keyed || known->argument_count, row->argument != NULL);
		ck_assert((known->type == VALUE_ENUM || known->type == VALUE_FLAGS) ==
			(known->names != NULL));
	}
}
END_TEST

START_TEST(has_no_name_twice)
{
	const struct vocabulary *vocabulary = language_new(scratch);

	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		const struct vocabulary_fact *fact = &vocabulary->facts[i];
		const struct slice name = slice_of(fact->name);
		ck_assert_ptr_eq(fact->type == VALUE_RECORDS ? vocabulary_records(vocabulary, name)
							     : vocabulary_fact(vocabulary, name),
			fact);
		ck_assert(fact->missing || fact->manual);
	}
	for (size_t i = 0; i < vocabulary->action_count; i++) {
		const struct vocabulary_action *action = &vocabulary->actions[i];
		ck_assert_ptr_eq(vocabulary_action(vocabulary, action->name), action);
		ck_assert(action->missing || action->manual);
		for (unsigned stage = 0; stage < STAGES; stage++)
			ck_assert(vocabulary->stages[stage] &&
				strcmp(vocabulary->stages[stage], stage_name((enum stage)stage)) ==
					0);
	}
}
END_TEST

START_TEST(prints_the_manual)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	language_print_manual(out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, ".It Ic client.in_networks\n"));
	ck_assert_ptr_nonnull(strstr(text, ".Cm missing_date ,"));
	ck_assert_ptr_nonnull(strstr(text, ".It Ic rhsbl Ns Po Ar zone , Ar domain Pc\n"));
	ck_assert_ptr_nonnull(strstr(text, ".It Ic received.helo\n"));
	ck_assert_ptr_nonnull(strstr(text, "Not in this build: "));
	free(text);
}
END_TEST

/* --- what a load says --- */

static const struct {
	const char *rule, *complaint; /* NULL: it is right */
} loads[] = {
	{"stage rcpt when recipient.domain == \"x.y\" then reject", NULL},
	{"stage rcpt when resolves(helo.name) and mx(sender.domain) in { \"a.b\" } then reject",
		NULL},
	{"stage rcpt when rhsbl(\"list.example\", sender.domain) == \"127.0.0.2\" then reject",
		NULL},
	{"stage connect when exists dnsbl(\"list.example\") and now.weekday == sunday then reject",
		NULL},
	{"stage mail when spf.result in { fail softfail } and sender == <> then score 1", NULL},
	{"stage data when any recipient (local starts \"x\") then tempfail", NULL},
	{"stage data when recipient.domain == \"x.y\" then tempfail", NULL},
	{"stage message when any received (ip in { 10.0.0.0/8 }) then delay 5s", NULL},
	{"stage message when header.anomalies has missing_date then accept session", NULL},
	{"stage message when message.hash in { \"00\" } then subject_prefix \"x\"", NULL},
	{"stage mail when spf.result == good then score 1", "good"},
	{"stage rcpt when from.domain == \"x.y\" then reject",
		"from.domain exists from stage message on"},
	{"stage data when recipient == <a@b.c> then reject", "recipient"},
	{"stage message when dkim.result == pass then reject",
		"dkim.result is not in this build; a later version, which checks signatures, "
		"brings it"},
	{"stage message when any attachment (depth > 1 and type in { pe elf }) then reject", NULL},
	{"stage message when attachment.extension == \"exe\" then reject \"{attachment.path}\"",
		NULL},
	{"stage message when attachment.flags has_any { macros encrypted } then reject", NULL},
	{"stage message when url.host in { \"x.example\" } and body.text contains \"x\" then score "
	 "1",
		NULL},
	{"stage data when mime.parts > 3 then reject", "mime.parts exists from stage message on"},
	{"stage message when mime.anomalies has missing_ent then reject", "missing_end"},
	{"stage connect when client.country == \"XX\" then reject", "--with-maxminddb"},
	{"stage mail when rate(client.ip, 5m) > 3 then reject", NULL},
	{"stage message when true then quarantine", NULL},
	{"stage rcpt when true then greylist 60s", NULL},
	{"stage rcpt when true then header \"X\" \"y\"", "header is an action of stage message"},
	{"stage rcpt when true then delay 31s", "lies between"},
};

START_TEST(loads_rules)
{
	struct complaints *complaints = complaints_new(scratch);
	const char *text = talloc_asprintf(scratch, "version 1\nrule r { %s }\n", loads[_i].rule);
	struct sources *sources = sources_of_text(scratch, "r", slice_of(text), complaints);

	program_new(scratch, language_new(scratch), sources->items, sources->item_count, NULL,
		complaints);
	if (!loads[_i].complaint)
		ck_assert_str_eq(complaints_text(scratch, complaints), "");
	else
		ck_assert_msg(strstr(complaints_text(scratch, complaints), loads[_i].complaint),
			"%s", complaints_text(scratch, complaints));
}
END_TEST

/* --- what is answered --- */

#define MESSAGE                                                                                    \
	"Received: from a.example (helo.example [192.0.2.7]) by mx.example.com; x\r\n"             \
	"Received: by nobody\r\n"                                                                  \
	"From: \"Erika, the =?utf-8?q?Boss?=\" <erika@example.com> (really)\r\n"                   \
	"Reply-To: thief <thief@Elsewhere.example>\r\n"                                            \
	"Subject: =?utf-8?q?in?=\r\n =?utf-8?q?voice?= 1\r\n"                                      \
	"X-Two: a\r\nX-Two: b\r\n\r\nbody\r\n"

static const struct {
	const char *condition;
	const char *truth;
} answers[] = {
	{"subject == \"invoice 1\"", "true"},
	{"from.name == \"erika, the boss\"", "true"},
	{"from.address == <erika@example.com>", "true"},
	{"reply_to.address == <thief@elsewhere.example>", "true"},
	{"reply_to.differs", "true"},
	{"reply_to.name == \"thief\"", "true"},
	{"header[\"x-two\"] == \"b\"", "true"},
	{"header[\"Subject\"] ends \"VOICE 1\"", "true"},
	{"exists header[\"X-None\"]", "false"},
	{"any header (name == \"x-two\" and value == \"b\")", "true"},
	{"count(header) == 7", "true"},
	{"any received (ip == 192.0.2.7 and helo == \"a.example\")", "true"},
	{"all received (exists ip)", "false"},
	{"received.count == 2", "true"},
	{"header.anomalies has missing_date", "true"},
	{"message.size > 100 and message.size < 10k", "true"},
	{"message.hash matches /^[0-9a-f]{64}$/", "true"},
	{"now.hour == 13", "true"},
	{"now.weekday == thursday", "true"},
	{"sender.domain == \"x.y\"", "absent"},
	{"sender == <>", "true"},
	{"spf.result == pass", "absent"},
	{"resolves(\"no name at all\")", "absent"},
	{"any recipient (local == \"b\" and domain == \"example.com\")", "true"},
	{"count(recipient) == 2", "true"},
	{"recipients in { \"c@example.org\" }", "true"},
};

struct asking {
	struct inquiry *inquiry;
	const struct vocabulary *vocabulary;
};

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	const struct asking *asking = owner;

	if (question->key)
		header_learner_learn_fields(
			asking->inquiry, &(struct question){FACT_HEADER, question->key});
	return language_ask(asking->inquiry, asking->vocabulary, scratch, question, value);
}

static struct inquiry *make_inquiry(const struct spool *spool)
{
	static const char *const recipients[] = {"b@example.com", "c@example.org"};
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new_of(
		scratch, judging_policy(scratch, "relay { domains = {x.y} }"), facts);

	inquiry->stage = STAGE_MESSAGE;
	inquiry->message = message_new(scratch, spool);
	ck_assert_int_eq(message_add(inquiry->message, slice_of(MESSAGE)), MESSAGE_OK);
	ck_assert_int_eq(message_finish(inquiry->message), MESSAGE_OK);
	facts_set_number(facts, FACT_NOW, 13 * 3600 + 59); /* the first of January 1970 */
	facts_set_text(facts, FACT_SENDER, "");
	facts_set_text(facts, FACT_SENDER_DOMAIN, "");
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, true);
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 2);
	facts_set_number(facts, FACT_MESSAGE_SIZE, message_size(inquiry->message));
	header_learner_learn(inquiry);
	return inquiry;
}

START_TEST(answers_rules)
{
	struct complaints *complaints = complaints_new(scratch);
	const char *text = talloc_asprintf(scratch,
		"version 1\nrule r { stage message when %s then log \"x\" }\n",
		answers[_i].condition);
	struct sources *sources = sources_of_text(scratch, "r", slice_of(text), complaints);
	static const struct spool spool = {.memory_maximum = 1 << 20};
	struct asking asking = {make_inquiry(&spool), language_new(scratch)};
	struct program *program = program_new(
		scratch, asking.vocabulary, sources->items, sources->item_count, NULL, complaints);
	const struct evaluate_input input = {.look_up = look_up,
		.owner = &asking,
		.budget = 1000000,
		.matcher = match_matcher_new(scratch)};

	ck_assert_str_eq(complaints_text(scratch, complaints), "");
	enum truth truth =
		evaluate_condition(evaluate_begin(scratch, program, STAGE_MESSAGE, &input),
			program->rules[0]->condition);
	const char *expected =
		strcmp(answers[_i].truth, "absent") == 0 ? "false" : answers[_i].truth;
	ck_assert_str_eq(evaluate_truth_name(truth), expected);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("language");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, has_all_facts);
	tcase_add_test(all, has_no_name_twice);
	tcase_add_test(all, prints_the_manual);
	tcase_add_loop_test(all, loads_rules, 0, COUNT(loads));
	tcase_add_loop_test(all, answers_rules, 0, COUNT(answers));
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
