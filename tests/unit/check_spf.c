/* SPDX-License-Identifier: Apache-2.0 */
/* check_host() over a small world of names: results, limits, explanations, errors, and how few runs it needs. */
#include "policy/spf.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define KNOWN_MAXIMUM 200

/* In the order of enum spf_dns. */
static const char *const kinds[] = {"A", "AAAA", "MX", "TXT", "PTR"};

static const struct record {
	const char *name, *kind, *text; /* text NULL: the name server fails */
} world[] = {
	{"a.example", "TXT", "other"},
	{"a.example", "TXT", "v=spf1 a -all exp=why.example"},
	{"a.example", "A", "192.0.2.1"},
	{"why.example", "TXT", "%{i} may not send for %{d}, ask postmaster@%{o}"},
	{"mx.example", "TXT", "v=spf1 mx ~all"},
	{"mx.example", "MX", "10 one.example"},
	{"mx.example", "MX", "20 two.example."},
	{"one.example", "A", "192.0.2.1"},
	{"two.example", "A", "192.0.2.2"},
	{"four.example", "TXT", "v=spf1 mx -all"},
	{"four.example", "MX", "10 one.example"},
	{"four.example", "MX", "10 two.example"},
	{"four.example", "MX", "10 three.example"},
	{"four.example", "MX", "10 five.example"},
	{"three.example", "A", "192.0.2.3"},
	{"five.example", "A", "192.0.2.5"},
	{"null.example", "TXT", "v=spf1 mx ?all"},
	{"null.example", "MX", "0 ."},
	{"in.example", "TXT", "v=spf1 include:mx.example include:a.example -all"},
	{"in.none.example", "TXT", "v=spf1 include:nothing.example -all"},
	{"in.down.example", "TXT", "v=spf1 include:down.example -all"},
	{"down.example", "TXT", NULL},
	{"adown.example", "TXT", "v=spf1 a:down2.example -all"},
	{"down2.example", "A", NULL},
	{"re.example", "TXT", "v=spf1 redirect=a.example"},
	{"re.none.example", "TXT", "v=spf1 redirect=nothing.example"},
	{"loop.example", "TXT", "v=spf1 include:loop.example -all"},
	{"re.loop.example", "TXT", "v=spf1 redirect=re.loop.example"},
	{"void.example", "TXT", "v=spf1 a:no1.example a:no2.example -all"},
	{"void3.example", "TXT", "v=spf1 a:no1.example a:no2.example a:no3.example -all"},
	{"ten.example", "TXT",
		"v=spf1 a:one.example a:one.example a:one.example a:one.example a:one.example "
		"a:one.example a:one.example a:one.example a:one.example a:two.example -all"},
	{"eleven.example", "TXT",
		"v=spf1 a:one.example a:one.example a:one.example a:one.example a:one.example "
		"a:one.example a:one.example a:one.example a:one.example a:one.example "
		"a:two.example "
		"-all"},
	{"chain.example", "TXT",
		"v=spf1 include:c1.example include:c2.example include:c3.example -all"},
	{"c1.example", "TXT", "v=spf1 a:one.example -all"},
	{"c2.example", "TXT", "v=spf1 a:three.example -all"},
	{"c3.example", "TXT", "v=spf1 a:two.example -all"},
	{"twice.example", "TXT", "v=spf1 -all"},
	{"twice.example", "TXT", "v=spf1 +all"},
	{"wrong.example", "TXT", "v=spf1 +all moo"},
	{"ptr.example", "TXT", "v=spf1 ptr:names.example -all"},
	{"192.0.2.2", "PTR", "liar.names.example"},
	{"192.0.2.2", "PTR", "Host.Names.example."},
	{"liar.names.example", "A", "192.0.2.99"},
	{"host.names.example", "A", "192.0.2.2"},
	{"p.example", "TXT", "v=spf1 exists:%{p}.p.example -all"},
	{"host.names.example.p.example", "A", "127.0.0.2"},
	{"local.example", "TXT", "v=spf1 exists:%{l}._u.%{d} -all"},
	{"bob._u.local.example", "A", "127.0.0.2"},
	{"none.example", "TXT", "v=spf1 ?all"},
	{"empty.example", "A", "192.0.2.1"},
};

