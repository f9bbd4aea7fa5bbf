/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privileges: user and capabilities, then Landlock, then seccomp. */
#include "config.h"

#include "base/sandbox.h"

#include "base/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock's own numbers: Debian 12's header ends at ABI 2, the kernel below may know more. */
#define LANDLOCK_VERSION 1U
#define LANDLOCK_PATH_BENEATH 1
enum {
	CALL_CREATE_RULESET = 444,
	CALL_ADD_RULE = 445,
	CALL_RESTRICT_SELF = 446,
	ABI_NETWORK = 4,
	ABI_SCOPES = 6
};

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define NET_ALL (UINT64_C(3))   /* to bind and to connect TCP */
#define SCOPE_ALL (UINT64_C(3)) /* abstract sockets and signals of other domains */

/* The rights that exist, by ABI: each adds bits at the end. */
static const uint64_t fs_rights[] = {
	0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1};

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What the reports of ASan, UBSan and LeakSanitizer need: a tracer thread, the symbolizer, /proc. */
#ifdef SANITIZED
static const char *const widened[] = {"ptrace", "process_vm_readv", "clone", "clone3", "fork",
	"vfork", "execve", "execveat", NULL};
static const char *const widened_paths[] = {"/", NULL};
static const uint64_t widened_rights = FS_READ | FS_EXECUTE;
static const char *const widened_for_scanner[] = {"open", "openat", "readlink", "readlinkat",
	"newfstatat", "stat", "statx", "access", "getdents64", "ioctl", "pipe", "pipe2", "dup",
	"dup2", "dup3", "wait4", "kill", "prctl", "arch_prctl", "sched_getaffinity",
	"set_robust_list", "rseq", "prlimit64", "getrlimit", "getppid", "uname", "pread64",
	"socketpair", "shutdown", "mmap", "mprotect", NULL};
#else
static const char *const widened[] = {NULL};
static const char *const widened_paths[] = {NULL};
static const uint64_t widened_rights = FS_READ;
static const char *const widened_for_scanner[] = {NULL};
#endif

static bool failed(const char *what)
{
	log_event(LEVEL_ERROR, "sandbox_failed", "%s: %s", what, strerror(errno));
	return false;
}

/* --- user and capabilities --- */

