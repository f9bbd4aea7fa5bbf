/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive over a slice. */
#include "policy/content/archive.h"

#include "policy/content/bytes.h"
#include "policy/content/inflation.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <locale.h>
#include <strings.h>
#include <talloc.h>

#define DICTIONARY_MOST (128U << 20) /* of LZMA: twice what its best preset takes */
#define ZIP_LZMA 14
#define XZ_LZMA2 0x21
#define GZIP_HEADER 10
#define GZIP_HAS_NAME 8
#define GZIP_HAS_EXTRA 4
#define ZIP_HEADER 30

struct format {
	enum file_type type;
	int (*enable)(struct archive *archive);
	int filter; /* of a single stream: given by number, so that it is undone once, however it is nested */
};

/* One behind the other: some programs read them all. */
static int enable_tar(struct archive *archive)
{
	int result = archive_read_support_format_tar(archive);

	return result == ARCHIVE_OK
		? archive_read_set_format_option(archive, "tar", "read_concatenated_archives", "1")
		: result;
}

/* The payload of a package is a compressed cpio behind a header. */
static int enable_rpm(struct archive *archive)
{
	int result = archive_read_support_format_cpio(archive);

	if (result == ARCHIVE_OK)
		result = archive_read_support_filter_rpm(archive);
	if (result == ARCHIVE_OK)
		result = archive_read_support_filter_gzip(archive);
	if (result == ARCHIVE_OK)
		result = archive_read_support_filter_xz(archive);
	if (result == ARCHIVE_OK)
		result = archive_read_support_filter_zstd(archive);
	if (result == ARCHIVE_OK)
		result = archive_read_support_filter_bzip2(archive);
	return result;
}

/* This filter reads at once and cannot be given by number. */
static int enable_compress(struct archive *archive)
{
	int result = archive_read_support_format_raw(archive);

	return result == ARCHIVE_OK ? archive_read_support_filter_compress(archive) : result;
}

/* Windows does not know Rock Ridge, and a continuation of it that points to itself sends libarchive 3.6 in circles. */
static int enable_iso(struct archive *archive)
{
	int result = archive_read_support_format_iso9660(archive);

	return result == ARCHIVE_OK ? archive_read_set_option(archive, "iso9660", "rockridge", NULL)
				    : result;
}

static const struct format formats[] = {
	{FILE_TYPE_TAR, enable_tar, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_CPIO, archive_read_support_format_cpio, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_AR, archive_read_support_format_ar, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_DEB, archive_read_support_format_ar, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_RPM, enable_rpm, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_CAB, archive_read_support_format_cab, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_LHA, archive_read_support_format_lha, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_ISO, enable_iso, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_SEVENZIP, archive_read_support_format_7zip, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_RAR, archive_read_support_format_rar, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_RAR5, archive_read_support_format_rar5, ARCHIVE_FILTER_NONE},
	{FILE_TYPE_BZIP2, archive_read_support_format_raw, ARCHIVE_FILTER_BZIP2},
	{FILE_TYPE_XZ, archive_read_support_format_raw, ARCHIVE_FILTER_XZ},
	{FILE_TYPE_LZMA, archive_read_support_format_raw, ARCHIVE_FILTER_LZMA},
	{FILE_TYPE_LZIP, archive_read_support_format_raw, ARCHIVE_FILTER_LZIP},
	{FILE_TYPE_ZSTD, archive_read_support_format_raw, ARCHIVE_FILTER_ZSTD},
	{FILE_TYPE_LZ4, archive_read_support_format_raw, ARCHIVE_FILTER_LZ4},
	{FILE_TYPE_COMPRESS, enable_compress, ARCHIVE_FILTER_NONE},
};

static const struct format *format_of(enum file_type type)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (formats[i].type == type)
			return &formats[i];
	}
	return NULL;
}

bool archive_knows(enum file_type type)
{
	return format_of(type) != NULL;
}

