/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards backends: whose certificate is taken, and what is said of one that is not. */
#include "proxy/tls_client.h"

#include "tests/fakes/certificate.h"
#include "tests/fakes/side.h"

#include <check.h>
#include <fnmatch.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static struct loop *loop;
static void *root;
static struct certificate authority, certificate;

/* Trust: a = the authority's file, s = the server's own, else the system's. */
static const struct {
	struct certificate_wish wish;
	bool by_authority;
	enum backend_tls tls;
	char trust;
	const char *name;
	const char *outcome; /* pattern */
} rows[] = {
	{{.names = "DNS:ex.example"}, true, BACKEND_TLS_REQUIRED, 'a', "ex.example", "* verified"},
	{{.names = "DNS:*.site.example"}, true, BACKEND_TLS_REQUIRED, 'a', "ex.site.example",
		"* verified"},
	{{.names = "DNS:ex*.example"}, true, BACKEND_TLS_REQUIRED, 'a', "ex.example",
		"*not accepted: hostname mismatch, tls_name is ex.example"},
	{{.names = "DNS:other.example"}, true, BACKEND_TLS_REQUIRED, 'a', "ex.example",
		"*not accepted: hostname mismatch, tls_name is ex.example"},
	{{.names = "DNS:ex.example"}, false, BACKEND_TLS_REQUIRED, 's', "ex.example", "* verified"},
	{{.names = "DNS:ex.example"}, false, BACKEND_TLS_REQUIRED, 'a', "ex.example",
		"*not accepted: self-signed certificate, tls_name is ex.example"},
	{{.names = "DNS:ex.example"}, true, BACKEND_TLS_REQUIRED, ' ', "ex.example",
		"*not accepted: unable to get local issuer certificate*"},
	{{.names = "DNS:ex.example", .from = -7200, .until = -3600}, true, BACKEND_TLS_REQUIRED,
		'a', "ex.example", "*not accepted: certificate has expired*"},
	{{.names = "IP:127.0.0.1"}, true, BACKEND_TLS_REQUIRED, 'a', NULL, "* verified"},
	{{.names = "IP:127.0.0.2"}, true, BACKEND_TLS_REQUIRED, 'a', NULL,
		"*not accepted: IP address mismatch"},
	{{.names = "DNS:127.0.0.1"}, true, BACKEND_TLS_REQUIRED, 'a', NULL,
		"*not accepted: IP address mismatch"},
	{{.common_name = "exchange"}, false, BACKEND_TLS_REQUIRED, 'f', NULL, "* verified"},
	{{.common_name = "exchange", .from = -7200, .until = -3600}, false, BACKEND_TLS_REQUIRED,
		'f', NULL, "* verified"},
	{{.common_name = "exchange"}, false, BACKEND_TLS_REQUIRED, 'g', NULL,
		"*not the one of tls_fingerprint: its fingerprint is @"},
	{{.common_name = "exchange"}, false, BACKEND_TLS_OPPORTUNISTIC, ' ', "ex.example",
		"TLSv1.[23] *, certificate @ not verified"},
};

static void set_up(void)
{
	loop = loop_new(NULL);
	root = talloc_new(NULL);
	certificate_make_as(&authority,
		&(struct certificate_wish){.common_name = "authority", .is_authority = true});
}

static void tear_down(void)
{
	talloc_free(root);
	talloc_free(loop);
	certificate_remove(&authority);
}

static struct backend_options options_of(int row)
{
	static const char *servers[] = {"192.0.2.1:25", "127.0.0.1:25"};
	static const char *fingerprint[1];
	const char *other = authority.fingerprint;
	struct backend_options options = {
		.servers = {servers, 2}, .tls = (int)rows[row].tls, .tls_name = rows[row].name};