static bool become(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	if (!entry) {
		log_event(LEVEL_ERROR, "sandbox_failed", "there is no user \"%s\"", user);
		return false;
	}
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id((int)entry->pw_uid, (int)entry->pw_gid,
		    CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return failed("cannot become another user");
	return true;
}

bool sandbox_become(const char *user)
{
	if (geteuid() == 0 && user) {
		if (!become(user))
			return false;
	} else {
		capng_clear(CAPNG_SELECT_BOTH);
		if (capng_apply(CAPNG_SELECT_CAPS) != 0)
			return failed("cannot give up capabilities");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed("cannot give up new privileges");
	return true;
}

/* --- Landlock --- */

static bool allow_path(int ruleset, const char *path, uint64_t rights, bool must_exist)
{
	struct path_rule rule = {.allowed = rights};
	int directory = open(path, O_PATH | O_CLOEXEC);

	if (directory < 0)
		return must_exist ? failed(path) : true;
	rule.parent = directory;
	long result = syscall(CALL_ADD_RULE, ruleset, LANDLOCK_PATH_BENEATH, &rule, 0);
	close(directory);
	return result == 0 || failed("cannot allow a path");
}

static bool allow_paths(int ruleset, const char *const *paths, uint64_t rights, bool must_exist)
{
	for (size_t i = 0; paths && paths[i]; i++) {
		if (!allow_path(ruleset, paths[i], rights, must_exist))
			return false;
	}
	return true;
}

static size_t ruleset_size(long abi)
{
	if (abi >= ABI_SCOPES)
		return sizeof(struct ruleset);
	return abi >= ABI_NETWORK ? offsetof(struct ruleset, scoped)
				  : offsetof(struct ruleset, net);
}

/* What programs of others need to start, and where they throw away what nobody wants. */
static bool allow_programs(int ruleset, const struct sandbox *sandbox)
{
	if (sandbox->profile != SANDBOX_PLUGIN)
		return true;
	return allow_path(ruleset, "/", FS_READ | FS_EXECUTE, true) &&
		allow_path(ruleset, "/dev/null", FS_READ_FILE | FS_WRITE_FILE, false);
}

static bool restrict_files(int ruleset, const struct sandbox *sandbox, uint64_t rights)
{
	uint64_t write = rights & ~(FS_EXECUTE | FS_IOCTL_DEV);

	return allow_programs(ruleset, sandbox) &&
		allow_paths(ruleset, sandbox->read_below, FS_READ, false) &&
		allow_paths(ruleset, sandbox->write_below, write, true) &&
		allow_paths(ruleset, widened_paths, widened_rights, false) &&
		(syscall(CALL_RESTRICT_SELF, ruleset, 0) == 0 || failed("Landlock"));
}

static bool has_network(const struct sandbox *sandbox)
{
	return sandbox->profile == SANDBOX_WORKER ||
		(sandbox->profile == SANDBOX_PLUGIN && sandbox->network);
}

static bool enter_landlock(const struct sandbox *sandbox)
{
	const long known = sizeof fs_rights / sizeof fs_rights[0] - 1;
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);

	if (abi <= 0) {
		log_event(LEVEL_WARNING, "sandbox_reduced",
			"this kernel has no Landlock: file permissions alone guard the files");
		return true;
	}
	struct ruleset rules = {
		.fs = fs_rights[abi > known ? known : abi],
		.net = has_network(sandbox) ? 0 : NET_ALL,
		.scoped = SCOPE_ALL,
	};
	int ruleset = (int)syscall(CALL_CREATE_RULESET, &rules, ruleset_size(abi), 0);
	if (ruleset < 0)
		return failed("Landlock");
	bool entered = restrict_files(ruleset, sandbox, rules.fs);
	close(ruleset);
	return entered;
}

/* --- seccomp --- */

/* No process that deals with strangers needs any of these. */
static const char *const denied[] = {"ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "kcmp", "mount", "umount", "umount2", "pivot_root",
	"chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "setns", "unshare", "init_module", "finit_module", "delete_module",
	"kexec_load", "kexec_file_load", "bpf", "perf_event_open", "userfaultfd", "keyctl",
	"add_key", "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"name_to_handle_at", "open_by_handle_at", "fanotify_init", "quotactl", "quotactl_fd",
	"acct", "reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "clock_adjtime",
	"adjtimex", "stime", "sethostname", "setdomainname", "iopl", "ioperm", "modify_ldt",
	"personality", "lookup_dcookie", "syslog", "uselib", "vhangup", "migrate_pages",
	"move_pages", "mbind", "set_mempolicy", "mknod", "mknodat", NULL};

/* Nor those of ours these. */
static const char *const denied_to_ours[] = {"execve", "execveat", "fork", "vfork", "chmod",
	"fchmodat", "chown", "lchown", "fchownat", "listen", NULL};

static const char *const denied_to_keeper[] = {
	"socket", "socketpair", "connect", "bind", "accept", "accept4", NULL};

/* Computing, memory, time, and what its open descriptors need. */
static const char *const allowed_to_scanner[] = {"read", "write", "readv", "writev", "recvmsg",
	"sendmsg", "recvfrom", "sendto", "close", "fstat", "lseek", "fcntl", "poll", "ppoll",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "brk", "munmap", "mremap",
	"madvise", "futex", "clock_gettime", "gettimeofday", "time", "clock_nanosleep", "setitimer",
	"getitimer", "getrandom", "getpid", "gettid", "getuid", "geteuid", "tgkill", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigaltstack", "sched_yield", "restart_syscall", "exit",
	"exit_group", NULL};

static bool is_among(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* Names that this architecture or library does not know are skipped. */
static bool deny(scmp_filter_ctx filter, const char *const *names)
{
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number < 0 || is_among(*names, widened))
			continue;
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) != 0)
			return false;
	}
	return true;
}