void archive_prepare(void)
{
	/* Names of two bytes a character become those of the locale, and it must have room for them. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
}

static bool mentions(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcasestr(text, *words))
			return true;
	}
	return false;
}

/* libarchive tells by words alone why it gives up. */
static uint64_t finding_of_error(struct archive *archive)
{
	static const char *const encrypted[] = {"encrypt", "passphrase", "password", NULL};
	static const char *const unsupported[] = {"unsupported", "not supported", "unknown", NULL};
	static const char *const too_much[] = {"allocate", "memory", NULL};
	static const char *const split[] = {"multivolume", "multi-volume", "multi volume", NULL};
	const char *text = archive_error_string(archive);

	if (!text)
		return FINDING_DAMAGED;
	if (mentions(text, encrypted))
		return FINDING_ENCRYPTED;
	if (mentions(text, too_much))
		return FINDING_OVER_LIMITS;
	if (mentions(text, split))
		return FINDING_SPLIT;
	if (mentions(text, unsupported))
		return FINDING_UNSUPPORTED;
	return FINDING_DAMAGED;
}

/* Sparse files leave holes, which read as zeros. */
static bool take_block(
	struct output *output, const void *block, size_t size, int64_t offset, uint64_t *findings)
{
	if (offset < 0 || (uint64_t)offset < output->size) {
		*findings |= FINDING_DAMAGED;
		return false;
	}
	if (!output_add_zeros(output, (uint64_t)offset - output->size) ||
		!output_add(output, block, size) || !budget_has_time(output->budget)) {
		*findings |= FINDING_OVER_LIMITS;
		return false;
	}
	return true;
}

/* The data of the entry at hand. False when nothing can be read behind it. */
static bool read_data(struct archive *archive, const void *parent, struct budget *budget,
	struct slice *bytes, uint64_t *findings)
{
	struct output output = output_begin(parent, budget);
	const void *block;
	size_t size;
	int64_t offset;
	int result;

	while ((result = archive_read_data_block(archive, &block, &size, &offset)) == ARCHIVE_OK ||
		result == ARCHIVE_WARN) {
		if (size && !take_block(&output, block, size, offset, findings))
			break;
	}
	*bytes = output_slice(&output);
	if (result < ARCHIVE_WARN)
		*findings |= finding_of_error(archive);
	return result != ARCHIVE_FATAL;
}

static struct slice name_of(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);

	return slice_of(name ? name : archive_entry_pathname(entry));
}

static bool is_link(struct archive_entry *entry)
{
	return archive_entry_filetype(entry) == AE_IFLNK || archive_entry_hardlink(entry) ||
		archive_entry_symlink(entry);
}

/* An entry as a member. False when it is to be the last one. */
static bool take_entry(struct archive *archive, struct archive_entry *entry, struct unpacked *out)
{
	bool is_stream = archive_format(archive) == ARCHIVE_FORMAT_RAW, goes_on = true;
	struct member *member = unpacked_add(out, is_stream ? slice_of("") : name_of(entry));
	uint64_t findings = 0;
	struct slice bytes = slice_of("");

	if (!member)
		return false;
	if (is_link(entry))
		findings |= FINDING_LINK_ENTRY;
	if (archive_entry_is_encrypted(entry))
		findings |= FINDING_ENCRYPTED;
	else
		goes_on = read_data(archive, out->parent, out->budget, &bytes, &findings);
	member->bytes = bytes;
	member->size = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0
		? (uint64_t)archive_entry_size(entry)
		: bytes.size;
	unpacked_find(out, member, findings);
	/* What is left of a solid archive is unpacked to be passed over: no more of that. */
	return goes_on && !(findings & FINDING_OVER_LIMITS);
}

