/* SPDX-License-Identifier: Apache-2.0 */
/* What files are: signatures, what is behind them, and text. */
#include "policy/content/file_type.h"

#include "policy/content/apple_file.h"
#include "policy/content/bytes.h"
#include "policy/content/extension.h"
#include "policy/content/magic.h"
#include "policy/content/ole.h"
#include "policy/content/sealed.h"
#include "policy/content/text_type.h"
#include "policy/content/zip_directory.h"
#include "policy/content/zip_type.h"

#include <assert.h>

#define PDF_HEADER_WITHIN 1024 /* as readers look for it */
#define MARKUP_WITHIN 1024
#define ZIP_NAME_AT 30
#define SKIPPED_FRAME 0x184d2a50
#define TAR_BLOCK 512

#define TYPE(id, name, group, manual) name,
const char *const file_type_names[] = {FILE_TYPES(TYPE) NULL};
#undef TYPE

const char *const file_group_names[] = {"other", "program", "script", "archive", "disk", "document",
	"mail", "text", "image", "audio", "video", "font", NULL};

#define TYPE(id, name, group, manual) manual,
const char *const file_type_manual[] = {FILE_TYPES(TYPE) NULL};
#undef TYPE

#define TYPE(id, name, group, manual) FILE_GROUP_##group,
static const enum file_group groups[] = {FILE_TYPES(TYPE)};
#undef TYPE

enum file_group file_type_group(enum file_type type)
{
	assert(type < FILE_TYPES_COUNT);
	return groups[type];
}

static enum file_type program_type(struct slice bytes)
{
	uint32_t header = bytes_32(bytes, 0x3c);

	return bytes_are(bytes, header, "PE\0\0", 4) ? FILE_TYPE_PE : FILE_TYPE_DOS;
}

static bool is_program(struct slice bytes)
{
	return (bytes_are(bytes, 0, "MZ", 2) || bytes_are(bytes, 0, "ZM", 2)) && bytes.size >= 28;
}

/* Programs for several processors begin with the same four bytes as Java's; a class has a version behind them, they a small count. */
static enum file_type class_type(struct slice bytes)
{
	return bytes_8(bytes, 4) == 0 && bytes_8(bytes, 5) == 0 && bytes_8(bytes, 6) == 0 &&
			bytes_8(bytes, 7) < 40
		? FILE_TYPE_MACHO
		: FILE_TYPE_CLASS;
}

/* A tar of before 1988 has no signature; the sum of its first block tells it. */
static bool is_old_tar(struct slice bytes)
{
	uint32_t sum = 0, said = 0;
	size_t i = 148;

	if (bytes.size < 512 || bytes.data[0] == '\0')
		return false;
	for (size_t k = 0; k < 512; k++)
		sum += k >= 148 && k < 156 ? ' ' : bytes_8(bytes, k);
	while (i < 156 && bytes.data[i] == ' ')
		i++;
	for (; i < 156 && bytes.data[i] >= '0' && bytes.data[i] <= '7'; i++)
		said = said * 8 + (uint32_t)(bytes.data[i] - '0');
	return said == sum;
}

/* A boot sector of a FAT or NTFS file system, or a partition table. */
static bool is_disk(struct slice bytes)
{
	uint8_t jump = bytes_8(bytes, 0);

	if (bytes.size < 1024 || !bytes_are(bytes, 510, "\x55\xaa", 2))
		return false;
	if ((jump == 0xeb || jump == 0xe9) &&
		(bytes_are(bytes, 54, "FAT", 3) || bytes_are(bytes, 82, "FAT", 3) ||
			bytes_are(bytes, 3, "NTFS", 4) || bytes_are(bytes, 3, "EXFAT", 5)))
		return true;
	return bytes_are(bytes, 512, "EFI PART", 8) ||
		((bytes_8(bytes, 446) & 0x7f) == 0 && bytes_8(bytes, 450) != 0 &&
			bytes_32(bytes, 454) != 0);
}

static bool is_bitmap(struct slice bytes)
{
	uint32_t header = bytes_32(bytes, 14);

	return bytes_are(bytes, 0, "BM", 2) && header >= 12 && header <= 256 &&
		bytes_32(bytes, 6) == 0;
}

