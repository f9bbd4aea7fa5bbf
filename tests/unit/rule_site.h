/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of what stands around rules: a folder with rule files, and a policy and a chain, without gates, that were read there.
 */
#pragma once

#include "judging.h"

#include "policy/rulebook.h"

#include <dirent.h>
#include <stdio.h>
#include <talloc.h>
#include <unistd.h>

struct rule_site {
	char *folder;
	struct complaints *complaints;
	struct policy *policy;
	struct chain *chain;
};

static inline int rule_site_remove(struct rule_site *site)
{
	DIR *folder = opendir(site->folder);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char *path = talloc_asprintf(NULL, "%s/%s", site->folder, entry->d_name);
		unlink(path);
		talloc_free(path);
	}
	if (folder)
		closedir(folder);
	rmdir(site->folder);
	return 0;
}

static inline struct rule_site *rule_site_new(const void *parent)
{
	struct rule_site *site = talloc_zero(parent, struct rule_site);

	site->folder = talloc_strdup(site, "/tmp/check-rules-XXXXXX");
	assert(mkdtemp(site->folder));
	talloc_set_destructor(site, rule_site_remove);
	return site;
}

/* A file of the folder; one of rules, *.txt apart, behind "version 1". */
static inline void rule_site_write(const struct rule_site *site, const char *name, const char *text)
{
	char *path = talloc_asprintf(NULL, "%s/%s", site->folder, name);
	FILE *out = fopen(path, "w");

	assert(out);
	fprintf(out, "%s%s\n", strstr(name, ".txt") ? "" : "version 1\n", text);
	fclose(out);
	talloc_free(path);
}

/* Reads the settings as those of a file in the folder; all complaints are kept. */
static inline void rule_site_read(struct rule_site *site, const char *settings)
{
	static const struct check *const no_gates[] = {NULL};
	char *file = talloc_asprintf(site, "%s/postern.conf", site->folder);

	site->complaints = complaints_new(site);
	site->policy = policy_new(site,
		settings_read_text(site, file, settings, judging_sections, site->complaints),
		site->complaints);
	rulebook_read(site->policy, file, site->complaints);
	rulebook_compile(site->policy, site->complaints);
	site->chain = chain_new(site, site->policy, no_gates, checks_table, NULL, site->complaints);
}

static inline void rule_site_is_good(const struct rule_site *site)
{
	ck_assert_msg(complaints_errors(site->complaints) == 0, "%s",
		complaints_text(site->complaints, site->complaints));
}
