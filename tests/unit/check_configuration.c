/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit together in a configuration, complaint by complaint. */
#include "proxy/configuration.h"

#include "tests/fakes/certificate.h"

#include <check.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define HEAD "hostname = mx.example.com\nrelay { domains = example.com }\n"
#define LISTEN "listen inbound { address = 127.0.0.1 port = 2525 }\n"
#define BACKEND "backend exchange { servers = 127.0.0.1:2526 }\n"
#define GOOD HEAD LISTEN BACKEND

static void *all;
static struct complaints *complaints;

static void set_up(void)
{
	all = talloc_new(NULL);
	complaints = complaints_new(all);
}

static void tear_down(void)
{
	talloc_free(all);
}

static struct configuration *read_text(const char *text)
{
	return configuration_read_text(all, "f", text, complaints);
}

START_TEST(the_smallest_one_is_good)
{
	struct configuration *configuration = read_text(GOOD);

	ck_assert_str_eq(complaints_text(all, complaints), "");
	ck_assert_uint_eq(configuration->listen_count, 1);
	ck_assert_str_eq(configuration->listens[0]->name, "inbound");
	ck_assert_int_eq(configuration->listens[0]->port, 2525);
	ck_assert_ptr_eq(configuration_backend(configuration, configuration->listens[0]),
		configuration->backends[0]);
	ck_assert_int_eq(configuration->backends[0]->connections, 18);
	ck_assert_int_eq(configuration->backends[0]->final_timeout, 600000);
	ck_assert_int_eq(configuration->backends[0]->tls, BACKEND_TLS_OPPORTUNISTIC);
	ck_assert_int_eq(configuration->process->drain, 600000);
	ck_assert_str_eq(configuration->control->socket, "/run/postern/control");
	ck_assert_ptr_null(configuration->store->path);
	ck_assert_uint_eq(configuration->dns->servers.count, 0);
	ck_assert_int_eq(configuration->dns->timeout, 5000);
	ck_assert_int_eq(configuration->dns->in_flight, 1200);
	ck_assert_ptr_null(configuration->dns->trust_anchor);
	ck_assert(configuration->smtp->vrfy);
	ck_assert((configuration->user == NULL) == (geteuid() != 0));
	ck_assert_ptr_nonnull(configuration->chain);
}
END_TEST

