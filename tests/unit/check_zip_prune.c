/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP files without some of their members: what stays, byte for byte, and which files are left alone. */
#include "containers.h"

#include "policy/content/zip.h"
#include "policy/content/zip_prune.h"

#include <stdlib.h>

#define MOST 4
#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define NOTE "gone: evil.exe\r\n"

static struct blob *blob;

static void set_up(void)
{
	blob = blob_new(NULL);
}

static void tear_down(void)
{
	talloc_free(blob);
}

static size_t rows_of(const struct zip_row *rows)
{
	size_t count = 0;

	while (count < MOST && rows[count].text)
		count++;
	return count;
}

/* Where members of these names begin. */
static size_t places_of(struct slice bytes, const char *names, uint64_t places[static MOST])
{
	struct zip_directory *directory = zip_directory_read(blob, bytes, 100);
	size_t count = 0;

	for (size_t i = 0; i < directory->count; i++) {
		const char *wanted =
			talloc_asprintf(blob, " %.*s ", SLICE_ARGS(directory->entries[i].name));
		if (strstr(talloc_asprintf(blob, " %s ", names), wanted))
			places[count++] = directory->entries[i].offset;
	}
	return count;
}

static struct zip_prune *pruned(struct slice bytes, const char *names)
{
	uint64_t places[MOST];
	size_t count = places_of(bytes, names, places);

	return zip_prune_new(blob, bytes, places, count, slice_of(NOTE));
}

/* --- what stays --- */