static void read_entries(struct archive *archive, struct unpacked *out)
{
	struct archive_entry *entry;
	int result = ARCHIVE_OK;

	while (budget_has_time(out->budget)) {
		result = archive_read_next_header(archive, &entry);
		if (result == ARCHIVE_EOF)
			break;
		if (result < ARCHIVE_WARN) {
			out->findings |= finding_of_error(archive);
			break;
		}
		if (archive_entry_filetype(entry) == AE_IFDIR)
			continue;
		if (!take_entry(archive, entry, out))
			break;
	}
	if (!budget_has_time(out->budget))
		out->findings |= FINDING_OVER_LIMITS;
	if (archive_read_has_encrypted_entries(archive) == 1)
		out->findings |= FINDING_ENCRYPTED;
}

/* Of variable size: seven bits a byte. */
static uint64_t read_variable(struct slice *s)
{
	uint64_t number = 0;

	for (unsigned shift = 0; s->size && shift < 63; shift += 7) {
		uint8_t byte = bytes_8(*s, 0);
		*s = slice_from(*s, 1);
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return number;
}

/* Whether a record of the extra area says that the file's data is encrypted. */
static bool has_encryption(struct slice extra)
{
	while (extra.size) {
		uint64_t size = read_variable(&extra);
		struct slice record = bytes_piece(extra, 0, size);
		if (size == 0)
			break;
		if (read_variable(&record) == 1)
			return true;
		extra = bytes_from(extra, size);
	}
	return false;
}

enum rar5_block {
	RAR5_MAIN = 1,
	RAR5_FILE = 2,
	RAR5_SERVICE = 3,
	RAR5_ENCRYPTION = 4,
	RAR5_END = 5
};

/* What a block says, behind its size: kind, flags, and by these the sizes of what else it has. */
static uint64_t judge_rar5_block(struct slice block, uint64_t *kind, uint64_t *data_size)
{
	struct slice s = block;
	uint64_t flags, extra_size = 0;

	*kind = read_variable(&s);
	flags = read_variable(&s);
	if (flags & 1)
		extra_size = read_variable(&s);
	*data_size = flags & 2 ? read_variable(&s) : 0;
	if (*kind == RAR5_ENCRYPTION)
		return FINDING_ENCRYPTED;
	if (*kind == RAR5_MAIN)
		return read_variable(&s) & 1 ? FINDING_SPLIT : 0;
	if (*kind != RAR5_FILE && *kind != RAR5_SERVICE)
		return 0;
	return extra_size <= block.size &&
			has_encryption(bytes_from(block, block.size - extra_size))
		? FINDING_ENCRYPTED
		: 0;
}

/* libarchive does not tell that a file is encrypted, so the blocks are looked at here. */
static uint64_t judge_rar5(struct slice bytes)
{
	struct slice rest = bytes_from(bytes, 8);
	uint64_t findings = 0, kind = 0, data_size;

	while (rest.size > 4 && kind != RAR5_ENCRYPTION && kind != RAR5_END) {
		struct slice s = slice_from(rest, 4);
		uint64_t size = read_variable(&s);
		if (size == 0)
			break;
		findings |= judge_rar5_block(bytes_piece(s, 0, size), &kind, &data_size);
		rest = bytes_from(bytes_from(s, size), data_size);
	}
	return findings;
}

static uint64_t judge_rar(struct slice bytes)
{
	uint16_t flags = bytes_16(bytes, 10);

	if (bytes_8(bytes, 9) != 0x73)
		return 0;
	return (flags & 1 ? FINDING_SPLIT : 0) | (flags & 0x80 ? FINDING_ENCRYPTED : 0);
}

static uint64_t judge_cabinet(struct slice bytes)
{
	return bytes_16(bytes, 30) & 3 ? FINDING_SPLIT : 0;
}

/* The first header says where the last one ends. */
static uint64_t judge_sevenzip(struct slice bytes)
{
	uint64_t end;

	if (__builtin_add_overflow(bytes_64(bytes, 12), bytes_64(bytes, 20), &end) ||
		__builtin_add_overflow(end, 32, &end) || end > bytes.size)
		return FINDING_DAMAGED;
	return end < bytes.size ? FINDING_TRAILING : 0;
}

static const struct {
	enum file_type type;
	uint64_t (*judge)(struct slice bytes);
} judges[] = {
	{FILE_TYPE_RAR, judge_rar},
	{FILE_TYPE_RAR5, judge_rar5},
	{FILE_TYPE_CAB, judge_cabinet},
	{FILE_TYPE_SEVENZIP, judge_sevenzip},
};

static void judge_header(enum file_type type, struct slice bytes, struct unpacked *out)
{
	for (size_t i = 0; i < sizeof judges / sizeof *judges; i++) {
		if (judges[i].type == type)
			out->findings |= judges[i].judge(bytes);
	}
}

/* A filter that is not built in would be a program: then libarchive warns, and it is not used. */
static bool enable(struct archive *archive, const struct format *format)
{
	if (format->enable(archive) != ARCHIVE_OK)
		return false;
	return format->filter == ARCHIVE_FILTER_NONE ||
		archive_read_append_filter(archive, format->filter) == ARCHIVE_OK;
}

/* --- dictionaries: memory that is taken at once, for as much as a header announces --- */

static uint64_t dictionary_of_lzma(struct slice bytes)
{
	return bytes_32(bytes, 1);
}

/* Two to the power of the low bits, less some sixteenths of it. */
static uint64_t dictionary_of_lzip(struct slice bytes)
{
	return UINT64_C(1) << (bytes_8(bytes, 5) & 0x1f);
}

/* Behind the stream's header stands the first block's: size, flags, sizes that may be there, filters. LZMA2's one property says mantissa and
 * exponent. */
static uint64_t dictionary_of_xz(struct slice bytes)
{
	struct slice s = bytes_from(bytes, 13);
	uint8_t flags = bytes_8(s, 0), property;

	s = bytes_from(s, 1);
	for (unsigned bit = 0x40; bit <= 0x80; bit <<= 1) {
		if (flags & bit)
			(void)read_variable(&s);
	}
	for (unsigned filter = 0; filter <= (flags & 3U) && s.size; filter++) {
		uint64_t id = read_variable(&s), size = read_variable(&s);
		property = bytes_8(s, 0);
		if (id == XZ_LZMA2 && property < 64)
			return (UINT64_C(2) | (property & 1)) << (property / 2 + 11);
		s = bytes_from(s, size);
	}
	return 0;
}

static const struct {
	enum file_type type;
	uint64_t (*size)(struct slice bytes);
} dictionaries[] = {
	{FILE_TYPE_LZMA, dictionary_of_lzma},
	{FILE_TYPE_LZIP, dictionary_of_lzip},
	{FILE_TYPE_XZ, dictionary_of_xz},
};

static bool wants_too_much(enum file_type type, struct slice bytes)
{
	for (size_t i = 0; i < sizeof dictionaries / sizeof *dictionaries; i++) {
		if (dictionaries[i].type == type && dictionaries[i].size(bytes) > DICTIONARY_MOST)
			return true;
	}
	return false;
}

void archive_unpack(enum file_type type, struct slice bytes, struct unpacked *out)
{
	const struct format *format = format_of(type);
	struct archive *archive = archive_read_new();

	assert(format && archive);
	judge_header(type, bytes, out);
	if (wants_too_much(type, bytes))
		out->findings |= FINDING_OVER_LIMITS;
	else if (!enable(archive, format))
		out->findings |= FINDING_UNSUPPORTED;
	else if (archive_read_open_memory(archive, bytes.data, bytes.size) != ARCHIVE_OK)
		out->findings |= finding_of_error(archive);
	else
		read_entries(archive, out);
	archive_read_free(archive);
}

/* The name of the file that was compressed; empty: none is said. */
static struct slice gzip_name(struct slice bytes)
{
	uint8_t flags = bytes_8(bytes, 3);
	uint64_t at = GZIP_HEADER;
	struct slice rest;

	if (!(flags & GZIP_HAS_NAME))
		return slice_of("");
	if (flags & GZIP_HAS_EXTRA)
		at += 2 + (uint64_t)bytes_16(bytes, at);
	rest = bytes_from(bytes, at);
	return slice_cut(&rest, '\0');
}

static uint64_t finding_of_end(enum inflation_end end)
{
	if (end == INFLATION_CUT)
		return FINDING_OVER_LIMITS;
	return end == INFLATION_DONE ? 0 : FINDING_DAMAGED;
}

/* Streams behind each other are one file, as gzip has it. */
void archive_unpack_gzip(struct slice bytes, struct unpacked *out)
{
	struct member *member = unpacked_add(out, gzip_name(bytes));
	struct output output = output_begin(out->parent, out->budget);
	enum inflation_end end = INFLATION_DONE;
	struct slice rest = bytes;
	size_t used = 1;
	uint64_t findings;

	if (!member)
		return;
	while (end == INFLATION_DONE && used && bytes_are(rest, 0, "\x1f\x8b", 2)) {
		if (!budget_has_time(out->budget)) {
			end = INFLATION_CUT;
			break;
		}
		end = inflation_run(rest, INFLATION_GZIP, &output, &used);
		rest = slice_from(rest, used);
		if (end == INFLATION_DONE && bytes_are(rest, 0, "\x1f\x8b", 2))
			out->findings |= FINDING_CONCATENATED;
	}
	findings = finding_of_end(end);
	if (end == INFLATION_DONE && rest.size)
		findings |= FINDING_TRAILING;
	member->bytes = output_slice(&output);
	member->size = output.size;
	unpacked_find(out, member, findings);
}

/* An archive of one entry: a header made here, and the entry's bytes behind it. */
struct single {
	char header[ZIP_HEADER + 1];
	struct slice packed;
	unsigned read;
};

static void put_32(char *out, uint64_t number)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (char)(number >> 8 * i);
}

