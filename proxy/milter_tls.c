/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards milters. */
#include "proxy/milter_tls.h"

#include "proxy/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <talloc.h>

struct milter_tls {
	SSL_CTX **contexts;
};

static SSL_CTX *context_new(struct milter_tls *tls, const struct milter_options *options)
{
	X509_STORE *store = tls_store_new(tls, options->tls_ca);
	X509_VERIFY_PARAM *expected;
	SSL_CTX *context;

	if (!store)
		return NULL;
	context = tls_context_new(tls, TLS_CLIENT);
	expected = SSL_CTX_get0_param(context);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set1_cert_store(context, store);
	if (options->tls_name) {
		X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		X509_VERIFY_PARAM_set1_host(expected, options->tls_name, 0);
	}
	if (options->tls_ca)
		X509_VERIFY_PARAM_set_flags(expected, X509_V_FLAG_PARTIAL_CHAIN);
	return context;
}

struct milter_tls *milter_tls_new(const void *parent, const struct configuration *configuration,
	struct complaints *complaints)
{
	struct milter_tls *tls = talloc_zero(parent, struct milter_tls);

	tls->contexts = talloc_zero_array(tls, SSL_CTX *, configuration->plugins->milter_count);
	for (size_t i = 0; i < configuration->plugins->milter_count; i++) {
		const struct milter_options *options = configuration->plugins->milters[i];
		if (options->tls == MILTER_TLS_OFF)
			continue;
		tls->contexts[i] = context_new(tls, options);
		if (!tls->contexts[i])
			complaint_error(complaints,
				settings_place(configuration->settings, options, "tls_ca"),
				"cannot use \"%s\": %s",
				options->tls_ca ? options->tls_ca : "the system's authorities",
				tls_reason());
	}
	return tls;
}

SSL_CTX *const *milter_tls_contexts(const struct milter_tls *tls)
{
	return tls->contexts;
}