static bool is_lzma(struct slice bytes)
{
	return bytes_8(bytes, 0) == 0x5d && bytes_16(bytes, 1) == 0 && bytes.size > 13 &&
		(bytes_64(bytes, 5) == UINT64_MAX || bytes_64(bytes, 5) < 1ULL << 40);
}

static bool is_pdf(struct slice bytes)
{
	return bytes_find(bytes_piece(bytes, 0, PDF_HEADER_WITHIN), 0, "%PDF-", 5) != SIZE_MAX;
}

static bool is_anywhere(struct slice bytes)
{
	(void)bytes;
	return true;
}

/* Tried in this order when no signature fits, and before text. */
static const struct {
	bool (*fits)(struct slice bytes);
	enum file_type type;
} shapes[] = {
	{is_disk, FILE_TYPE_FAT},
	{is_bitmap, FILE_TYPE_BMP},
	{sealed_is_cms, FILE_TYPE_PKCS7},
	{sealed_is_pgp, FILE_TYPE_PGP},
	{is_lzma, FILE_TYPE_LZMA},
	{is_old_tar, FILE_TYPE_TAR},
	{is_pdf, FILE_TYPE_PDF},
	{apple_file_is_macbinary, FILE_TYPE_MACBINARY},
	{is_anywhere, FILE_TYPE_UNKNOWN},
};

static enum file_type shape_type(struct slice bytes)
{
	size_t i = 0;

	while (!shapes[i].fits(bytes))
		i++;
	return shapes[i].type;
}

struct archive_mark {
	enum file_type type;
	const char *bytes;
	size_t size;
};

/* What programs carry, and what archivers look for behind anything; long enough not to stand there by chance. */
static const struct archive_mark carried[] = {
	{FILE_TYPE_RAR5, "Rar!\x1a\7\1\0", 8},
	{FILE_TYPE_RAR, "Rar!\x1a\7\0", 7},
	{FILE_TYPE_SEVENZIP, "7z\xbc\xaf\x27\x1c\0", 7},
	{FILE_TYPE_CAB, "MSCF\0\0\0\0", 8},
};

/* A header of a ZIP file's entry that makes sense: four bytes alone are few. */
static bool is_zip_header(struct slice bytes, uint64_t at)
{
	uint16_t method = bytes_16(bytes, at + 8), name = bytes_16(bytes, at + 26);
	uint8_t first = bytes_8(bytes, at + ZIP_NAME_AT);

	return bytes_8(bytes, at + 4) <= 63 && method <= 99 && name > 0 && name <= 1024 &&
		bytes_has(bytes, at, ZIP_NAME_AT + name) && first >= ' ' && first != 0x7f;
}

static bool carries_zip(struct slice bytes)
{
	size_t at = bytes_find(bytes, 1, "PK\3\4", 4);

	while (at != SIZE_MAX && !is_zip_header(bytes, at))
		at = bytes_find(bytes, at + 1, "PK\3\4", 4);
	return at != SIZE_MAX;
}

/* Its type, and where it begins; a ZIP file's entries are looked for in all of the file. */
static enum file_type carried_type(struct slice bytes, size_t *where)
{
	for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
		*where = bytes_find(bytes, 1, carried[i].bytes, carried[i].size);
		if (*where != SIZE_MAX)
			return carried[i].type;
	}
	*where = 0;
	return carries_zip(bytes) ? FILE_TYPE_ZIP : FILE_TYPE_UNKNOWN;
}

/* Frames that decoders of Zstandard and LZ4 pass over: four bytes of mark, four of size. */
static size_t skip_frames(struct slice bytes)
{
	uint64_t at = 0;

	while ((bytes_32(bytes, at) & ~15U) == SKIPPED_FRAME && bytes_has(bytes, at, 8))
		at += 8 + (uint64_t)bytes_32(bytes, at + 4);
	return at < bytes.size ? (size_t)at : 0;
}

static size_t skip_zeros(struct slice bytes)
{
	static const char zeros[TAR_BLOCK];
	size_t at = 0;

	while (bytes_are(bytes, at, zeros, TAR_BLOCK))
		at += TAR_BLOCK;
	return at < bytes.size ? at : 0;
}

/* What begins behind what its readers pass over. */
static enum file_type padded_type(struct slice bytes, size_t *where)
{
	enum file_type type;

