/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, mail of Outlook and shortcuts taken apart; archives in archives end by the budget. */
#include "containers.h"

#include "policy/content/vba.h"

#include <stdlib.h>

/* An OLE 1 package: a file with its name. */
static void put_package(struct blob *blob, const char *label, const char *path, const char *text)
{
	blob_number(blob, 0, 4);
	blob_number(blob, 2, 2);
	blob_put(blob, label, strlen(label) + 1);
	blob_put(blob, path, strlen(path) + 1);
	blob_number(blob, 0x00030000, 4);
	blob_number(blob, 2, 4);
	blob_put(blob, "t", 2);
	blob_number(blob, strlen(text), 4);
	blob_text(blob, text);
}

START_TEST(takes_packages)
{
	struct blob *package = blob_new(NULL), *blob = blob_new(package);
	struct unpacking *unpacking;

	put_package(package, "invoice.pdf", "C:\\x\\evil.exe", "MZ");
	ole_put(blob,
		(struct ole_row[]){{"Root Entry", 0, NULL, 0}, {"WordDocument", 0, "abcd", 4},
			{"ObjectPool", 0, NULL, 0}, {"_1", 2, NULL, 0},
			{"\1Ole10Native", 3, package->bytes, package->size}},
		5);
	ck_assert_int_eq(file_type_of(blob_slice(blob)), FILE_TYPE_DOC);
	unpacking = unpacking_of(FILE_TYPE_DOC, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "names_differ embedded_object");
	ck_assert_uint_eq(unpacking->out.count, 1);
	ck_assert_str_eq(unpacking->out.members[0].name, "invoice.pdf");
	ck_assert_str_eq(unpacking->out.members[0].other_name, "evil.exe");
	ck_assert_slice(unpacking->out.members[0].bytes, "MZ");
	talloc_free(unpacking);
	talloc_free(package);
}
END_TEST

/* A module: what stands before the source, and the source in one chunk of literals, compressed as Office does it. */
static void put_module(struct blob *blob, const char *source)
{
	size_t size = strlen(source), before = blob->size + 5;

	blob_text(blob, "junk.");
	blob_number(blob, 1, 1);
	blob_number(blob, 0, 2);
	for (size_t i = 0; i < size; i += 8) {
		blob_number(blob, 0, 1);
		blob_put(blob, source + i, size - i < 8 ? size - i : 8);
	}
	size = blob->size - before - 3;
	blob->bytes[before + 1] = (char)(size - 1);
	blob->bytes[before + 2] = (char)(0xb0 | (size - 1) >> 8);
}

static const struct {
	const char *source, *findings;
} sources[] = {
	{"Attribute VB_Name = \"x\"\r\nSub Hello()\r\nEnd Sub\r\n", "macros"},
	{"Attribute VB_Name = \"x\"\r\nSub AUTOOPEN()\r\nEnd Sub\r\n", "macros auto_macros"},
	{"Attribute VB_Name = \"x\"\r\nSub x()\r\nCreateObject(\"y\")\r\nEnd Sub\r\n",
		"macros shell_macros"},
	{"Attribute VB_Name = \"x\"\r\nSub Workbook_Open()\r\nShell \"y\"\r\nEnd Sub\r\n",
		"macros auto_macros shell_macros"},
};

START_TEST(reads_macros)
{
	struct blob *module = blob_new(NULL), *blob = blob_new(module);
	struct unpacking *unpacking;

	put_module(module, sources[_i].source);
	ole_put(blob,
		(struct ole_row[]){{"Root Entry", 0, NULL, 0}, {"Workbook", 0, "", 0},
			{"_VBA_PROJECT_CUR", 0, NULL, 0}, {"VBA", 2, NULL, 0},
			{"ThisWorkbook", 3, module->bytes, module->size}},
		5);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, sources[_i].findings);
	talloc_free(unpacking);
	talloc_free(module);
}
END_TEST

/* The example of MS-OVBA 3.2.3, as its text describes it: one byte, then copies of it. */
START_TEST(decompresses)
{
	static const char container[] = "\x01\x03\xb0\x02\x61\x45\x00";
	struct budget_limits limits = {.bytes = 100000};
	void *scratch = talloc_new(NULL);
	struct budget budget;
	struct slice text;

	budget_begin(&budget, &limits, 0, NULL, NULL);
	text = vba_decompress(scratch, slice_make(container, sizeof container - 1), &budget);
	ck_assert_uint_eq(text.size, 73);
	for (size_t i = 0; i < text.size; i++)
		ck_assert_int_eq(text.data[i], 'a');
	talloc_free(scratch);
}
END_TEST

static const struct {
	const char *stream;
	const char *bytes;
	size_t size;
	const char *findings;
} streams[] = {
	{"WordDocument", "\xec\xa5\xc1\0\0\0\0\0\0\0\0\1", 12, "encrypted"},
	{"WordDocument", "............\x13 DDEAUTO c:\\x \x14", 27, "dde"},
	{"WordDocument", "............\x13\0D\0D\0E\0A\0", 21, "dde"},
	{"Workbook", "\x2f\0\2\0xx", 6, "encrypted"},
	{"Workbook", "\x85\0\6\0\0\0\0\0\2\1", 10, "macros excel4_macros"},
	{"Workbook", "\x85\0\6\0\0\0\0\0\2\0", 10, ""},
	{"Workbook", "\x09\x08\4\0\0\6\x40\0", 8, "macros excel4_macros"},
	{"Current User", "............\xdf\xc4\xd1\xf3", 16, "encrypted"},
	{"EncryptedPackage", "x", 1, "encrypted"},
	{"Equation Native", "x", 1, "embedded_object equation"},
};

