/* SPDX-License-Identifier: Apache-2.0 */
/* TLS in general: RFC 8446, RFC 9325 (1.2 and newer, ciphers). */
#include "proxy/tls.h"

#include "policy/facts.h"
#include "proxy/credential.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <talloc.h>

/* Of TLS 1.2. Forward secrecy and authenticated encryption come first; what stands behind is for old servers, which would else
 * talk in plain text. No DHE: a client could make us calculate for nothing. */
#define CIPHERS                                                                                    \
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:AESGCM:AES:!DHE:!PSK:!SRP:!aNULL:!eNULL:!CAMELLIA:" \
	"!ARIA:!AESCCM"
#define GROUPS "X25519:P-256:P-384:P-521"
#define NAME_MOST 512 /* bytes of a subject or issuer */

struct holder {
	SSL_CTX *context;
	X509_STORE *store;
};

static int free_held(struct holder *holder)
{
	SSL_CTX_free(holder->context);
	X509_STORE_free(holder->store);
	return 0;
}

static struct holder *holder_new(const void *parent)
{
	struct holder *holder = talloc_zero(parent, struct holder);

	talloc_set_destructor(holder, free_held);
	return holder;
}

SSL_CTX *tls_context_new(const void *parent, enum tls_role role)
{
	struct holder *holder = holder_new(parent);
	SSL_CTX *context =
		SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());

	assert(context);
	holder->context = context;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	int known = SSL_CTX_set_cipher_list(context, CIPHERS);
	assert(known == 1);
	known = (int)SSL_CTX_set1_groups_list(context, GROUPS);
	assert(known == 1);
	SSL_CTX_set_options(context,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
			SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return context;
}

X509_STORE *tls_store_new(const void *parent, const char *file)
{
	struct holder *holder = holder_new(parent);

	holder->store = X509_STORE_new();
	assert(holder->store);
	ERR_clear_error();
	int good = file ? X509_STORE_load_file(holder->store, file)
			: X509_STORE_set_default_paths(holder->store);
	return good == 1 ? holder->store : NULL;
}

const char *tls_reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						     : ERR_reason_error_string(error);

	ERR_clear_error();
	return reason ? reason : "OpenSSL does not say why";
}

/* Found out here, or by the client, who says so in an alert. */
bool tls_is_incompatible(unsigned long error)
{
	static const int reasons[] = {SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW,
		SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
		SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SUITABLE_KEY_SHARE,
		SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
		SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE};

	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return false;
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		if (ERR_GET_REASON(error) == reasons[i])
			return true;
	}
	return false;
}

/* --- the client's certificate --- */

/* RFC 4514, with all escaped that is no printable ASCII; cut to a length. */
static char *print_name(const void *parent, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes;

	X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253);
	long size = BIO_get_mem_data(out, &bytes);
	char *text = talloc_strndup(
		parent, size > 0 ? bytes : "", size > NAME_MOST ? NAME_MOST : (size_t)size);
	BIO_free(out);
	return text;
}

static void tell_certificate(struct facts *facts, const void *parent, const SSL *ssl)
{
	const X509 *certificate = SSL_get0_peer_certificate(ssl);
	char *fingerprint;

	facts_set_bool(facts, FACT_CLIENT_CERTIFICATE_VERIFIED,
		certificate && SSL_get_verify_result(ssl) == X509_V_OK);
	if (!certificate)
		return;
	fingerprint = talloc_array(parent, char, CREDENTIAL_FINGERPRINT_SIZE);
	credential_fingerprint(certificate, fingerprint);
	facts_set_text(facts, FACT_CLIENT_CERTIFICATE_FINGERPRINT, fingerprint);
	facts_set_text(facts, FACT_CLIENT_CERTIFICATE_SUBJECT,
		print_name(parent, X509_get_subject_name(certificate)));
	facts_set_text(facts, FACT_CLIENT_CERTIFICATE_ISSUER,
		print_name(parent, X509_get_issuer_name(certificate)));
}

void tls_tell_facts(struct facts *facts, const void *parent, const struct stream *client)
{
	const SSL *ssl = stream_tls(client);

	facts_set_bool(facts, FACT_CLIENT_TLS, true);
	facts_set_text(facts, FACT_CLIENT_TLS_VERSION, stream_tls_version(client));
	facts_set_text(facts, FACT_CLIENT_TLS_CIPHER, stream_tls_cipher(client));
	facts_set_bool(facts, FACT_CLIENT_TLS_RESUMED, SSL_session_reused(ssl));
	if (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER)
		tell_certificate(facts, parent, ssl);
}
