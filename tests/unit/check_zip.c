/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP files, well-formed and otherwise. */
#include "containers.h"

#include "policy/content/zip.h"

#include <stdlib.h>

#define MOST 4

static const struct {
	struct zip_row rows[MOST];
	const char *findings;
	const char *names; /* of all members, other names behind a bar */
} cases[] = {
	{{{"a.txt", NULL, "hello", 0, 0, 0, NULL, 0},
		 {"b.txt", NULL, "hello hello hello", 8, 0, 0, NULL, 0}},
		"", "a.txt b.txt"},
	{{{"folder/", NULL, "", 0, 0, 0, NULL, 0}, {"folder/b.txt", NULL, "x", 8, 0, 0, NULL, 0}},
		"", "folder/b.txt"},
	{{{"good.txt", "evil.exe", "x", 0, 0, 0, NULL, 0}}, "names_differ", "good.txt|evil.exe"},
	{{{"a.txt", NULL, "x", 0, 0, 0, NULL, 0}, {NULL, "evil.exe", "y", 0, 0, 0, NULL, 0}},
		"hidden_entries", "a.txt evil.exe"},
	{{{NULL, "evil.exe", "y", 8, 0, 0, NULL, 0}, {"a.txt", NULL, "x", 0, 0, 0, NULL, 0}},
		"hidden_entries", "evil.exe a.txt"},
	{{{"a.txt", NULL, "x", 0, 1, 0, NULL, 0}}, "encrypted", "a.txt"},
	{{{"a.txt", NULL, "x", 99, 1, 0, NULL, 0}}, "encrypted", "a.txt"},
	{{{"a.txt", NULL, "x", 9, 0, 0, NULL, 0}}, "unsupported", "a.txt"},
	{{{"a.txt", NULL, "xyzw", 0, 0, 9, NULL, 0}}, "unsupported headers_differ", "a.txt a.txt"},
	{{{"../a.txt", NULL, "x", 0, 0, 0, NULL, 0}}, "bad_name", "../a.txt"},
	{{{"/etc/a", NULL, "x", 0, 0, 0, NULL, 0}}, "bad_name", "/etc/a"},
	{{{"C:a", NULL, "x", 0, 0, 0, NULL, 0}}, "bad_name", "C:a"},
	{{{"a\\b.txt", NULL, "x", 0, 0, 0, NULL, 0}}, "bad_name", "a/b.txt"},
	{{{"a\nb", NULL, "x", 0, 0, 0, NULL, 0}}, "bad_name", "a?b"},
	{{{"a\xe2\x80\xae"
	   "txt.exe",
		 NULL, "x", 0, 0, 0, NULL, 0}},
		"misleading_name",
		"a\xe2\x80\xae"
		"txt.exe"},
	{{{"caf\x82", NULL, "x", 0, 0, 0, NULL, 0}}, "", "caf\u00e9"},
	{{{"a.txt", NULL, "x", 0, 0, 0, NULL, 0}, {"A.TXT", NULL, "y", 0, 0, 0, NULL, 0}},
		"repeated_names", "a.txt A.TXT"},
	/* A Unicode path says another name; and the same one in another charset. */
	{{{"a.txt", NULL, "x", 0, 0, 0, "up\x0a\0\1....a.exe", 14}}, "names_differ", "a.txt|a.exe"},
	{{{"\x81.txt", NULL, "x", 0, 0, 0, "up\x0b\0\1....\xc3\xbc.txt", 15}}, "", "\u00fc.txt"},
};

static size_t rows_of(const struct zip_row *rows)
{
	size_t count = 0;

	while (count < MOST && rows[count].text)
		count++;
	return count;
}

static char *names_of(const struct unpacking *unpacking)
{
	char *text = talloc_strdup(unpacking, "");

	for (size_t i = 0; i < unpacking->out.count; i++) {
		const struct member *member = &unpacking->out.members[i];
		text = talloc_asprintf_append(text, "%s%s%s%s", i ? " " : "", member->name,
			member->other_name ? "|" : "",
			member->other_name ? member->other_name : "");
	}
	return text;
}

START_TEST(yields)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	zip_put(blob, cases[_i].rows, rows_of(cases[_i].rows), 0);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, cases[_i].findings);
	ck_assert_str_eq(names_of(unpacking), cases[_i].names);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

static const struct zip_row plain[] = {{"a.txt", NULL, "hello", 0, 0, 0, NULL, 0},
	{"b.txt", NULL, "hello hello hello", 8, 0, 0, NULL, 0}};