START_TEST(judges_streams)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	ole_put(blob,
		(struct ole_row[]){{"Root Entry", 0, NULL, 0},
			{streams[_i].stream, 0, streams[_i].bytes, streams[_i].size}},
		2);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, streams[_i].findings);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* Chains of sectors and trees of names that run in circles end. */
START_TEST(ends_circles)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;
	char *kilobyte = talloc_zero_array(blob, char, 1024);

	ole_put(blob,
		(struct ole_row[]){{"Root Entry", 0, NULL, 0}, {"\1Ole10Native", 0, kilobyte, 1024},
			{"b", 0, "x", 1}},
		3);
	/* The first sector of the stream points to itself. */
	memcpy(blob->bytes + 512 + 4 * 2, &(uint32_t){2}, 4);
	/* A brother of the last entry is the first. */
	memcpy(blob->bytes + 1024 + 2 * 128 + 72, &(uint32_t){1}, 4);
	unpacking = unpacking_of(FILE_TYPE_OLE, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "damaged embedded_object");
	/* The directory points to itself. */
	memcpy(blob->bytes + 512 + 4, &(uint32_t){1}, 4);
	talloc_free(unpacking);
	unpacking = unpacking_of(FILE_TYPE_OLE, blob_slice(blob));
	ck_assert_uint_ne(unpacking->out.findings & FINDING_DAMAGED, 0);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

START_TEST(takes_attachments_of_messages)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	ole_put(blob,
		(struct ole_row[]){{"Root Entry", 0, NULL, 0},
			{"__properties_version1.0", 0, "x", 1},
			{"__substg1.0_1000001F", 0, "h\0i\0", 4},
			{"__attach_version1.0_#00000000", 0, NULL, 0},
			{"__substg1.0_37010102", 3, "MZ", 2},
			{"__substg1.0_3707001F", 3, "a\0.\0e\0x\0e\0", 10}},
		6);
	ck_assert_int_eq(file_type_of(blob_slice(blob)), FILE_TYPE_MSG);
	unpacking = unpacking_of(FILE_TYPE_MSG, blob_slice(blob));
	ck_assert_uint_eq(unpacking->out.count, 2);
	ck_assert_slice(member_of(unpacking, "body.txt")->bytes, "hi");
	ck_assert_slice(member_of(unpacking, "a.exe")->bytes, "MZ");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* The properties of an attachment with a name of two bytes a character and one that has a name itself. */
static void put_properties(struct blob *blob)
{
	blob_number(blob, 2, 4);
	blob_number(blob, 0x80010003, 4);
	blob_zeros(blob, 16);
	blob_number(blob, 1, 4);
	blob_number(blob, 4, 4);
	blob_wide(blob, "xy");
	blob_number(blob, 7, 4);
	blob_number(blob, 0x3707001f, 4);
	blob_number(blob, 1, 4);
	blob_number(blob, 22, 4);
	blob_wide(blob, "longer.exe");
	blob_zeros(blob, 4);
}

START_TEST(takes_winmail)
{
	struct blob *properties = blob_new(NULL), *blob = blob_new(properties);
	struct unpacking *unpacking;

	put_properties(properties);
	tnef_put(blob, 1, 0x0002800c, "body", 5);
	tnef_put(blob, 2, 0x00069002, "x", 1);
	tnef_put(blob, 2, 0x0006800f, "data", 4);
	tnef_put(blob, 2, 0x00018010, "SHORT.EXE", 10);
	tnef_put(blob, 2, 0x00069005, properties->bytes, properties->size);
	tnef_put(blob, 2, 0x00069002, "x", 1);
	tnef_put(blob, 2, 0x00018010, "second.txt", 11);
	tnef_put(blob, 2, 0x0006800f, "", 0);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "");
	ck_assert_uint_eq(unpacking->out.count, 3);
	ck_assert_slice(member_of(unpacking, "body.txt")->bytes, "body");
	ck_assert_slice(member_of(unpacking, "longer.exe")->bytes, "data");
	ck_assert_str_eq(member_of(unpacking, "longer.exe")->other_name, "SHORT.EXE");
	ck_assert_uint_eq(member_of(unpacking, "second.txt")->bytes.size, 0);
	talloc_free(unpacking);
	/* Cut off anywhere, nothing else happens. */
	for (size_t size = 0; size < blob->size; size++) {
		char *exact = talloc_memdup(blob, blob->bytes, size ? size : 1);
		unpacking = unpacking_of(FILE_TYPE_TNEF, slice_make(exact, size));
		ck_assert_uint_le(unpacking->out.count, 3);
		talloc_free(unpacking);
		talloc_free(exact);
	}
	talloc_free(properties);
}
END_TEST