/* Denies a call when its first argument compares so. */
static bool deny_when(
	scmp_filter_ctx filter, int number, enum scmp_compare how, uint64_t a, uint64_t b)
{
	const struct scmp_arg_cmp first = {.arg = 0, .op = how, .datum_a = a, .datum_b = b};

	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), number, 1, &first) == 0;
}

/* Sockets with a path; with a network those of the internet and netlink (the resolver asks for the interfaces): no others. */
static bool deny_socket_families(scmp_filter_ctx filter, bool network)
{
	const int number = SCMP_SYS(socket);

	if (!network)
		return deny_when(filter, number, SCMP_CMP_GT, AF_UNIX, 0);
	for (unsigned family = AF_INET + 1; family < AF_NETLINK; family++) {
		if (family != AF_INET6 && !deny_when(filter, number, SCMP_CMP_EQ, family, 0))
			return false;
	}
	return deny_when(filter, number, SCMP_CMP_GT, AF_NETLINK, 0);
}

/* Threads yes, processes no. clone3 hides its flags from a filter; libc falls back to clone when it is not there. */
static bool deny_processes(scmp_filter_ctx filter)
{
	if (is_among("clone", widened))
		return true;
	return deny_when(filter, SCMP_SYS(clone), SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0) &&
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool allow(scmp_filter_ctx filter, const char *const *names)
{
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0)
			return false;
	}
	return true;
}

/* Allows a call that gives memory its protection, the third argument, as long as it is none for code. */
static bool allow_data(scmp_filter_ctx filter, int number)
{
	const struct scmp_arg_cmp protection = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &protection) == 0;
}

static bool fill_closed_filter(scmp_filter_ctx filter)
{
	return allow(filter, allowed_to_scanner) && allow(filter, widened) &&
		allow(filter, widened_for_scanner) && allow_data(filter, SCMP_SYS(mmap)) &&
		allow_data(filter, SCMP_SYS(mprotect));
}

static bool fill_filter(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
	if (sandbox->profile == SANDBOX_SCANNER)
		return fill_closed_filter(filter);
	if (!deny(filter, denied))
		return false;
	if (sandbox->profile == SANDBOX_PLUGIN)
		return deny_socket_families(filter, sandbox->network);
	if (!deny(filter, denied_to_ours) || !deny_processes(filter))
		return false;
	return sandbox->profile == SANDBOX_KEEPER ? deny(filter, denied_to_keeper)
						  : deny_socket_families(filter, true);
}

static bool is_missing(int error)
{
	return error == -ENOSYS || error == -EINVAL || error == -EOPNOTSUPP;
}

static bool enter_seccomp(const struct sandbox *sandbox)
{
	scmp_filter_ctx filter = seccomp_init(
		sandbox->profile == SANDBOX_SCANNER ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);

	if (!filter || !fill_filter(filter, sandbox)) {
		seccomp_release(filter);
		errno = ENOMEM;
		return failed("seccomp filter");
	}
	int error = seccomp_load(filter);
	seccomp_release(filter);
	if (error == 0)
		return true;
	if (is_missing(error)) {
		log_event(LEVEL_WARNING, "sandbox_reduced", "this kernel has no seccomp filters");
		return true;
	}
	errno = -error;
	return failed("seccomp");
}

bool sandbox_enter(const struct sandbox *sandbox)
{
	return sandbox_become(sandbox->user) && enter_landlock(sandbox) && enter_seccomp(sandbox);
}

bool sandbox_seal_code(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], protection[5];
	uintptr_t begin, end;
	bool good = maps != NULL;

	while (good && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, protection) == 3 &&
			strncmp(protection, "rwx", 3) == 0)
			good = mprotect((void *)begin, end - begin, PROT_READ | PROT_EXEC) == 0;
	}
	if (maps)
		fclose(maps);
	return good || failed("cannot seal code");
}
