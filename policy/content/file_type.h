/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file really is, by its bytes. FILE_TYPES is the one table that declares the types, a line each: name, group and what it is;
 * the names are the values of the fact attachment.type. The signatures stand in policy/content/magic.c, what is told by extension or MIME type
 * in policy/content/extension.c.
 *
 * Limits: scripts of Windows (batch, PowerShell, VBScript, JScript) are plain text and are certain by their extension alone;
 * file_type_of_file() takes it into account, file_type_of() says FILE_TYPE_TEXT.
 */
#pragma once

#include "base/slice.h"

enum file_group {
	FILE_GROUP_OTHER,
	FILE_GROUP_PROGRAM, /* runs when it is opened */
	FILE_GROUP_SCRIPT,  /* likewise, as text */
	FILE_GROUP_ARCHIVE,
	FILE_GROUP_DISK, /* an image that a double click mounts */
	FILE_GROUP_DOCUMENT,
	FILE_GROUP_MAIL,
	FILE_GROUP_TEXT,
	FILE_GROUP_IMAGE,
	FILE_GROUP_AUDIO,
	FILE_GROUP_VIDEO,
	FILE_GROUP_FONT
};

/* clang-format off */
#define FILE_TYPES(TYPE) \
	TYPE(UNKNOWN,    "unknown",    OTHER,    "nothing that is known") \
	TYPE(EMPTY,      "empty",      OTHER,    "no bytes") \
	TYPE(TEXT,       "text",       TEXT,     "text without more structure") \
	TYPE(PE,         "pe",         PROGRAM,  "Windows program or library") \
	TYPE(DOS,        "dos",        PROGRAM,  "DOS program, or a Windows program of 16 bits") \
	TYPE(ELF,        "elf",        PROGRAM,  "Unix program or library") \
	TYPE(MACHO,      "macho",      PROGRAM,  "macOS program or library") \
	TYPE(DEX,        "dex",        PROGRAM,  "Android bytecode") \
	TYPE(CLASS,      "class",      PROGRAM,  "Java class") \
	TYPE(JAR,        "jar",        PROGRAM,  "Java archive") \
	TYPE(APK,        "apk",        PROGRAM,  "Android package") \
	TYPE(MSIX,       "msix",       PROGRAM,  "Windows app package") \
	TYPE(MSI,        "msi",        PROGRAM,  "Windows installer") \
	TYPE(LNK,        "lnk",        PROGRAM,  "Windows shortcut") \
	TYPE(URL,        "url",        PROGRAM,  "internet shortcut") \
	TYPE(CHM,        "chm",        PROGRAM,  "compiled HTML help") \
	TYPE(HLP,        "hlp",        PROGRAM,  "old Windows help") \
	TYPE(WASM,       "wasm",       PROGRAM,  "WebAssembly") \
	TYPE(SWF,        "swf",        PROGRAM,  "Flash") \
	TYPE(DEB,        "deb",        PROGRAM,  "Debian package") \
	TYPE(RPM,        "rpm",        PROGRAM,  "RPM package") \
	TYPE(SIS,        "sis",        PROGRAM,  "Symbian package") \
	TYPE(HTA,        "hta",        SCRIPT,   "HTML application") \
	TYPE(SHEBANG,    "script",     SCRIPT,   "script that begins with #!") \
	TYPE(BATCH,      "bat",        SCRIPT,   "batch file, by extension") \
	TYPE(POWERSHELL, "ps1",        SCRIPT,   "PowerShell, by extension") \
	TYPE(VBSCRIPT,   "vbs",        SCRIPT,   "VBScript, by extension") \
	TYPE(ENCODED_SCRIPT, "vbe",    SCRIPT,   "encoded VBScript or JScript") \
	TYPE(JSCRIPT,    "js",         SCRIPT,   "JavaScript, by extension") \
	TYPE(WSF,        "wsf",        SCRIPT,   "Windows script file or scriptlet") \
	TYPE(REG,        "reg",        SCRIPT,   "registry file") \
	TYPE(INF,        "inf",        SCRIPT,   "setup information or settings, by extension") \
	TYPE(ZIP,        "zip",        ARCHIVE,  "ZIP") \
	TYPE(RAR,        "rar",        ARCHIVE,  "RAR up to version 4") \
	TYPE(RAR5,       "rar5",       ARCHIVE,  "RAR since version 5") \
	TYPE(SEVENZIP,   "7z",         ARCHIVE,  "7-Zip") \
	TYPE(GZIP,       "gz",         ARCHIVE,  "gzip") \
	TYPE(BZIP2,      "bz2",        ARCHIVE,  "bzip2") \
	TYPE(XZ,         "xz",         ARCHIVE,  "xz") \
	TYPE(LZMA,       "lzma",       ARCHIVE,  "lzma") \
	TYPE(LZIP,       "lz",         ARCHIVE,  "lzip") \
	TYPE(ZSTD,       "zst",        ARCHIVE,  "Zstandard") \
	TYPE(LZ4,        "lz4",        ARCHIVE,  "LZ4") \
	TYPE(COMPRESS,   "z",          ARCHIVE,  "Unix compress") \
	TYPE(SZDD,       "szdd",       ARCHIVE,  "MS-DOS compress") \
	TYPE(TAR,        "tar",        ARCHIVE,  "tar") \
	TYPE(CPIO,       "cpio",       ARCHIVE,  "cpio") \
	TYPE(AR,         "ar",         ARCHIVE,  "Unix library") \
	TYPE(CAB,        "cab",        ARCHIVE,  "Windows cabinet") \
	TYPE(INSTALLSHIELD, "installshield", ARCHIVE, "InstallShield cabinet") \
	TYPE(ARJ,        "arj",        ARCHIVE,  "ARJ") \
	TYPE(LHA,        "lha",        ARCHIVE,  "LHA or LZH") \
	TYPE(ACE,        "ace",        ARCHIVE,  "ACE") \
	TYPE(ALZ,        "alz",        ARCHIVE,  "ALZip") \
	TYPE(EGG,        "egg",        ARCHIVE,  "ALZip EGG") \
	TYPE(ZOO,        "zoo",        ARCHIVE,  "ZOO") \
	TYPE(ARC,        "arc",        ARCHIVE,  "ARC, by extension") \
	TYPE(XAR,        "xar",        ARCHIVE,  "xar, macOS installer") \
	TYPE(LZOP,       "lzo",        ARCHIVE,  "lzop") \
	TYPE(LRZIP,      "lrz",        ARCHIVE,  "lrzip") \
	TYPE(UUENCODED,  "uu",         ARCHIVE,  "uuencoded file") \
	TYPE(BINHEX,     "hqx",        ARCHIVE,  "BinHex") \
	TYPE(APPLESINGLE, "applesingle", ARCHIVE, "AppleSingle, a file of a Macintosh with its name") \
	TYPE(MACBINARY,  "macbinary",  ARCHIVE,  "MacBinary, a file of a Macintosh with its name") \
	TYPE(ISO,        "iso",        DISK,     "CD image, ISO 9660") \
	TYPE(UDF,        "udf",        DISK,     "DVD image, UDF") \
	TYPE(VHD,        "vhd",        DISK,     "virtual hard disk") \
	TYPE(VHDX,       "vhdx",       DISK,     "virtual hard disk, VHDX") \
	TYPE(VMDK,       "vmdk",       DISK,     "virtual hard disk, VMware") \
	TYPE(QCOW,       "qcow",       DISK,     "virtual hard disk, QEMU") \
	TYPE(WIM,        "wim",        DISK,     "Windows image") \
	TYPE(DMG,        "dmg",        DISK,     "macOS disk image") \
	TYPE(FAT,        "img",        DISK,     "disk image with a FAT or NTFS file system or a partition table") \
	TYPE(SQUASHFS,   "squashfs",   DISK,     "squashfs image") \
	TYPE(DOC,        "doc",        DOCUMENT, "Word up to 2003") \
	TYPE(XLS,        "xls",        DOCUMENT, "Excel up to 2003") \
	TYPE(PPT,        "ppt",        DOCUMENT, "PowerPoint up to 2003") \
	TYPE(OLE,        "ole",        DOCUMENT, "compound file of another kind") \
	TYPE(ENCRYPTED_OFFICE, "encrypted_office", DOCUMENT, "Office document with a password") \
	TYPE(ACCESS,     "mdb",        DOCUMENT, "Access database") \
	TYPE(DOCX,       "docx",       DOCUMENT, "Word") \
	TYPE(DOCM,       "docm",       DOCUMENT, "Word with macros") \
	TYPE(XLSX,       "xlsx",       DOCUMENT, "Excel") \
	TYPE(XLSM,       "xlsm",       DOCUMENT, "Excel with macros") \
	TYPE(XLSB,       "xlsb",       DOCUMENT, "Excel, binary") \
	TYPE(PPTX,       "pptx",       DOCUMENT, "PowerPoint") \
	TYPE(PPTM,       "pptm",       DOCUMENT, "PowerPoint with macros") \
	TYPE(VSDX,       "vsdx",       DOCUMENT, "Visio") \
	TYPE(OOXML,      "ooxml",      DOCUMENT, "Office Open XML of another kind") \
	TYPE(ODF,        "odf",        DOCUMENT, "OpenDocument") \
	TYPE(EPUB,       "epub",       DOCUMENT, "EPUB") \
	TYPE(XPS,        "xps",        DOCUMENT, "XPS") \
	TYPE(PDF,        "pdf",        DOCUMENT, "PDF") \
	TYPE(POSTSCRIPT, "ps",         DOCUMENT, "PostScript") \
	TYPE(RTF,        "rtf",        DOCUMENT, "Rich Text Format") \
	TYPE(ONENOTE,    "one",        DOCUMENT, "OneNote section") \
	TYPE(DJVU,       "djvu",       DOCUMENT, "DjVu") \
	TYPE(XML,        "xml",        TEXT,     "XML") \
	TYPE(HTML,       "html",       DOCUMENT, "HTML") \
	TYPE(MHTML,      "mhtml",      DOCUMENT, "web archive, MHTML") \
	TYPE(EML,        "eml",        MAIL,     "a message") \
	TYPE(MSG,        "msg",        MAIL,     "a message of Outlook") \
	TYPE(PST,        "pst",        MAIL,     "mailbox of Outlook") \
	TYPE(TNEF,       "tnef",       MAIL,     "winmail.dat") \
	TYPE(VCARD,      "vcf",        TEXT,     "visiting card") \
	TYPE(ICALENDAR,  "ics",        TEXT,     "calendar") \
	TYPE(JSON,       "json",       TEXT,     "JSON, by extension") \
	TYPE(CSV,        "csv",        TEXT,     "table as text, by extension") \
	TYPE(PGP,        "pgp",        TEXT,     "PGP message, signature or key") \
	TYPE(PEM,        "pem",        TEXT,     "certificate or key as text") \
	TYPE(PKCS7,      "p7m",        OTHER,    "S/MIME message or signature") \
	TYPE(SQLITE,     "sqlite",     OTHER,    "SQLite database") \
	TYPE(TORRENT,    "torrent",    OTHER,    "BitTorrent file") \
	TYPE(JPEG,       "jpg",        IMAGE,    "JPEG") \
	TYPE(PNG,        "png",        IMAGE,    "PNG") \
	TYPE(GIF,        "gif",        IMAGE,    "GIF") \
	TYPE(BMP,        "bmp",        IMAGE,    "Windows bitmap") \
	TYPE(TIFF,       "tif",        IMAGE,    "TIFF") \
	TYPE(WEBP,       "webp",       IMAGE,    "WebP") \
	TYPE(ICO,        "ico",        IMAGE,    "Windows icon or cursor") \
	TYPE(HEIF,       "heic",       IMAGE,    "HEIF or AVIF") \
	TYPE(JPEG2000,   "jp2",        IMAGE,    "JPEG 2000") \
	TYPE(PSD,        "psd",        IMAGE,    "Photoshop") \
	TYPE(EMF,        "emf",        IMAGE,    "Windows metafile, enhanced") \
	TYPE(WMF,        "wmf",        IMAGE,    "Windows metafile") \
	TYPE(SVG,        "svg",        IMAGE,    "SVG") \
	TYPE(DWG,        "dwg",        IMAGE,    "AutoCAD drawing") \
	TYPE(MP3,        "mp3",        AUDIO,    "MP3") \
	TYPE(WAV,        "wav",        AUDIO,    "WAV") \
	TYPE(OGG,        "ogg",        AUDIO,    "Ogg") \
	TYPE(FLAC,       "flac",       AUDIO,    "FLAC") \
	TYPE(MIDI,       "mid",        AUDIO,    "MIDI") \
	TYPE(AAC,        "aac",        AUDIO,    "AAC") \
	TYPE(AMR,        "amr",        AUDIO,    "AMR") \
	TYPE(AIFF,       "aiff",       AUDIO,    "AIFF") \
	TYPE(MP4,        "mp4",        VIDEO,    "MP4 or QuickTime") \
	TYPE(AVI,        "avi",        VIDEO,    "AVI") \
	TYPE(MATROSKA,   "mkv",        VIDEO,    "Matroska or WebM") \
	TYPE(MPEG,       "mpg",        VIDEO,    "MPEG") \
	TYPE(FLV,        "flv",        VIDEO,    "Flash video") \
	TYPE(ASF,        "wmv",        VIDEO,    "Windows Media") \
	TYPE(TTF,        "ttf",        FONT,     "TrueType") \
	TYPE(OTF,        "otf",        FONT,     "OpenType") \
	TYPE(WOFF,       "woff",       FONT,     "WOFF")
