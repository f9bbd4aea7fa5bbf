/* SPDX-License-Identifier: Apache-2.0 */
/* A line a rule: its name, what tells its text from others, and since when. */
#include "proxy/rule_ages.h"

#include "base/file.h"
#include "base/log.h"
#include "policy/breaker.h"
#include "policy/rulebook.h"
#include "proxy/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <talloc.h>
#include <unistd.h>

#define FILE_MOST (16UL * 1024 * 1024)
#define NAME_MOST 128 /* beyond it a name is none of ours */

struct age {
	const char *name;
	uint64_t text;
	uint64_t changed;
};

struct rule_ages {
	const char *path; /* that was read; NULL: none */
	struct age *items;
	size_t count;
};

struct rule_ages *rule_ages_new(const void *parent)
{
	return talloc_zero(parent, struct rule_ages);
}

/* Mostly they stand in the order of the rules: near is where it is looked for first. */
static const struct age *age_of(const struct rule_ages *ages, const char *name, size_t near)
{
	for (size_t i = 0; i < ages->count; i++) {
		const struct age *age = &ages->items[(near + i) % ages->count];
		if (strcmp(age->name, name) == 0)
			return age;
	}
	return NULL;
}

static void add(struct rule_ages *ages, const struct age *age)
{
	size_t room = talloc_array_length(ages->items);

	if (ages->count == room)
		ages->items = talloc_realloc(ages, ages->items, struct age, room ? 2 * room : 16);
	ages->items[ages->count] = *age;
	ages->items[ages->count++].name = talloc_strdup(ages->items, age->name);
}

/* --- the file --- */

static void warn(const char *path, const char *why)
{
	log_event(LEVEL_WARNING, "rule_ages", "%s: %s", path, why);
}

static bool take_line(struct rule_ages *ages, struct slice line)
{
	char name[NAME_MOST + 1], text[2 * NAME_MOST];
	struct age age = {.name = name};

	if (line.size >= sizeof text)
		return false;
	memcpy(text, line.data, line.size);
	text[line.size] = '\0';
	if (sscanf(text, "%128s %" SCNx64 " %" SCNu64, name, &age.text, &age.changed) != 3)
		return false;
	add(ages, &age);
	return true;
}

/* Its folder is not the master's own: whatever lies there is only believed to be lines. */
static void read_file(struct rule_ages *ages)
{
	struct slice text;
	const char *why;
	bool good = true;

	if (access(ages->path, F_OK) != 0)
		return;
	why = file_read(ages, ages->path, FILE_MOST, &text);
	if (why) {
		warn(ages->path, why);
		return;
	}
	while (good && text.size)
		good = take_line(ages, slice_cut(&text, '\n'));
	if (!good)
		warn(ages->path, "has a line that is none of ours: what follows is not read");
}

static bool write_lines(const struct rule_ages *ages, int descriptor)
{
	FILE *out = fdopen(descriptor, "w");

	if (!out)
		return false;
	for (size_t i = 0; i < ages->count; i++)
		fprintf(out, "%s %" PRIx64 " %" PRIu64 "\n", ages->items[i].name,
			ages->items[i].text, ages->items[i].changed);
	bool good = !ferror(out) && fflush(out) == 0 && fsync(descriptor) == 0;
	return fclose(out) == 0 && good;
}

static void write_file(const struct rule_ages *ages)
{
	char *draft = talloc_asprintf(NULL, "%s.new", ages->path);
	int descriptor;
	bool good;

	unlink(draft);
	descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	good = descriptor >= 0 && write_lines(ages, descriptor) && rename(draft, ages->path) == 0;
	if (!good)
		warn(draft, strerror(errno));
	talloc_free(draft);
}

/* --- using it --- */

static void choose_file(struct rule_ages *ages, const char *store)
{
	char *path = store ? talloc_asprintf(ages, "%s/rule-ages", store) : NULL;
	bool is_same = path && ages->path && strcmp(path, ages->path) == 0;

	if (is_same || !path)
		return;
	ages->path = path;
	if (!ages->count)
		read_file(ages);
}

static uint64_t since(
	const struct rule_ages *ages, const struct age *now_is, size_t near, uint64_t seconds)
{
	const struct age *was = age_of(ages, now_is->name, near);
	bool is_same = was && was->text == now_is->text && was->changed <= seconds;

	return is_same ? was->changed : seconds;
}

void rule_ages_use(
	struct rule_ages *ages, const struct configuration *configuration, uint64_t seconds)
{
	const struct rulebook *rulebook = configuration->policy->rulebook;
	struct rule_ages *next = rule_ages_new(NULL);

	choose_file(ages, configuration->store->path);
	for (size_t i = 0; rulebook && i < rulebook->program->rule_count; i++) {
		struct age age = {.name = rulebook->program->rules[i]->name,
			.text = breaker_text(rulebook->breaker, i)};
		age.changed = since(ages, &age, i, seconds);
		breaker_set_changed(rulebook->breaker, i, age.changed);
		add(next, &age);
	}
	talloc_free(ages->items);
	ages->items = talloc_steal(ages, next->items);
	ages->count = next->count;
	talloc_free(next);
	if (ages->path)
		write_file(ages);
}
