/* SPDX-License-Identifier: Apache-2.0
 *
 * What does not fit together in a configuration (configuration.h), or on this machine: names that nothing has, two of one address, what an
 * option needs besides, users and folders that are not there. Bounds of single options are told in the option tables. Each finding is a
 * complaint about its place in the file; nothing is changed.
 */
#pragma once

#include "proxy/configuration.h"

/* A configuration whose sections have been joined. */
struct reading {
	const struct configuration *configuration;
	const struct settings *settings;
	struct complaints *complaints;
	const char *file;
};

/* The ways of mail: listeners, backends, routes, the socket of a milter. */
void coherence_check_ways(const struct reading *reading);

/* What processes need: their user, sockets, folders, servers they ask. */
void coherence_check_processes(const struct reading *reading);

/* That there is somebody to serve, and somewhere to go with mail. */
void coherence_try(const struct configuration *configuration, struct complaints *complaints);
