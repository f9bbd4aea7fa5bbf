/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the streams of a compound file. */
#include "policy/content/ole_document.h"

#include "policy/content/compressed_rtf.h"
#include "policy/content/inflation.h"
#include "policy/content/package.h"
#include "policy/content/vba.h"

#include <talloc.h>

#define RECORD_FILEPASS 0x002f
#define RECORD_NAME 0x0018
#define RECORD_BOUNDSHEET 0x0085
#define RECORD_BOF 0x0809
#define POWERPOINT_OBJECT 0x1011
#define POWERPOINT_ENCRYPTED 0xf3d1c4df

static void judge_word(struct slice stream, struct unpacked *out)
{
	if (bytes_16(stream, 10) & 0x0100)
		out->findings |= FINDING_ENCRYPTED;
	/* A field begins with 0x13, its instruction stands behind it, of one byte a character or two. */
	for (size_t at = 0; (at = bytes_find(stream, at, "\x13", 1)) != SIZE_MAX; at++) {
		struct slice s = bytes_piece(stream, at + 1, 24);
		while (s.size && (s.data[0] == ' ' || s.data[0] == '\0'))
			s = slice_from(s, 1);
		if (slice_starts_nocase(s, "DDE") || bytes_are(s, 0, "D\0D\0E", 5) ||
			bytes_are(s, 0, "d\0d\0e", 5))
			out->findings |= FINDING_DDE;
	}
}

/* A sheet of macros, by its own beginning or in the list of sheets; names that start by themselves. */
static void judge_record(uint16_t id, struct slice record, struct unpacked *out)
{
	if (id == RECORD_FILEPASS)
		out->findings |= FINDING_ENCRYPTED;
	if ((id == RECORD_BOUNDSHEET && bytes_8(record, 5) == 1) ||
		(id == RECORD_BOF && bytes_16(record, 2) == 0x40))
		out->findings |= FINDING_EXCEL4_MACROS | FINDING_MACROS;
	if (id == RECORD_NAME && (bytes_16(record, 0) & 0x20) && bytes_8(record, 15) >= 1 &&
		bytes_8(record, 15) <= 2 && bytes_8(record, 3) == 1)
		out->findings |= FINDING_AUTO_MACROS;
}

static void judge_excel(struct slice stream, struct unpacked *out)
{
	struct slice rest = stream;

	while (rest.size >= 4) {
		uint16_t size = bytes_16(rest, 2);
		judge_record(bytes_16(rest, 0), bytes_piece(rest, 4, size), out);
		rest = bytes_from(rest, 4 + (uint64_t)size);
	}
}

static void judge_powerpoint_user(struct slice stream, struct unpacked *out)
{
	if (bytes_32(stream, 12) == POWERPOINT_ENCRYPTED)
		out->findings |= FINDING_ENCRYPTED;
}

/* An object of its own: as it is, or deflated with its size before it. Macros are kept so too. */
static void take_powerpoint_object(struct slice record, bool is_deflated, struct unpacked *out)
{
	struct output output = output_begin(out->parent, out->budget);
	struct member *member = unpacked_add(out, slice_of(""));
	struct slice object = record;
	struct ole *ole;
	size_t used;

	if (!member)
		return;
	if (is_deflated) {
		enum inflation_end end =
			inflation_run(bytes_from(record, 4), INFLATION_ZLIB, &output, &used);
		object = output_slice(&output);
		if (end == INFLATION_CUT)
			unpacked_find(out, member, FINDING_OVER_LIMITS);
	}
	member->bytes = object;
	member->size = object.size;
	ole = ole_open(out->parent, object);
	if (ole)
		vba_judge(ole, out);
	talloc_free(ole);
}

static void judge_powerpoint(struct slice stream, struct unpacked *out)
{
	struct slice rest = stream;

	while (rest.size >= 8) {
		uint16_t kind = bytes_16(rest, 0), type = bytes_16(rest, 2);
		uint32_t size = bytes_32(rest, 4);
		if (type == POWERPOINT_OBJECT) {
			out->findings |= FINDING_EMBEDDED_OBJECT;
			take_powerpoint_object(bytes_piece(rest, 8, size), kind >> 4 == 1, out);
		}
		/* What holds others is stepped into. */
		rest = bytes_from(rest, (kind & 15) == 15 ? 8 : 8 + (uint64_t)size);
	}
}

static void take_package(struct slice stream, struct unpacked *out)
{
	package_unpack(stream, out);
}

static void take_whole(struct slice stream, struct unpacked *out)
{
	(void)unpacked_add_view(out, slice_of(""), stream);
}

static void take_body_text(struct slice stream, struct unpacked *out)
{
	struct slice text = unpacked_from_utf16(out->parent, stream);

	(void)unpacked_add_view(out, slice_of("body.txt"), text);
}

static void take_body_bytes(struct slice stream, struct unpacked *out)
{
	(void)unpacked_add_view(out, slice_of("body.txt"), stream);
}

static void take_body_html(struct slice stream, struct unpacked *out)
{
	(void)unpacked_add_view(out, slice_of("body.html"), stream);
}

static void take_body_rtf(struct slice stream, struct unpacked *out)
{
	compressed_rtf_add(out, slice_of("body.rtf"), stream);
}

struct stream_kind {
	const char *name;
	uint64_t findings;
	void (*take)(struct slice stream, struct unpacked *out);
};

