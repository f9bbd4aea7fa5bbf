/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards clients: which certificate is served, versions, ALPN, tickets, certificates of clients. */
#include "proxy/tls_server.h"

#include "policy/facts.h"
#include "proxy/credential.h"
#include "proxy/tls.h"
#include "proxy/tls_tickets.h"
#include "tests/fakes/certificate.h"
#include "tests/fakes/side.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static struct loop *loop;
static void *root;
static struct side *side;
static SSL_CTX *client_context;
static SSL *client;
static int client_descriptor;
static SSL_SESSION *ticket; /* the last one that the client was given */
static unsigned tickets_given;

/* --- two ends --- */

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = session;
	tickets_given++;
	return 1;
}

static void set_up(void)
{
	loop = loop_new(NULL);
	root = talloc_new(NULL);
	client_context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(
		client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client_context, keep_ticket);
	SSL_CTX_set_security_level(client_context, 0);
	tickets_given = 0;
}

static void disconnect(void)
{
	SSL_shutdown(client); /* else its ticket is good for nothing */
	SSL_free(client);
	client = NULL;
	TALLOC_FREE(side);
	close(client_descriptor);
}

static void tear_down(void)
{
	SSL_SESSION_free(ticket);
	ticket = NULL;
	talloc_free(root);
	talloc_free(loop);
	SSL_CTX_free(client_context);
}

static void connect_client(void)
{
	int descriptors[2];

	side_connect(TRANSPORT_UNIX, descriptors);
	client_descriptor = descriptors[0];
	side = side_new(root, loop, descriptors[1]);
	client = SSL_new(client_context);
	SSL_set_fd(client, client_descriptor);
	SSL_set_connect_state(client);
}

/* Whether both were content; the client takes its tickets. */
static bool shake_hands(const struct tls_server *server)
{
	char byte;
	int done = 0;

	stream_begin_tls(side->stream, tls_server_context(server), TLS_SERVER, NULL, SIDE_PATIENCE,
		&side->out);
	for (unsigned i = 0; i < 100 && done != 1; i++) {
		done = SSL_do_handshake(client);
		side_settle(loop);
		if (done != 1 && SSL_get_error(client, done) != SSL_ERROR_WANT_READ)
			break;
	}
	SSL_read(client, &byte, 1);
	return done == 1 && side_wait(side, &side->out) == OUTCOME_DONE;
}

static int reason(unsigned long error)
{
	return ERR_GET_REASON(error);
}

/* --- certificates and names --- */

static const struct certificate_wish wishes[] = {
	{.common_name = "first", .names = "DNS:mx.example.com,DNS:mail.example.com"},
	{.common_name = "first rsa", .names = "DNS:mx.example.com", .is_rsa = true},
	{.common_name = "wild", .names = "DNS:*.example.net"},
	{.common_name = "exact", .names = "DNS:exact.example.net"},
	{.common_name = "late", .names = "DNS:mx.example.com"},
	{.common_name = "old.example.org"},
};

static struct certificate certificates[COUNT(wishes)];

static void make_certificates(void)
{
	for (int i = 0; i < COUNT(wishes); i++)
		certificate_make_as(&certificates[i], &wishes[i]);
}

static void remove_certificates(void)
{
	for (int i = 0; i < COUNT(wishes); i++)
		certificate_remove(&certificates[i]);
}

static struct tls_server *server_new(int count)
{
	const struct credential *credentials[COUNT(wishes)];

	for (int i = 0; i < count; i++) {
		enum credential_fault fault;
		const char *why;
		credentials[i] = credential_load(
			root, certificates[i].file, certificates[i].key, &fault, &why);
		ck_assert_ptr_nonnull(credentials[i]);
	}
	return tls_server_new(root, credentials, (size_t)count);
}

