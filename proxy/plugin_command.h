/* SPDX-License-Identifier: Apache-2.0
 *
 * What it takes to start a plugin, by itself: the configuration it comes from may be gone when the plugin has died and is started again. Its
 * digest tells whether two rows of the configuration mean the same process; what is in the digest is what only a new process can
 * heed, the state of the file among it, so that a reload takes a new object that lies in the place of the old.
 *
 * The child is a session of its own, with no more than four descriptors: nothing to read, its output twice, and as number 3 its socket. It becomes
 * its user without capabilities or new privileges, enters its sandbox, and dies with the master.
 */
#pragma once

#include "plugins/options.h"

#include <sys/types.h>

#define PLUGIN_COMMAND_DIGEST 33

struct plugin_command {
	const char *name;
	char **words; /* NULL-ended */
	const char *user;
	const char **writable; /* NULL-ended */
	const char *own_path;  /* of the socket that it makes itself; NULL: none with a path */
	bool is_object;        /* its host is started */
	bool is_given_socket;
	bool sandbox;
	bool network;
	char digest[PLUGIN_COMMAND_DIGEST];
};

/* user: who it runs as unless its options say otherwise; NULL: who we are. is_trial: the host is only to try whether the object can be loaded. */
struct plugin_command *plugin_command_new(
	const void *parent, const struct plugin_options *options, const char *user, bool is_trial);

/* Forks; the child is its own affair from then on. socket: -1 when it is given none. output: where it writes. -1, with errno, when it cannot be forked. */
pid_t plugin_command_start(const struct plugin_command *command, int socket, int output);
