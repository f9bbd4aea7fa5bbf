/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards backends: RFC 3207 §4.1, RFC 6125 (names), RFC 7435 (opportunistic). */
#include "proxy/tls_client.h"

#include "base/stream.h"
#include "proxy/credential.h"
#include "proxy/server.h"
#include "proxy/tls.h"

#include <ctype.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <talloc.h>

#define FINGERPRINT_DIGITS (CREDENTIAL_FINGERPRINT_SIZE - 1)

struct tls_client {
	const struct backend_options *options;
	SSL_CTX **contexts;                        /* one a server; talloc array */
	const char **fingerprints;                 /* 64 small digits each; talloc array */
	char refused[CREDENTIAL_FINGERPRINT_SIZE]; /* the last one that was not among them */
};

/* --- fingerprints --- */

/* Colons and capital letters are what other programs print. NULL when it is none. */
static char *normal_fingerprint(const void *parent, const char *text)
{
	char *digits = talloc_array(parent, char, CREDENTIAL_FINGERPRINT_SIZE);
	size_t used = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || used == FINGERPRINT_DIGITS)
			return NULL;
		digits[used++] = (char)tolower((unsigned char)*text);
	}
	digits[used] = '\0';
	return used == FINGERPRINT_DIGITS ? digits : NULL;
}

static bool read_fingerprints(struct tls_client *client)
{
	const struct texts *texts = &client->options->tls_fingerprint;

	client->fingerprints = talloc_array(client, const char *, texts->count);
	for (size_t i = 0; i < texts->count; i++) {
		client->fingerprints[i] = normal_fingerprint(client->fingerprints, texts->items[i]);
		if (!client->fingerprints[i])
			return false;
	}
	return true;
}

/* Takes the place of OpenSSL's verification. */
static int compare_fingerprint(X509_STORE_CTX *verifying, void *owner)
{
	struct tls_client *client = owner;

	credential_fingerprint(X509_STORE_CTX_get0_cert(verifying), client->refused);
	for (size_t i = 0; i < talloc_array_length(client->fingerprints); i++) {
		if (strcmp(client->fingerprints[i], client->refused) == 0)
			return 1;
	}
	X509_STORE_CTX_set_error(verifying, X509_V_ERR_CERT_REJECTED);
	return 0;
}

/* --- contexts --- */

/* The address when no name is set: it was checked that it is one. */
static void expect_name(SSL_CTX *context, const struct backend_options *options, const char *server)
{
	X509_VERIFY_PARAM *expected = SSL_CTX_get0_param(context);
	struct server parsed;
	size_t offset;

	if (options->tls_name) {
		X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		X509_VERIFY_PARAM_set1_host(expected, options->tls_name, 0);
		return;
	}
	void *scratch = talloc_new(NULL);
	if (!server_parse(
		    scratch, server, &parsed, &offset)) /* else the configuration is no good */
		X509_VERIFY_PARAM_set1_ip(
			expected, parsed.ip.bytes, parsed.ip.family == 4 ? 4 : 16);
	talloc_free(scratch);
}

static SSL_CTX *context_new(struct tls_client *client, X509_STORE *store, const char *server)
{
	SSL_CTX *context = tls_context_new(client, TLS_CLIENT);

	if (client->options->tls != BACKEND_TLS_REQUIRED)
		return context;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (talloc_array_length(client->fingerprints)) {
		SSL_CTX_set_cert_verify_callback(context, compare_fingerprint, client);
		return context;
	}
	SSL_CTX_set1_cert_store(context, store);
	expect_name(context, client->options, server);
	/* A server's own certificate, or that of an authority in the middle, may be trusted by itself. */
	if (client->options->tls_ca)
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	return context;
}

static bool needs_store(const struct backend_options *options)
{
	return options->tls == BACKEND_TLS_REQUIRED && options->tls_fingerprint.count == 0;
}

struct tls_client *tls_client_new(const void *parent, const struct backend_options *options,
	const char **option, const char **reason)
{
	struct tls_client *client = talloc_zero(parent, struct tls_client);
	X509_STORE *store = NULL;

	client->options = options;
	*option = "tls_fingerprint";
	*reason = "a fingerprint is the SHA-256 of a certificate: 64 hexadecimal digits";
	if (!read_fingerprints(client))
		goto fail;
	if (needs_store(options)) {
		*option = "tls_ca";
		store = tls_store_new(client, options->tls_ca);
		if (!store) {
			*reason = talloc_asprintf(parent, "cannot use \"%s\": %s",
				options->tls_ca ? options->tls_ca : "the system's authorities",
				tls_reason());
			goto fail;
		}
	}
	client->contexts = talloc_array(client, SSL_CTX *, options->servers.count);
	for (size_t i = 0; i < options->servers.count; i++)
		client->contexts[i] = context_new(client, store, options->servers.items[i]);
	return client;
fail:
	talloc_free(client);
	return NULL;
}

SSL_CTX *tls_client_context(const struct tls_client *client, size_t server)
{
	return client->contexts[server];
}

const char *tls_client_name(const struct tls_client *client)
{
	return client->options->tls_name;
}

/* --- for the log --- */

char *tls_client_failure(
	const void *parent, const struct tls_client *client, const struct stream *stream)
{
	const SSL *ssl = stream_tls(stream);
	long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;

	if (client->options->tls != BACKEND_TLS_REQUIRED || verified == X509_V_OK)
		return talloc_asprintf(parent, "TLS handshake failed: %s", stream_error(stream));
	if (talloc_array_length(client->fingerprints))
		return talloc_asprintf(parent,
			"the server's certificate is not the one of tls_fingerprint: its "
			"fingerprint "
			"is %s",
			client->refused);
	return talloc_asprintf(parent, "the server's certificate is not accepted: %s%s%s",
		X509_verify_cert_error_string(verified),
		client->options->tls_name ? ", tls_name is " : "",
		client->options->tls_name ? client->options->tls_name : "");
}

char *tls_client_outcome(
	const void *parent, const struct tls_client *client, const struct stream *stream)
{
	char fingerprint[CREDENTIAL_FINGERPRINT_SIZE] = "none";
	const X509 *certificate = SSL_get0_peer_certificate(stream_tls(stream));

	if (certificate)
		credential_fingerprint(certificate, fingerprint);
	return talloc_asprintf(parent, "%s %s, certificate %s %s", stream_tls_version(stream),
		stream_tls_cipher(stream), fingerprint,
		client->options->tls == BACKEND_TLS_REQUIRED ? "verified" : "not verified");
}
