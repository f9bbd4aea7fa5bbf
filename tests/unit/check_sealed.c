/* SPDX-License-Identifier: Apache-2.0 */
/* What sealed mail says about itself. */
#include "policy/content/sealed.h"

#include "policy/content/budget.h"
#include "policy/content/unpack.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define IDENTIFIER_END 13 /* of the shortest that is known, with the head before it */
#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* Identifiers with their heads: 1.2.840.113549.1.7.x and 1.2.840.113549.1.9.16.1.x. */
#define PKCS7(last) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" last
#define SMIME(last) "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01" last
#define SIGNING "\x02\x01\x01\x31\x02\x30\x00"

#define ROW(text) text, sizeof text - 1

static const struct {
	const char *bytes;
	size_t size;
	enum file_type type;
	uint64_t findings;
} rows[] = {
	{ROW("\x30\x0f" PKCS7("\x03") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_ENCRYPTED},
	{ROW("\x30\x80" PKCS7("\x03") "\xa0\x80\x30\x80"), FILE_TYPE_PKCS7, FINDING_ENCRYPTED},
	{ROW("\x30\x0f" PKCS7("\x04") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_ENCRYPTED},
	{ROW("\x30\x0f" PKCS7("\x06") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_ENCRYPTED},
	{ROW("\x30\x11" SMIME("\x17") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_ENCRYPTED},
	{ROW("\x30\x11" SMIME("\x09") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	/* A signature beside what it is about. */
	{ROW("\x30\x25" PKCS7("\x02") "\xa0\x18\x30\x16" SIGNING "\x30\x0b" PKCS7("\x01")),
		FILE_TYPE_PKCS7, 0},
	{ROW("\x30\x80" PKCS7("\x02") "\xa0\x80\x30\x80" SIGNING "\x30\x80" PKCS7("\x01") "\0\0"),
		FILE_TYPE_PKCS7, 0},
	/* One around it. */
	{ROW("\x30\x2b" PKCS7("\x02") "\xa0\x1e\x30\x1c" SIGNING
				      "\x30\x11" PKCS7("\x01") "\xa0\x04\x04\x02hi"),
		FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	{ROW("\x30\x80" PKCS7("\x02") "\xa0\x80\x30\x80" SIGNING
				      "\x30\x80" PKCS7("\x01") "\xa0\x80\x24\x80\x04\x02hi"),
		FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	/* Whoever cannot be sure says so. */
	{ROW("\x30\x80" PKCS7("\x02") "\xa0\x80\x30\x80\x02\x01\x01\x31\x80\0\0\x30\x0b" PKCS7(
		 "\x01")),
		FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	{ROW("\x30\x80" PKCS7("\x02")), FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	{ROW("\x30\x84\xff\xff\xff\xff" PKCS7("\x02") "\xa0\x85"), FILE_TYPE_PKCS7,
		FINDING_UNSUPPORTED},
	{ROW("\x30\x10" PKCS7("\x63") "\xa0\x02\x30\x00"), FILE_TYPE_PKCS7, FINDING_UNSUPPORTED},
	{ROW("-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n"), FILE_TYPE_PKCS7,
		FINDING_UNSUPPORTED},
	{ROW("-----BEGIN PGP MESSAGE-----\n\nabcd\n"), FILE_TYPE_PGP, FINDING_ENCRYPTED},
	/* Behind a letter; as what it is: a key for the session, or nothing that is secret. */
	{ROW("hello\n-----BEGIN PGP MESSAGE-----\nVersion: 1\n\njA0EBwMC\n"), FILE_TYPE_TEXT,
		FINDING_ENCRYPTED},
	{ROW("-----BEGIN PGP MESSAGE-----\n\nowEBBAA=\n"), FILE_TYPE_PGP, FINDING_UNSUPPORTED},
	{ROW("-----BEGIN PGP MESSAGE-----\n\nyxRiB2V2\n"), FILE_TYPE_PGP, FINDING_UNSUPPORTED},
	{ROW("> -----BEGIN PGP MESSAGE-----\n"), FILE_TYPE_TEXT, 0},
	/* In no armour: by a passphrase, old and new heads; for somebody; without any key. */
	{ROW("\x8c\x04\x04\x09\x00\x08\xd2\x10\x01xxxxxxxxxxxxxxx"), FILE_TYPE_PGP,
		FINDING_ENCRYPTED},
	{ROW("\xc3\x04\x04\x09\x00\x08\xc9\x04xxxx"), FILE_TYPE_PGP, FINDING_ENCRYPTED},
	{ROW("\x85\x00\x04\x03xxx\xd2\xc0\x10\x01xxx"), FILE_TYPE_PGP, FINDING_ENCRYPTED},
	{ROW("\xd2\xe9\x01xxxxxxxxxx"), FILE_TYPE_PGP, FINDING_ENCRYPTED},
	{ROW("-----BEGIN PGP SIGNATURE-----\n\nabcd\n"), FILE_TYPE_PGP, 0},
	{ROW("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n"), FILE_TYPE_PGP, 0},
};

START_TEST(says_what_it_is)
{
	void *scratch = talloc_new(NULL);
	struct slice bytes = slice_make(rows[_i].bytes, rows[_i].size);
	struct unpacked out = {.parent = scratch};

	ck_assert_int_eq(file_type_of(bytes), rows[_i].type);
	ck_assert(unpack_knows(rows[_i].type, bytes) ==
		(rows[_i].findings || rows[_i].type != FILE_TYPE_TEXT));
	if (rows[_i].type == FILE_TYPE_PKCS7)
		sealed_unpack_cms(bytes, &out);
	else
		sealed_unpack_pgp(bytes, &out);
	ck_assert_uint_eq(out.findings, rows[_i].findings);
	talloc_free(scratch);
}
END_TEST

/* What begins like a key and goes on like nothing, and other bytes with their highest bit. */
START_TEST(knows_what_is_none)
{
	static const char *const others[] = {"\x8c\x04\x04\x09\x01\x08xxxx", "\x8c\x04\x04\x09",
		"\xc3\xff\xff\xff\xff\xff\x04", "\xff\xd8\xff", "\x85", "", "\x80\x80\x80"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert(!sealed_is_pgp(slice_of(others[i])));
}
END_TEST

/* Cut off anywhere, nothing behind its end is looked at; before it has said what it is, it is nothing that is read. */
START_TEST(looks_no_further)
{
	for (size_t size = 0; size < rows[_i].size; size++) {
		char *copy = talloc_memdup(NULL, rows[_i].bytes, size ? size : 1);
		struct unpacked out = {.parent = copy};
		sealed_unpack_cms(slice_make(copy, size), &out);
		ck_assert_uint_eq(out.findings & ~(FINDING_ENCRYPTED | FINDING_UNSUPPORTED), 0);
		ck_assert(size >= IDENTIFIER_END || out.findings == FINDING_UNSUPPORTED);
		talloc_free(copy);
	}
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("sealed");
	Suite *suite = suite_create("sealed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, says_what_it_is, 0, COUNT(rows));
	tcase_add_test(cases, knows_what_is_none);
	tcase_add_loop_test(cases, looks_no_further, 0, COUNT(rows));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
