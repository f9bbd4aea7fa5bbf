/* SPDX-License-Identifier: Apache-2.0 */
/* What of AUTH is offered, and whose name is in a response. */
#include "proxy/login.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	const char *mechanisms;
	bool encrypted;
	const char *offer; /* NULL: none */
} offers[] = {
	{"PLAIN LOGIN", true, "PLAIN LOGIN"},
	{"PLAIN LOGIN", false, NULL},
	{"plain CRAM-MD5 login", false, "CRAM-MD5"},
	{"SCRAM-SHA-1-PLUS SCRAM-SHA-1 scram-sha-256-plus", true, "SCRAM-SHA-1"},
	{"-PLUS", true, NULL},
	{" NTLM  GSSAPI ", false, "NTLM GSSAPI"},
	{"", true, NULL},
	{NULL, true, NULL},
	{"A.B C\x01 ABCDEFGHIJKLMNOPQRSTU X_Y", true, "X_Y"},
};

START_TEST(offers_what_can_pass)
{
	char *offer = login_offer(NULL, offers[_i].mechanisms, offers[_i].encrypted);

	ck_assert_pstr_eq(offer, offers[_i].offer);
	talloc_free(offer);
}
END_TEST

START_TEST(knows_what_was_offered)
{
	ck_assert(login_is_offered("PLAIN LOGIN", slice_of("login")));
	ck_assert(!login_is_offered("PLAIN LOGIN", slice_of("LOG")));
	ck_assert(!login_is_offered("PLAIN LOGIN", slice_of("PLAIN LOGIN")));
	ck_assert(!login_is_offered("PLAIN", slice_of("")));
	ck_assert(!login_is_offered(NULL, slice_of("PLAIN")));
}
END_TEST

/* --- names --- */

#define ZEROS_8 "\0\0\0\0\0\0\0\0"
#define NTLM_HEAD "NTLMSSP\0\3\0\0\0" ZEROS_8 ZEROS_8 ZEROS_8
/* length, room and place of the name; flags */
#define NTLM(name, flags) NTLM_HEAD name ZEROS_8 ZEROS_8 flags

static const struct {
	const char *mechanism;
	unsigned number;
	struct slice message;
	const char *name; /* NULL: none */
} names[] = {
	{"PLAIN", 0, BYTES("\0alice\0secret"), "alice"},
	{"plain", 0, BYTES("admin\0alice\0secret"), "alice"},
	{"PLAIN", 1, BYTES("\0alice\0secret"), NULL},
	{"PLAIN", 0, BYTES("alice"), NULL},
	{"PLAIN", 0, BYTES("\0al\r\nice\0secret"), NULL},
	{"PLAIN", 0, BYTES("\0al\xffice\0secret"), NULL},
	{"PLAIN", 0, BYTES("\0j\xc3\xb6rg\0secret"), "j\xc3\xb6rg"},
	{"PLAIN", 0, BYTES("\0\0secret"), NULL},
	{"PLAIN", 0, BYTES(""), NULL},
	{"LOGIN", 0, BYTES("alice"), "alice"},
	{"LOGIN", 1, BYTES("secret"), NULL},
	{"CRAM-MD5", 0, BYTES("alice in chains 0123456789abcdef"), "alice in chains"},
	{"CRAM-MD5", 0, BYTES("0123456789abcdef"), NULL},
	{"SCRAM-SHA-256", 0, BYTES("n,,n=alice,r=fyko"), "alice"},
	{"SCRAM-SHA-1", 0, BYTES("n,a=boss,n=a=2Cb=3Dc,r=fyko"), "a,b=c"},
	{"SCRAM-SHA-1", 0, BYTES("n,,r=fyko"), NULL},
	{"XOAUTH2", 0, BYTES("user=alice@example.com\1auth=Bearer x\1\1"), "alice@example.com"},
	{"XOAUTH2", 0, BYTES("auth=Bearer x\1\1"), NULL},
	{"OAUTHBEARER", 0, BYTES("n,a=alice@example.com,\1host=x\1auth=Bearer y\1\1"),
		"alice@example.com"},
	{"NTLM", 1, BYTES(NTLM("\2\0\2\0\100\0\0\0", "\1\0\0\0") "a\0"), "a"},
	{"NTLM", 1, BYTES(NTLM("\2\0\2\0\100\0\0\0", "\0\0\0\0") "ab"), "ab"},
	{"NTLM", 0, BYTES(NTLM("\2\0\2\0\100\0\0\0", "\0\0\0\0") "ab"), NULL},
	/* CVE-2026-40687, CVE-2023-42114, CVE-2023-42116: places outside the message */
	{"NTLM", 1, BYTES(NTLM("\3\0\3\0\100\0\0\0", "\0\0\0\0") "ab"), NULL},
	{"NTLM", 1, BYTES(NTLM("\2\0\2\0\377\377\377\377", "\0\0\0\0") "ab"), NULL},
	{"NTLM", 1, BYTES(NTLM("\377\377\2\0\100\0\0\0", "\0\0\0\0") "ab"), NULL},
	{"NTLM", 1, BYTES(NTLM("\2\0\2\0\100\0\0\0", "\1\0\0\0") "\0a"), NULL},
	{"NTLM", 1, BYTES("NTLMSSP\0\3\0\0\0"), NULL},
	{"GSSAPI", 0, BYTES("alice"), NULL},
	{"", 0, BYTES("alice"), NULL},
};

START_TEST(finds_the_name)
{
	char base64[512];
	int size = EVP_EncodeBlock((unsigned char *)base64,
		(const unsigned char *)names[_i].message.data, (int)names[_i].message.size);
	char *name = login_name(
		NULL, names[_i].mechanism, names[_i].number, slice_make(base64, (size_t)size));

	ck_assert_pstr_eq(name, names[_i].name);
	talloc_free(name);
}
END_TEST

START_TEST(survives_what_is_no_base64)
{
	static const char *const responses[] = {
		"", "=", "====", "A", "AAA", "A===", "AGE=AGE=", "*"};

	for (int i = 0; i < COUNT(responses); i++)
		talloc_free(login_name(NULL, "PLAIN", 0, slice_of(responses[i])));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("login");
	TCase *cases = tcase_create("login");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, offers_what_can_pass, 0, COUNT(offers));
	tcase_add_test(cases, knows_what_was_offered);
	tcase_add_loop_test(cases, finds_the_name, 0, COUNT(names));
	tcase_add_test(cases, survives_what_is_no_base64);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
