/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration of a generation: all settings read and checked, the chain built from them. Made by the master (and by
 * `postern check`, `explain`), shared by the processes forked from it, never changed.
 */
#pragma once

#include "plugins/options.h"
#include "policy/chain.h"
#include "proxy/options.h"
#include "proxy/tls_setup.h"

struct configuration {
	const struct settings *settings;
	const struct policy *policy;
	const struct chain *chain;
	const struct listen_options **listens;
	size_t listen_count;
	const struct backend_options **backends;
	size_t backend_count;
	const struct route_options **routes;
	size_t route_count;
	const struct plugins *plugins;
	const struct milter_tls *milter_tls; /* TLS towards them */
	const struct tls_options *tls;
	const struct tls_setup *tls_setup; /* what became of all settings of TLS */
	const struct smtp_options *smtp;
	const struct process_options *process;
	const struct log_options *log;
	const struct control_options *control;
	const struct store_options *store;
	const struct dns_options *dns;
	const struct ldap_options *ldap;
	const struct as_milter_options *as_milter;
	const char *file;
	const char *socket; /* where mail servers find us as a milter; NULL: clients come by SMTP */
	const char *recipients_file;   /* where the list of recipients lies; NULL: there is none */
	struct file_watch *list_files; /* of lists of rules */
	const char *
		user; /* who workers and keeper become when the master is root; NULL when it is not */
};

/* Every table of every folder, NULL-ended: for reading and for the manual. */
extern const struct section *const configuration_sections[];

/* Reads, checks and joins. Never NULL, but good only if complaints has no error. Complaints about what does not fit together
 * (coherence.h) are made here: no listener, no backend, a listener or route that names something missing, a server that is no ADDRESS:PORT, a
 * certificate and the like that cannot be used (tls_setup.h), two listeners on one address, a user that does not exist. */
struct configuration *configuration_read(
	const void *parent, const char *file, struct complaints *complaints);
struct configuration *configuration_read_text(
	const void *parent, const char *file, const char *text, struct complaints *complaints);

/* The same for `postern milter`: the one listener is the socket ("unix:/path", "inet:ADDRESS:PORT" …), sections listen and route do not count, and
 * none of listen and backend need be there. NULL: as the first. */
struct configuration *configuration_read_for(
	const void *parent, const char *file, const char *socket, struct complaints *complaints);

/* What a start and a reload do besides: the tests in the rule files must not fail, and there must be somebody to serve. */
void configuration_try(const struct configuration *configuration, struct complaints *complaints);

/* TLS towards the clients of a listener; NULL: none. */
const struct tls_server *configuration_tls_server(
	const struct configuration *configuration, const struct listen_options *listen);

/* TLS towards the servers of a backend; NULL: none. */
const struct tls_client *configuration_tls_client(
	const struct configuration *configuration, const struct backend_options *backend);

/* In a process that shakes no hands: private keys are none of its business. */
void configuration_forget_keys(const struct configuration *configuration);

/* NULL when there is none of that name. */
const struct backend_options *configuration_backend_named(
	const struct configuration *configuration, const char *name);

/* The backend that a listener relays to, where no route (route.h) says otherwise. */
const struct backend_options *configuration_backend(
	const struct configuration *configuration, const struct listen_options *listen);
