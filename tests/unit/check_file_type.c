/* SPDX-License-Identifier: Apache-2.0 */
/* Types of files by signature, by text, by name. */
#include "policy/content/extension.h"
#include "policy/content/file_type.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define PIECE(text) text, sizeof(text) - 1

/* Bytes at a place, zeros before and behind them. */
static const struct {
	size_t offset;
	const char *bytes;
	size_t size;
	size_t total;
	enum file_type type;
} files[] = {
	{0, PIECE(""), 0, FILE_TYPE_EMPTY},
	{0, PIECE("hello, world"), 0, FILE_TYPE_TEXT},
	{0, PIECE("\1\2\3"), 0, FILE_TYPE_UNKNOWN},
	{0, PIECE("MZ\x90"), 100, FILE_TYPE_DOS},
	{0, PIECE("MZ"), 2, FILE_TYPE_TEXT},
	{0, PIECE("\177ELF\2"), 100, FILE_TYPE_ELF},
	{0, PIECE("\xca\xfe\xba\xbe\0\0\0\2"), 100, FILE_TYPE_MACHO},
	{0, PIECE("\xca\xfe\xba\xbe\0\0\0\x34"), 100, FILE_TYPE_CLASS},
	{0, PIECE("\xcf\xfa\xed\xfe"), 100, FILE_TYPE_MACHO},
	{0, PIECE("dex\n035"), 100, FILE_TYPE_DEX},
	{0, PIECE("L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F"), 100, FILE_TYPE_LNK},
	{0, PIECE("ITSF"), 100, FILE_TYPE_CHM},
	{0, PIECE("#!/bin/sh\n"), 0, FILE_TYPE_SHEBANG},
	{0, PIECE("#!AMR\n"), 0, FILE_TYPE_AMR},
	{0, PIECE("#@~^"), 0, FILE_TYPE_ENCODED_SCRIPT},
	{0, PIECE("Rar!\x1a\7\0"), 20, FILE_TYPE_RAR},
	{0, PIECE("Rar!\x1a\7\1\0"), 20, FILE_TYPE_RAR5},
	{0, PIECE("7z\xbc\xaf\x27\x1c"), 32, FILE_TYPE_SEVENZIP},
	{0, PIECE("\x1f\x8b\x08"), 20, FILE_TYPE_GZIP},
	{0, PIECE("BZh9"), 20, FILE_TYPE_BZIP2},
	{0, PIECE("BZhello, text"), 0, FILE_TYPE_TEXT},
	{0,
		PIECE("\xfd"
		      "7zXZ\0"),
		20, FILE_TYPE_XZ},
	{0, PIECE("\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0"), 30, FILE_TYPE_LZMA},
	{0, PIECE("\x28\xb5\x2f\xfd"), 20, FILE_TYPE_ZSTD},
	{0, PIECE("\x04\x22\x4d\x18"), 20, FILE_TYPE_LZ4},
	{0, PIECE("\x1f\x9d\x90"), 20, FILE_TYPE_COMPRESS},
	{257, PIECE("ustar"), 512, FILE_TYPE_TAR},
	{0, PIECE("070701"), 110, FILE_TYPE_CPIO},
	{0, PIECE("!<arch>\ndebian-binary"), 60, FILE_TYPE_DEB},
	{0, PIECE("!<arch>\nx.o"), 60, FILE_TYPE_AR},
	{0, PIECE("\xed\xab\xee\xdb"), 100, FILE_TYPE_RPM},
	{0, PIECE("MSCF\0\0\0\0"), 60, FILE_TYPE_CAB},
	{0, PIECE("\x60\xea\x28\0"), 60, FILE_TYPE_ARJ},
	{0, PIECE("\x60\xea\0\0"), 60, FILE_TYPE_UNKNOWN},
	{2, PIECE("-lh5-"), 60, FILE_TYPE_LHA},
	{7, PIECE("**ACE**"), 60, FILE_TYPE_ACE},
	{0x8001, PIECE("CD001"), 0x9000, FILE_TYPE_ISO},
	{0x8001, PIECE("BEA01"), 0x9000, FILE_TYPE_UDF},
	{1024, PIECE("conectix"), 1536, FILE_TYPE_VHD},
	{0, PIECE("vhdxfile"), 100, FILE_TYPE_VHDX},
	{0, PIECE("KDMV"), 100, FILE_TYPE_VMDK},
	{0, PIECE("MSWIM\0\0\0"), 100, FILE_TYPE_WIM},
	{512, PIECE("koly"), 1024, FILE_TYPE_DMG},
	{0, PIECE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), 512, FILE_TYPE_OLE},
	{0, PIECE("%PDF-1.7\n"), 0, FILE_TYPE_PDF},
	{100, PIECE("%PDF-1.7\n"), 200, FILE_TYPE_PDF},
	{2000, PIECE("%PDF-1.7\n"), 3000, FILE_TYPE_UNKNOWN},
	{0, PIECE("{\\rtf1\\ansi"), 0, FILE_TYPE_RTF},
	{0, PIECE("{\\rt"), 0, FILE_TYPE_RTF},
	{0, PIECE("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"), 100,
		FILE_TYPE_ONENOTE},
	{0, PIECE("\x78\x9f\x3e\x22"), 20, FILE_TYPE_TNEF},
	{0, PIECE("\x30\x82\1\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), 100,
		FILE_TYPE_PKCS7},
	{0, PIECE("\xff\xd8\xff\xe0"), 100, FILE_TYPE_JPEG},
	{0, PIECE("\x89PNG\r\n\x1a\n"), 100, FILE_TYPE_PNG},
	{0, PIECE("GIF89a"), 100, FILE_TYPE_GIF},
	{0, PIECE("RIFF\0\0\0\0WEBP"), 100, FILE_TYPE_WEBP},
	{0, PIECE("RIFF\0\0\0\0WAVEfmt "), 100, FILE_TYPE_WAV},
	{0,
		PIECE("\0\0\0\x18"
		      "ftypheic"),
		100, FILE_TYPE_HEIF},
	{0,
		PIECE("\0\0\0\x18"
		      "ftypisom"),
		100, FILE_TYPE_MP4},
	{0, PIECE("ID3\3"), 100, FILE_TYPE_MP3},
	{0, PIECE("\0\1\0\0\0\x0c"), 100, FILE_TYPE_TTF},
	{3, PIECE("Rar!\x1a\7\0"), 40, FILE_TYPE_RAR},
	{9000, PIECE("7z\xbc\xaf\x27\x1c\0"), 9100, FILE_TYPE_SEVENZIP},
	{3, PIECE("PK\3\4\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0x"), 40,
		FILE_TYPE_ZIP},
	{3, PIECE("PK\3\4\x0a\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0x"), 40,
		FILE_TYPE_UNKNOWN},
	{0, PIECE("\x50\x2a\x4d\x18\4\0\0\0abcd\x28\xb5\x2f\xfd"), 30, FILE_TYPE_ZSTD},
	{0, PIECE("\x5f\x2a\x4d\x18\0\0\0\0\x50\x2a\x4d\x18\1\0\0\0a\x04\x22\x4d\x18"), 40,
		FILE_TYPE_LZ4},
	{0, PIECE("\x50\x2a\x4d\x18\4\0\0\0abcdefgh"), 30, FILE_TYPE_UNKNOWN},
	{0, PIECE("\x50\x2a\x4d\x18\xff\xff\xff\xff\x28\xb5\x2f\xfd"), 30, FILE_TYPE_UNKNOWN},
	{1024 + 257, PIECE("ustar"), 1536, FILE_TYPE_TAR},
	{1024 + 200, PIECE("ustar"), 1536, FILE_TYPE_UNKNOWN},
	/* Text by words. */
	{0, PIECE("<!DOCTYPE html><p>"), 0, FILE_TYPE_HTML},
	{0, PIECE("\xef\xbb\xbf  <HTML>"), 0, FILE_TYPE_HTML},
	{0, PIECE("\xff\xfe<\0h\0t\0m\0l\0>\0"), 0, FILE_TYPE_HTML},
	{0, PIECE("text first, then <script>"), 0, FILE_TYPE_HTML},
	{0, PIECE("<html><hta:application id=x>"), 0, FILE_TYPE_HTA},
	{0, PIECE("<?xml version='1.0'?><a/>"), 0, FILE_TYPE_XML},
	{0, PIECE("<?xml version='1.0'?><svg xmlns=''/>"), 0, FILE_TYPE_SVG},
	{0, PIECE("<?xml version='1.0'?><h:html xmlns:h='http://www.w3.org/1999/xhtml'/>"), 0,
		FILE_TYPE_HTML},
	{0, PIECE("<svg onload=x>"), 0, FILE_TYPE_SVG},
	{0, PIECE("<job><script language=VBScript>"), 0, FILE_TYPE_WSF},
	{0, PIECE("<?xml version='1.0'?><scriptlet>"), 0, FILE_TYPE_WSF},
	{0, PIECE("From: a@example.com\nTo: b@example.com\n\nhello"), 0, FILE_TYPE_EML},
	{0, PIECE("From: here to there\nis far\n"), 0, FILE_TYPE_TEXT},
	{0, PIECE("From: x\nContent-Type: multipart/related\n\n--a\nContent-Type: text/html\n"), 0,
		FILE_TYPE_MHTML},
	{0, PIECE("BEGIN:VCALENDAR\r\n"), 0, FILE_TYPE_ICALENDAR},
	{0, PIECE("begin:vcard\r\n"), 0, FILE_TYPE_VCARD},
	{0, PIECE("[InternetShortcut]\nURL=x"), 0, FILE_TYPE_URL},
	{0, PIECE("-----BEGIN PGP MESSAGE-----\n"), 0, FILE_TYPE_PGP},
	{0, PIECE("-----BEGIN CERTIFICATE-----\n"), 0, FILE_TYPE_PEM},
	{0, PIECE("Windows Registry Editor Version 5.00"), 0, FILE_TYPE_REG},
};