/* clang-format on */

enum file_type {
#define TYPE(id, name, group, manual) FILE_TYPE_##id,
	FILE_TYPES(TYPE)
#undef TYPE
		FILE_TYPES_COUNT
};

/* In the order of the enum, NULL-ended: "unknown" …, and what they are, for the manual. */
extern const char *const file_type_names[];
extern const char *const file_type_manual[];

/* "other", "program" … */
extern const char *const file_group_names[];

enum file_group file_type_group(enum file_type type);

/* By the bytes alone. */
enum file_type file_type_of(struct slice bytes);

/* The same, but text is told apart further by the extension of the name. */
enum file_type file_type_of_file(struct slice bytes, struct slice name);

/* Whether a MIME type names a script. */
bool file_type_is_declared_script(struct slice declared);

/* A text whose name has no extension is the script that it is declared to be: mail programs give it that extension. Else the type. */
enum file_type file_type_as_declared(enum file_type type, struct slice name, struct slice declared);

/* Where a file of that type begins in the bytes that file_type_of() says it of: archivers pass over what stands before an archive. */
size_t file_type_start(struct slice bytes, enum file_type type);

/* What else a file of that type may be taken for: the type of an archive or document that stands in it and that readers find;
 * FILE_TYPE_UNKNOWN: nothing else. *where: where that begins. Programs with archives behind them are told here too. */
enum file_type file_type_also(struct slice bytes, enum file_type type, size_t *where);

/* The last extension of a file's name, without the dot and the dots, blanks and control characters that programs drop from the end; empty: none. */
struct slice file_type_extension(struct slice name);

/* Whether the name's extension says something of another group than the file really is, or hides that it runs. False where either
 * is not known. */
bool file_type_is_disguised(enum file_type type, struct slice name);