static const struct {
	const char *name; /* asked for; NULL: none */
	const char *algorithms;
	const char *served;
} names[] = {
	{NULL, "ECDSA+SHA256", "first"},
	{NULL, "RSA-PSS+SHA256:RSA+SHA256", "first rsa"},
	{"mx.example.com", "ECDSA+SHA256:RSA-PSS+SHA256", "first"},
	{"MX.Example.COM", "ECDSA+SHA256", "first"},
	{"mx.example.com", "RSA-PSS+SHA256:RSA+SHA256", "first rsa"},
	{"mail.example.com", "ECDSA+SHA256", "first"},
	{"a.example.net", "ECDSA+SHA256", "wild"},
	{"a.b.example.net", "ECDSA+SHA256", "first"},
	{"example.net", "ECDSA+SHA256", "first"},
	{".example.net", "ECDSA+SHA256", "first"},
	{"*.example.net", "ECDSA+SHA256", "wild"},
	{"exact.example.net", "ECDSA+SHA256", "exact"},
	{"old.example.org", "ECDSA+SHA256", "old.example.org"},
	{"www.example.com", "ECDSA+SHA256", "first"},
	/* CVE-2019-15846: a backslash at the end */
	{"mx.example.com\\", "ECDSA+SHA256", "first"},
	{"\\", "ECDSA+SHA256", "first"},
	{"\x01\xff%s%n\r\n", "ECDSA+SHA256", "first"},
	{".", "ECDSA+SHA256", "first"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
		"ECDSA+SHA256", "first"},
};

START_TEST(serves_by_name)
{
	int version = _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION;
	char served[64] = "";
	X509 *certificate;

	connect_client();
	SSL_set_max_proto_version(client, version);
	ck_assert_int_eq(SSL_set1_sigalgs_list(client, names[_i / 2].algorithms), 1);
	if (names[_i / 2].name)
		ck_assert_int_eq(SSL_set_tlsext_host_name(client, names[_i / 2].name), 1);
	ck_assert(shake_hands(server_new(COUNT(wishes))));
	certificate = SSL_get0_peer_certificate(client);
	X509_NAME_get_text_by_NID(
		X509_get_subject_name(certificate), NID_commonName, served, sizeof served);
	ck_assert_str_eq(served, names[_i / 2].served);
	ck_assert_int_eq(SSL_version(client), version);
	disconnect();
}
END_TEST

/* --- versions and ciphers --- */

static const struct {
	int version;
	const char *ciphers;
	bool good, incompatible;
} abilities[] = {
	{TLS1_1_VERSION, "ALL", false, true},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", true, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true, false},
	{TLS1_2_VERSION, "AECDH-AES128-SHA", false, true},
	{TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA", false, true},
	{TLS1_2_VERSION, "AES128-SHA", false, true},
	{TLS1_3_VERSION, "ALL", true, false},
};

START_TEST(knows_versions_and_ciphers)
{
	connect_client();
	SSL_set_min_proto_version(client, abilities[_i].version);
	SSL_set_max_proto_version(client, abilities[_i].version);
	SSL_set_cipher_list(client, abilities[_i].ciphers);
	ck_assert(shake_hands(server_new(1)) == abilities[_i].good);
	ck_assert(
		tls_is_incompatible(stream_tls_error(side->stream)) == abilities[_i].incompatible);
	ck_assert((*stream_error(side->stream) == '\0') == abilities[_i].good);
	disconnect();
}
END_TEST

START_TEST(noise_is_not_an_incompatible_client)
{
	connect_client();
	ck_assert_int_eq(write(client_descriptor, "EHLO client.example\r\n", 21), 21);
	ck_assert(!shake_hands(server_new(1)));
	ck_assert(!tls_is_incompatible(stream_tls_error(side->stream)));
	ck_assert_str_eq(stream_error(side->stream), "wrong version number");
	disconnect();
}
END_TEST

/* --- ALPN: CVE-2021-3618 (ALPACA) --- */

static const struct {
	const char *offered; /* with lengths; NULL: none */
	bool good;
} protocols[] = {
	{NULL, true},
	{"\4smtp", true},
	{"\2h2\4smtp", true},
	{"\4imap", false},
	{"\2h2\10http/1.1", false},
	{"\5smtps", false},
	{"\3smt", false},
	{"\4SMTP", false},
};

START_TEST(takes_smtp_only)
{
	const char *offered = protocols[_i].offered;
	const unsigned char *chosen;
	unsigned size;

	connect_client();
	if (offered)
		SSL_set_alpn_protos(
			client, (const unsigned char *)offered, (unsigned)strlen(offered));
	ERR_clear_error();
	ck_assert(shake_hands(server_new(1)) == protocols[_i].good);
	SSL_get0_alpn_selected(client, &chosen, &size);
	ck_assert_uint_eq(size, offered && protocols[_i].good ? 4 : 0);
	if (!protocols[_i].good)
		ck_assert_int_eq(
			reason(stream_tls_error(side->stream)), SSL_R_NO_APPLICATION_PROTOCOL);
	ck_assert(!tls_is_incompatible(stream_tls_error(side->stream)));
	disconnect();
}
END_TEST

/* --- tickets --- */

static bool is_resumed(const struct tls_server *server, int version)
{
	struct facts *facts = facts_new(root, NULL);
	struct value value;

	connect_client();
	SSL_set_max_proto_version(client, version);
	SSL_set_tlsext_host_name(client, "mail.example.com");
	if (ticket)
		SSL_set_session(client, ticket);
	ck_assert(shake_hands(server));
	tls_tell_facts(facts, root, side->stream);
	ck_assert_uint_eq(facts_get(facts, FACT_CLIENT_TLS_RESUMED, &value), FACT_KNOWN);
	ck_assert(value.boolean == (bool)SSL_session_reused(client));
	disconnect();
	return value.boolean;
}

/* As processes and generations do: two servers that have nothing in common but the keys. */
START_TEST(resumes_under_shared_keys)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct tls_tickets *keys = tls_tickets_new(root);
	struct tls_server *one = server_new(2), *other = server_new(2);

	ck_assert_ptr_nonnull(keys);
	tls_server_use_tickets(one, keys);
	tls_server_use_tickets(other, keys);
	ck_assert(!is_resumed(one, version));
	ck_assert_uint_eq(tickets_given, 1);
	ck_assert(is_resumed(one, version));
	ck_assert(is_resumed(other, version));
	tls_tickets_rotate(keys);
	SSL_SESSION *old = SSL_SESSION_dup(ticket);
	ck_assert(is_resumed(other, version));
	SSL_SESSION_free(ticket);
	ticket = old;
	tls_tickets_rotate(keys);
	ck_assert(!is_resumed(one, version));
	ck_assert(is_resumed(other, version));
	tls_tickets_rotate(keys);
	ck_assert(is_resumed(other, version));
}
END_TEST

