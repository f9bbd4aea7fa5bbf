/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of files. */
#include "policy/content/magic.h"

#include "policy/content/bytes.h"

struct signature {
	enum file_type type;
	uint32_t offset;
	const char *bytes;
	size_t size;
};

#define AT(type, offset, bytes)                                                                    \
	{                                                                                          \
		FILE_TYPE_##type, offset, bytes, sizeof(bytes) - 1                                 \
	}

/* clang-format off */
static const struct signature signatures[] = {
	AT(ELF, 0, "\177ELF"),
	AT(MACHO, 0, "\xfe\xed\xfa\xce"), AT(MACHO, 0, "\xfe\xed\xfa\xcf"), AT(MACHO, 0, "\xce\xfa\xed\xfe"), AT(MACHO, 0, "\xcf\xfa\xed\xfe"),
	AT(CLASS, 0, "\xca\xfe\xba\xbe"),
	AT(DEX, 0, "dex\n0"), AT(DEX, 0, "dey\n0"),
	AT(LNK, 0, "L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F"),
	AT(CHM, 0, "ITSF"),
	AT(HLP, 0, "?_\3\0"),
	AT(WASM, 0, "\0asm"),
	AT(SWF, 0, "FWS"), AT(SWF, 0, "CWS"), AT(SWF, 0, "ZWS"),
	AT(RPM, 0, "\xed\xab\xee\xdb"),
	AT(SIS, 8, "\x19\x04\x00\x10"), AT(SIS, 0, "\x7a\x1a\x20\x10"),
	AT(ENCODED_SCRIPT, 0, "#@~^"),
	AT(SHEBANG, 0, "#!"), AT(SHEBANG, 0, "\xef\xbb\xbf#!"),
	AT(ZIP, 0, "PK\3\4"), AT(ZIP, 0, "PK\5\6"), AT(ZIP, 0, "PK00PK\3\4"), AT(ZIP, 0, "PK\7\10"),
	AT(RAR5, 0, "Rar!\x1a\7\1\0"), AT(RAR, 0, "Rar!\x1a\7\0"), AT(RAR, 0, "RE~^"),
	AT(SEVENZIP, 0, "7z\xbc\xaf\x27\x1c"),
	AT(GZIP, 0, "\x1f\x8b"),
	AT(BZIP2, 0, "BZh"),
	AT(XZ, 0, "\xfd" "7zXZ\0"),
	AT(LZIP, 0, "LZIP"),
	AT(ZSTD, 0, "\x28\xb5\x2f\xfd"),
	AT(LZ4, 0, "\x04\x22\x4d\x18"), AT(LZ4, 0, "\x02\x21\x4c\x18"),
	AT(COMPRESS, 0, "\x1f\x9d"),
	AT(SZDD, 0, "SZDD\x88\xf0\x27\x33"), AT(SZDD, 0, "KWAJ\x88\xf0\x27\xd1"), AT(SZDD, 0, "SZ\x20\x88\xf0\x27\x33\xd1"),
	AT(TAR, 257, "ustar"),
	AT(CPIO, 0, "070701"), AT(CPIO, 0, "070702"), AT(CPIO, 0, "070707"), AT(CPIO, 0, "\xc7\x71"), AT(CPIO, 0, "\x71\xc7"),
	AT(DEB, 0, "!<arch>\ndebian-binary"), AT(AR, 0, "!<arch>\n"),
	AT(CAB, 0, "MSCF"), AT(INSTALLSHIELD, 0, "ISc("),
	AT(ARJ, 0, "\x60\xea"),
	AT(LHA, 2, "-lh"), AT(LHA, 2, "-lz"), AT(LHA, 2, "-pm"),
	AT(ACE, 7, "**ACE**"),
	AT(ALZ, 0, "ALZ\1"), AT(EGG, 0, "EGGA"),
	AT(ZOO, 20, "\xdc\xa7\xc4\xfd"),
	AT(XAR, 0, "xar!"),
	AT(APPLESINGLE, 0, "\0\5\x16\0\0\1\0\0"), AT(APPLESINGLE, 0, "\0\5\x16\0\0\2\0\0"),
	AT(LZOP, 0, "\x89LZO\0\r\n\x1a\n"), AT(LRZIP, 0, "LRZI"),
	AT(VHDX, 0, "vhdxfile"), AT(VHD, 0, "conectix"),
	AT(VMDK, 0, "KDMV"), AT(VMDK, 0, "COWD"), AT(VMDK, 0, "# Disk DescriptorFile"),
	AT(QCOW, 0, "QFI\xfb"), AT(WIM, 0, "MSWIM\0\0\0"),
	AT(SQUASHFS, 0, "hsqs"), AT(SQUASHFS, 0, "sqsh"),
	AT(OLE, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), AT(OLE, 0, "\x0e\x11\xfc\x0d\xd0\xcf\x11\x0e"),
	AT(ACCESS, 0, "\0\1\0\0Standard Jet DB"), AT(ACCESS, 0, "\0\1\0\0Standard ACE DB"),
	AT(XLS, 0, "\x09\x08\x10\0\0\6\5\0"), AT(XLS, 0, "\x09\x04\x06\0\0\0"), AT(XLS, 0, "\x09\x02\x06\0\0\0"), AT(XLS, 0, "\x09\0\4\0"),
	AT(DOC, 0, "\xdb\xa5\x2d\0"), AT(DOC, 0, "\x31\xbe\0\0"),
	AT(PDF, 0, "%PDF-"),
	AT(POSTSCRIPT, 0, "%!PS"), AT(POSTSCRIPT, 0, "\4%!PS"), AT(POSTSCRIPT, 0, "\xc5\xd0\xd3\xc6"),
	AT(RTF, 0, "{\\rt"),
	AT(ONENOTE, 0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"),
	AT(ONENOTE, 0, "\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f"),
	AT(DJVU, 0, "AT&TFORM"),
	AT(PST, 0, "!BDN"),
	AT(TNEF, 0, "\x78\x9f\x3e\x22"),
	AT(SQLITE, 0, "SQLite format 3\0"),
	AT(TORRENT, 0, "d8:announce"),
	AT(JPEG, 0, "\xff\xd8\xff"), AT(PNG, 0, "\x89PNG\r\n\x1a\n"), AT(GIF, 0, "GIF87a"), AT(GIF, 0, "GIF89a"),
	AT(TIFF, 0, "II*\0"), AT(TIFF, 0, "MM\0*"), AT(TIFF, 0, "II+\0"), AT(TIFF, 0, "MM\0+"),
	AT(ICO, 0, "\0\0\1\0"), AT(ICO, 0, "\0\0\2\0"),
	AT(JPEG2000, 0, "\0\0\0\x0cjP  \r\n\x87\n"), AT(JPEG2000, 0, "\xff\x4f\xff\x51"),
	AT(PSD, 0, "8BPS"),
	AT(EMF, 40, " EMF"), AT(WMF, 0, "\xd7\xcd\xc6\x9a"), AT(WMF, 0, "\1\0\x09\0\0\3"),
	AT(DWG, 0, "AC10"),
	AT(HEIF, 4, "ftypheic"), AT(HEIF, 4, "ftypheix"), AT(HEIF, 4, "ftypmif1"), AT(HEIF, 4, "ftypavif"), AT(HEIF, 4, "ftypmsf1"), AT(MP4, 4, "ftyp"),
	AT(MP4, 4, "moov"), AT(MP4, 4, "mdat"),
	AT(WEBP, 8, "WEBP"), AT(WAV, 8, "WAVEfmt"), AT(AVI, 8, "AVI LIST"), AT(AIFF, 8, "AIFF"), AT(AIFF, 8, "AIFC"),
	AT(MP3, 0, "ID3"), AT(MP3, 0, "\xff\xfb"), AT(MP3, 0, "\xff\xf3"), AT(MP3, 0, "\xff\xf2"),
	AT(OGG, 0, "OggS"), AT(FLAC, 0, "fLaC"), AT(MIDI, 0, "MThd"), AT(AAC, 0, "\xff\xf1"), AT(AAC, 0, "\xff\xf9"), AT(AMR, 0, "#!AMR"),
	AT(MATROSKA, 0, "\x1a\x45\xdf\xa3"), AT(MPEG, 0, "\0\0\1\xba"), AT(MPEG, 0, "\0\0\1\xb3"),
	AT(FLV, 0, "FLV\1"), AT(ASF, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
	AT(TTF, 0, "\0\1\0\0\0"), AT(TTF, 0, "true"), AT(TTF, 0, "ttcf"), AT(OTF, 0, "OTTO"), AT(WOFF, 0, "wOFF"), AT(WOFF, 0, "wOF2"),
	AT(REG, 0, "Windows Registry Editor"), AT(REG, 0, "REGEDIT4"), AT(REG, 0, "\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0"),
	AT(UDF, 0x8001, "BEA01"), AT(UDF, 0x8001, "NSR0"), AT(ISO, 0x8001, "CD001"), AT(ISO, 0x9319, "CD001"),
};
/* clang-format on */

/* What stands at the end of a file, so far from it. */
static const struct signature footers[] = {
	AT(VHD, 512, "conectix"),
	AT(VHD, 511, "conectix"),
	AT(DMG, 512, "koly"),
};

static bool fits(const struct signature *signature, struct slice bytes, uint64_t offset)
{
	return bytes_are(bytes, offset, signature->bytes, signature->size);
}

static bool ends_with(const struct signature *signature, struct slice bytes)
{
	return bytes.size >= signature->offset &&
		fits(signature, bytes, bytes.size - signature->offset);
}

static enum file_type magic_of_footer(struct slice bytes)
{
	for (size_t i = 0; i < sizeof footers / sizeof *footers; i++) {
		if (ends_with(&footers[i], bytes))
			return footers[i].type;
	}
	return FILE_TYPE_UNKNOWN;
}

/* Two bytes at the beginning are few. */
static bool is_plausible(enum file_type type, struct slice bytes)
{
	switch (type) {
	case FILE_TYPE_ARJ:
		return bytes_16(bytes, 2) >= 30 && bytes_16(bytes, 2) <= 2600;
	case FILE_TYPE_LHA:
		return bytes_8(bytes, 6) == '-';
	case FILE_TYPE_BZIP2:
		return bytes_8(bytes, 3) >= '1' && bytes_8(bytes, 3) <= '9';
	case FILE_TYPE_CPIO:
		return bytes.size >= 26;
	case FILE_TYPE_ICO:
		return bytes_16(bytes, 4) > 0 && bytes_8(bytes, 9) == 0;
	case FILE_TYPE_SWF:
		return bytes_8(bytes, 3) > 0 && bytes_8(bytes, 3) < 64;
	case FILE_TYPE_SIS:
		return bytes.size > 16;
	default:
		return true;
	}
}

enum file_type magic_type(struct slice bytes)
{
	enum file_type footer = magic_of_footer(bytes);

	if (footer != FILE_TYPE_UNKNOWN)
		return footer;
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
		const struct signature *signature = &signatures[i];
		if (fits(signature, bytes, signature->offset) &&
			is_plausible(signature->type, bytes))
			return signature->type;
	}
	return FILE_TYPE_UNKNOWN;
}
