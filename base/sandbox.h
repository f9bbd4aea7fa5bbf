/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving up what a process does not need: root, capabilities, new privileges, the file system (Landlock), system calls
 * (seccomp). Entered once, after everything that needs more has been done; there is no way back.
 *
 * Refused system calls fail with EPERM, they do not kill: a library that tries something odd in the middle of a mail gets an
 * error, and whoever broke in gets no further.
 *
 * What the kernel does not have (an old Landlock, valgrind's ENOSYS) is left out and said in the log, once. Sanitizer builds
 * widen the system call list by what their reports need. Not being root is no error: then the user stays who it is.
 *
 * Limits: Landlock says nothing about UDP (seccomp takes the sockets away where there should be none) nor about connecting
 * to a socket that has a path; there the file's mode counts.
 */
#pragma once

#include <stdbool.h>

enum sandbox_profile {
	SANDBOX_WORKER, /* sockets yes, but none that listen; files only below the named directories; no exec, fork,
			 * ptrace, mounts, modules */
	SANDBOX_KEEPER, /* as the worker, and no new sockets at all */
	SANDBOX_PLUGIN, /* programs of others: they may read and run what their user may, write only below the named directories and to
			 * /dev/null, have no sockets of the internet unless network is set, no ptrace, mounts, modules */
	SANDBOX_SCANNER /* only what takes to compute and to speak over descriptors that are open already; no code that
			 * was not there before */
};

struct sandbox {
	enum sandbox_profile profile;
	const char *user;               /* to become when root; NULL: stay */
	const char *const *read_below;  /* NULL-ended; may be NULL; what is not there is skipped */
	const char *const *write_below; /* NULL-ended; may be NULL; must be there */
	bool network;                   /* for SANDBOX_PLUGIN: sockets of the internet */
};

/* False, after an error in the log, when a thing that was possible failed: then the process must not go on. */
bool sandbox_enter(const struct sandbox *sandbox) __attribute__((warn_unused_result));

/* User, capabilities and new privileges alone, without walls: for programs of others that are to have none. */
bool sandbox_become(const char *user) __attribute__((warn_unused_result));

/* Before it: makes all memory that holds code, as that of compiled regexes, read-only. Nothing in it can be freed any more, nor
 * code be added. False after an error in the log. */
bool sandbox_seal_code(void) __attribute__((warn_unused_result));