START_TEST(does_not_resume_under_other_keys)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct tls_server *one = server_new(1), *other = server_new(1);

	tls_server_use_tickets(one, tls_tickets_new(root));
	tls_server_use_tickets(other, tls_tickets_new(root));
	ck_assert(!is_resumed(one, version));
	ck_assert(!is_resumed(other, version));
	ck_assert(is_resumed(other, version));
}
END_TEST

/* A listener that asks for certificates does not take sessions of one that does not. */
START_TEST(does_not_resume_what_was_not_asked)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct tls_tickets *keys = tls_tickets_new(root);
	struct tls_server *one = server_new(1), *other = server_new(1), *third = server_new(1);

	ck_assert(tls_server_ask(other, NULL));
	ck_assert(tls_server_ask(third, certificates[0].file));
	tls_server_use_tickets(one, keys);
	tls_server_use_tickets(other, keys);
	tls_server_use_tickets(third, keys);
	ck_assert(!is_resumed(one, version));
	ck_assert(!is_resumed(other, version));
	ck_assert(is_resumed(other, version));
	ck_assert(!is_resumed(third, version));
	ck_assert(is_resumed(third, version));
	ck_assert(!is_resumed(one, version));
}
END_TEST

/* --- certificates of clients --- */

static struct certificate authority;

static const struct {
	struct certificate_wish wish; /* an issuer of &authority is told by the next */
	bool shown, by_authority, asked_with_authority;
	const char *subject, *verified;
} shown[] = {
	{.verified = "false"},
	{{.common_name = "a"}, true, false, false, "CN=a", "false"},
	{{.common_name = "b"}, true, true, false, "CN=b", "false"},
	{{.common_name = "c"}, true, true, true, "CN=c", "true"},
	{{.common_name = "d"}, true, false, true, "CN=d", "false"},
	{{.common_name = "e", .from = -7200, .until = -3600}, true, true, true, "CN=e", "false"},
	{{.common_name = "f\r\n\x1b[31m\x7f,+\"é\xc2\x85"}, true, true, true,
		"CN=f\\0D\\0A\\1B[31m\\7F\\,\\+\\\"\\C3\\A9\\C2\\85", "true"},
};

static void show_certificate(const struct certificate *certificate)
{
	ck_assert_int_eq(SSL_use_certificate_chain_file(client, certificate->file), 1);
	ck_assert_int_eq(SSL_use_PrivateKey_file(client, certificate->key, SSL_FILETYPE_PEM), 1);
}

