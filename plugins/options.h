/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of milters and of plugins, which to a worker are milters with a socket of the gateway's own.
 */
#pragma once

#include "base/settings.h"
#include "policy/options.h"

#include <sys/socket.h>

enum milter_tls_use { MILTER_TLS_OFF, MILTER_TLS_REQUIRED };

struct milter_options {
	const char *name;
	const char *socket;   /* of a plugin without one: what stands for it in the log */
	const char *entrance; /* then: the path to connect to; NULL: it has not been opened */
	int on_failure;       /* enum milter_failure */
	int tls;              /* enum milter_tls_use */
	const char *tls_ca;
	const char *tls_name;
	int64_t connect_timeout;
	int64_t command_timeout;
	int64_t message_timeout;
};

struct plugin_options {
	struct milter_options milter;
	const char *path; /* an object that the host loads */
	const char *exec; /* or a program */
	struct texts arguments;
	const char *user;
	bool sandbox;
	bool network;
	struct texts writable;
	bool has_socket; /* the program makes milter.socket itself */
};

/* What stands in the settings. */
struct plugins {
	const struct milter_options *
		*milters; /* those of plugins among them, in the order of the file */
	size_t milter_count;
	struct plugin_options **plugins;
	size_t plugin_count;
};

/* The sections milter and plugin; ended by a row without name. */
extern const struct section plugins_sections[];

/* All sections milter and plugin; the policy is told of them. Complains about what cannot be a socket, or cannot be used for TLS, and about what cannot
 * be started. */
const struct plugins *plugins_read(
	struct policy *policy, const struct settings *settings, struct complaints *complaints);