static const struct {
	const char *text;
	const char *complaints;
} rows[] = {
	{HEAD BACKEND, "f: error: no listen section: nobody could connect\n"},
	{HEAD LISTEN, "f: error: no backend section: mail would have nowhere to go\n"},
	{HEAD BACKEND "listen a { address = localhost }\n",
		"f:4:12: error: \"localhost\" is no IP address; \"*\" means all of them\n"},
	{GOOD "listen b { address = 127.0.0.1 port = 2525 }\n",
		"f:5:12: error: listen \"b\" has the address and port of listen \"inbound\"\n"},
	{HEAD BACKEND "listen a { address = \"*\" }\nlisten b { address = \"*\" }\n",
		"f:5:12: error: listen \"b\" has the address and port of listen \"a\"\n"},
	{GOOD "listen b { address = ::1 port = 2525 backend = exchagne }\n",
		"f:5:38: error: there is no backend \"exchagne\": did you mean \"exchange\"?\n"},
	{GOOD "listen b { address = ::1 port = 2525 backend = zimbra }\n",
		"f:5:38: error: there is no backend \"zimbra\"\n"},
	{HEAD LISTEN "backend b { servers = { 127.0.0.1:25 mail:25 192.0.2.1 \"192.0.2.1:0\" } }\n",
		"f:4:38: error: \"mail:25\" is no ADDRESS:PORT, as 192.0.2.1:25 or "
		"[2001:db8::1]:25; names of hosts are not looked up\n"
		"f:4:46: error: \"192.0.2.1\" is no ADDRESS:PORT, as 192.0.2.1:25 or "
		"[2001:db8::1]:25; names of hosts are not looked up\n"
		"f:4:57: error: \"192.0.2.1:0\" is no ADDRESS:PORT, as 192.0.2.1:25 or "
		"[2001:db8::1]:25; names of hosts are not looked up\n"},
	{HEAD LISTEN "backend b { servers = { \"127.0.0.1:25 weight=0\" \"127.0.0.2:25 weight=x\"\n"
		     "\"127.0.0.3:25 backup weight=1001\" \"127.0.0.4:25  spare\" } }\n",
		"f:4:39: error: a weight is a number between 1 and 1000, not \"0\"\n"
		"f:4:63: error: a weight is a number between 1 and 1000, not \"x\"\n"
		"f:5:22: error: a weight is a number between 1 and 1000, not \"1001\"\n"
		"f:5:50: error: behind a server's address may stand weight=NUMBER and backup, not "
		"\"spare\"\n"},
	{HEAD LISTEN "backend b { servers = \"127.0.0.1:25 backup\" }\n",
		"f:4:13: error: all servers of backend \"b\" are for backup: one must not be\n"},
	{HEAD LISTEN "backend b { servers = {\"127.0.0.1:25\" \"127.0.0.1:25 weight=2\"} }\n",
		"f:4:40: warning: the server 127.0.0.1:25 stands there twice\n"},
	{GOOD "route r { domains = example.com backend = exchagne listener = inbuond }\n",
		"f:5:33: error: there is no backend \"exchagne\": did you mean \"exchange\"?\n"
		"f:5:52: error: there is no listener \"inbuond\": did you mean \"inbound\"?\n"},
	{GOOD "route r { domains = example.com }\nroute s { backend = exchange }\n",
		"f:5:1: error: the mandatory key \"backend\" in section route is missing\n"
		"f:6:1: error: the mandatory key \"domains\" in section route is missing\n"},
	{GOOD "route r { domains = { \"*.example.com\" .com \"\" \"*\" a..b } backend = exchange "
	      "}\n",
		"f:5:24: warning: \"*.example.com\" is not in relay.domains: only mail from "
		"relay.networks is taken for it\n"
		"f:5:45: error: \"\" is no domain\n"
		"f:5:48: error: \"*\" is no domain\n"
		"f:5:51: error: \"a..b\" is no domain\n"},
	{GOOD "route r { domains = .example.com backend = exchange listener = inbound }\n"
	      "route s { domains = x.example.com backend = exchange }\n"
	      "route t { domains = example.com backend = exchange }\n"
	      "route u { domains = example.com backend = exchange listener = inbound }\n",
		"f:5:21: warning: \".example.com\" is not in relay.domains: only mail from "
		"relay.networks is taken for it\n"
		"f:6:21: warning: \"x.example.com\" is not in relay.domains: only mail from "
		"relay.networks is taken for it\n"
		"f:8:21: warning: \"example.com\" never comes here: route \"t\" stands before and "
		"has it\n"},
	{GOOD "recipients { source = file }\n",
		"f:5:14: error: recipients.source = \"file\" needs recipients.file\n"},
	{GOOD "recipients { domains = {example.com a..b} }\n",
		"f:5:14: error: \"a..b\" is no domain\n"},
	{GOOD "recipients { source = ldap }\nldap { url = \"http://dc\" bind = x ca = /nonexistent "
	      "}\n",
		"f:5:14: error: recipients.source = \"ldap\" needs recipients.file or store.path, "
		"to "
		"keep the list\n"
		"f:6:1: error: recipients.source = \"ldap\" needs ldap.base, where to search\n"
		"f:6:8: error: recipients.source = \"ldap\" needs ldap.url: ldaps://HOST or "
		"ldap://HOST\n"
		"f:6:26: error: ldap.bind needs ldap.password_file\n"
		"f:6:35: error: /nonexistent cannot be read: No such file or directory\n"},
	{GOOD "recipients { source = ldap file = /nonexistent/l }\nldap { url = ldap://dc base = b "
	      "}\n",
		"f:5:28: error: /nonexistent: No such file or directory\n"},
	{GOOD "store { path = /nonexistent }\nrecipients { source = ldap file = /nonexistent/l }\n"
	      "ldap { url = ldap://dc base = b }\n",
		""},
	{GOOD "recipients { source = ldap file = /l }\nldap { url = ldap://dc base = b bind = x "
	      "password_file = /dev/null tls = off }\n",
		"f:6:68: warning: without TLS the password of ldap.bind can be read on its way\n"},
	{GOOD "tls { key = /nonexistent }\n", "f:5:7: error: a key without a certificate\n"},
	{GOOD "tls { certificate = /nonexistent }\n",
		"f:5:7: error: a certificate without a key\n"},
	{GOOD "tls { certificate = /nonexistent key = /nonexistent }\n",
		"f:5:7: error: cannot use \"/nonexistent\": No such file or directory\n"},
	{GOOD "tls { certificate = /dev/null key = /dev/null }\n",
		"f:5:7: error: cannot use \"/dev/null\": there is no certificate in it\n"},
	{GOOD "tls { certificate = {a, b} key = c }\n",
		"f:5:7: error: there must be one key for each certificate, in the same order\n"},
	{GOOD "tls { certificate = a key = {b, c} }\n",
		"f:5:23: error: there must be one key for each certificate, in the same order\n"},
	{GOOD "listen b { address = ::1 tls = required }\n",
		"f:5:26: error: this needs a certificate: set tls.certificate and tls.key\n"},
	{GOOD "listen b { address = ::1 tls = implicit }\n",
		"f:5:26: error: this needs a certificate: set tls.certificate and tls.key\n"},
	{GOOD "listen b { address = ::1 tls = yes }\n",
		"f:5:32: error: tls must be one of off, starttls, required, implicit, not "
		"\"yes\"\n"},
	{GOOD "backend b { servers = \"[::1]:25\" tls = required tls_ca = /nonexistent }\n",
		"f:5:49: error: cannot use \"/nonexistent\": No such file or directory\n"},
	{GOOD "backend b { servers = \"[::1]:25\" tls = required tls_ca = /dev/null }\n",
		"f:5:49: error: cannot use \"/dev/null\": no certificate or crl found\n"},
	{GOOD "backend b { servers = \"[::1]:25\" tls = required tls_fingerprint = 00:11 }\n",
		"f:5:49: error: a fingerprint is the SHA-256 of a certificate: 64 hexadecimal "
		"digits\n"},
	{GOOD "backend b { servers = \"[::1]:25\" tls_ca = /nonexistent }\n",
		"f:5:34: warning: no certificate is verified unless tls = \"required\"\n"},
	{GOOD "backend b { servers = \"[::1]:25\" tls_fingerprint = 00 }\n",
		"f:5:34: warning: no certificate is verified unless tls = \"required\"\n"
		"f:5:34: error: a fingerprint is the SHA-256 of a certificate: 64 hexadecimal "
		"digits\n"},
	{GOOD "dns { servers = {127.0.0.1} }\n",
		"f:5:7: error: \"127.0.0.1\" is no name server: it is written ADDRESS:PORT, as "
		"127.0.0.1:53\n"},
	{GOOD "dns { servers = {\"[::1]:53\" localhost:53} }\n",
		"f:5:7: error: \"localhost:53\" is no name server: it is written ADDRESS:PORT, as "
		"127.0.0.1:53\n"},
	{GOOD "dns { trust_anchor = /nonexistent/root.key }\n",
		"f:5:7: error: /nonexistent/root.key cannot be read: No such file or directory\n"},
	{GOOD "store { redis = localhost redis_password = x }\n",
		"f:5:9: error: \"localhost\" is no Redis: it is written ADDRESS:PORT, as "
		"127.0.0.1:6379\n"},
	{GOOD "store { path = /nonexistent redis_password = x }\n",
		"f:5:29: warning: nobody is told it: there is no store.redis\n"},
	{GOOD "greylist { enabled = yes }\n",
		"f:5:12: warning: nothing is put off: there is neither store.path nor "
		"store.redis\n"},
	{GOOD "rate \"x\" { of = messages limit = 1 }\n",
		"f:5:26: warning: nothing is counted: there is neither store.path nor "
		"store.redis\n"},
	{GOOD "store { redis = \"[::1]:6379\" } greylist { enabled = yes }\n", ""},
	{GOOD "store { path = /x } rate \"x\" { of = connections by = user limit = 1 }\n",
		"f:5:49: error: connections can be counted by client and client_network: who "
		"sends is not known yet\n"},
	{GOOD "store { path = /x } rate \"x\" { of = errors by = sender_domain limit = 1 }\n",
		"f:5:44: error: errors can be counted by client, client_network and user\n"},
	{GOOD "store { path = /x } rate \"a, b\" { of = errors limit = 1 }\n",
		"f:5:35: error: the name of rate \"a, b\" may not have a comma\n"},
	{GOOD "control { socket = \"/2345678901234567890123456789012345678901234567890"
	      "12345678901234567890123456789012345678901234567890123456789\" }\n",
		"f:5:11: error: the path of a socket has at most 107 bytes\n"},
	{HEAD "lisen inbound { }\n" BACKEND "process { workers = 1000 }\n",
		"f: error: no listen section: nobody could connect\n"
		"f:3:1: error: unknown section \"lisen\": did you mean \"listen\"?\n"
		"f:5:21: error: workers must be between 0 and 60, not 1000\n"},
};