/* The example of MS-OXRTFCP 4.1: a simple text. */
START_TEST(takes_compressed_rtf)
{
	static const char compressed[] =
		"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125\x42\x32\x0a\xf3 "
		"hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
	struct blob *properties = blob_new(NULL), *blob = blob_new(properties);
	struct unpacking *unpacking;

	blob_number(properties, 1, 4);
	blob_number(properties, 0x10090102, 4);
	blob_number(properties, 1, 4);
	blob_number(properties, sizeof compressed - 1, 4);
	blob_put(properties, compressed, sizeof compressed - 1);
	blob_zeros(properties, 3);
	tnef_put(blob, 1, 0x00069003, properties->bytes, properties->size);
	unpacking = unpacking_of(FILE_TYPE_TNEF, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "");
	ck_assert_slice(member_of(unpacking, "body.rtf")->bytes,
		"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
	talloc_free(unpacking);
	talloc_free(properties);
}
END_TEST

#define TYPES                                                                                      \
	{                                                                                          \
		"[Content_Types].xml", NULL, "<Types/>", 0, 0, 0, NULL, 0                          \
	}
#define RELATIONSHIP(type, target)                                                                 \
	"<Relationships><Relationship Id='1' Type=\"http://x/" type "\" Target='" target           \
	"' TargetMode=\"External\"/></Relationships>"

static const struct {
	const char *name, *text, *findings, *target;
} parts[] = {
	{"word/document.xml", "<a/>", "", NULL},
	{"word/_rels/settings.xml.rels", RELATIONSHIP("attachedTemplate", "http://evil/t.dotm"),
		"external_template", "http://evil/t.dotm"},
	{"word/_rels/document.xml.rels", RELATIONSHIP("oleObject", "mhtml:http://evil/x!y"),
		"external_template", "mhtml:http://evil/x!y"},
	{"word/_rels/document.xml.rels", RELATIONSHIP("hyperlink", "http://good/"), "",
		"http://good/"},
	{"word/_rels/document.xml.rels", RELATIONSHIP("image", "http://pixel/"), "external_link",
		"http://pixel/"},
	{"word/document.xml",
		"<w:instrText>DD</w:instrText><w:r/><w:instrText xml:space='x'>EAUTO "
		"c</w:instrText>",
		"dde", NULL},
	{"word/document.xml", "<w:fldSimple w:instr=\"DDE c\"/>", "dde", NULL},
	{"xl/externalLinks/externalLink1.xml", "<ddeLink ddeService='cmd'/>", "dde", NULL},
	{"xl/macrosheets/sheet1.xml", "<a/>", "macros excel4_macros", NULL},
	{"word/activeX/activeX1.xml", "<a/>", "activex", NULL},
};

START_TEST(judges_parts)
{
	struct blob *blob = blob_new(NULL);
	struct zip_row rows[] = {TYPES, {"word/x.xml", NULL, "<a/>", 0, 0, 0, NULL, 0},
		{parts[_i].name, NULL, parts[_i].text, 8, 0, 0, NULL, 0}};
	struct unpacking *unpacking;

	zip_put(blob, rows, 3, 0);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, parts[_i].findings);
	ck_assert_uint_eq(unpacking->out.count, 0);
	ck_assert_uint_eq(unpacking->out.target_count, parts[_i].target != NULL);
	if (parts[_i].target)
		ck_assert_str_eq(unpacking->out.targets[0], parts[_i].target);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

START_TEST(takes_embedded_parts)
{
	struct blob *blob = blob_new(NULL);
	struct zip_row rows[] = {TYPES, {"word/x.xml", NULL, "<a/>", 0, 0, 0, NULL, 0},
		{"word/embeddings/a.bin", NULL, "inside", 8, 0, 0, NULL, 0},
		{"word/vbaProject.bin", NULL, "no compound file", 8, 0, 0, NULL, 0},
		{"word/media/image1.png", NULL, "#!/bin/sh", 8, 0, 0, NULL, 0}};
	struct unpacking *unpacking;

	zip_put(blob, rows, 5, 0);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "damaged macros embedded_object");
	ck_assert_uint_eq(unpacking->out.count, 2);
	ck_assert_slice(member_of(unpacking, "word/embeddings/a.bin")->bytes, "inside");
	ck_assert_slice(member_of(unpacking, "word/media/image1.png")->bytes, "#!/bin/sh");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

#define PDF(text) "%PDF-1.4\n1 0 obj\n<<" text ">>\nendobj\n%%EOF"

static const struct {
	const char *text, *findings, *target;
} pdfs[] = {
	{PDF(""), "", NULL},
	{PDF("/OpenAction 2 0 R"), "open_action", NULL},
	{PDF("/S/JavaScript/JS(app.alert)"), "javascript", NULL},
	{PDF("/S/J#61vaScript"), "javascript obfuscated", NULL},
	{PDF("/S/J#"), "", NULL},
	{PDF("/S/Launch/F(cmd.exe)"), "launch_action", NULL},
	{PDF("/S/URI/URI(http://x/)"), "", "http://x/"},
	{PDF("/T(/JavaScript (nested) \\) /JS)"), "", NULL},
	{PDF("/Encrypt 5 0 R"), "encrypted", NULL},
	{PDF("/EmbeddedFiles 1 0 R"), "embedded_object", NULL},
	{"%PDF-1.4\n% /JS\n%%EOF", "", NULL},
	{"%PDF-1.4\n", "damaged", NULL},
	{"x\n%PDF-1.4\n%%EOF", "prefixed", NULL},
	{"%PDF-1.4\n1 0 obj <</Type/ObjStm/Filter/LZWDecode>> stream\nx\nendstream\n%%EOF",
		"unsupported", NULL},
	{"%PDF-1.4\n1 0 obj <</Length 3>> stream\n/JS\nendstream\n%%EOF", "", NULL},
	{"%PDF-1.4\n1 0 obj <</Type/ObjStm>> stream\n/JS\nendstream\n%%EOF", "javascript", NULL},
	{"%PDF-1.4\n1 0 obj <</Type/ObjStm/Filter/ASCIIHexDecode>> stream\n2f "
	 "4A53>\nendstream\n%%EOF",
		"javascript", NULL},
};

START_TEST(judges_pdf)
{
	struct unpacking *unpacking = unpacking_of(FILE_TYPE_PDF, slice_of(pdfs[_i].text));

	ck_assert_findings(unpacking->out.findings, pdfs[_i].findings);
	if (pdfs[_i].target)
		ck_assert_str_eq(unpacking->out.targets[0], pdfs[_i].target);
	talloc_free(unpacking);
}
END_TEST

START_TEST(takes_files_from_pdf)
{
	struct blob *blob = blob_new(NULL);
	struct slice packed = blob_deflate(blob, slice_of("inside"), 15);
	struct unpacking *unpacking;

	blob_text(blob,
		"%PDF-1.4\n1 0 obj <</Type/Filespec/F(a.exe)/EF<</F 2 0 R>>>> endobj\n"
		"2 0 obj <</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\r\n");
	blob_put(blob, packed.data, packed.size);
	blob_text(blob, "\nendstream endobj\n%%EOF");
	unpacking = unpacking_of(FILE_TYPE_PDF, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "embedded_object");
	ck_assert_uint_eq(unpacking->out.count, 1);
	ck_assert_str_eq(unpacking->out.members[0].name, "a.exe");
	ck_assert_slice(unpacking->out.members[0].bytes, "inside");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* The data of an OLE 1 object: version, form 2, class "x", no topic, no item, two bytes. */
#define OBJECT_START                                                                               \
	"0105000002000000020000007800"                                                             \
	"00000000"                                                                                 \
	"00000000"                                                                                 \
	"02000000"

static const struct {
	const char *text, *findings, *bytes;
} rtfs[] = {
	{"{\\rtf1 hello}", "", NULL},
	{"{\\rt hello}", "obfuscated", NULL},
	{"{\\rtf1{\\object\\objupdate{\\*\\objdata " OBJECT_START "4d5a}}}",
		"embedded_object object_update", "MZ"},
	{"{\\rtf1{\\object{\\*\\objdata " OBJECT_START "4 d{\\x}\r\n5\\y a}}}", "embedded_object",
		"MZ"},
	{"{\\rtf1{\\object{\\*\\objdata " OBJECT_START "\\bin2 MZ}}}", "embedded_object", "MZ"},
	{"{\\rtf1{\\object{\\*\\objdata " OBJECT_START "4d5a", "embedded_object", "MZ"},
	{"{\\rtf1{\\field{\\*\\fldinst DDEAUTO c}}}", "dde", NULL},
	{"{\\rtf1{\\field{\\*\\fldinst HYPERLINK c}}}", "", NULL},
	{"{\\rtf1{\\*\\template C:\\\\normal.dot}}", "", NULL},
	{"{\\rtf1{\\*\\template http://evil/x.dot}}", "external_template", NULL},
	{"{\\rtf1\\bin99999999999999999999 x}", "", NULL},
	{"}}}{\\rtf1", "obfuscated", NULL},
};

START_TEST(judges_rtf)
{
	struct unpacking *unpacking = unpacking_of(FILE_TYPE_RTF, slice_of(rtfs[_i].text));

	ck_assert_findings(unpacking->out.findings, rtfs[_i].findings);
	ck_assert_uint_eq(unpacking->out.count, rtfs[_i].bytes != NULL);
	if (rtfs[_i].bytes)
		ck_assert_slice(unpacking->out.members[0].bytes, rtfs[_i].bytes);
	talloc_free(unpacking);
}
END_TEST

static void put_text(struct blob *blob, const char *text)
{
	blob_number(blob, strlen(text), 2);
	blob_wide(blob, text);
}

START_TEST(reads_shortcuts)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	blob_put(blob, "L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F", 20);
	/* Items, relative path, arguments, icon, Unicode. */
	blob_number(blob, 1 | 8 | 32 | 64 | 128, 4);
	blob_zeros(blob, 52);
	blob_number(blob, 4, 2);
	blob_zeros(blob, 4);
	put_text(blob, "..\\cmd.exe");
	put_text(blob, "                                           /c calc");
	put_text(blob, "\\\\evil\\x.ico");
	blob_zeros(blob, 4);
	blob_text(blob, "appended");
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(
		unpacking->out.findings, "trailing external_link launch_action obfuscated");
	ck_assert_uint_eq(unpacking->out.target_count, 2);
	ck_assert_str_eq(unpacking->out.targets[0], "..\\cmd.exe  /c calc");
	ck_assert_str_eq(unpacking->out.targets[1], "\\\\evil\\x.ico");
	ck_assert_slice(unpacking->out.members[0].bytes, "appended");
	talloc_free(unpacking);
	talloc_free(blob);
	unpacking = unpacking_of(
		FILE_TYPE_URL, slice_of("[InternetShortcut]\r\nURL=file://evil/x\r\n"));
	ck_assert_uint_eq(unpacking->out.target_count, 1);
	ck_assert_str_eq(unpacking->out.targets[0], "file://evil/x");
	talloc_free(unpacking);
}
END_TEST

START_TEST(takes_files_from_onenote)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	blob_put(blob, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", 16);
	blob_zeros(blob, 100);
	for (int i = 0; i < 2; i++) {
		blob_put(blob, "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac",
			16);
		blob_number(blob, i ? UINT64_MAX : 6, 8);
		blob_zeros(blob, 12);
		blob_text(blob, "inside");
	}
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "damaged embedded_object");
	ck_assert_uint_eq(unpacking->out.count, 2);
	ck_assert_slice(unpacking->out.members[0].bytes, "inside");
	ck_assert_slice(unpacking->out.members[1].bytes, "inside");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

START_TEST(sees_polyglots)
{
	static const struct zip_row rows[] = {{"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}};
	static const struct {
		const char *front;
		size_t size;
		const char *findings;
	} fronts[] = {
		{"GIF89a................", 22, "prefixed polyglot"},
		{"%PDF-1.4\n%%EOF\n", 15, "prefixed polyglot"},
		{"\177ELF\2...............", 20, "prefixed self_extracting"},
		{"MZ..............................................................", 64,
			"prefixed self_extracting"},
	};

	for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
		struct blob *blob = blob_new(NULL);
		struct unpacking *unpacking;
		blob_put(blob, fronts[i].front, fronts[i].size);
		zip_put(blob, rows, 1, (uint32_t)fronts[i].size);
		unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
		ck_assert_findings(unpacking->out.findings, fronts[i].findings);
		ck_assert_slice(member_of(unpacking, "evil.exe")->bytes, "MZ");
		talloc_free(unpacking);
		talloc_free(blob);
	}
}
END_TEST

/* Archivers look for their archive behind whatever stands before it, however much, and do not mind what stands behind it. */
START_TEST(passes_over_what_stands_before)
{
	static const struct zip_row rows[] = {{"evil.exe", NULL, "MZ", 0, 0, 0, NULL, 0}};
	static const struct {
		size_t before, behind;
		enum file_type type;
		const char *findings;
	} layouts[] = {
		{7, 0, FILE_TYPE_ZIP, "prefixed"},
		{7, 70000, FILE_TYPE_ZIP, "prefixed trailing"},
		{9000, 0, FILE_TYPE_TEXT, "prefixed polyglot"},
		{9000, 70000, FILE_TYPE_TEXT, "prefixed trailing polyglot"},
	};
	static char filler[70000];

	memset(filler, 'x', sizeof filler);
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		struct blob *blob = blob_new(NULL);
		struct unpacking *unpacking;
		blob_put(blob, filler, layouts[i].before);
		zip_put(blob, rows, 1, (uint32_t)layouts[i].before);
		blob_put(blob, filler, layouts[i].behind);
		ck_assert_str_eq(file_type_names[file_type_of(blob_slice(blob))],
			file_type_names[layouts[i].type]);
		ck_assert(unpack_knows(layouts[i].type, blob_slice(blob)));
		unpacking = unpacking_of(layouts[i].type, blob_slice(blob));
		ck_assert_findings(unpacking->out.findings, layouts[i].findings);
		ck_assert_slice(member_of(unpacking, "evil.exe")->bytes, "MZ");
		talloc_free(unpacking);
		talloc_free(blob);
	}
}
END_TEST

/* RAR up to version 4: its mark, the archive's header, and one file that is stored. */
static const char rar_stored[] =
	"\122\141\162\041\032\007\000\317\220\163\000\000\015\000\000\000\000\000\000\000"
	"\350\157\164\000\200\047\000\004\000\000\000\004\000\000\000\002\257\062\061\134"
	"\000\000\000\000\024\060\007\000\040\000\000\000\145\166\151\154\056\152\163\143"
	"\141\154\143\304\075\173\000\100\007\000";

static const struct {
	const char *front;
	const char *findings;
} rar_fronts[] = {
	{"", ""},
	{"hello\r\nhello\r\n", "prefixed"},
	{"\1\2\3", "prefixed"},
	{"GIF89a", "polyglot"},
	{"%PDF-1.4\n%%EOF\n", "polyglot"},
};

START_TEST(finds_rar_behind_anything)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;
	enum file_type type;

	blob_text(blob, rar_fronts[_i].front);
	blob_put(blob, rar_stored, sizeof rar_stored - 1);
	type = file_type_of(blob_slice(blob));
	ck_assert(unpack_knows(type, blob_slice(blob)));
	unpacking = unpacking_of(type, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, rar_fronts[_i].findings);
	ck_assert_slice(member_of(unpacking, "evil.js")->bytes, "calc");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* AppleSingle: its mark, two entries, and what they say where it is: the name, the data. */
static const char apple_single[] =
	"\000\005\026\000\000\002\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\002\000\000\000\003\000\000\000\062\000\000\000\007\000\000"
	"\000\001\000\000\000\071\000\000\000\004\145\166\151\154\056\152\163\143\141\154"
	"\143";

START_TEST(takes_files_of_macintosh)
{
	char macbinary[256] = "\0\7evil.js";
	struct slice bytes[] = {slice_make(apple_single, sizeof apple_single - 1),
		slice_make(macbinary, sizeof macbinary)};
	static const enum file_type types[] = {FILE_TYPE_APPLESINGLE, FILE_TYPE_MACBINARY};

	memcpy(macbinary + 65, "TEXT????", 8);
	macbinary[86] = 4;
	memcpy(macbinary + 128, "calc", 4);
	for (size_t i = 0; i < 2; i++) {
		struct unpacking *unpacking;
		ck_assert_int_eq(file_type_of(bytes[i]), types[i]);
		unpacking = unpacking_of(types[i], bytes[i]);
		ck_assert_findings(unpacking->out.findings, "");
		ck_assert_slice(member_of(unpacking, "evil.js")->bytes, "calc");
		talloc_free(unpacking);
		/* Cut off, what is missing is told. */
		unpacking = unpacking_of(types[i], slice_make(bytes[i].data, i ? 130 : 58));
		ck_assert_findings(unpacking->out.findings, "damaged");
		talloc_free(unpacking);
	}
	/* A length beyond the end, a control character in the name, no name: none of it. */
	macbinary[84] = 1;
	ck_assert_int_eq(file_type_of(bytes[1]), FILE_TYPE_UNKNOWN);
	macbinary[84] = 0;
	macbinary[3] = 1;
	ck_assert_int_eq(file_type_of(bytes[1]), FILE_TYPE_UNKNOWN);
	macbinary[3] = 'v';
	macbinary[1] = 0;
	ck_assert_int_eq(file_type_of(bytes[1]), FILE_TYPE_UNKNOWN);
}
END_TEST

#define CALENDAR(lines)                                                                            \
	"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"

static const struct {
	const char *text;
	const char *name; /* of a member that is "calc"; NULL: there is none */
	const char *target;
} calendars[] = {
	{CALENDAR("ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=evil.js:Y2FsYw==\r\n"), "evil.js",
		NULL},
	{CALENDAR("attach;encoding=b;fmttype=\"a:b;c\";filename=\"evil.js\":Y2FsYw==\r\n"),
		"evil.js", NULL},
	{CALENDAR("AT\r\n TACH;ENCODING=BASE64;FILE\r\n\tNAME=evil.js:Y2F\r\n sYw\r\n ==\r\n"),
		"evil.js", NULL},
	{CALENDAR("ATTACH;VALUE=BINARY:Y2FsYw==\n"), "", NULL},
	{CALENDAR("ATTACH;FILENAME=evil.js:data:text/plain;base64,Y2FsYw==\r\n"), "evil.js", NULL},
	{CALENDAR("ATTACH;FMTTYPE=application/pdf:https://example.net/a\r\n"), NULL,
		"https://example.net/a"},
	{CALENDAR("ATTENDEE;CN=x:mailto:a@example.com\r\nATTACHED:no\r\n"), NULL, NULL},
	{CALENDAR("ATTACH\r\nATT\r\n"), NULL, NULL},
};

START_TEST(takes_files_from_calendars)
{
	struct slice bytes = slice_of(calendars[_i].text);
	struct unpacking *unpacking = unpacking_of(FILE_TYPE_ICALENDAR, bytes);
	bool has_member = calendars[_i].name != NULL;

	ck_assert_int_eq(file_type_of(bytes), FILE_TYPE_ICALENDAR);
	ck_assert_findings(unpacking->out.findings, "");
	ck_assert_uint_eq(unpacking->out.count, has_member ? 1 : 0);
	if (has_member) {
		ck_assert_str_eq(unpacking->out.members[0].name, calendars[_i].name);
		ck_assert_slice(unpacking->out.members[0].bytes, "calc");
	}
	ck_assert_uint_eq(unpacking->out.target_count, calendars[_i].target ? 1 : 0);
	if (calendars[_i].target)
		ck_assert_str_eq(unpacking->out.targets[0], calendars[_i].target);
	talloc_free(unpacking);
}
END_TEST

/* A tar of one file that says to be so long, with so much of it. */
static void put_tar(struct blob *blob, const char *name, size_t said, size_t size)
{
	char header[512] = "";
	unsigned sum = 0;

	snprintf(header, 100, "%s", name);
	snprintf(header + 100, 8, "%07o", 0644);
	snprintf(header + 108, 8, "%07o", 0);
	snprintf(header + 116, 8, "%07o", 0);
	snprintf(header + 124, 12, "%011zo", said);
	snprintf(header + 136, 12, "%011o", 0);
	memcpy(header + 257, "ustar\00000", 8);
	memset(header + 148, ' ', 8);
	header[156] = '0';
	for (size_t i = 0; i < sizeof header; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	blob_put(blob, header, sizeof header);
	blob_zeros(blob, size);
}

START_TEST(takes_tar)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	put_tar(blob, "a.txt", 3, 512);
	put_tar(blob, "b.txt", 5000, 512);
	unpacking = unpacking_of(file_type_of(blob_slice(blob)), blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "damaged");
	ck_assert_uint_eq(member_of(unpacking, "a.txt")->bytes.size, 3);
	ck_assert_uint_eq(member_of(unpacking, "b.txt")->size, 5000);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* Two archives, with the zeros that end one before each of them: some programs read on. */
START_TEST(reads_tar_on)
{
	struct blob *blob = blob_new(NULL);
	struct unpacking *unpacking;

	blob_zeros(blob, 1024);
	put_tar(blob, "a.txt", 3, 512);
	blob_zeros(blob, 1024);
	put_tar(blob, "evil.exe", 3, 512);
	blob_zeros(blob, 1024);
	ck_assert_int_eq(file_type_of(blob_slice(blob)), FILE_TYPE_TAR);
	unpacking = unpacking_of(FILE_TYPE_TAR, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "prefixed");
	ck_assert_uint_eq(member_of(unpacking, "a.txt")->bytes.size, 3);
	ck_assert_uint_eq(member_of(unpacking, "evil.exe")->bytes.size, 3);
	talloc_free(unpacking);
	/* What stands behind and is none is told. */
	blob_text(blob, "evil");
	unpacking = unpacking_of(FILE_TYPE_TAR, blob_slice(blob));
	ck_assert_findings(unpacking->out.findings, "damaged prefixed");
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* Very many zeros, deflated: as many come out as may. */
START_TEST(bounds_gzip)
{
	struct blob *blob = blob_new(NULL);
	char *zeros = talloc_zero_array(blob, char, 16 << 20);
	struct slice packed = blob_deflate(blob, slice_make(zeros, 16 << 20), 15 + 16);
	struct unpacking *unpacking = unpacking_of(file_type_of(packed), packed);

	ck_assert_findings(unpacking->out.findings, "over_limits");
	ck_assert_uint_eq(unpacking->out.members[0].bytes.size, 4 << 20);
	ck_assert_uint_eq(unpacking->budget.bytes, 4 << 20);
	ck_assert_int_eq(unpacking->budget.hit, BUDGET_BYTES);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

/* A file that holds many of another, which hold many of another: taken apart to the end, it stays within what was granted. */
static void unpack_all(struct unpacking *unpacking, struct slice bytes)
{
	struct slice *queue = talloc_array(unpacking, struct slice, 2000);
	size_t count = 0;

	queue[count++] = bytes;
	for (size_t i = 0; i < count; i++) {
		struct unpacked out;
		unpack(unpacking, file_type_of(queue[i]), queue[i], &unpacking->budget, &out);
		unpacking->out.findings |= out.findings;
		for (size_t k = 0; k < out.count && count < 2000; k++)
			queue[count++] = out.members[k].bytes;
	}
}

START_TEST(bounds_nests)
{
	struct blob *blob = blob_new(NULL), *inner = blob_new(blob);
	struct budget_limits limits = {.bytes = 1 << 20, .entries = 500, .depth = 5};
	struct unpacking *unpacking = talloc_zero(NULL, struct unpacking);

	put_tar(inner, "bomb", 60000, 60416);
	for (int level = 0; level < 4; level++) {
		struct blob *outer = blob_new(blob);
		for (int i = 0; i < 8; i++) {
			size_t padded = (inner->size + 511) & ~511UL;
			put_tar(outer, "x.tar", inner->size, 0);
			blob_put(outer, inner->bytes, inner->size);
			blob_zeros(outer, padded - inner->size);
		}
		if (outer->size > 8 << 20)
			break;
		inner = outer;
	}
	budget_begin(&unpacking->budget, &limits, inner->size, NULL, NULL);
	unpack_all(unpacking, blob_slice(inner));
	ck_assert_uint_le(unpacking->budget.bytes, limits.bytes);
	ck_assert_uint_ne(unpacking->out.findings & FINDING_OVER_LIMITS, 0);
	ck_assert_int_eq(unpacking->budget.hit, BUDGET_BYTES);
	talloc_free(unpacking);
	talloc_free(blob);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

/* Headers that announce dictionaries: what the tools themselves write is looked at, what no one needs is over limits before memory is taken. */
static const struct {
	enum file_type type;
	const char *bytes;
	size_t size;
	bool is_over;
} announcements[] = {
	{FILE_TYPE_XZ,
		BYTES("\xfd"
		      "7zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x16\0\0\0"),
		false},
	{FILE_TYPE_XZ,
		BYTES("\xfd"
		      "7zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x28\0\0\0"),
		true},
	{FILE_TYPE_XZ,
		BYTES("\xfd"
		      "7zXZ\0\0\4\xe6\xd6\xb4\x46\3\xc1\x8a\1\x80\2\4\0\x21\1\x28"),
		true},
	{FILE_TYPE_XZ,
		BYTES("\xfd"
		      "7zXZ\0\0\4\xe6\xd6\xb4\x46\xff\xff"),
		false},
	{FILE_TYPE_LZIP, BYTES("LZIP\1\x1b"), false},
	{FILE_TYPE_LZIP, BYTES("LZIP\1\x1d"), true},
	{FILE_TYPE_LZMA, BYTES("\x5d\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff"), false},
	{FILE_TYPE_LZMA, BYTES("\x5d\0\0\0\x10\xff\xff\xff\xff\xff\xff\xff\xff"), true},
};

START_TEST(bounds_dictionaries)
{
	struct unpacking *unpacking = unpacking_of(announcements[_i].type,
		slice_make(announcements[_i].bytes, announcements[_i].size));

	ck_assert_int_eq(
		(unpacking->out.findings & FINDING_OVER_LIMITS) != 0, announcements[_i].is_over);
	talloc_free(unpacking);
}
END_TEST

START_TEST(says_what_it_cannot)
{
	static const enum file_type types[] = {FILE_TYPE_ARJ, FILE_TYPE_ACE, FILE_TYPE_XAR,
		FILE_TYPE_CHM, FILE_TYPE_VHD, FILE_TYPE_WIM};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct unpacking *unpacking = unpacking_of(types[i], slice_of("bytes"));
		ck_assert(unpack_knows(types[i], slice_of("bytes")));
		ck_assert_uint_ne(unpacking->out.findings & FINDING_UNSUPPORTED, 0);
		talloc_free(unpacking);
	}
	ck_assert(!unpack_knows(FILE_TYPE_TEXT, slice_of("bytes")));
	ck_assert(!unpack_knows(FILE_TYPE_JPEG, slice_of("bytes")));
}
END_TEST

/* A new type of archive or image without a reader cannot be silent either. */
START_TEST(says_something_of_every_container)
{
	const uint64_t loud =
		FINDING_UNSUPPORTED | FINDING_DAMAGED | FINDING_ENCRYPTED | FINDING_OVER_LIMITS;
	enum file_type type = (enum file_type)_i;
	enum file_group group = file_type_group(type);
	struct unpacking *unpacking;

	if (group != FILE_GROUP_ARCHIVE && group != FILE_GROUP_DISK)
		return;
	unpacking = unpacking_of(type, slice_of("these bytes are nothing of the kind"));
	ck_assert(unpack_knows(type, slice_of("bytes")));
	ck_assert_msg(unpacking->out.count || unpacking->out.findings & loud ||
			type == FILE_TYPE_UUENCODED || type == FILE_TYPE_BINHEX,
		"%s", file_type_names[type]);
	ck_assert(!(unpacking->out.findings & FINDING_DISK_IMAGE) == (group != FILE_GROUP_DISK));
	talloc_free(unpacking);
}
END_TEST

START_TEST(says_that_an_image_has_two_readings)
{
	char *image = talloc_zero_array(NULL, char, 80000);

	memcpy(image + 0x8000, "\1CD001\1", 7);
	memcpy(image + 0x8800, "\377CD001\1", 7);
	for (int udf = 0; udf < 2; udf++) {
		struct unpacking *unpacking;
		if (udf)
			memcpy(image + 0x9800, "\0NSR02\1", 7);
		unpacking = unpacking_of(FILE_TYPE_ISO, slice_make(image, 80000));
		ck_assert_int_eq((unpacking->out.findings & FINDING_UNSUPPORTED) != 0, udf);
		talloc_free(unpacking);
	}
	talloc_free(image);
}
END_TEST

static void add_loops(TCase *all)
{
	tcase_add_loop_test(all, reads_macros, 0, (int)(sizeof sources / sizeof *sources));
	tcase_add_loop_test(all, judges_streams, 0, (int)(sizeof streams / sizeof *streams));
	tcase_add_loop_test(all, judges_parts, 0, (int)(sizeof parts / sizeof *parts));
	tcase_add_loop_test(all, judges_pdf, 0, (int)(sizeof pdfs / sizeof *pdfs));
	tcase_add_loop_test(
		all, finds_rar_behind_anything, 0, (int)(sizeof rar_fronts / sizeof *rar_fronts));
	tcase_add_loop_test(
		all, takes_files_from_calendars, 0, (int)(sizeof calendars / sizeof *calendars));
	tcase_add_loop_test(all, judges_rtf, 0, (int)(sizeof rtfs / sizeof *rtfs));
}

int main(void)
{
	Suite *suite = suite_create("unpack");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	unpack_prepare();
	add_loops(all);
	tcase_add_test(all, takes_packages);
	tcase_add_test(all, decompresses);
	tcase_add_test(all, ends_circles);
	tcase_add_test(all, takes_attachments_of_messages);
	tcase_add_test(all, takes_winmail);
	tcase_add_test(all, takes_compressed_rtf);
	tcase_add_test(all, takes_embedded_parts);
	tcase_add_test(all, takes_files_from_pdf);
	tcase_add_test(all, reads_shortcuts);
	tcase_add_test(all, takes_files_from_onenote);
	tcase_add_test(all, sees_polyglots);
	tcase_add_test(all, takes_files_of_macintosh);
	tcase_add_test(all, passes_over_what_stands_before);
	tcase_add_test(all, takes_tar);
	tcase_add_test(all, reads_tar_on);
	tcase_add_test(all, bounds_gzip);
	tcase_add_test(all, bounds_nests);
	tcase_add_loop_test(
		all, bounds_dictionaries, 0, (int)(sizeof announcements / sizeof *announcements));
	tcase_add_test(all, says_what_it_cannot);
	tcase_add_loop_test(all, says_something_of_every_container, 0, FILE_TYPES_COUNT);
	tcase_add_test(all, says_that_an_image_has_two_readings);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