static const struct zip_row other[] = {{"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}};

START_TEST(reads_what_is_inside)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	zip_put(blob, plain, 2, 0);
	unpacking = unpacking_of(FILE_TYPE_ZIP, blob_slice(blob));
	ck_assert_slice(member_of(unpacking, "a.txt")->bytes, "hello");
	ck_assert_slice(member_of(unpacking, "b.txt")->bytes, "hello hello hello");
	ck_assert_uint_eq(member_of(unpacking, "b.txt")->size, 17);
	/* What is stored is not copied. */
	ck_assert_ptr_eq(member_of(unpacking, "a.txt")->bytes.data, blob->bytes + 35);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* Names of both, wherever the bytes were cut or put together. */
static void check_whole(struct blob *blob, const char *findings, const char *names)
{
	struct unpacking *unpacking =
		unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));

	ck_assert_findings(unpacking->out.findings, findings);
	ck_assert_str_eq(names_of(unpacking), names);
	talloc_free(unpacking);
	talloc_free(blob);
}

START_TEST(sees_what_is_around)
{
	struct blob *blob = blob_new(NULL);

	blob_text(blob, "before ");
	zip_put(blob, plain, 2, 7);
	check_whole(blob, "prefixed", "a.txt b.txt");
	blob = blob_new(NULL);
	zip_put(blob, plain, 2, 0);
	blob_text(blob, "behind");
	check_whole(blob, "trailing", "a.txt b.txt");
	/* One file behind the other; both with offsets of their own, and with those of the whole. */
	blob = blob_new(NULL);
	zip_put(blob, plain, 2, 0);
	zip_put(blob, other, 1, (uint32_t)blob->size);
	check_whole(blob, "concatenated", "a.txt b.txt evil.exe");
	blob = blob_new(NULL);
	zip_put(blob, other, 1, 0);
	zip_put(blob, plain, 2, 0);
	check_whole(blob, "concatenated", "evil.exe a.txt b.txt");
}
END_TEST

START_TEST(survives_a_missing_end)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	zip_put(blob, plain, 2, 0);
	for (size_t size = 0; size < blob->size; size++) {
		char *exact = talloc_memdup(blob, blob->bytes, size ? size : 1);
		unpacking = unpacking_of(FILE_TYPE_ZIP, slice_make(exact, size));
		ck_assert_uint_ne(unpacking->out.findings & FINDING_DAMAGED, 0);
		if (size >= 40)
			ck_assert_slice(member_of(unpacking, "a.txt")->bytes, "hello");
		talloc_free(unpacking);
		talloc_free(exact);
	}
	talloc_free(blob);
}
END_TEST

/* A name that no header has is no hidden entry where a stored zip is inside. */
START_TEST(leaves_nested_ones_alone)
{
	struct blob *inner = blob_new(NULL), *blob = blob_new(NULL);
	uint32_t start;
	struct zip_row row = {"inner.zip", NULL, "", 0, 0, 0, NULL, 0};
	struct slice text;

	zip_put(inner, plain, 2, 0);
	text = blob_slice(inner);
	zip_put_local(blob, &row);
	memcpy(blob->bytes + 18, &(uint32_t){(uint32_t)text.size}, 4);
	memcpy(blob->bytes + 22, &(uint32_t){(uint32_t)text.size}, 4);
	memcpy(blob->bytes + 14,
		&(uint32_t){(uint32_t)crc32_z(0, (const Bytef *)text.data, text.size)}, 4);
	blob_put(blob, text.data, text.size);
	start = (uint32_t)blob->size;
	zip_put_central(blob, &row, 0);
	memcpy(blob->bytes + start + 16, blob->bytes + 14, 12);
	zip_put_end(blob, start, 1);
	talloc_free(inner);
	check_whole(blob, "", "inner.zip");
}
END_TEST

