/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving up what a process does not need: root, capabilities, new privileges, the file system (Landlock), system calls (seccomp). Entered once,
 * after everything that needs more has been done; there is no way back.
 *
 * What the kernel does not have (an old Landlock, valgrind's ENOSYS) is left out and said in the log, once. Sanitizer builds
 * widen the system call list by what their reports need. Not being root is no error: then the user stays who it is.
 */
#pragma once

#include <stdbool.h>

enum sandbox_profile {
	SANDBOX_WORKER, /* sockets yes, files only below the named directories, no exec, no ptrace, no mounts, no modules */
	SANDBOX_KEEPER  /* no new sockets, files only below the named directories, no exec */
};

struct sandbox {
	enum sandbox_profile profile;
	const char *user;               /* to become when root; NULL: stay */
	const char *const *read_below;  /* NULL-ended; may be NULL */
	const char *const *write_below; /* NULL-ended; may be NULL */
};

/* False, after an error in the log, when a thing that was possible failed: then the process must not go on. */
bool sandbox_enter(const struct sandbox *sandbox) __attribute__((warn_unused_result));