static const struct stream_kind stream_kinds[] = {
	{"WordDocument", 0, judge_word},
	{"Workbook", 0, judge_excel},
	{"Book", 0, judge_excel},
	{"PowerPoint Document", 0, judge_powerpoint},
	{"Current User", 0, judge_powerpoint_user},
	{"EncryptedPackage", FINDING_ENCRYPTED, NULL},
	{"EncryptedSummary", FINDING_ENCRYPTED, NULL},
	{"\1Ole10Native", FINDING_EMBEDDED_OBJECT, take_package},
	{"Package", FINDING_EMBEDDED_OBJECT, take_whole},
	{"CONTENTS", FINDING_EMBEDDED_OBJECT, take_whole},
	{"EmbeddedOdf", FINDING_EMBEDDED_OBJECT, take_whole},
	{"Equation Native", FINDING_EQUATION | FINDING_EMBEDDED_OBJECT, NULL},
	{"\3OCXNAME", FINDING_ACTIVEX, NULL},
	{"__substg1.0_1000001F", 0, take_body_text},
	{"__substg1.0_1000001E", 0, take_body_bytes},
	{"__substg1.0_10130102", 0, take_body_html},
	{"__substg1.0_10090102", 0, take_body_rtf},
};

static const struct stream_kind *kind_of(const struct ole_entry *entry)
{
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		if (slice_equals_nocase(slice_of(entry->name), stream_kinds[i].name))
			return &stream_kinds[i];
	}
	return NULL;
}

static struct slice read_stream(
	struct ole *ole, const struct ole_entry *entry, struct unpacked *out)
{
	bool is_cut;
	struct slice stream = ole_read(out->parent, ole, entry, out->budget, &is_cut);

	if (is_cut)
		out->findings |= FINDING_OVER_LIMITS;
	return stream;
}

/* In an installer's package the streams are files: those that are programs or archives are taken. */
static void take_file(struct ole *ole, const struct ole_entry *entry, struct unpacked *out)
{
	static const char *const beginnings[] = {
		"MZ", "MSCF", "PK\3\4", "7z\xbc\xaf", "\xd0\xcf\x11\xe0"};
	struct slice stream = read_stream(ole, entry, out);

	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
		if (bytes_are(stream, 0, beginnings[i], strlen(beginnings[i]))) {
			take_whole(stream, out);
			return;
		}
	}
}

static void take_streams(struct ole *ole, bool is_installer, struct unpacked *out)
{
	for (size_t i = 0; i < ole->count; i++) {
		const struct ole_entry *entry = &ole->entries[i];
		const struct stream_kind *kind = kind_of(entry);
		if (entry->kind == OLE_STORAGE &&
			slice_equals_nocase(slice_of(entry->name), "ObjectPool"))
			out->findings |= FINDING_EMBEDDED_OBJECT;
		if (entry->kind != OLE_STREAM)
			continue;
		if (!kind && is_installer)
			take_file(ole, entry, out);
		if (!kind)
			continue;
		out->findings |= kind->findings;
		if (kind->take)
			kind->take(read_stream(ole, entry, out), out);
	}
}

/* Of an attachment of a message; indices of streams, 0 for none. */
struct attachment {
	uint32_t data, long_name, short_name, ansi_name;
};

static bool is_attachment(const struct ole *ole, uint32_t index)
{
	return index < ole->count && ole->entries[index].kind == OLE_STORAGE &&
		slice_starts_nocase(slice_of(ole->entries[index].name), "__attach_version1.0_");
}

static void note_part(struct attachment *attachment, struct slice name, uint32_t index)
{
	if (slice_equals_nocase(name, "__substg1.0_37010102"))
		attachment->data = index;
	if (slice_equals_nocase(name, "__substg1.0_3707001F"))
		attachment->long_name = index;
	if (slice_equals_nocase(name, "__substg1.0_3704001F"))
		attachment->short_name = index;
	if (slice_equals_nocase(name, "__substg1.0_3707001E"))
		attachment->ansi_name = index;
}

static struct slice attachment_name(
	struct ole *ole, const struct attachment *attachment, struct unpacked *out)
{
	uint32_t wide = attachment->long_name ? attachment->long_name : attachment->short_name;

	if (wide)
		return unpacked_from_utf16(out->parent, read_stream(ole, &ole->entries[wide], out));
	if (attachment->ansi_name)
		return read_stream(ole, &ole->entries[attachment->ansi_name], out);
	return slice_of("");
}

static void take_attachments(struct ole *ole, struct unpacked *out)
{
	struct attachment *all = talloc_zero_array(ole, struct attachment, ole->count + 1);

	for (uint32_t i = 0; i < ole->count; i++) {
		if (is_attachment(ole, ole->entries[i].parent))
			note_part(&all[ole->entries[i].parent], slice_of(ole->entries[i].name), i);
	}
	for (uint32_t i = 0; i < ole->count; i++) {
		if (!is_attachment(ole, i))
			continue;
		if (all[i].data)
			(void)unpacked_add_view(out, attachment_name(ole, &all[i], out),
				read_stream(ole, &ole->entries[all[i].data], out));
	}
	talloc_free(all);
}

void ole_document_unpack(struct slice bytes, struct unpacked *out)
{
	struct ole *ole = ole_open(out->parent, bytes);

	if (!ole) {
		out->findings |= FINDING_DAMAGED;
		return;
	}
	take_streams(ole, ole_type(bytes) == FILE_TYPE_MSI, out);
	take_attachments(ole, out);
	vba_judge(ole, out);
	if (ole->is_damaged)
		out->findings |= FINDING_DAMAGED;
}