START_TEST(complains)
{
	read_text(rows[_i].text);
	ck_assert_str_eq(complaints_text(all, complaints), rows[_i].complaints);
}
END_TEST

START_TEST(knows_the_users)
{
	if (geteuid() != 0) {
		printf("skipped: only root becomes somebody else\n");
		return;
	}
	struct configuration *configuration = read_text(GOOD "process { user = nobody }\n");
	ck_assert_str_eq(configuration->user, "nobody");
	ck_assert_uint_eq(complaints_errors(complaints), 0);
	read_text(GOOD "process { user = nosuchuser }\n");
	ck_assert_str_eq(complaints_text(all, complaints),
		"f:5:11: error: there is no user \"nosuchuser\" on this machine\n");
}
END_TEST

/* --- certificates and keys of our own --- */

/* The configuration of these two files, and where in it an option stands. */
static const char *with_files(const char *certificate, const char *key)
{
	return talloc_asprintf(
		all, GOOD "tls {\ncertificate = \"%s\"\nkey = \"%s\"\n}\n", certificate, key);
}

/* @ stands for the file. */
static void expect_complaint(const char *text, const char *wanted, const char *file)
{
	struct complaints *fresh = complaints_new(all);
	const char *at = strchr(wanted, '@');

	configuration_read_text(all, "f", text, fresh);
	if (at)
		wanted = talloc_asprintf(all, "%.*s%s%s", (int)(at - wanted), wanted, file, at + 1);
	ck_assert_str_eq(complaints_text(all, fresh), wanted);
}

