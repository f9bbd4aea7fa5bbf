/* SPDX-License-Identifier: Apache-2.0 */
/* Which function takes which type apart. */
#include "policy/content/unpack.h"

#include "policy/content/archive.h"
#include "policy/content/bytes.h"
#include "policy/content/link.h"
#include "policy/content/ole_document.h"
#include "policy/content/onenote.h"
#include "policy/content/ooxml.h"
#include "policy/content/pdf.h"
#include "policy/content/rtf.h"
#include "policy/content/tnef.h"
#include "policy/content/zip.h"

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
	{FILE_TYPE_LNK, link_unpack, 0},
	{FILE_TYPE_URL, link_unpack_url, 0},
	{FILE_TYPE_UDF, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_VHD, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_VHDX, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_VMDK, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_QCOW, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_WIM, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_DMG, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_FAT, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_SQUASHFS, find_nothing, FINDING_DISK_IMAGE | FINDING_UNSUPPORTED},
	{FILE_TYPE_SZDD, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_INSTALLSHIELD, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ARJ, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ACE, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ALZ, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_EGG, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ZOO, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_ARC, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_XAR, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_LZOP, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_LRZIP, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_CHM, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_SIS, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_PST, find_nothing, FINDING_UNSUPPORTED},
	{FILE_TYPE_UUENCODED, find_nothing, FINDING_UNSUPPORTED},
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

bool unpack_knows(enum file_type type)
{
	return archive_knows(type) || unpacker_of(type) != NULL;
}

static void unpack_as(enum file_type type, struct slice bytes, struct unpacked *out)
{
	const struct unpacker *unpacker = unpacker_of(type);

	if (type == FILE_TYPE_ISO)
		out->findings |= FINDING_DISK_IMAGE;
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

	unpacked_begin(out, parent, budget);
	unpack_as(type, bytes, out);
	if (other == FILE_TYPE_UNKNOWN)
		return;
	out->findings |= runs(type) ? FINDING_SELF_EXTRACTING : FINDING_POLYGLOT;
	unpack_as(other, bytes_from(bytes, where), out);
}
