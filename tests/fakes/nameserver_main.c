/* SPDX-License-Identifier: Apache-2.0 */
/* nameserver PORT ZONE: the name server for tests as a program of its own, until it is killed. Port 0 is a free one; it says which. */
#include "tests/fakes/nameserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

static char *read_file(const void *parent, const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = talloc_strdup(parent, "");
	char chunk[4096];
	size_t size;

	while (in && (size = fread(chunk, 1, sizeof chunk - 1, in)) > 0) {
		chunk[size] = '\0';
		text = talloc_strdup_append_buffer(text, chunk);
	}
	if (in)
		fclose(in);
	return in ? text : NULL;
}

int main(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct loop *loop = loop_new(all);
	char *text = argc == 3 ? read_file(all, argv[2]) : NULL;

	if (!text) {
		fprintf(stderr, "usage: nameserver PORT ZONE\n");
		return 2;
	}
	struct zone *zone = zone_new(all);
	struct nameserver *nameserver = nameserver_new(loop, loop, zone, (uint16_t)atoi(argv[1]));
	const char *bad = nameserver ? zone_add(zone, text) : "no such port is free";
	if (bad) {
		fprintf(stderr, "nameserver: %s\n", bad);
		return 1;
	}
	printf("%u\n", nameserver_port(nameserver));
	fflush(stdout);
	loop_run(loop);
	return 0;
}