	if (rows[row].trust == 'a')
		options.tls_ca = authority.file;
	if (rows[row].trust == 's')
		options.tls_ca = certificate.file;
	fingerprint[0] = rows[row].trust == 'f' ? certificate.fingerprint : other;
	if (rows[row].trust == 'f' || rows[row].trust == 'g')
		options.tls_fingerprint = (struct texts){fingerprint, 1};
	return options;
}

static SSL *server_new(int descriptor, int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *server;

	SSL_CTX_set_max_proto_version(context, version);
	ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(context, certificate.file), 1);
	ck_assert_int_eq(
		SSL_CTX_use_PrivateKey_file(context, certificate.key, SSL_FILETYPE_PEM), 1);
	server = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(server, descriptor);
	SSL_set_accept_state(server);
	return server;
}

static bool shake_hands(struct side *side, SSL_CTX *context, const char *name, SSL *server)
{
	stream_begin_tls(side->stream, context, TLS_CLIENT, name, SIDE_PATIENCE, &side->out);
	for (unsigned i = 0; i < 100 && SSL_do_handshake(server) != 1; i++)
		side_settle(loop);
	return side_wait(side, &side->out) == OUTCOME_DONE;
}

static void expect_outcome(const char *pattern, const char *outcome)
{
	const char *at = strchr(pattern, '@');

	if (at)
		pattern = talloc_asprintf(root, "%.*s%s%s", (int)(at - pattern), pattern,
			certificate.fingerprint, at + 1);
	ck_assert_msg(fnmatch(pattern, outcome, 0) == 0, "\"%s\" is not \"%s\"", outcome, pattern);
}

START_TEST(verifies)
{
	struct certificate_wish wish = rows[_i / 2].wish;
	const char *option, *reason;
	int descriptors[2];

	wish.issuer = rows[_i / 2].by_authority ? &authority : NULL;
	certificate_make_as(&certificate, &wish);
	struct backend_options options = options_of(_i / 2);
	struct tls_client *client = tls_client_new(root, &options, &option, &reason);
	ck_assert_ptr_nonnull(client);
	side_connect(TRANSPORT_UNIX, descriptors);
	struct side *side = side_new(root, loop, descriptors[0]);
	SSL *server = server_new(descriptors[1], _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
	bool good =
		shake_hands(side, tls_client_context(client, 1), tls_client_name(client), server);
	expect_outcome(rows[_i / 2].outcome,
		good ? tls_client_outcome(root, client, side->stream)
		     : tls_client_failure(root, client, side->stream));
	if (good && rows[_i / 2].name)
		ck_assert_str_eq(
			SSL_get_servername(server, TLSEXT_NAMETYPE_host_name), rows[_i / 2].name);
	SSL_free(server);
	close(descriptors[1]);
	certificate_remove(&certificate);
}
END_TEST

static const struct {
	const char *fingerprint;
	bool good;
} fingerprints[] = {
	{"0011223344556677889900112233445566778899001122334455667788990011", true},
	{"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:"
	 "DD:"
	 "EE:FF",
		true},
	{"001122334455667788990011223344556677889900112233445566778899001", false},
	{"00112233445566778899001122334455667788990011223344556677889900112", false},
	{"001122334455667788990011223344556677889900112233445566778899001g", false},
	{"sha256:112233", false},
	{"", false},
};

START_TEST(reads_fingerprints)
{
	const char *texts[] = {fingerprints[_i].fingerprint};
	struct backend_options options = {
		.tls = BACKEND_TLS_REQUIRED, .tls_fingerprint = {texts, 1}};
	const char *option = "", *reason;
	struct tls_client *client = tls_client_new(root, &options, &option, &reason);

	ck_assert((client != NULL) == fingerprints[_i].good);
	if (!client)
		ck_assert_str_eq(option, "tls_fingerprint");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_client");
	TCase *cases = tcase_create("tls_client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, verifies, 0, 2 * COUNT(rows));
	tcase_add_loop_test(cases, reads_fingerprints, 0, COUNT(fingerprints));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
