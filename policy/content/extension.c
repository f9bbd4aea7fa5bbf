/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions and MIME types, and the types of files they stand for. */
#include "policy/content/extension.h"

struct word {
	const char *word;
	enum file_type type;
};

/* clang-format off */
static const struct word extensions[] = {
	{"exe", FILE_TYPE_PE}, {"dll", FILE_TYPE_PE}, {"scr", FILE_TYPE_PE}, {"cpl", FILE_TYPE_PE}, {"ocx", FILE_TYPE_PE}, {"sys", FILE_TYPE_PE},
	{"drv", FILE_TYPE_PE}, {"efi", FILE_TYPE_PE}, {"xll", FILE_TYPE_PE}, {"ax", FILE_TYPE_PE}, {"com", FILE_TYPE_DOS}, {"pif", FILE_TYPE_DOS},
	{"elf", FILE_TYPE_ELF}, {"so", FILE_TYPE_ELF}, {"dylib", FILE_TYPE_MACHO}, {"dex", FILE_TYPE_DEX}, {"class", FILE_TYPE_CLASS},
	{"jar", FILE_TYPE_JAR}, {"war", FILE_TYPE_JAR}, {"ear", FILE_TYPE_JAR}, {"apk", FILE_TYPE_APK}, {"msix", FILE_TYPE_MSIX}, {"appx", FILE_TYPE_MSIX},
	{"msixbundle", FILE_TYPE_MSIX}, {"appxbundle", FILE_TYPE_MSIX}, {"msi", FILE_TYPE_MSI}, {"msp", FILE_TYPE_MSI}, {"mst", FILE_TYPE_MSI},
	{"lnk", FILE_TYPE_LNK}, {"url", FILE_TYPE_URL}, {"website", FILE_TYPE_URL}, {"chm", FILE_TYPE_CHM}, {"hlp", FILE_TYPE_HLP}, {"wasm", FILE_TYPE_WASM},
	{"swf", FILE_TYPE_SWF}, {"deb", FILE_TYPE_DEB}, {"rpm", FILE_TYPE_RPM}, {"sis", FILE_TYPE_SIS}, {"sisx", FILE_TYPE_SIS},
	{"hta", FILE_TYPE_HTA}, {"sh", FILE_TYPE_SHEBANG}, {"bash", FILE_TYPE_SHEBANG}, {"py", FILE_TYPE_SHEBANG}, {"pl", FILE_TYPE_SHEBANG},
	{"rb", FILE_TYPE_SHEBANG}, {"command", FILE_TYPE_SHEBANG}, {"bat", FILE_TYPE_BATCH}, {"cmd", FILE_TYPE_BATCH}, {"btm", FILE_TYPE_BATCH},
	{"ps1", FILE_TYPE_POWERSHELL}, {"psm1", FILE_TYPE_POWERSHELL}, {"psd1", FILE_TYPE_POWERSHELL}, {"ps1xml", FILE_TYPE_POWERSHELL},
	{"ps2", FILE_TYPE_POWERSHELL}, {"psc1", FILE_TYPE_POWERSHELL}, {"vbs", FILE_TYPE_VBSCRIPT}, {"vb", FILE_TYPE_VBSCRIPT}, {"vbe", FILE_TYPE_ENCODED_SCRIPT},
	{"jse", FILE_TYPE_ENCODED_SCRIPT}, {"js", FILE_TYPE_JSCRIPT}, {"mjs", FILE_TYPE_JSCRIPT}, {"wsf", FILE_TYPE_WSF}, {"wsh", FILE_TYPE_WSF},
	{"wsc", FILE_TYPE_WSF}, {"sct", FILE_TYPE_WSF}, {"ws", FILE_TYPE_WSF}, {"reg", FILE_TYPE_REG}, {"inf", FILE_TYPE_INF}, {"scf", FILE_TYPE_INF},
	{"settingcontent-ms", FILE_TYPE_INF}, {"library-ms", FILE_TYPE_INF}, {"search-ms", FILE_TYPE_INF}, {"diagcab", FILE_TYPE_CAB},
	{"zip", FILE_TYPE_ZIP}, {"zipx", FILE_TYPE_ZIP}, {"xpi", FILE_TYPE_ZIP}, {"rar", FILE_TYPE_RAR5}, {"7z", FILE_TYPE_SEVENZIP},
	{"gz", FILE_TYPE_GZIP}, {"tgz", FILE_TYPE_GZIP}, {"bz2", FILE_TYPE_BZIP2}, {"tbz2", FILE_TYPE_BZIP2}, {"tbz", FILE_TYPE_BZIP2},
	{"xz", FILE_TYPE_XZ}, {"txz", FILE_TYPE_XZ}, {"lzma", FILE_TYPE_LZMA}, {"lz", FILE_TYPE_LZIP}, {"zst", FILE_TYPE_ZSTD}, {"tzst", FILE_TYPE_ZSTD},
	{"lz4", FILE_TYPE_LZ4}, {"z", FILE_TYPE_COMPRESS}, {"taz", FILE_TYPE_COMPRESS}, {"tar", FILE_TYPE_TAR}, {"cpio", FILE_TYPE_CPIO}, {"a", FILE_TYPE_AR},
	{"cab", FILE_TYPE_CAB}, {"arj", FILE_TYPE_ARJ}, {"lha", FILE_TYPE_LHA}, {"lzh", FILE_TYPE_LHA}, {"ace", FILE_TYPE_ACE}, {"alz", FILE_TYPE_ALZ},
	{"egg", FILE_TYPE_EGG}, {"zoo", FILE_TYPE_ZOO}, {"arc", FILE_TYPE_ARC}, {"xar", FILE_TYPE_XAR}, {"pkg", FILE_TYPE_XAR}, {"lzo", FILE_TYPE_LZOP},
	{"lrz", FILE_TYPE_LRZIP}, {"hqx", FILE_TYPE_BINHEX}, {"uu", FILE_TYPE_UUENCODED}, {"uue", FILE_TYPE_UUENCODED},
	{"iso", FILE_TYPE_ISO}, {"udf", FILE_TYPE_UDF}, {"vhd", FILE_TYPE_VHD}, {"vhdx", FILE_TYPE_VHDX}, {"vmdk", FILE_TYPE_VMDK}, {"qcow", FILE_TYPE_QCOW},
	{"qcow2", FILE_TYPE_QCOW}, {"wim", FILE_TYPE_WIM}, {"esd", FILE_TYPE_WIM}, {"swm", FILE_TYPE_WIM}, {"dmg", FILE_TYPE_DMG}, {"img", FILE_TYPE_FAT},
	{"ima", FILE_TYPE_FAT}, {"squashfs", FILE_TYPE_SQUASHFS}, {"snap", FILE_TYPE_SQUASHFS},
	{"doc", FILE_TYPE_DOC}, {"dot", FILE_TYPE_DOC}, {"xls", FILE_TYPE_XLS}, {"xlt", FILE_TYPE_XLS}, {"xla", FILE_TYPE_XLS}, {"xlm", FILE_TYPE_XLS},
	{"ppt", FILE_TYPE_PPT}, {"pps", FILE_TYPE_PPT}, {"pot", FILE_TYPE_PPT}, {"pub", FILE_TYPE_OLE}, {"vsd", FILE_TYPE_OLE}, {"mpp", FILE_TYPE_OLE},
	{"mdb", FILE_TYPE_ACCESS}, {"accdb", FILE_TYPE_ACCESS}, {"accde", FILE_TYPE_ACCESS}, {"mde", FILE_TYPE_ACCESS}, {"docx", FILE_TYPE_DOCX},
	{"dotx", FILE_TYPE_DOCX}, {"docm", FILE_TYPE_DOCM}, {"dotm", FILE_TYPE_DOCM}, {"xlsx", FILE_TYPE_XLSX}, {"xltx", FILE_TYPE_XLSX},
	{"xlsm", FILE_TYPE_XLSM}, {"xltm", FILE_TYPE_XLSM}, {"xlam", FILE_TYPE_XLSM}, {"xlsb", FILE_TYPE_XLSB}, {"pptx", FILE_TYPE_PPTX},
	{"ppsx", FILE_TYPE_PPTX}, {"potx", FILE_TYPE_PPTX}, {"pptm", FILE_TYPE_PPTM}, {"ppsm", FILE_TYPE_PPTM}, {"potm", FILE_TYPE_PPTM},
	{"ppam", FILE_TYPE_PPTM}, {"vsdx", FILE_TYPE_VSDX}, {"vsdm", FILE_TYPE_VSDX}, {"odt", FILE_TYPE_ODF}, {"ods", FILE_TYPE_ODF}, {"odp", FILE_TYPE_ODF},
	{"odg", FILE_TYPE_ODF}, {"epub", FILE_TYPE_EPUB}, {"xps", FILE_TYPE_XPS}, {"oxps", FILE_TYPE_XPS}, {"pdf", FILE_TYPE_PDF}, {"ps", FILE_TYPE_POSTSCRIPT},
	{"eps", FILE_TYPE_POSTSCRIPT}, {"rtf", FILE_TYPE_RTF}, {"one", FILE_TYPE_ONENOTE}, {"onepkg", FILE_TYPE_CAB}, {"djvu", FILE_TYPE_DJVU},
	{"xml", FILE_TYPE_XML}, {"htm", FILE_TYPE_HTML}, {"html", FILE_TYPE_HTML}, {"shtml", FILE_TYPE_HTML}, {"xhtml", FILE_TYPE_HTML}, {"xht", FILE_TYPE_HTML},
	{"mht", FILE_TYPE_MHTML}, {"mhtml", FILE_TYPE_MHTML}, {"eml", FILE_TYPE_EML}, {"msg", FILE_TYPE_MSG}, {"oft", FILE_TYPE_MSG}, {"pst", FILE_TYPE_PST},
	{"ost", FILE_TYPE_PST}, {"tnef", FILE_TYPE_TNEF}, {"vcf", FILE_TYPE_VCARD}, {"ics", FILE_TYPE_ICALENDAR}, {"vcs", FILE_TYPE_ICALENDAR},
	{"ical", FILE_TYPE_ICALENDAR}, {"json", FILE_TYPE_JSON}, {"csv", FILE_TYPE_CSV}, {"txt", FILE_TYPE_TEXT}, {"log", FILE_TYPE_TEXT}, {"md", FILE_TYPE_TEXT},
	{"ini", FILE_TYPE_TEXT}, {"pgp", FILE_TYPE_PGP}, {"gpg", FILE_TYPE_PGP}, {"asc", FILE_TYPE_PGP}, {"pem", FILE_TYPE_PEM}, {"p7m", FILE_TYPE_PKCS7},
	{"p7s", FILE_TYPE_PKCS7}, {"p7b", FILE_TYPE_PKCS7}, {"sqlite", FILE_TYPE_SQLITE}, {"torrent", FILE_TYPE_TORRENT},
	{"jpg", FILE_TYPE_JPEG}, {"jpeg", FILE_TYPE_JPEG}, {"jpe", FILE_TYPE_JPEG}, {"jfif", FILE_TYPE_JPEG}, {"png", FILE_TYPE_PNG}, {"gif", FILE_TYPE_GIF},
	{"bmp", FILE_TYPE_BMP}, {"tif", FILE_TYPE_TIFF}, {"tiff", FILE_TYPE_TIFF}, {"webp", FILE_TYPE_WEBP}, {"ico", FILE_TYPE_ICO}, {"cur", FILE_TYPE_ICO},
	{"heic", FILE_TYPE_HEIF}, {"heif", FILE_TYPE_HEIF}, {"avif", FILE_TYPE_HEIF}, {"jp2", FILE_TYPE_JPEG2000}, {"psd", FILE_TYPE_PSD}, {"emf", FILE_TYPE_EMF},
	{"wmf", FILE_TYPE_WMF}, {"svg", FILE_TYPE_SVG}, {"dwg", FILE_TYPE_DWG}, {"mp3", FILE_TYPE_MP3}, {"wav", FILE_TYPE_WAV}, {"ogg", FILE_TYPE_OGG},
	{"oga", FILE_TYPE_OGG}, {"opus", FILE_TYPE_OGG}, {"flac", FILE_TYPE_FLAC}, {"mid", FILE_TYPE_MIDI}, {"midi", FILE_TYPE_MIDI}, {"aac", FILE_TYPE_AAC},
	{"m4a", FILE_TYPE_MP4}, {"amr", FILE_TYPE_AMR}, {"aif", FILE_TYPE_AIFF}, {"aiff", FILE_TYPE_AIFF}, {"wma", FILE_TYPE_ASF}, {"mp4", FILE_TYPE_MP4},
	{"m4v", FILE_TYPE_MP4}, {"mov", FILE_TYPE_MP4}, {"3gp", FILE_TYPE_MP4}, {"avi", FILE_TYPE_AVI}, {"mkv", FILE_TYPE_MATROSKA}, {"webm", FILE_TYPE_MATROSKA},
	{"mpg", FILE_TYPE_MPEG}, {"mpeg", FILE_TYPE_MPEG}, {"flv", FILE_TYPE_FLV}, {"wmv", FILE_TYPE_ASF}, {"ttf", FILE_TYPE_TTF}, {"ttc", FILE_TYPE_TTF},
	{"otf", FILE_TYPE_OTF}, {"woff", FILE_TYPE_WOFF}, {"woff2", FILE_TYPE_WOFF},
};

