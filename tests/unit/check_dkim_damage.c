/* SPDX-License-Identifier: Apache-2.0 */
/* Which signatures edits break. */
#include "policy/dkim_damage.h"

#include <check.h>
#include <talloc.h>

#define SIGNED                                                                                     \
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=x;\r\n"                                 \
	"\th=From:Subject\r\n\t :Date:From; bh=x=; b=y=\r\n"                                       \
	"From: a@a.example\r\nSubject: s\r\nX-Other: 1\r\nDate: x\r\n\r\nbody\r\n"
#define TWICE "dkim-signature: d=b.example; h=x-other; b=\r\n" SIGNED

static void *all;
static struct edits *edits;

static void use(const char *text)
{
	edits = edits_new(all, header_parse(all, slice_of(text)), slice_of(text));
}

static void set_up(void)
{
	all = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(all);
}

enum what { ADD_TOP, ADD_END, REMOVE, REPLACE, PREFIX, BODY };

static void edit(enum what what, const char *name)
{
	switch (what) {
	case ADD_TOP:
	case ADD_END:
		ck_assert(edits_add(
			edits, what == ADD_TOP ? EDIT_TOP : EDIT_END, name, "v", EDIT_TEXT));
		break;
	case REMOVE:
		ck_assert(edits_remove(edits, name, 0));
		break;
	case REPLACE:
		ck_assert(edits_replace(edits, name, 0, "v", EDIT_TEXT));
		break;
	case PREFIX:
		edits_prefix_subject(edits, name);
		break;
	case BODY:
		ck_assert(edits_replace_bytes(edits, edits->header->size + 2, 1, slice_of("")));
		break;
	}
}

static const struct {
	const char *message;
	enum what what;
	const char *name;
	const char *broken; /* NULL: none */
} rows[] = {
	{SIGNED, ADD_TOP, "X-New", NULL},
	{SIGNED, ADD_TOP, "Subject", NULL}, /* those below it are the signed ones */
	{SIGNED, ADD_END, "Subject", "a.example"},
	{SIGNED, ADD_TOP, "From", "a.example"}, /* signed as absent */
	{SIGNED, ADD_END, "X-Other", NULL},
	{SIGNED, REMOVE, "X-Other", NULL},
	{SIGNED, REMOVE, "Date", "a.example"},
	{SIGNED, REPLACE, "Subject", "a.example"},
	{SIGNED, PREFIX, "[x]", "a.example"},
	{SIGNED, BODY, NULL, "a.example"},
	{TWICE, REMOVE, "X-Other", "b.example"},
	{TWICE, BODY, NULL, "b.example, a.example"},
	{"From: x\r\n\r\nbody", BODY, NULL, NULL},
	{"DKIM-Signature: nonsense\r\n\r\nbody", BODY, NULL, NULL},
	{"DKIM-Signature: d=; h=;;;=\r\n\r\nbody", BODY, NULL, NULL},
	{"DKIM-Signature: d=a b\x01; h=x\r\n\r\nbody", BODY, NULL, NULL},
	{"DKIM-Signature: h=subject; d=c.example\r\nSubject: x\r\n\r\n", PREFIX, "y", "c.example"},
};

START_TEST(knows_what_is_broken)
{
	const char *broken;

	use(rows[_i].message);
	ck_assert_ptr_null(dkim_damage_domains(all, edits));
	edit(rows[_i].what, rows[_i].name);
	broken = dkim_damage_domains(all, edits);
	ck_assert_pstr_eq(broken, rows[_i].broken);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dkim_damage");
	TCase *cases = tcase_create("dkim_damage");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, knows_what_is_broken, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
