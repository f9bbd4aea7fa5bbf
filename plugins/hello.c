/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest plugin that does something: it adds a field to each message, and refuses those with a certain word in their
 * subject. postern-plugins(7) tells what becomes of it. To make your own, copy this file and compile it:
 *
 *     cc -shared -fPIC -o hello.so hello.c
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *unwanted = "cheap"; /* written once, before the first session */

/* Called with what `arguments` says in the configuration, after what the plugin is called there. Anything but 0 refuses to start. */
int postern_plugin_init(int argc, char **argv);

int postern_plugin_init(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "I take one word at most\n");
		return 1;
	}
	if (argc == 2)
		unwanted = argv[1];
	return 0;
}

/* For each field of the header. A refusal needs a reply that fits it: 5 hundred for SMFIS_REJECT, 4 hundred for SMFIS_TEMPFAIL. */
static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	if (strcasecmp(name, "Subject") == 0 && strstr(value, unwanted)) {
		smfi_setreply(context, "550", "5.7.1", "not with that subject");
		return SMFIS_REJECT;
	}
	return SMFIS_CONTINUE;
}

/* The whole message is there: now it may be changed. */
static sfsistat on_end(SMFICTX *context)
{
	if (smfi_addheader(context, "X-Hello", "from a plugin") == MI_FAILURE)
		return SMFIS_TEMPFAIL;
	return SMFIS_CONTINUE;
}

/* What the host looks for: who we are, what we change, and what we want to be told of. */
struct smfiDesc postern_plugin = {
	.xxfi_name = "hello",
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS,
	.xxfi_header = on_header,
	.xxfi_eom = on_end,
};