START_TEST(tries_certificates_and_keys)
{
	struct certificate one, other;

	certificate_make(&one);
	certificate_make(&other);
	expect_complaint(with_files(one.file, one.key), "", NULL);
	expect_complaint(with_files(one.file, other.key),
		"f:7:1: error: cannot use \"@\": it is not the key of the certificate\n",
		other.key);
	expect_complaint(with_files(one.key, one.key),
		"f:6:1: error: cannot use \"@\": there is no certificate in it\n", one.key);
	expect_complaint(with_files(one.file, one.file),
		"f:7:1: error: cannot use \"@\": there is no private key in it\n", one.file);
	certificate_remove(&one);
	certificate_remove(&other);
}
END_TEST

START_TEST(looks_at_the_age_of_certificates)
{
	struct certificate old, early;

	certificate_make_as(&old, &(struct certificate_wish){.from = -7200, .until = -3600});
	certificate_make_as(&early, &(struct certificate_wish){.from = 3600, .until = 7200});
	expect_complaint(with_files(old.file, old.key),
		"f:6:1: warning: \"@\" has expired: clients that look at it will not send\n",
		old.file);
	expect_complaint(with_files(early.file, early.key),
		"f:6:1: warning: \"@\" is not valid yet: is the clock right?\n", early.file);
	certificate_remove(&old);
	certificate_remove(&early);
}
END_TEST

/* Nobody is asked for the pass phrase of a key. */
START_TEST(takes_no_key_under_a_pass_phrase)
{
	struct certificate one;
	EVP_PKEY *key = EVP_EC_gen("P-256");

	certificate_make(&one);
	FILE *out = fopen(one.key, "w");
	ck_assert_int_eq(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(),
				 (const unsigned char *)"secret", 6, NULL, NULL),
		1);
	fclose(out);
	EVP_PKEY_free(key);
	expect_complaint(with_files(one.file, one.key),
		"f:7:1: error: cannot use \"@\": it is under a pass phrase\n", one.key);
	certificate_remove(&one);
}
END_TEST

START_TEST(tries_authorities_for_clients)
{
	struct certificate one;

	certificate_make(&one);
	const char *text = with_files(one.file, one.key);
	expect_complaint(talloc_asprintf(all,
				 "%slisten b { address = ::1 client_certificate = ask client_ca = "
				 "\"%s\" }\n",
				 text, one.file),
		"", NULL);
	expect_complaint(talloc_asprintf(all,
				 "%slisten b { address = ::1 client_certificate = ask client_ca = "
				 "/nonexistent }\n",
				 text),
		"f:9:51: error: cannot use \"/nonexistent\": No such file or directory\n", NULL);
	certificate_remove(&one);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("configuration");
	TCase *cases = tcase_create("configuration");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, the_smallest_one_is_good);
	tcase_add_loop_test(cases, complains, 0, COUNT(rows));
	tcase_add_test(cases, knows_the_users);
	tcase_add_test(cases, tries_certificates_and_keys);
	tcase_add_test(cases, looks_at_the_age_of_certificates);
	tcase_add_test(cases, takes_no_key_under_a_pass_phrase);
	tcase_add_test(cases, tries_authorities_for_clients);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