static const struct word mime_types[] = {
	{"application/x-msdownload", FILE_TYPE_PE}, {"application/x-dosexec", FILE_TYPE_PE}, {"application/vnd.microsoft.portable-executable", FILE_TYPE_PE},
	{"application/x-msdos-program", FILE_TYPE_PE}, {"application/x-executable", FILE_TYPE_ELF}, {"application/x-elf", FILE_TYPE_ELF},
	{"application/x-sharedlib", FILE_TYPE_ELF}, {"application/x-mach-binary", FILE_TYPE_MACHO}, {"application/java-archive", FILE_TYPE_JAR},
	{"application/x-java-archive", FILE_TYPE_JAR}, {"application/vnd.android.package-archive", FILE_TYPE_APK}, {"application/x-msi", FILE_TYPE_MSI},
	{"application/x-ms-shortcut", FILE_TYPE_LNK}, {"application/internet-shortcut", FILE_TYPE_URL}, {"application/vnd.ms-htmlhelp", FILE_TYPE_CHM},
	{"application/x-shockwave-flash", FILE_TYPE_SWF}, {"application/hta", FILE_TYPE_HTA}, {"application/x-sh", FILE_TYPE_SHEBANG},
	{"text/x-shellscript", FILE_TYPE_SHEBANG}, {"text/x-python", FILE_TYPE_SHEBANG}, {"text/x-perl", FILE_TYPE_SHEBANG}, {"application/x-bat", FILE_TYPE_BATCH},
	{"text/vbscript", FILE_TYPE_VBSCRIPT}, {"application/x-vbs", FILE_TYPE_VBSCRIPT}, {"application/x-msdos-batch", FILE_TYPE_BATCH},
	{"application/bat", FILE_TYPE_BATCH}, {"application/x-powershell", FILE_TYPE_POWERSHELL}, {"text/hta", FILE_TYPE_HTA},
	{"text/jscript", FILE_TYPE_JSCRIPT}, {"text/ecmascript", FILE_TYPE_JSCRIPT}, {"application/ecmascript", FILE_TYPE_JSCRIPT},
	{"text/x-javascript", FILE_TYPE_JSCRIPT}, {"text/scriptlet", FILE_TYPE_WSF},
	 {"text/javascript", FILE_TYPE_JSCRIPT}, {"application/javascript", FILE_TYPE_JSCRIPT},
	{"application/x-javascript", FILE_TYPE_JSCRIPT}, {"application/zip", FILE_TYPE_ZIP}, {"application/x-zip-compressed", FILE_TYPE_ZIP},
	{"application/x-zip", FILE_TYPE_ZIP}, {"application/vnd.rar", FILE_TYPE_RAR5}, {"application/x-rar", FILE_TYPE_RAR5},
	{"application/x-rar-compressed", FILE_TYPE_RAR5}, {"application/x-7z-compressed", FILE_TYPE_SEVENZIP}, {"application/gzip", FILE_TYPE_GZIP},
	{"application/x-gzip", FILE_TYPE_GZIP}, {"application/x-compressed", FILE_TYPE_GZIP}, {"application/x-bzip2", FILE_TYPE_BZIP2},
	{"application/x-xz", FILE_TYPE_XZ}, {"application/zstd", FILE_TYPE_ZSTD}, {"application/x-lz4", FILE_TYPE_LZ4}, {"application/x-compress", FILE_TYPE_COMPRESS},
	{"application/x-tar", FILE_TYPE_TAR}, {"application/x-cpio", FILE_TYPE_CPIO}, {"application/vnd.ms-cab-compressed", FILE_TYPE_CAB},
	{"application/x-arj", FILE_TYPE_ARJ}, {"application/x-lzh-compressed", FILE_TYPE_LHA}, {"application/x-ace-compressed", FILE_TYPE_ACE},
	{"application/x-iso9660-image", FILE_TYPE_ISO}, {"application/x-cd-image", FILE_TYPE_ISO}, {"application/x-apple-diskimage", FILE_TYPE_DMG},
	{"application/msword", FILE_TYPE_DOC}, {"application/vnd.ms-excel", FILE_TYPE_XLS}, {"application/vnd.ms-powerpoint", FILE_TYPE_PPT},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", FILE_TYPE_DOCX},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.template", FILE_TYPE_DOCX},
	{"application/vnd.ms-word.document.macroenabled.12", FILE_TYPE_DOCM}, {"application/vnd.ms-word.template.macroenabled.12", FILE_TYPE_DOCM},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", FILE_TYPE_XLSX},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.template", FILE_TYPE_XLSX},
	{"application/vnd.ms-excel.sheet.macroenabled.12", FILE_TYPE_XLSM}, {"application/vnd.ms-excel.addin.macroenabled.12", FILE_TYPE_XLSM},
	{"application/vnd.ms-excel.sheet.binary.macroenabled.12", FILE_TYPE_XLSB},
	{"application/vnd.openxmlformats-officedocument.presentationml.presentation", FILE_TYPE_PPTX},
	{"application/vnd.openxmlformats-officedocument.presentationml.slideshow", FILE_TYPE_PPTX},
	{"application/vnd.ms-powerpoint.presentation.macroenabled.12", FILE_TYPE_PPTM}, {"application/vnd.ms-visio.drawing", FILE_TYPE_VSDX},
	{"application/vnd.oasis.opendocument.text", FILE_TYPE_ODF}, {"application/vnd.oasis.opendocument.spreadsheet", FILE_TYPE_ODF},
	{"application/vnd.oasis.opendocument.presentation", FILE_TYPE_ODF}, {"application/epub+zip", FILE_TYPE_EPUB},
	{"application/vnd.ms-xpsdocument", FILE_TYPE_XPS}, {"application/oxps", FILE_TYPE_XPS}, {"application/pdf", FILE_TYPE_PDF},
	{"application/x-pdf", FILE_TYPE_PDF}, {"application/postscript", FILE_TYPE_POSTSCRIPT}, {"application/rtf", FILE_TYPE_RTF}, {"text/rtf", FILE_TYPE_RTF},
	{"text/richtext", FILE_TYPE_RTF}, {"application/onenote", FILE_TYPE_ONENOTE}, {"application/msonenote", FILE_TYPE_ONENOTE}, {"image/vnd.djvu", FILE_TYPE_DJVU},
	{"text/xml", FILE_TYPE_XML}, {"application/xml", FILE_TYPE_XML}, {"text/html", FILE_TYPE_HTML}, {"application/xhtml+xml", FILE_TYPE_HTML},
	{"multipart/related", FILE_TYPE_MHTML}, {"application/x-mimearchive", FILE_TYPE_MHTML}, {"message/rfc822", FILE_TYPE_EML},
	{"message/global", FILE_TYPE_EML}, {"application/vnd.ms-outlook", FILE_TYPE_MSG}, {"application/ms-tnef", FILE_TYPE_TNEF},
	{"application/vnd.ms-tnef", FILE_TYPE_TNEF}, {"text/vcard", FILE_TYPE_VCARD}, {"text/x-vcard", FILE_TYPE_VCARD}, {"text/calendar", FILE_TYPE_ICALENDAR},
	{"application/ics", FILE_TYPE_ICALENDAR}, {"application/json", FILE_TYPE_JSON}, {"text/csv", FILE_TYPE_CSV}, {"text/plain", FILE_TYPE_TEXT},
	{"application/pgp-signature", FILE_TYPE_PGP}, {"application/pgp-encrypted", FILE_TYPE_PGP}, {"application/pgp-keys", FILE_TYPE_PGP},
	{"application/pkcs7-mime", FILE_TYPE_PKCS7}, {"application/x-pkcs7-mime", FILE_TYPE_PKCS7}, {"application/pkcs7-signature", FILE_TYPE_PKCS7},
	{"application/x-pkcs7-signature", FILE_TYPE_PKCS7}, {"image/jpeg", FILE_TYPE_JPEG}, {"image/jpg", FILE_TYPE_JPEG}, {"image/pjpeg", FILE_TYPE_JPEG},
	{"image/png", FILE_TYPE_PNG}, {"image/x-png", FILE_TYPE_PNG}, {"image/gif", FILE_TYPE_GIF}, {"image/bmp", FILE_TYPE_BMP}, {"image/x-ms-bmp", FILE_TYPE_BMP},
	{"image/tiff", FILE_TYPE_TIFF}, {"image/webp", FILE_TYPE_WEBP}, {"image/x-icon", FILE_TYPE_ICO}, {"image/vnd.microsoft.icon", FILE_TYPE_ICO},
	{"image/heic", FILE_TYPE_HEIF}, {"image/heif", FILE_TYPE_HEIF}, {"image/avif", FILE_TYPE_HEIF}, {"image/jp2", FILE_TYPE_JPEG2000},
	{"image/vnd.adobe.photoshop", FILE_TYPE_PSD}, {"image/emf", FILE_TYPE_EMF}, {"image/x-emf", FILE_TYPE_EMF}, {"image/wmf", FILE_TYPE_WMF},
	{"image/x-wmf", FILE_TYPE_WMF}, {"image/svg+xml", FILE_TYPE_SVG}, {"audio/mpeg", FILE_TYPE_MP3}, {"audio/mp3", FILE_TYPE_MP3}, {"audio/wav", FILE_TYPE_WAV},
	{"audio/x-wav", FILE_TYPE_WAV}, {"audio/ogg", FILE_TYPE_OGG}, {"audio/flac", FILE_TYPE_FLAC}, {"audio/midi", FILE_TYPE_MIDI}, {"audio/aac", FILE_TYPE_AAC},
	{"audio/amr", FILE_TYPE_AMR}, {"audio/aiff", FILE_TYPE_AIFF}, {"audio/mp4", FILE_TYPE_MP4}, {"audio/x-m4a", FILE_TYPE_MP4}, {"video/mp4", FILE_TYPE_MP4},
	{"video/quicktime", FILE_TYPE_MP4}, {"video/3gpp", FILE_TYPE_MP4}, {"video/x-msvideo", FILE_TYPE_AVI}, {"video/x-matroska", FILE_TYPE_MATROSKA},
	{"video/webm", FILE_TYPE_MATROSKA}, {"video/mpeg", FILE_TYPE_MPEG}, {"video/x-flv", FILE_TYPE_FLV}, {"video/x-ms-wmv", FILE_TYPE_ASF},
	{"audio/x-ms-wma", FILE_TYPE_ASF}, {"font/ttf", FILE_TYPE_TTF}, {"font/otf", FILE_TYPE_OTF}, {"font/woff", FILE_TYPE_WOFF}, {"font/woff2", FILE_TYPE_WOFF},
};
/* clang-format on */

static enum file_type look_up(const struct word *words, size_t count, struct slice word)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equals_nocase(word, words[i].word))
			return words[i].type;
	}
	return FILE_TYPE_UNKNOWN;
}

enum file_type extension_type(struct slice extension)
{
	return look_up(extensions, sizeof extensions / sizeof *extensions, extension);
}

enum file_type extension_type_of_mime(struct slice declared)
{
	return look_up(mime_types, sizeof mime_types / sizeof *mime_types, slice_trim(declared));
}