START_TEST(knows)
{
	size_t total = files[_i].total ? files[_i].total : files[_i].offset + files[_i].size;
	char *bytes = talloc_zero_array(NULL, char, total + 1);
	char *exact;

	memcpy(bytes + files[_i].offset, files[_i].bytes, files[_i].size);
	exact = talloc_memdup(bytes, bytes, total ? total : 1);
	ck_assert_str_eq(file_type_names[file_type_of(slice_make(exact, total))],
		file_type_names[files[_i].type]);
	/* No shorter one is looked at beyond its end. */
	for (size_t size = 0; size < total && size < 600; size++) {
		char *shorter = talloc_memdup(bytes, bytes, size ? size : 1);
		(void)file_type_of(slice_make(shorter, size));
		talloc_free(shorter);
	}
	talloc_free(bytes);
}
END_TEST

START_TEST(knows_programs_of_windows)
{
	char bytes[512] = "MZ";

	bytes[0x3c] = (char)0x80;
	memcpy(bytes + 0x80, "PE\0\0", 4);
	ck_assert_int_eq(file_type_of(slice_make(bytes, sizeof bytes)), FILE_TYPE_PE);
	bytes[0x3f] = (char)0xff;
	ck_assert_int_eq(file_type_of(slice_make(bytes, sizeof bytes)), FILE_TYPE_DOS);
}
END_TEST