struct names {
	const char *known[KNOWN_MAXIMUM];
	size_t known_count, asked;
	bool is_patient; /* answers come one run later */
};

static void *scratch;
static struct names names;

static void set_up(void)
{
	scratch = talloc_new(NULL);
	names = (struct names){0};
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static bool is_new(const char *question)
{
	for (size_t i = 0; i < names.known_count; i++) {
		if (strcmp(names.known[i], question) == 0)
			return false;
	}
	ck_assert_uint_lt(names.known_count, KNOWN_MAXIMUM);
	names.known[names.known_count++] = question;
	return true;
}

static enum fact_state look_up(
	void *owner, enum spf_dns kind, const char *name, struct value_texts *answer)
{
	const char **items = talloc_array(scratch, const char *, COUNT(world));
	bool is_there = false;

	(void)owner;
	names.asked++;
	if (names.is_patient && is_new(talloc_asprintf(scratch, "%d %s", kind, name)))
		return FACT_UNKNOWN;
	*answer = (struct value_texts){items, 0};
	for (int i = 0; i < COUNT(world); i++) {
		if (strcmp(world[i].name, name) != 0)
			continue;
		is_there = true;
		if (!world[i].text)
			return FACT_FAILED;
		if (strcmp(world[i].kind, kinds[kind]) == 0)
			items[answer->count++] = world[i].text;
	}
	return is_there ? FACT_KNOWN : FACT_ABSENT;
}

static struct spf_outcome evaluate(const char *ip, const char *domain)
{
	const struct spf_source source = {look_up, NULL};
	struct spf_query query = {.helo = "client.example",
		.local = "bob",
		.domain = domain,
		.receiver = "mx.example.net",
		.seconds = 1};

	ck_assert(ip_parse(slice_of(ip), &query.ip));
	return spf_evaluate(scratch, &query, &source);
}

static const struct {
	const char *ip, *domain;
	enum spf_result result;
	const char *mechanism, *tells; /* explanation or problem */
} cases[] = {
	{"192.0.2.1", "a.example", SPF_PASS, "a", NULL},
	{"192.0.2.1", "A.Example", SPF_PASS, "a", NULL},
	{"192.0.2.2", "a.example", SPF_FAIL, "-all",
		"192.0.2.2 may not send for a.example, ask postmaster@a.example"},
	{"192.0.2.2", "mx.example", SPF_PASS, "mx", NULL},
	{"192.0.2.3", "mx.example", SPF_SOFTFAIL, "~all", NULL},
	{"192.0.2.5", "four.example", SPF_PASS, "mx", NULL},
	{"2001:db8::1", "four.example", SPF_FAIL, "-all", NULL},
	{"192.0.2.1", "null.example", SPF_NEUTRAL, "?all", NULL},
	{"192.0.2.2", "in.example", SPF_PASS, "include:mx.example", NULL},
	{"192.0.2.9", "in.example", SPF_FAIL, "-all", NULL},
	{"192.0.2.1", "in.none.example", SPF_PERMERROR, NULL,
		"nothing.example, included, has no record"},
	{"192.0.2.1", "in.down.example", SPF_TEMPERROR, NULL, "no answer about down.example"},
	{"192.0.2.1", "down.example", SPF_TEMPERROR, NULL, "no answer about down.example"},
	{"192.0.2.1", "adown.example", SPF_TEMPERROR, NULL, "no answer about down2.example"},
	{"192.0.2.1", "re.example", SPF_PASS, "a", NULL},
	{"192.0.2.2", "re.example", SPF_FAIL, "-all",
		"192.0.2.2 may not send for a.example, ask postmaster@re.example"},
	{"192.0.2.2", "re.none.example", SPF_PERMERROR, NULL,
		"nothing.example, redirected to, has no record"},
	{"192.0.2.1", "loop.example", SPF_PERMERROR, NULL, "more than 10 look-ups"},
	{"192.0.2.1", "re.loop.example", SPF_PERMERROR, NULL, "more than 10 look-ups"},
	{"192.0.2.1", "void.example", SPF_FAIL, "-all", NULL},
	{"192.0.2.1", "void3.example", SPF_PERMERROR, NULL, "too many look-ups that find nothing"},
	{"192.0.2.2", "ten.example", SPF_PASS, "a:two.example", NULL},
	{"192.0.2.2", "eleven.example", SPF_PERMERROR, NULL, "more than 10 look-ups"},
	{"192.0.2.1", "eleven.example", SPF_PASS, "a:one.example", NULL},
	{"192.0.2.2", "chain.example", SPF_PASS, "include:c3.example", NULL},
	{"192.0.2.1", "twice.example", SPF_PERMERROR, NULL, "twice.example has several records"},
	{"192.0.2.1", "wrong.example", SPF_PERMERROR, NULL, "a record with a mistake: moo"},
	{"192.0.2.2", "ptr.example", SPF_PASS, "ptr:names.example", NULL},
	{"192.0.2.1", "ptr.example", SPF_FAIL, "-all", NULL},
	{"192.0.2.2", "p.example", SPF_PASS, "exists:%{p}.p.example", NULL},
	{"192.0.2.1", "local.example", SPF_PASS, "exists:%{l}._u.%{d}", NULL},
	{"192.0.2.1", "none.example", SPF_NEUTRAL, "?all", NULL},
	{"192.0.2.1", "empty.example", SPF_NONE, NULL, NULL},
	{"192.0.2.1", "nothing.example", SPF_NONE, NULL, NULL},
	{"192.0.2.1", "dotless", SPF_NONE, NULL, NULL},
	{"192.0.2.1", "", SPF_NONE, NULL, NULL},
	{"192.0.2.1", ".example", SPF_NONE, NULL, NULL},
	{"192.0.2.1", "a..example", SPF_NONE, NULL, NULL},
};

static void compare(const char *wanted, const char *got)
{
	if (wanted)
		ck_assert_pstr_eq(got, wanted);
	else
		ck_assert_pstr_eq(got, NULL);
}

static void hold_against(int number, const struct spf_outcome *outcome)
{
	ck_assert(!outcome->is_unknown);
	ck_assert_str_eq(spf_result_name(outcome->result), spf_result_name(cases[number].result));
	compare(cases[number].mechanism, outcome->mechanism);
	compare(cases[number].tells,
		outcome->explanation ? outcome->explanation : outcome->problem);
}

START_TEST(judges)
{
	struct spf_outcome outcome = evaluate(cases[_i].ip, cases[_i].domain);

	hold_against(_i, &outcome);
}
END_TEST

/* Never another result than with all answers known. */
START_TEST(judges_the_same_with_answers_that_come_later)
{
	struct spf_outcome outcome;
	unsigned runs = 0;

	names.is_patient = true;
	do {
		outcome = evaluate(cases[_i].ip, cases[_i].domain);
		ck_assert_uint_lt(++runs, 25);
	} while (outcome.is_unknown);
	hold_against(_i, &outcome);
}
END_TEST

static unsigned runs_needed(const char *ip, const char *domain)
{
	unsigned runs = 1;

	names.is_patient = true;
	while (evaluate(ip, domain).is_unknown)
		runs++;
	return runs;
}

/* The record, all it includes, what the first of those looks up, the second, the third. */
START_TEST(asks_ahead)
{
	ck_assert_uint_le(runs_needed("192.0.2.2", "chain.example"), 6);
	names = (struct names){0};
	ck_assert_uint_le(runs_needed("192.0.2.2", "ten.example"), 3);
}
END_TEST

START_TEST(looks_nothing_up_without_need)
{
	evaluate("192.0.2.1", "a.example");
	ck_assert_uint_eq(names.asked, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spf");
	TCase *tests = tcase_create("spf");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, judges, 0, COUNT(cases));
	tcase_add_loop_test(tests, judges_the_same_with_answers_that_come_later, 0, COUNT(cases));
	tcase_add_test(tests, asks_ahead);
	tcase_add_test(tests, looks_nothing_up_without_need);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