static const struct {
	struct zip_row rows[MOST];
	const char *removed, *kept; /* with what is in them */
} cases[] = {
	{{{"a.txt", NULL, "hello", 0, 0, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"evil.exe", "a.txt=hello postern-removed.txt=" NOTE},
	{{{"evil.exe", NULL, "MZ", 8, 0, 0, NULL, 0},
		 {"a.txt", NULL, "hello hello hello", 8, 0, 0, NULL, 0}},
		"evil.exe", "a.txt=hello hello hello postern-removed.txt=" NOTE},
	{{{"a.txt", NULL, "1", 0, 0, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 8, 0, 0, NULL, 0},
		 {"b.txt", NULL, "2", 8, 0, 0, "\xfe\xca\1\0x", 5},
		 {"worse.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"evil.exe worse.exe", "a.txt=1 b.txt=2 postern-removed.txt=" NOTE},
	{{{"x/", NULL, "", 0, 0, 0, NULL, 0}, {"x/evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0},
		 {"x/a.txt", NULL, "1", 0, 0, 0, NULL, 0}},
		"x/evil.exe", "x/= x/a.txt=1 postern-removed.txt=" NOTE},
	{{{"postern-removed.txt", NULL, "mine", 0, 0, 0, NULL, 0},
		 {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0},
		 {"POSTERN-REMOVED-2.txt", NULL, "", 0, 0, 0, NULL, 0}},
		"evil.exe",
		"postern-removed.txt=mine POSTERN-REMOVED-2.txt= postern-removed-3.txt=" NOTE},
};

static char *contents(struct slice bytes)
{
	struct zip_directory *directory = zip_directory_read(blob, bytes, 100);
	struct budget budget;
	const struct budget_limits limits = {.bytes = 1000000, .entries = 100, .depth = 5};
	char *text = talloc_strdup(blob, "");
	uint64_t findings = 0;

	budget_begin(&budget, &limits, bytes.size, NULL, NULL);
	for (size_t i = 0; i < directory->count; i++) {
		const struct zip_entry *entry = &directory->entries[i];
		struct slice inside = zip_read(blob, entry, &budget, &findings);
		text = talloc_asprintf_append(text, "%s%.*s=%.*s", i ? " " : "",
			SLICE_ARGS(entry->name), SLICE_ARGS(inside));
	}
	ck_assert_findings(directory->findings | findings, "");
	return text;
}

START_TEST(leaves_the_others)
{
	struct zip_prune *prune;
	struct slice joined;

	zip_put(blob, cases[_i].rows, rows_of(cases[_i].rows), 0);
	prune = pruned(blob_slice(blob), cases[_i].removed);
	ck_assert_ptr_null(prune->reason);
	joined = zip_prune_join(blob, prune, blob_slice(blob));
	ck_assert_uint_eq(joined.size, prune->size);
	ck_assert_str_eq(contents(joined), cases[_i].kept);
	ck_assert_ptr_null(memmem(joined.data, joined.size, "MZ", 2));
}
END_TEST

START_TEST(keeps_the_comment_and_the_bytes_before)
{
	struct slice bytes, joined;

	zip_put(blob, cases[0].rows, 2, 0);
	blob->bytes[blob->size - 2] = 7;
	blob_text(blob, "comment");
	bytes = blob_slice(blob);
	joined = zip_prune_join(blob, pruned(bytes, "evil.exe"), bytes);
	ck_assert_mem_eq(joined.data, bytes.data, 30 + 5 + 5);
	ck_assert_mem_eq(joined.data + joined.size - 9, "\7\0comment", 9);
}
END_TEST

/* --- what is left alone --- */

static const struct {
	struct zip_row rows[MOST];
	const char *reason;
} refusals[] = {
	{{{"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}}, "nothing else is in it"},
	{{{"x/", NULL, "", 0, 0, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"nothing else is in it"},
	{{{"a.txt", "b.txt", "1", 0, 0, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"names_differ"},
	{{{"a.txt", NULL, "1", 0, 0, 0, NULL, 0}, {NULL, "evil.exe", "MZ", 0, 0, 0, NULL, 0}},
		"hidden_entries"},
	{{{"evil.exe", NULL, "1", 0, 0, 0, NULL, 0}, {"EVIL.EXE", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"repeated_names"},
	{{{"a.txt", NULL, "1", 0, 1, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"encrypted"},
	{{{"a.txt", NULL, "1", 12, 0, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"neither stored nor deflated"},
	/* A descriptor is announced, and none is there. */
	{{{"a.txt", NULL, "1", 0, 8, 0, NULL, 0}, {"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}},
		"bytes stand between"},
};

static void ck_assert_reason(const struct zip_prune *prune, const char *reason)
{
	ck_assert_ptr_nonnull(prune->reason);
	ck_assert_msg(strstr(prune->reason, reason), "%s", prune->reason);
	ck_assert_uint_eq(prune->count, 0);
}

START_TEST(leaves_alone)
{
	zip_put(blob, refusals[_i].rows, rows_of(refusals[_i].rows), 0);
	ck_assert_reason(pruned(blob_slice(blob), "evil.exe"), refusals[_i].reason);
}
END_TEST

START_TEST(leaves_alone_what_stands_around)
{
	uint64_t nowhere = 3;
	struct slice bytes;

	blob_text(blob, "prefix");
	zip_put(blob, cases[0].rows, 2, 0);
	ck_assert_reason(pruned(blob_slice(blob), "evil.exe"), "prefixed");
	blob->size = 0;
	zip_put(blob, cases[0].rows, 2, 0);
	bytes = blob_slice(blob);
	ck_assert_reason(
		zip_prune_new(blob, bytes, &nowhere, 1, slice_of(NOTE)), "not where it was");
	blob_text(blob, "suffix");
	ck_assert_reason(pruned(blob_slice(blob), "evil.exe"), "trailing");
	ck_assert_reason(pruned(slice_of("no ZIP file"), "evil.exe"), "damaged");
	ck_assert_reason(pruned(slice_of(""), "evil.exe"), "damaged");
}
END_TEST

/* Cut off anywhere, or with any byte changed, it is left alone or reads well without the member. */
START_TEST(survives_any_byte)
{
	struct slice bytes;
	char *copy;
	uint64_t places[MOST];

	zip_put(blob, cases[2].rows, 4, 0);
	bytes = blob_slice(blob);
	places_of(bytes, "evil.exe", places);
	copy = talloc_memdup(blob, bytes.data, bytes.size);
	for (size_t i = 0; i < 2 * bytes.size; i++) {
		struct slice changed =
			slice_make(copy, i < bytes.size ? bytes.size : i - bytes.size);
		struct zip_prune *prune;
		if (i < bytes.size)
			copy[i] ^= 0xff;
		prune = zip_prune_new(blob, changed, places, 1, slice_of(NOTE));
		if (!prune->reason) {
			struct slice joined = zip_prune_join(blob, prune, changed);
			struct zip_directory *directory = zip_directory_read(blob, joined, 100);
			ck_assert_findings(directory->findings, "");
			ck_assert_uint_eq(directory->count, 4);
		}
		talloc_free(prune);
		copy[i % bytes.size] = bytes.data[i % bytes.size];
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zip_prune");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, leaves_the_others, 0, COUNT(cases));
	tcase_add_test(all, keeps_the_comment_and_the_bytes_before);
	tcase_add_loop_test(all, leaves_alone, 0, COUNT(refusals));
	tcase_add_test(all, leaves_alone_what_stands_around);
	tcase_add_test(all, survives_any_byte);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