static const struct {
	const char *bytes, *name;
	enum file_type type;
	bool is_disguised;
} named[] = {
	{"echo", "a.bat", FILE_TYPE_BATCH, false},
	{"echo", "a.CMD.", FILE_TYPE_BATCH, false},
	{"echo", "a.txt", FILE_TYPE_TEXT, false},
	{"echo", "a", FILE_TYPE_TEXT, false},
	{"echo", "dir.js/a", FILE_TYPE_TEXT, false},
	{"var x", "a.js", FILE_TYPE_JSCRIPT, false},
	{"Dim x", "a.vbs ", FILE_TYPE_VBSCRIPT, false},
	{"$x", "a.ps1", FILE_TYPE_POWERSHELL, false},
	{"<html>", "a.hta", FILE_TYPE_HTA, false},
	{"<html>", "a.html", FILE_TYPE_HTML, false},
	{"<html>", "a.svg", FILE_TYPE_HTML, false},
	{"<html>", "a.jpg", FILE_TYPE_HTML, true},
	{"\xa3\1\2\3", "a.gpg", FILE_TYPE_PGP, false},
	{"\xa3\1\2\3", "a.bin", FILE_TYPE_UNKNOWN, false},
	{"%PDF-1.1", "a.pdf", FILE_TYPE_PDF, false},
	{"%PDF-1.1", "a.doc", FILE_TYPE_PDF, false},
	{"%PDF-1.1", "a.png", FILE_TYPE_PDF, true},
	{"#!/bin/sh", "a.txt", FILE_TYPE_SHEBANG, true},
	{"7z\xbc\xaf\x27\x1c", "a.zip", FILE_TYPE_SEVENZIP, false},
	{"7z\xbc\xaf\x27\x1c", "a.pdf", FILE_TYPE_SEVENZIP, true},
	{"GIF89a", "a.exe", FILE_TYPE_GIF, true},
	{"GIF89a", "a.none", FILE_TYPE_GIF, false},
};

