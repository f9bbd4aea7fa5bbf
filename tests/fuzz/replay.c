/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a fuzz harness that is built without a fuzzer: runs it once over every file of the directories given. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define FILE_SIZE_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *name)
{
	fprintf(stderr, "%s: %s\n", name, strerror(errno));
	exit(EXIT_FAILURE);
}

static void replay_file(const char *name)
{
	FILE *in = fopen(name, "re");
	uint8_t *data, *exact;
	size_t size;

	if (!in)
		fail(name);
	data = talloc_array(NULL, uint8_t, FILE_SIZE_MAX);
	size = fread(data, 1, FILE_SIZE_MAX, in);
	if (ferror(in))
		fail(name);
	fclose(in);
	/* Just as large as the input, so that sanitizers and valgrind see each byte read beyond it. */
	exact = malloc(size ? size : 1);
	memcpy(exact, data, size);
	talloc_free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static unsigned replay_directory(const char *name)
{
	DIR *directory = opendir(name);
	unsigned count = 0;

	if (!directory)
		fail(name);
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = talloc_asprintf(NULL, "%s/%s", name, entry->d_name);
		replay_file(path);
		talloc_free(path);
		count++;
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += replay_directory(argv[i]);
	printf("%s: %u inputs replayed\n", argv[0], count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