/* Entries that share their bytes: what comes out is what the budget grants, however many there are. */
START_TEST(bounds_overlapping_entries)
{
	struct blob *blob = blob_new(NULL);
	char *zeros = talloc_array(blob, char, 1 << 20);
	struct zip_row row = {"a", NULL, zeros, 8, 0, 0, NULL, 0};
	struct unpacking *unpacking;
	uint32_t start;

	memset(zeros, 'a', (1 << 20) - 1);
	zeros[(1 << 20) - 1] = '\0';
	zip_put_local(blob, &row);
	start = (uint32_t)blob->size;
	for (int i = 0; i < 20; i++)
		zip_put_central(blob,
			&(struct zip_row){
				talloc_asprintf(blob, "%d", i), NULL, zeros, 8, 0, 0, NULL, 0},
			0);
	zip_put_end(blob, start, 20);
	unpacking = unpacking_of(FILE_TYPE_ZIP, blob_slice(blob));
	ck_assert_uint_eq(unpacking->out.count, 20);
	ck_assert_uint_ne(unpacking->out.findings & FINDING_OVERLAPPING, 0);
	ck_assert_uint_ne(unpacking->out.findings & FINDING_OVER_LIMITS, 0);
	ck_assert_uint_eq(unpacking->budget.bytes, 4 << 20);
	ck_assert_int_eq(unpacking->budget.hit, BUDGET_BYTES);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* A directory of very many entries: no more than may be. */
START_TEST(bounds_entries)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;
	struct blob *one = blob_new(blob);
	char *many;

	zip_put_central(one, &(struct zip_row){"a", NULL, "", 0, 0, 0, NULL, 0}, 0);
	many = talloc_array(blob, char, one->size * 60000);
	for (size_t i = 0; i < 60000; i++)
		memcpy(many + i * one->size, one->bytes, one->size);
	blob_put(blob, many, one->size * 60000);
	zip_put_end(blob, 0, 60000);
	unpacking = unpacking_of(FILE_TYPE_ZIP, blob_slice(blob));
	ck_assert_uint_le(unpacking->out.count, 1000);
	ck_assert_uint_ne(unpacking->out.findings & FINDING_OVER_LIMITS, 0);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

static const struct {
	const char *names[3];
	enum file_type type;
} kinds[] = {
	{{"a.txt"}, FILE_TYPE_ZIP},
	{{"META-INF/MANIFEST.MF"}, FILE_TYPE_JAR},
	{{"AndroidManifest.xml", "META-INF/MANIFEST.MF"}, FILE_TYPE_APK},
	{{"[Content_Types].xml", "word/document.xml"}, FILE_TYPE_DOCX},
	{{"[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"}, FILE_TYPE_DOCM},
	{{"[Content_Types].xml", "\\Word\\document.xml"}, FILE_TYPE_DOCX},
	{{"[Content_Types].xml", "xl/workbook.xml"}, FILE_TYPE_XLSX},
	{{"[Content_Types].xml", "xl/workbook.bin"}, FILE_TYPE_XLSB},
	{{"[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"}, FILE_TYPE_XLSM},
	{{"[Content_Types].xml", "ppt/presentation.xml"}, FILE_TYPE_PPTX},
	{{"[Content_Types].xml"}, FILE_TYPE_OOXML},
};

START_TEST(knows_its_kind)
{
	struct blob *blob = blob_new(NULL);
	struct zip_row rows[3];
	size_t count = 0;

	for (; count < 3 && kinds[_i].names[count]; count++)
		rows[count] = (struct zip_row){kinds[_i].names[count], NULL, "x", 0, 0, 0, NULL, 0};
	zip_put(blob, rows, count, 0);
	ck_assert_str_eq(
		file_type_names[file_type_of(blob_slice(blob))], file_type_names[kinds[_i].type]);
	talloc_free(blob);
}
END_TEST

/* Names in old code pages, some with bytes that look like a backslash or a bar: what they end in is told in any case. */
// NOLINTNEXTLINE(bugprone-suspicious-missing-comma)
static const char *const programs[] = {"\xdc"
				       "berweisung.exe",
	"\x9a"
	"berweisung.exe",
	"\x95\x5c.exe", "\x83\x5c\x83\x7c.exe", "\xa5\x5c\xa5\x7c.exe", "\xb8\xb6\xbf\xee.exe",
	"\x81\x2e\x94\x7e.exe", "\x8e\xe2\xa7\xa5\xe2.exe", "\xcf\xd4\xde\xc5\xd4.exe",
	"\xbc\xad\xb7\xf9.EXE", "\xe8\xa1\xa8.exe", "\xe8\xa1.exe", "\xff.exe. ", "a\xa0.exe"};

START_TEST(tells_programs_in_any_code_page)
{
	struct zip_row row = {programs[_i], NULL, "MZ", 0, 0, 0, NULL, 0};
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	zip_put(blob, &row, 1, 0);
	unpacking = unpacking_of(FILE_TYPE_ZIP, blob_slice(blob));
	ck_assert_uint_eq(unpacking->out.count, 1);
	ck_assert_msg(slice_equals_nocase(
			      file_type_extension(slice_of(unpacking->out.members[0].name)), "exe"),
		"%s", unpacking->out.members[0].name);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* One that ends at a NUL for some. */
START_TEST(tells_what_stands_before_a_nul)
{
	struct zip_row row = {"evil.exe_.txt", NULL, "MZ", 0, 0, 0, NULL, 0};
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	zip_put(blob, &row, 1, 0);
	for (size_t i = 0; i < blob->size; i++)
		blob->bytes[i] = blob->bytes[i] == '_' ? '\0' : blob->bytes[i];
	unpacking = unpacking_of(FILE_TYPE_ZIP, blob_slice(blob));
	ck_assert_str_eq(unpacking->out.members[0].other_name, "evil.exe");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zip");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
		all, tells_programs_in_any_code_page, 0, (int)(sizeof programs / sizeof *programs));
	tcase_add_test(all, tells_what_stands_before_a_nul);
	tcase_add_loop_test(all, yields, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_loop_test(all, knows_its_kind, 0, (int)(sizeof kinds / sizeof *kinds));
	tcase_add_test(all, reads_what_is_inside);
	tcase_add_test(all, sees_what_is_around);
	tcase_add_test(all, survives_a_missing_end);
	tcase_add_test(all, leaves_nested_ones_alone);
	tcase_add_test(all, bounds_overlapping_entries);
	tcase_add_test(all, bounds_entries);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
