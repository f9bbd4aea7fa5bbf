/* SPDX-License-Identifier: Apache-2.0 */
/* Which function takes which type apart. */
#include "policy/content/unpack.h"

#include "policy/content/apple_file.h"
#include "policy/content/archive.h"
#include "policy/content/bytes.h"
#include "policy/content/ical.h"
#include "policy/content/link.h"
#include "policy/content/ole_document.h"
#include "policy/content/onenote.h"
#include "policy/content/ooxml.h"
#include "policy/content/pdf.h"
#include "policy/content/rtf.h"
#include "policy/content/sealed.h"
#include "policy/content/tnef.h"
#include "policy/content/zip.h"

#define VOLUME_AT 0x8001 /* the name of the first descriptor of a volume */
#define VOLUME_SECTOR 2048
#define VOLUME_DESCRIPTORS 64 /* that are looked at */

struct unpacker {
	enum file_type type;
	void (*unpack)(struct slice bytes, struct unpacked *out);
	uint64_t findings; /* that the type itself is */
};

static void find_nothing(struct slice bytes, struct unpacked *out)
{
	(void)bytes;
	(void)out;
}

/* An image that is UDF as well: what Windows shows is that one, which nobody reads here (ECMA-167, 2/9.1). */
static void judge_iso(struct slice bytes, struct unpacked *out)
{
	for (uint64_t i = 1; i <= VOLUME_DESCRIPTORS; i++) {
		if (bytes_are(bytes, VOLUME_AT + i * VOLUME_SECTOR, "NSR0", 4))
			out->findings |= FINDING_UNSUPPORTED;
	}
}

static const struct unpacker unpackers[] = {
	{FILE_TYPE_ZIP, zip_unpack, 0},
	{FILE_TYPE_JAR, zip_unpack, 0},
	{FILE_TYPE_APK, zip_unpack, 0},
	{FILE_TYPE_MSIX, zip_unpack, 0},
	{FILE_TYPE_XPS, zip_unpack, 0},
	{FILE_TYPE_EPUB, zip_unpack, 0},
	{FILE_TYPE_GZIP, archive_unpack_gzip, 0},
	{FILE_TYPE_DOC, ole_document_unpack, 0},
	{FILE_TYPE_XLS, ole_document_unpack, 0},
	{FILE_TYPE_PPT, ole_document_unpack, 0},
	{FILE_TYPE_OLE, ole_document_unpack, 0},
	{FILE_TYPE_MSI, ole_document_unpack, 0},
	{FILE_TYPE_MSG, ole_document_unpack, 0},
	{FILE_TYPE_ENCRYPTED_OFFICE, ole_document_unpack, FINDING_ENCRYPTED},
	{FILE_TYPE_DOCX, ooxml_unpack, 0},
	{FILE_TYPE_DOCM, ooxml_unpack, 0},
	{FILE_TYPE_XLSX, ooxml_unpack, 0},
	{FILE_TYPE_XLSM, ooxml_unpack, 0},
	{FILE_TYPE_XLSB, ooxml_unpack, 0},
	{FILE_TYPE_PPTX, ooxml_unpack, 0},
	{FILE_TYPE_PPTM, ooxml_unpack, 0},
	{FILE_TYPE_VSDX, ooxml_unpack, 0},
	{FILE_TYPE_OOXML, ooxml_unpack, 0},
	{FILE_TYPE_ODF, ooxml_unpack, 0},
	{FILE_TYPE_PDF, pdf_unpack, 0},
	{FILE_TYPE_RTF, rtf_unpack, 0},
	{FILE_TYPE_ONENOTE, onenote_unpack, 0},
	{FILE_TYPE_TNEF, tnef_unpack, 0},
	{FILE_TYPE_PKCS7, sealed_unpack_cms, 0},
	{FILE_TYPE_PGP, sealed_unpack_pgp, 0},
	{FILE_TYPE_ICALENDAR, ical_unpack, 0},
	{FILE_TYPE_LNK, link_unpack, 0},
	{FILE_TYPE_URL, link_unpack_url, 0},
	{FILE_TYPE_ISO, judge_iso, 0},
	{FILE_TYPE_CHM, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_SIS, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_PST, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ACCESS, find_nothing, FINDING_UNSUPPORTED},
	/* Who asks decodes it as a text. */
	{FILE_TYPE_UUENCODED, find_nothing, 0},
	{FILE_TYPE_BINHEX, find_nothing, 0},
	{FILE_TYPE_APPLESINGLE, apple_file_unpack_single, 0},
	{FILE_TYPE_MACBINARY, apple_file_unpack_macbinary, 0},
};

static const struct unpacker *unpacker_of(enum file_type type)
{
	for (size_t i = 0; i < sizeof unpackers / sizeof *unpackers; i++) {
		if (unpackers[i].type == type)
			return &unpackers[i];
	}
	return NULL;
}

void unpack_prepare(void)
{
	archive_prepare();
}

static bool is_read(enum file_type type)
{
	return archive_knows(type) || unpacker_of(type) != NULL;
}

/* Of these, whatever is not read is told. */
static bool is_container(enum file_type type)
{
	enum file_group group = file_type_group(type);

	return group == FILE_GROUP_ARCHIVE || group == FILE_GROUP_DISK;
}

bool unpack_knows(enum file_type type, struct slice bytes)
{
	size_t where;

	return is_read(type) || is_container(type) ||
		file_type_also(bytes, type, &where) != FILE_TYPE_UNKNOWN;
}

static void unpack_as(enum file_type type, struct slice bytes, struct unpacked *out)
{
	const struct unpacker *unpacker = unpacker_of(type);

	if (file_type_group(type) == FILE_GROUP_DISK)
		out->findings |= FINDING_DISK_IMAGE;
	if (is_container(type) && !is_read(type))
		out->findings |= FINDING_UNSUPPORTED;
	if (archive_knows(type))
		archive_unpack(type, bytes, out);
	if (!unpacker)
		return;
	out->findings |= unpacker->findings;
	unpacker->unpack(bytes, out);
}

static bool runs(enum file_type type)
{
	return type == FILE_TYPE_PE || type == FILE_TYPE_DOS || type == FILE_TYPE_ELF ||
		type == FILE_TYPE_MACHO || type == FILE_TYPE_SHEBANG;
}

void unpack(const void *parent, enum file_type type, struct slice bytes, struct budget *budget,
	struct unpacked *out)
{
	size_t where;
	enum file_type other = file_type_also(bytes, type, &where);
	size_t start = is_container(type) ? file_type_start(bytes, type) : 0;

	unpacked_begin(out, parent, budget);
	if (start)
		out->findings |= FINDING_PREFIXED;
	unpack_as(type, bytes_from(bytes, start), out);
	if (other == FILE_TYPE_UNKNOWN)
		return;
	/* A letter around an encrypted one is no second reading. */
	if (other != FILE_TYPE_PGP)
		out->findings |= runs(type) ? FINDING_SELF_EXTRACTING : FINDING_POLYGLOT;
	unpack_as(other, bytes_from(bytes, where), out);
}
