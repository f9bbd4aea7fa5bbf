/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of servers, and whose turn it is. */
#include "proxy/server.h"

#include <check.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *all;

static void set_up(void)
{
	all = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(all);
}

/* --- reading --- */

static const struct {
	const char *text;
	const char *name; /* NULL: it is bad */
	unsigned weight;
	bool backup;
	size_t offset; /* of what is bad */
} texts[] = {
	{"192.0.2.1:25", "192.0.2.1:25", 0, false, 0},
	{"[2001:db8::1]:2525", "[2001:db8::1]:2525", 0, false, 0},
	{"192.168.100.100:65535 weight=3", "192.168.100.100:65535", 3, false, 0},
	{"192.0.2.1:25 backup", "192.0.2.1:25", 0, true, 0},
	{"192.0.2.1:25  backup  weight=1000 ", "192.0.2.1:25", 1000, true, 0},
	{"", NULL, 0, false, 0},
	{" 192.0.2.1:25", NULL, 0, false, 0},
	{"192.0.2.1", NULL, 0, false, 0},
	{"192.0.2.1:0", NULL, 0, false, 0},
	{"192.0.2.1:65536", NULL, 0, false, 0},
	{"mail.example.com:25", NULL, 0, false, 0},
	{"192.0.2.1:25 weight", NULL, 0, false, 13},
	{"192.0.2.1:25 weight=", NULL, 0, false, 13},
	{"192.0.2.1:25 weight=0", NULL, 0, false, 13},
	{"192.0.2.1:25 backup weight=-1", NULL, 0, false, 20},
	{"192.0.2.1:25 weight=99999999999999999999", NULL, 0, false, 13},
	{"192.0.2.1:25 Backup", NULL, 0, false, 13},
};

START_TEST(reads)
{
	struct server server = {0};
	size_t offset;
	const char *bad = server_parse(all, texts[_i].text, &server, &offset);

	ck_assert_int_eq(bad == NULL, texts[_i].name != NULL);
	if (bad) {
		ck_assert_uint_eq(offset, texts[_i].offset);
		return;
	}
	ck_assert_str_eq(server.name, texts[_i].name);
	ck_assert_uint_eq(server.weight, texts[_i].weight);
	ck_assert_int_eq(server.backup, texts[_i].backup);
}
END_TEST

/* --- turns --- */

static const struct {
	const char *servers; /* a letter each: weight digit or -, b for backup */
	uint64_t passed;
	bool backups;
	const char *turns; /* which one, time after time; - for none */
} turns[] = {
	{"--", 0, true, "0000"},
	{"--", 1, true, "1111"},
	{"--", 3, true, "----"},
	{"b-", 0, true, "1111"},
	{"b-", 2, true, "0000"},
	{"b-", 2, false, "----"},
	{"-bb", 1, true, "1111"},
	{"-bb", 3, true, "2222"},
	{"31", 0, true, "00100010"},
	{"3-", 0, true, "00100010"},
	{"511", 0, true, "0010200"},
	{"511", 1, true, "1212"},
	{"22b", 0, true, "010101"},
	{"22b", 3, true, "2222"},
};

START_TEST(takes_turns)
{
	size_t count = strlen(turns[_i].servers);
	struct server *servers = talloc_zero_array(all, struct server, count);

	for (size_t i = 0; i < count; i++) {
		char what = turns[_i].servers[i];

		servers[i].backup = what == 'b';
		servers[i].weight = what >= '0' && what <= '9' ? (unsigned)(what - '0') : 0;
	}
	for (const char *turn = turns[_i].turns; *turn; turn++) {
		const struct server *next =
			server_choose(servers, count, turns[_i].passed, turns[_i].backups);
		ck_assert_int_eq(next ? (char)('0' + (next - servers)) : '-', *turn);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *cases = tcase_create("server");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, reads, 0, COUNT(texts));
	tcase_add_loop_test(cases, takes_turns, 0, COUNT(turns));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