	*where = skip_frames(bytes);
	type = *where ? magic_type(slice_from(bytes, *where)) : FILE_TYPE_UNKNOWN;
	if (type == FILE_TYPE_ZSTD || type == FILE_TYPE_LZ4)
		return type;
	*where = skip_zeros(bytes);
	bytes = slice_from(bytes, *where);
	return *where && (magic_type(bytes) == FILE_TYPE_TAR || is_old_tar(bytes))
		? FILE_TYPE_TAR
		: FILE_TYPE_UNKNOWN;
}

static enum file_type refine(enum file_type type, struct slice bytes)
{
	switch (type) {
	case FILE_TYPE_CLASS:
		return class_type(bytes);
	case FILE_TYPE_ZIP:
		return zip_type_of(bytes);
	case FILE_TYPE_OLE:
		return ole_type(bytes);
	case FILE_TYPE_SHEBANG:
		return bytes_are(bytes, 0, "#!AMR", 5) ? FILE_TYPE_AMR : type;
	default:
		return type;
	}
}

enum file_type file_type_of(struct slice bytes)
{
	enum file_type type;
	size_t where;

	if (bytes.size == 0)
		return FILE_TYPE_EMPTY;
	if (is_program(bytes))
		return program_type(bytes);
	type = magic_type(bytes);
	if (type == FILE_TYPE_UNKNOWN)
		type = shape_type(bytes);
	if (type == FILE_TYPE_UNKNOWN)
		type = text_type(bytes);
	if (type == FILE_TYPE_UNKNOWN && zip_directory_is_at_end(bytes))
		type = FILE_TYPE_ZIP;
	if (type == FILE_TYPE_UNKNOWN)
		type = padded_type(bytes, &where);
	if (type == FILE_TYPE_UNKNOWN)
		type = carried_type(bytes, &where);
	return refine(type, bytes);
}

size_t file_type_start(struct slice bytes, enum file_type type)
{
	size_t where;

	if (magic_type(bytes) != FILE_TYPE_UNKNOWN)
		return 0;
	if (padded_type(bytes, &where) == type || carried_type(bytes, &where) == type)
		return where;
	return 0;
}

/* The bytes of these are text, or anything. */
static bool is_told_by_extension(enum file_type type)
{
	enum file_group group = file_type_group(type);

	return (group == FILE_GROUP_SCRIPT && type != FILE_TYPE_SHEBANG) ||
		type == FILE_TYPE_JSON || type == FILE_TYPE_CSV || type == FILE_TYPE_URL;
}

enum file_type file_type_of_file(struct slice bytes, struct slice name)
{
	enum file_type type = file_type_of(bytes);
	enum file_type said = extension_type(file_type_extension(name));

	/* Its packets alone say little. */
	if (type == FILE_TYPE_UNKNOWN && said == FILE_TYPE_PGP)
		return said;
	if (type == FILE_TYPE_TEXT && (is_told_by_extension(said) || said == FILE_TYPE_SHEBANG))
		return said;
	/* The same text may be a page and an application; the extension decides which program opens it. */
	if ((type == FILE_TYPE_HTML || type == FILE_TYPE_XML) &&
		(file_type_group(said) == FILE_GROUP_SCRIPT))
		return said;
	return type;
}

bool file_type_is_declared_script(struct slice declared)
{
	return file_type_group(extension_type_of_mime(declared)) == FILE_GROUP_SCRIPT;
}

enum file_type file_type_as_declared(enum file_type type, struct slice name, struct slice declared)
{
	bool is_text = type == FILE_TYPE_TEXT || type == FILE_TYPE_HTML || type == FILE_TYPE_XML;

	return is_text && !file_type_extension(name).size && file_type_is_declared_script(declared)
		? extension_type_of_mime(declared)
		: type;
}

static bool is_image(enum file_type type)
{
	enum file_group group = file_type_group(type);

	return group == FILE_GROUP_IMAGE || group == FILE_GROUP_AUDIO || group == FILE_GROUP_VIDEO;
}

