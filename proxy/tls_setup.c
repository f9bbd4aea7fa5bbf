/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to TLS contexts, with complaints. */
#include "proxy/tls_setup.h"

#include "proxy/configuration.h"
#include "proxy/credential.h"
#include "proxy/file_watch.h"
#include "proxy/tls.h"
#include "proxy/tls_client.h"
#include "proxy/tls_server.h"

#include <talloc.h>

struct reading {
	struct tls_setup *setup;
	const struct configuration *configuration;
	struct complaints *complaints;
	struct credential **credentials; /* talloc array */
};

static struct place place_of(const struct reading *reading, const void *section, const char *option)
{
	return settings_place(reading->configuration->settings, section, option);
}

/* --- certificates and keys --- */

static void note_age(
	const struct reading *reading, const struct credential *credential, const char *file)
{
	static const char *const texts[] = {
		[CREDENTIAL_EXPIRED] = "has expired: clients that look at it will not send",
		[CREDENTIAL_NOT_YET_VALID] = "is not valid yet: is the clock right?"};
	const char *text = texts[credential_age(credential)];

	if (text) {
		complaint_warning(reading->complaints,
			place_of(reading, reading->configuration->tls, "certificate"), "\"%s\" %s",
			file, text);
	}
}

static void load_credential(struct reading *reading, const char *certificate, const char *key)
{
	const struct tls_options *tls = reading->configuration->tls;
	size_t count = talloc_array_length(reading->credentials);
	enum credential_fault fault;
	const char *reason;

	file_watch_add(reading->setup->files, certificate);
	file_watch_add(reading->setup->files, key);
	struct credential *credential =
		credential_load(reading->setup, certificate, key, &fault, &reason);
	if (!credential) {
		bool of_key = fault == CREDENTIAL_BAD_KEY;
		complaint_error(reading->complaints,
			place_of(reading, tls, of_key ? "key" : "certificate"),
			"cannot use \"%s\": %s", of_key ? key : certificate, reason);
		return;
	}
	note_age(reading, credential, certificate);
	reading->credentials = talloc_realloc(
		reading->setup, reading->credentials, struct credential *, count + 1);
	reading->credentials[count] = credential;
}

static void load_credentials(struct reading *reading)
{
	const struct tls_options *tls = reading->configuration->tls;
	size_t certificates = tls->certificate.count, keys = tls->key.count;

	if (certificates != keys) {
		complaint_error(reading->complaints,
			place_of(reading, tls, keys > certificates ? "key" : "certificate"),
			certificates == 0   ? "a key without a certificate"
				: keys == 0 ? "a certificate without a key"
					    : "there must be one key for each certificate, in the "
					      "same order");
		return;
	}
	if (certificates > TLS_SERVER_CREDENTIALS_MOST) {
		complaint_error(reading->complaints, place_of(reading, tls, "certificate"),
			"at most %d certificates", TLS_SERVER_CREDENTIALS_MOST);
		return;
	}
	for (size_t i = 0; i < certificates; i++)
		load_credential(reading, tls->certificate.items[i], tls->key.items[i]);
}

/* --- listeners --- */

/* Nothing to serve with. Complained of only where it was not complained of before. */
static void complain_of_listener(const struct reading *reading, const struct listen_options *listen)
{
	bool needed = listen->tls == LISTEN_TLS_REQUIRED || listen->tls == LISTEN_TLS_IMPLICIT;

	if (needed && reading->configuration->tls->certificate.count == 0) {
		complaint_error(reading->complaints, place_of(reading, listen, "tls"),
			"this needs a certificate: set tls.certificate and tls.key");
	}
}

static struct tls_server *server_for(
	const struct reading *reading, const struct listen_options *listen)
{
	size_t count = talloc_array_length(reading->credentials);

	if (listen->tls == LISTEN_TLS_OFF)
		return NULL;
	if (count == 0) {
		complain_of_listener(reading, listen);
		return NULL;
	}
	struct tls_server *server = tls_server_new(
		reading->setup, (const struct credential *const *)reading->credentials, count);
	if (listen->client_certificate == CLIENT_CERTIFICATE_OFF)
		return server;
	file_watch_add(reading->setup->files, listen->client_ca);
	if (!tls_server_ask(server, listen->client_ca)) {
		complaint_error(reading->complaints, place_of(reading, listen, "client_ca"),
			"cannot use \"%s\": %s", listen->client_ca, tls_reason());
	}
	return server;
}

/* --- backends --- */

/* Whom to trust is said, and nobody is asked. */
static void note_unused(const struct reading *reading, const struct backend_options *backend)
{
	const char *unused = backend->tls_fingerprint.count ? "tls_fingerprint"
		: backend->tls_ca                           ? "tls_ca"
							    : NULL;

	if (unused && backend->tls != BACKEND_TLS_REQUIRED) {
		complaint_warning(reading->complaints, place_of(reading, backend, unused),
			"no certificate is verified unless tls = \"required\"");
	}
}

static struct tls_client *client_for(
	const struct reading *reading, const struct backend_options *backend)
{
	const char *option, *reason;

	note_unused(reading, backend);
	if (backend->tls == BACKEND_TLS_OFF)
		return NULL;
	if (backend->tls == BACKEND_TLS_REQUIRED)
		file_watch_add(reading->setup->files, backend->tls_ca);
	struct tls_client *client = tls_client_new(reading->setup, backend, &option, &reason);
	if (!client)
		complaint_error(
			reading->complaints, place_of(reading, backend, option), "%s", reason);
	return client;
}

/* --- all together --- */

struct tls_setup *tls_setup_new(const void *parent, const struct configuration *configuration,
	struct complaints *complaints)
{
	struct tls_setup *setup = talloc_zero(parent, struct tls_setup);
	struct reading reading = {
		setup, configuration, complaints, talloc_array(setup, struct credential *, 0)};

	setup->files = file_watch_new(setup);
	setup->servers = talloc_zero_array(setup, struct tls_server *, configuration->listen_count);
	setup->clients =
		talloc_zero_array(setup, struct tls_client *, configuration->backend_count);
	load_credentials(&reading);
	for (size_t i = 0; i < configuration->listen_count; i++)
		setup->servers[i] = server_for(&reading, configuration->listens[i]);
	for (size_t i = 0; i < configuration->backend_count; i++)
		setup->clients[i] = client_for(&reading, configuration->backends[i]);
	return setup;
}

void tls_setup_use_tickets(const struct tls_setup *setup, const struct configuration *configuration,
	const struct tls_tickets *tickets)
{
	for (size_t i = 0; i < configuration->listen_count; i++) {
		if (setup->servers[i])
			tls_server_use_tickets(setup->servers[i], tickets);
	}
}
