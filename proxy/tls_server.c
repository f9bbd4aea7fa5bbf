/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards clients: RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 5077 and RFC 8446 §4.6.1 (tickets). */
#include "proxy/tls_server.h"

#include "base/slice.h"
#include "proxy/credential.h"
#include "proxy/tls.h"
#include "proxy/tls_tickets.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#define CHAIN_BYTES_MOST 32768 /* of a client's certificates: a session keeps them */
#define CHAIN_DEPTH_MOST 8

/* The certificates for some names. */
struct suite {
	uint64_t members; /* a bit for each credential */
	SSL_CTX *context;
};

struct host {
	const char *name;
	SSL_CTX *context;
};

struct tls_server {
	const struct credential *const *credentials;
	size_t credential_count;
	struct suite *suites; /* talloc array; the first is for those who name nobody */
	struct host *hosts;   /* talloc array */
};

/* --- what a client asks for --- */

static SSL_CTX *find_host(const struct tls_server *server, const char *name)
{
	const char *rest = strchr(name, '.');
	SSL_CTX *wild = NULL;

	for (size_t i = 0; i < talloc_array_length(server->hosts); i++) {
		const struct host *host = &server->hosts[i];

		if (strcasecmp(host->name, name) == 0)
			return host->context;
		if (rest && rest != name && strncmp(host->name, "*.", 2) == 0 &&
			strcasecmp(host->name + 1, rest) == 0)
			wild = host->context;
	}
	return wild;
}

static int on_name(SSL *ssl, int *alert, void *owner)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *context = name ? find_host(owner, name) : NULL;

	(void)alert;
	if (!context)
		return SSL_TLSEXT_ERR_NOACK;
	if (context != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, context);
	return SSL_TLSEXT_ERR_OK;
}

