/* SPDX-License-Identifier: Apache-2.0 */
/* postern-plugin-host NAME SOCKET OBJECT [ARGUMENT...]: the process of one plugin. It loads the object, finds in it what postern.conf(5) says a plugin
 * exports, and lets libmilter serve the socket. With an empty SOCKET it only tries whether that would go well, and prints what it found.
 * Whoever starts it has seen to user, sandbox and descriptors. */
#include <dlfcn.h>
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define DESCRIPTION "postern_plugin"
#define INIT "postern_plugin_init"

enum { PROGRAM, NAME, SOCKET, OBJECT, ARGUMENTS };

static bool is_of_our_version(int version)
{
	return SM_LM_VRS_MAJOR(version) == SM_LM_VRS_MAJOR(SMFI_VERSION) &&
		SM_LM_VRS_MINOR(version) == SM_LM_VRS_MINOR(SMFI_VERSION);
}

/* What it exports, looked at before libmilter does: another version may have a shorter one. */
static const struct smfiDesc *find_description(void *object, const char *path)
{
	const struct smfiDesc *description = dlsym(object, DESCRIPTION);

	if (!description) {
		fprintf(stderr, "%s is no plugin: it does not export struct smfiDesc %s\n", path,
			DESCRIPTION);
		return NULL;
	}
	if (!is_of_our_version(description->xxfi_version)) {
		fprintf(stderr,
			"%s: xxfi_version of its %s is not SMFI_VERSION: it was made for another "
			"libmilter\n",
			path, DESCRIPTION);
		return NULL;
	}
	if (description->xxfi_name && *description->xxfi_name)
		return description;
	fprintf(stderr, "%s: its %s has no xxfi_name\n", path, DESCRIPTION);
	return NULL;
}

/* Its first argument is what the configuration calls it. */
static bool begin(void *object, int count, char **arguments)
{
	int (*init)(int argc, char **argv) = (int (*)(int, char **))dlsym(object, INIT);
	int result;

	arguments[OBJECT] = arguments[NAME];
	result = init ? init(count - OBJECT, arguments + OBJECT) : 0;
	if (result != 0)
		fprintf(stderr, "it refuses to start: " INIT "() returned %d\n", result);
	return result == 0;
}

static int serve(const struct smfiDesc *description, char *socket)
{
	if (smfi_register(*description) == MI_FAILURE) {
		fprintf(stderr, "libmilter does not take its %s\n", DESCRIPTION);
		return EX_SOFTWARE;
	}
	if (!*socket) {
		printf("%s, for libmilter %d.%d\n", description->xxfi_name,
			SM_LM_VRS_MAJOR(description->xxfi_version),
			SM_LM_VRS_MINOR(description->xxfi_version));
		return EX_OK;
	}
	if (smfi_setconn(socket) == MI_FAILURE) {
		fprintf(stderr, "libmilter does not take the socket %s\n", socket);
		return EX_UNAVAILABLE;
	}
	return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

int main(int count, char **arguments)
{
	const struct smfiDesc *description;
	void *object;

	if (count < ARGUMENTS) {
		fprintf(stderr, "usage: %s NAME SOCKET OBJECT [ARGUMENT...]\n",
			count ? arguments[PROGRAM] : "postern-plugin-host");
		return EX_USAGE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	object = dlopen(arguments[OBJECT], RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		fprintf(stderr, "it cannot be loaded: %s\n", dlerror());
		return EX_NOINPUT;
	}
	description = find_description(object, arguments[OBJECT]);
	if (!description || !begin(object, count, arguments))
		return EX_CONFIG;
	return serve(description, arguments[SOCKET]);
}