static la_ssize_t read_single(struct archive *archive, void *context, const void **block)
{
	struct single *single = context;

	(void)archive;
	single->read++;
	if (single->read == 1) {
		*block = single->header;
		return sizeof single->header;
	}
	*block = single->packed.data;
	return single->read == 2 ? (la_ssize_t)single->packed.size : 0;
}

static struct single single_of(const struct zip_entry *entry)
{
	struct single single = {.header = "PK\3\4\x3f", .packed = entry->packed};

	single.header[8] = (char)entry->method;
	put_32(single.header + 14, entry->checksum);
	put_32(single.header + 18, entry->packed.size);
	put_32(single.header + 22, entry->size);
	single.header[26] = 1;
	single.header[ZIP_HEADER] = 'x';
	return single;
}

struct slice archive_read_zip_entry(const void *parent, const struct zip_entry *entry,
	struct budget *budget, uint64_t *findings)
{
	struct single single = single_of(entry);
	struct archive *archive = archive_read_new();
	struct archive_entry *header;
	struct slice bytes = slice_of("");

	assert(archive);
	if (entry->packed.size > UINT32_MAX || entry->size > UINT32_MAX) {
		*findings |= FINDING_UNSUPPORTED;
	} else if (entry->method == ZIP_LZMA && bytes_32(entry->packed, 5) > DICTIONARY_MOST) {
		*findings |= FINDING_OVER_LIMITS;
	} else if (archive_read_support_format_zip_streamable(archive) != ARCHIVE_OK ||
		archive_read_open(archive, &single, NULL, read_single, NULL) != ARCHIVE_OK ||
		archive_read_next_header(archive, &header) < ARCHIVE_WARN) {
		*findings |= finding_of_error(archive);
	} else {
		(void)read_data(archive, parent, budget, &bytes, findings);
	}
	archive_read_free(archive);
	return bytes;
}