/* Whatever has no place for whole files of its own. */
static bool may_carry(enum file_type type)
{
	static const bool carries[] = {
		[FILE_GROUP_OTHER] = true,
		[FILE_GROUP_SCRIPT] = true,
		[FILE_GROUP_TEXT] = true,
		[FILE_GROUP_IMAGE] = true,
		[FILE_GROUP_AUDIO] = true,
		[FILE_GROUP_VIDEO] = true,
		[FILE_GROUP_FONT] = true,
	};
	enum file_group group = file_type_group(type);

	return (group < sizeof carries / sizeof *carries && carries[group]) ||
		type == FILE_TYPE_PE || type == FILE_TYPE_DOS || type == FILE_TYPE_ELF ||
		type == FILE_TYPE_MACHO || type == FILE_TYPE_PDF || type == FILE_TYPE_RTF ||
		type == FILE_TYPE_HTML || type == FILE_TYPE_XML || type == FILE_TYPE_POSTSCRIPT;
}

enum file_type file_type_also(struct slice bytes, enum file_type type, size_t *where)
{
	enum file_group group = file_type_group(type);
	bool is_zip = bytes_are(bytes, 0, "PK", 2);
	struct slice head = bytes_piece(bytes, 0, MARKUP_WITHIN);

	*where = 0;
	if (type == FILE_TYPE_EMPTY)
		return FILE_TYPE_UNKNOWN;
	if (type != FILE_TYPE_PDF && group != FILE_GROUP_MAIL && group != FILE_GROUP_TEXT &&
		is_pdf(bytes))
		return FILE_TYPE_PDF;
	if (!is_zip && group != FILE_GROUP_MAIL && group != FILE_GROUP_DISK &&
		(group != FILE_GROUP_ARCHIVE) && type != FILE_TYPE_OLE && type != FILE_TYPE_MSI &&
		zip_directory_is_at_end(bytes))
		return FILE_TYPE_ZIP;
	if (type == FILE_TYPE_TEXT && sealed_has_armour(bytes, where))
		return FILE_TYPE_PGP;
	if (may_carry(type)) {
		enum file_type other = carried_type(bytes, where);
		if (other != FILE_TYPE_UNKNOWN)
			return other;
	}
	*where = 0;
	if (is_image(type) && type != FILE_TYPE_SVG &&
		(bytes_find(head, 0, "<script", 7) != SIZE_MAX ||
			bytes_find(head, 0, "<html", 5) != SIZE_MAX))
		return FILE_TYPE_HTML;
	return FILE_TYPE_UNKNOWN;
}

struct slice file_type_extension(struct slice name)
{
	size_t end = name.size, dot;

	while (end && (name.data[end - 1] == '.' || (unsigned char)name.data[end - 1] <= ' '))
		end--;
	dot = end;
	while (dot && name.data[dot - 1] != '.' && name.data[dot - 1] != '/')
		dot--;
	if (!dot || name.data[dot - 1] != '.')
		return slice_make(name.data, 0);
	return slice_make(name.data + dot, end - dot);
}

/* Those that share a container or are written by the same programs are no disguise of each other. */
static bool are_alike(enum file_type type, enum file_type said)
{
	enum file_group a = file_type_group(type), b = file_type_group(said);

	if (a == b)
		return true;
	if ((a == FILE_GROUP_TEXT || a == FILE_GROUP_MAIL) &&
		(b == FILE_GROUP_TEXT || b == FILE_GROUP_MAIL))
		return true;
	if ((a == FILE_GROUP_AUDIO || a == FILE_GROUP_VIDEO) &&
		(b == FILE_GROUP_AUDIO || b == FILE_GROUP_VIDEO))
		return true;
	/* Pages and tables of text. */
	return (type == FILE_TYPE_HTML || type == FILE_TYPE_TEXT || type == FILE_TYPE_XML) &&
		(b == FILE_GROUP_TEXT || said == FILE_TYPE_HTML || said == FILE_TYPE_SVG ||
			said == FILE_TYPE_INF);
}

bool file_type_is_disguised(enum file_type type, struct slice name)
{
	enum file_type said = extension_type(file_type_extension(name));

	if (said == FILE_TYPE_UNKNOWN || type == FILE_TYPE_UNKNOWN || type == FILE_TYPE_EMPTY)
		return false;
	if (type == said || are_alike(type, said))
		return false;
	/* Packages and documents that are ZIP files may be called so. */
	if (said == FILE_TYPE_ZIP && zip_type_is(type))
		return false;
	/* Text behind a script's name is that script. */
	if (type == FILE_TYPE_TEXT && file_type_group(said) == FILE_GROUP_SCRIPT)
		return false;
	return true;
}
