/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of milters.
 */
#pragma once

#include "base/settings.h"
#include "policy/options.h"

#include <sys/socket.h>

enum milter_tls_use { MILTER_TLS_OFF, MILTER_TLS_REQUIRED };

struct milter_options {
	const char *name;
	const char *socket;
	int on_failure; /* enum milter_failure */
	int tls;        /* enum milter_tls_use */
	const char *tls_ca;
	const char *tls_name;
	int64_t connect_timeout;
	int64_t command_timeout;
	int64_t message_timeout;
};

/* The section milter; ended by a row without name. */
extern const struct section plugins_sections[];

/* All sections milter, in their order, of what stands in the settings; the policy is told of them. Complains about what cannot be a socket, or cannot
 * be used for TLS. */
const struct milter_options **plugins_read(struct policy *policy, const struct settings *settings,
	size_t *count, struct complaints *complaints);
