/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that does what its first argument says: plain (it adds a field with its second argument), die (while it is loaded), refuse (to start), look (it
 * says whether it can write the file and connect to the port that its other arguments name, and who it is), flood (its output). In each, a subject of "crash" kills it at the end of the message, "hang" stops it there. -DVERSION, -DNAME and -DSYMBOL make objects
 * that are no plugins of ours. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION SMFI_VERSION
#endif
#ifndef NAME
#define NAME "odd"
#endif
#ifndef SYMBOL
#define SYMBOL postern_plugin
#endif

static char *mode = "plain", *first = "", *second = "";

static void tell(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static void try_to_connect(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);

	tell("connect",
		descriptor < 0 ? -1
			       : connect(descriptor, (struct sockaddr *)&address, sizeof address));
}

static void tell_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	printf("descriptors:");
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
			printf(" %s", entry->d_name);
	printf("\n");
	closedir(folder);
}

static void look_around(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "CapEff:", 7) == 0 ||
			strncmp(line, "NoNewPrivs:", 11) == 0)
			fputs(line, stdout);
	fclose(status);
	tell_descriptors();
	tell("read", open("/etc/passwd", O_RDONLY));
	tell("write", open(first, O_CREAT | O_WRONLY, 0600));
	try_to_connect(second);
}

int postern_plugin_init(int argc, char **argv)
{
	if (argc > 1)
		mode = argv[1];
	if (argc > 2)
		first = argv[2];
	if (argc > 3)
		second = argv[3];
	if (strcmp(mode, "die") == 0) {
		fprintf(stderr, "I am dying\nof");
		fprintf(stderr, " \"nothing\"");
		_exit(3);
	}
	if (strcmp(mode, "look") == 0)
		look_around();
	return strcmp(mode, "refuse") == 0 ? 7 : 0;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	if (strcmp(name, "Subject") == 0)
		smfi_setpriv(context,
			strcmp(value, "crash") == 0          ? "crash"
				: strcmp(value, "hang") == 0 ? "hang"
							     : NULL);
	return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *context)
{
	const char *what = smfi_getpriv(context);

	smfi_setpriv(context, NULL);
	if (what && strcmp(what, "crash") == 0)
		raise(SIGKILL);
	if (what)
		pause();
	for (int i = 0; strcmp(mode, "flood") == 0 && i < 100000; i++)
		printf("line %d\n", i);
	smfi_addheader(context, "X-Odd", first);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
	smfi_setpriv(context, NULL);
	return SMFIS_CONTINUE;
}

struct smfiDesc SYMBOL = {
	.xxfi_name = NAME,
	.xxfi_version = VERSION,
	.xxfi_flags = SMFIF_ADDHDRS,
	.xxfi_header = on_header,
	.xxfi_eom = on_end,
	.xxfi_close = on_close,
};