static int on_protocols(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
	const unsigned char *offered, unsigned size, void *owner)
{
	static const unsigned char ours[] = "\4smtp";

	(void)ssl;
	(void)owner;
	for (unsigned i = 0; i < size; i += 1U + offered[i]) {
		if (i + 5 <= size && memcmp(offered + i, ours, 5) == 0) {
			*chosen = ours + 1;
			*chosen_size = 4;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* --- contexts --- */

static SSL_CTX *context_new(struct tls_server *server, uint64_t members)
{
	SSL_CTX *context = tls_context_new(server, TLS_SERVER);

	for (size_t i = 0; i < server->credential_count; i++) {
		const struct credential *credential = server->credentials[i];

		if (!(members & UINT64_C(1) << i))
			continue;
		int good = SSL_CTX_use_cert_and_key(
			context, credential->certificate, credential->key, credential->chain, 1);
		assert(good == 1); /* the key was compared with the certificate */
	}
	SSL_CTX_set_tlsext_servername_callback(context, on_name);
	SSL_CTX_set_tlsext_servername_arg(context, server);
	SSL_CTX_set_alpn_select_cb(context, on_protocols, server);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"postern", 7);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_timeout(context, TLS_TICKETS_SECONDS);
	return context;
}

static SSL_CTX *context_for(struct tls_server *server, uint64_t members)
{
	size_t count = talloc_array_length(server->suites);

	for (size_t i = 0; i < count; i++) {
		if (server->suites[i].members == members)
			return server->suites[i].context;
	}
	server->suites = talloc_realloc(server, server->suites, struct suite, count + 1);
	server->suites[count] = (struct suite){members, context_new(server, members)};
	return server->suites[count].context;
}

/* --- who serves what --- */

static bool has_kind(const struct tls_server *server, uint64_t members, size_t index)
{
	for (size_t i = 0; i < server->credential_count; i++) {
		if (members & UINT64_C(1) << i &&
			credential_has_same_kind(
				server->credentials[i], server->credentials[index]))
			return true;
	}
	return false;
}

static uint64_t add_members(const struct tls_server *server, uint64_t members, const char *name,
	bool (*is_for)(const struct credential *credential, const char *name))
{
	for (size_t i = 0; i < server->credential_count; i++) {
		if (is_for(server->credentials[i], name) && !has_kind(server, members, i))
			members |= UINT64_C(1) << i;
	}
	return members;
}

/* Of each kind of key the first that has the name, else the first whose wildcard stands for it. */
static uint64_t members_for(const struct tls_server *server, const char *name)
{
	uint64_t members = add_members(server, 0, name, credential_has_name);

	return add_members(server, members, name, credential_covers);
}

static bool has_host(const struct tls_server *server, const char *name)
{
	for (size_t i = 0; i < talloc_array_length(server->hosts); i++) {
		if (strcasecmp(server->hosts[i].name, name) == 0)
			return true;
	}
	return false;
}

static void add_hosts(struct tls_server *server, const struct credential *credential)
{
	for (size_t i = 0; i < credential->name_count; i++) {
		const char *name = credential->names[i];
		size_t count = talloc_array_length(server->hosts);

		if (has_host(server, name))
			continue;
		SSL_CTX *context = context_for(server, members_for(server, name));
		server->hosts = talloc_realloc(server, server->hosts, struct host, count + 1);
		server->hosts[count] = (struct host){name, context};
	}
}

struct tls_server *tls_server_new(
	const void *parent, const struct credential *const *credentials, size_t count)
{
	struct tls_server *server = talloc_zero(parent, struct tls_server);
	const struct credential *first = credentials[0];

	assert(count > 0 && count <= TLS_SERVER_CREDENTIALS_MOST);
	server->credentials =
		talloc_memdup(server, credentials, count * sizeof(const struct credential *));
	server->credential_count = count;
	server->suites = talloc_array(server, struct suite, 0);
	server->hosts = talloc_array(server, struct host, 0);
	context_for(server, first->name_count ? members_for(server, first->names[0]) : 1);
	for (size_t i = 0; i < count; i++)
		add_hosts(server, credentials[i]);
	return server;
}

SSL_CTX *tls_server_context(const struct tls_server *server)
{
	return server->suites[0].context;
}

void tls_server_use_tickets(struct tls_server *server, const struct tls_tickets *tickets)
{
	for (size_t i = 0; i < talloc_array_length(server->suites); i++)
		tls_tickets_serve(tickets, server->suites[i].context);
}

/* --- certificates of clients --- */

/* Whatever is wrong with it: the facts say so, and rules decide. */
static int take_any(int good, X509_STORE_CTX *verifying)
{
	(void)good;
	(void)verifying;
	return 1;
}

/* A session may be resumed only where the same was asked, and judged by the same authorities. */
static void ask(
	SSL_CTX *context, const char *authorities, X509_STORE *store, STACK_OF(X509_NAME) * names)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH_MOST);
	SSL_CTX_set_max_cert_list(context, CHAIN_BYTES_MOST);
	if (store) {
		SSL_CTX_set1_verify_cert_store(context, store);
		SSL_CTX_set_client_CA_list(context, SSL_dup_CA_list(names));
	}
	EVP_Digest(authorities, strlen(authorities), digest, &size, EVP_sha256(), NULL);
	SSL_CTX_set_session_id_context(context, digest, SSL_MAX_SID_CTX_LENGTH);
}

/* The fingerprints of all authorities, as one text. */
static char *describe(const void *parent, X509_STORE *store)
{
	char *text = talloc_strdup(parent, "ask");
	STACK_OF(X509) *all = store ? X509_STORE_get1_all_certs(store) : NULL;
	char fingerprint[CREDENTIAL_FINGERPRINT_SIZE];

	for (int i = 0; i < sk_X509_num(all); i++) {
		text = talloc_asprintf_append(
			text, " %s", credential_fingerprint(sk_X509_value(all, i), fingerprint));
	}
	sk_X509_pop_free(all, X509_free);
	return text;
}

bool tls_server_ask(struct tls_server *server, const char *authorities)
{
	X509_STORE *store = authorities ? tls_store_new(server, authorities) : NULL;

	if (authorities && !store)
		return false;
	STACK_OF(X509_NAME) *names = authorities ? SSL_load_client_CA_file(authorities) : NULL;
	char *description = describe(server, store);
	for (size_t i = 0; i < talloc_array_length(server->suites); i++)
		ask(server->suites[i].context, description, store, names);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	talloc_free(description);
	return true;
}
