/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, packages and programs that are ZIP files. */
#include "policy/content/zip_type.h"

#include "policy/content/zip_directory.h"

#include <talloc.h>

#define ENTRIES_MOST 8192

/* What names of entries say; bits. */
enum part {
	PART_CONTENT_TYPES = 1,
	PART_WORD = 2,
	PART_EXCEL = 4,
	PART_POWERPOINT = 8,
	PART_VISIO = 16,
	PART_MACROS = 32,
	PART_BINARY = 64,
	PART_XPS = 128,
	PART_MSIX = 256,
	PART_MANIFEST = 512,
	PART_ANDROID = 1024,
	PART_OPENDOCUMENT = 2048,
	PART_EPUB = 4096
};

static const struct {
	const char *prefix;
	unsigned part;
} parts[] = {
	{"[Content_Types].xml", PART_CONTENT_TYPES},
	{"word/", PART_WORD},
	{"xl/workbook.bin", PART_EXCEL | PART_BINARY},
	{"xl/", PART_EXCEL},
	{"ppt/", PART_POWERPOINT},
	{"visio/", PART_VISIO},
	{"FixedDoc", PART_XPS},
	{"Documents/1/FixedDoc", PART_XPS},
	{"AppxManifest.xml", PART_MSIX},
	{"AppxMetadata/", PART_MSIX},
	{"META-INF/MANIFEST.MF", PART_MANIFEST},
	{"AndroidManifest.xml", PART_ANDROID},
	{"classes.dex", PART_ANDROID},
	{"META-INF/container.xml", PART_EPUB},
};

/* The first row of which all parts are there. */
static const struct {
	unsigned parts;
	enum file_type type;
} kinds[] = {
	{PART_CONTENT_TYPES | PART_WORD | PART_MACROS, FILE_TYPE_DOCM},
	{PART_CONTENT_TYPES | PART_EXCEL | PART_BINARY, FILE_TYPE_XLSB},
	{PART_CONTENT_TYPES | PART_EXCEL | PART_MACROS, FILE_TYPE_XLSM},
	{PART_CONTENT_TYPES | PART_POWERPOINT | PART_MACROS, FILE_TYPE_PPTM},
	{PART_CONTENT_TYPES | PART_WORD, FILE_TYPE_DOCX},
	{PART_CONTENT_TYPES | PART_EXCEL, FILE_TYPE_XLSX},
	{PART_CONTENT_TYPES | PART_POWERPOINT, FILE_TYPE_PPTX},
	{PART_CONTENT_TYPES | PART_VISIO, FILE_TYPE_VSDX},
	{PART_CONTENT_TYPES | PART_XPS, FILE_TYPE_XPS},
	{PART_MSIX, FILE_TYPE_MSIX},
	{PART_CONTENT_TYPES, FILE_TYPE_OOXML},
	{PART_OPENDOCUMENT, FILE_TYPE_ODF},
	{PART_EPUB, FILE_TYPE_EPUB},
	{PART_ANDROID, FILE_TYPE_APK},
	{PART_MANIFEST, FILE_TYPE_JAR},
	{0, FILE_TYPE_ZIP},
};

bool zip_type_is(enum file_type type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (kinds[i].type == type)
			return true;
	}
	return false;
}

/* Names with backslashes are the same to Office. */
static bool starts_path(struct slice name, const char *prefix)
{
	size_t size = strlen(prefix);

	if (name.size && (name.data[0] == '/' || name.data[0] == '\\'))
		name = slice_from(name, 1);
	if (name.size < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = name.data[i] == '\\' ? '/' : name.data[i];
		if ((c | 0x20) != (prefix[i] | 0x20))
			return false;
	}
	return true;
}

static unsigned parts_of(const struct zip_entry *entry)
{
	struct slice name = entry->name;
	unsigned found = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (starts_path(name, parts[i].prefix))
			found |= parts[i].part;
	}
	if (name.size >= 14 &&
		slice_starts_nocase(slice_from(name, name.size - 14), "vbaProject.bin"))
		found |= PART_MACROS;
	if (slice_equals(name, "mimetype")) {
		if (slice_starts_nocase(entry->packed, "application/vnd.oasis."))
			found |= PART_OPENDOCUMENT;
		if (slice_starts_nocase(entry->packed, "application/epub"))
			found |= PART_EPUB;
	}
	return found;
}

enum file_type zip_type_of(struct slice bytes)
{
	struct zip_directory *directory = zip_directory_read(NULL, bytes, ENTRIES_MOST);
	unsigned found = 0;
	size_t row = 0;

	for (size_t i = 0; i < directory->count; i++)
		found |= parts_of(&directory->entries[i]);
	talloc_free(directory);
	while ((found & kinds[row].parts) != kinds[row].parts)
		row++;
	return kinds[row].type;
}