START_TEST(looks_at_names)
{
	struct slice bytes = slice_of(named[_i].bytes), name = slice_of(named[_i].name);
	enum file_type type = file_type_of_file(bytes, name);

	ck_assert_str_eq(file_type_names[type], file_type_names[named[_i].type]);
	ck_assert_int_eq(file_type_is_disguised(type, name), named[_i].is_disguised);
}
END_TEST

static const struct {
	const char *name, *extension;
} extensions[] = {
	{"a.txt", "txt"},
	{"a", ""},
	{"", ""},
	{".", ""},
	{"a.b.c", "c"},
	{"a.exe. . .", "exe"},
	{"a.b/c", ""},
	{".profile", "profile"},
};

START_TEST(finds_extensions)
{
	struct slice found = file_type_extension(slice_of(extensions[_i].name));

	ck_assert(slice_equals(found, extensions[_i].extension));
}
END_TEST

START_TEST(knows_what_is_said)
{
	ck_assert_int_eq(extension_type(slice_of("EXE")), FILE_TYPE_PE);
	ck_assert_int_eq(extension_type(slice_of("")), FILE_TYPE_UNKNOWN);
	ck_assert_int_eq(extension_type_of_mime(slice_of(" Application/PDF ")), FILE_TYPE_PDF);
	ck_assert_int_eq(extension_type_of_mime(slice_of("x/y")), FILE_TYPE_UNKNOWN);
}
END_TEST

/* No two types share a name, and each says what it is. */
START_TEST(has_names)
{
	for (size_t i = 0; i < FILE_TYPES_COUNT; i++) {
		ck_assert_ptr_nonnull(file_type_names[i]);
		ck_assert_uint_gt(strlen(file_type_manual[i]), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(file_type_names[i], file_type_names[k]);
	}
	ck_assert_ptr_null(file_type_names[FILE_TYPES_COUNT]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file_type");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, knows, 0, (int)(sizeof files / sizeof *files));
	tcase_add_loop_test(all, looks_at_names, 0, (int)(sizeof named / sizeof *named));
	tcase_add_loop_test(
		all, finds_extensions, 0, (int)(sizeof extensions / sizeof *extensions));
	tcase_add_test(all, knows_programs_of_windows);
	tcase_add_test(all, knows_what_is_said);
	tcase_add_test(all, has_names);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