static void expect_fact(const struct facts *facts, enum fact fact, const char *wanted)
{
	ck_assert_str_eq(facts_print(root, facts, fact), wanted);
}

START_TEST(tells_of_the_clients_certificate)
{
	struct certificate_wish wish = shown[_i / 2].wish;
	struct tls_server *server = server_new(1);
	struct facts *facts = facts_new(root, NULL);
	struct certificate certificate;

	certificate_make_as(&authority,
		&(struct certificate_wish){.common_name = "authority", .is_authority = true});
	wish.issuer = shown[_i / 2].by_authority ? &authority : NULL;
	certificate_make_as(&certificate, &wish);
	ck_assert(
		tls_server_ask(server, shown[_i / 2].asked_with_authority ? authority.file : NULL));
	connect_client();
	SSL_set_max_proto_version(client, _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
	if (shown[_i / 2].shown)
		show_certificate(&certificate);
	ck_assert(shake_hands(server));
	tls_tell_facts(facts, root, side->stream);
	expect_fact(facts, FACT_CLIENT_CERTIFICATE_VERIFIED, shown[_i / 2].verified);
	expect_fact(facts, FACT_CLIENT_CERTIFICATE_SUBJECT,
		shown[_i / 2].shown ? shown[_i / 2].subject : "unknown");
	expect_fact(facts, FACT_CLIENT_CERTIFICATE_FINGERPRINT,
		shown[_i / 2].shown ? certificate.fingerprint : "unknown");
	if (shown[_i / 2].by_authority)
		expect_fact(facts, FACT_CLIENT_CERTIFICATE_ISSUER, "CN=authority");
	disconnect();
	certificate_remove(&certificate);
	certificate_remove(&authority);
}
END_TEST

START_TEST(does_not_ask_by_itself)
{
	struct facts *facts = facts_new(root, NULL);

	connect_client();
	show_certificate(&certificates[0]);
	ck_assert(shake_hands(server_new(1)));
	tls_tell_facts(facts, root, side->stream);
	expect_fact(facts, FACT_CLIENT_CERTIFICATE_VERIFIED, "unknown");
	expect_fact(facts, FACT_CLIENT_CERTIFICATE_SUBJECT, "unknown");
	disconnect();
}
END_TEST

START_TEST(bounds_the_length_of_names)
{
	struct tls_server *server = server_new(1);
	struct facts *facts = facts_new(root, NULL);
	struct certificate certificate;

	/* 64 characters is the most a common name may have, and each of these is escaped as nine. */
	certificate_make_as(&certificate,
		&(struct certificate_wish){.common_name = "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€"
							  "€€€€€€€€€€€€€€€€€€€€€€€€"});
	ck_assert(tls_server_ask(server, NULL));
	connect_client();
	show_certificate(&certificate);
	ck_assert(shake_hands(server));
	tls_tell_facts(facts, root, side->stream);
	ck_assert_uint_eq(strlen(facts_print(root, facts, FACT_CLIENT_CERTIFICATE_SUBJECT)), 512);
	disconnect();
	certificate_remove(&certificate);
}
END_TEST

START_TEST(wants_good_authorities)
{
	ck_assert(!tls_server_ask(server_new(1), "/nonexistent"));
	ck_assert_str_eq(tls_reason(), "No such file or directory");
	ck_assert(!tls_server_ask(server_new(1), "/dev/null"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_server");
	TCase *cases = tcase_create("tls_server");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, serves_by_name, 0, 2 * COUNT(names));
	tcase_add_loop_test(cases, knows_versions_and_ciphers, 0, COUNT(abilities));
	tcase_add_test(cases, noise_is_not_an_incompatible_client);
	tcase_add_loop_test(cases, takes_smtp_only, 0, COUNT(protocols));
	tcase_add_loop_test(cases, resumes_under_shared_keys, 0, 2);
	tcase_add_loop_test(cases, does_not_resume_under_other_keys, 0, 2);
	tcase_add_loop_test(cases, does_not_resume_what_was_not_asked, 0, 2);
	tcase_add_loop_test(cases, tells_of_the_clients_certificate, 0, 2 * COUNT(shown));
	tcase_add_test(cases, does_not_ask_by_itself);
	tcase_add_test(cases, bounds_the_length_of_names);
	tcase_add_test(cases, wants_good_authorities);
	suite_add_tcase(suite, cases);
	make_certificates();
	srunner_run_all(runner, CK_NORMAL);
	remove_certificates();
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
