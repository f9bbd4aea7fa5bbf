/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts: RFC 8446, RFC 7525 (1.2 and newer). */
#include "proxy/tls.h"

#include "base/log.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <talloc.h>

struct holder {
	SSL_CTX *context;
};

static int free_context(struct holder *holder)
{
	SSL_CTX_free(holder->context);
	return 0;
}

static SSL_CTX *context_new(const void *parent, const SSL_METHOD *method)
{
	struct holder *holder = talloc(parent, struct holder);

	holder->context = SSL_CTX_new(method);
	assert(holder->context);
	talloc_set_destructor(holder, free_context);
	SSL_CTX_set_min_proto_version(holder->context, TLS1_2_VERSION);
	SSL_CTX_set_options(holder->context,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
			SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(holder->context,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return holder->context;
}

SSL_CTX *tls_for_clients(const void *parent, const struct tls_options *options)
{
	if (!options->certificate)
		return NULL;
	SSL_CTX *context = context_new(parent, TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1) {
		log_event(LEVEL_ERROR, "tls_certificate_unusable", "%s: %s", options->certificate,
			ERR_reason_error_string(ERR_peek_error()));
		return NULL;
	}
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"postern", 7);
	return context;
}

SSL_CTX *tls_for_backends(const void *parent)
{
	return context_new(parent, TLS_client_method());
}
