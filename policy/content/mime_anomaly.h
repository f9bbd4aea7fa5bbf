/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with the MIME structure of a message: whatever two mail programs could read differently, and whatever was not looked
 * at because a limit was reached. A line each: name in the program, name as a flag of the fact mime.anomalies, and a line of manual.
 * A set of them is a uint64_t of the bits that mime_anomaly_bit() gives.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
#define MIME_ANOMALIES(ROW) \
	ROW(DUPLICATE_TYPE,         "duplicate_type",         "a part has several Content-Type fields") \
	ROW(DUPLICATE_ENCODING,     "duplicate_encoding",     "a part has several Content-Transfer-Encoding fields") \
	ROW(DUPLICATE_DISPOSITION,  "duplicate_disposition",  "a part has several Content-Disposition fields") \
	ROW(DUPLICATE_PARAMETER,    "duplicate_parameter",    "a parameter of a field stands twice") \
	ROW(CONFLICTING_BOUNDARY,   "conflicting_boundary",   "the boundary of a multipart can be read in several ways") \
	ROW(CONFLICTING_NAMES,      "conflicting_names",      "an attachment has several names with different extensions") \
	ROW(ODD_BOUNDARY,           "odd_boundary",           "a boundary is empty, over 70 characters, or holds what no boundary may hold") \
	ROW(MISSING_BOUNDARY,       "missing_boundary",       "a multipart names no boundary") \
	ROW(GUESSED_BOUNDARY,       "guessed_boundary",       "lines that look like delimiters in a multipart where no real one was seen yet") \
	ROW(MISSING_DELIMITER,      "missing_delimiter",      "a multipart without any delimiter in it") \
	ROW(MISSING_END,            "missing_end",            "a multipart without its last delimiter") \
	ROW(BOUNDARY_PREFIX,        "boundary_prefix",        "a line begins with a boundary and goes on behind it, or a boundary begins with another one") \
	ROW(BOUNDARY_REUSED,        "boundary_reused",        "a multipart has the boundary of another one") \
	ROW(BOUNDARY_MISPLACED,     "boundary_misplaced",     "a delimiter inside a header, or of a multipart that is over or was left by another's delimiter") \
	ROW(ODD_DELIMITER,          "odd_delimiter",          "a delimiter that stands behind a bare CR or blanks") \
	ROW(BLANK_AFTER_DELIMITER,  "blank_after_delimiter",  "blanks behind a delimiter") \
	ROW(PART_AFTER_END,         "part_after_end",         "a delimiter behind the last delimiter of its multipart") \
	ROW(TEXT_AFTER_END,         "text_after_end",             "text behind the last delimiter of a multipart") \
	ROW(SPLIT_PARAMETER,        "split_parameter",        "a parameter in several pieces (RFC 2231)") \
	ROW(CONFLICTING_SPLIT,      "conflicting_split",      "pieces of a parameter that are missing, doubled, out of order or beside the whole") \
	ROW(ENCODED_WORD_PARAMETER, "encoded_word_parameter", "an encoded-word in a parameter, where RFC 2047 allows none") \
	ROW(ODD_PARAMETER,          "odd_parameter",          "a parameter with quotation marks, backslashes, blanks or comments at odd places") \
	ROW(COMMENT,                "comment",                "a comment in a Content field") \
	ROW(ODD_TYPE,               "odd_type",               "a Content-Type that is not a type, a slash and a subtype") \
	ROW(ODD_ENCODING,           "odd_encoding",           "a Content-Transfer-Encoding with more or other than its name") \
	ROW(UNKNOWN_ENCODING,       "unknown_encoding",       "a Content-Transfer-Encoding that is not known") \
	ROW(ENCODED_CONTAINER,      "encoded_container",      "a multipart or message with a transfer encoding") \
	ROW(ODD_FIELD,              "odd_field",              "a Content field with blanks before its name or colon, several colons, or behind a bare CR") \
	ROW(HIDDEN_FIELD,           "hidden_field",           "a Content field inside the folded lines of another field") \
	ROW(JUNK_IN_HEADER,         "junk_in_header",         "a line in the header of a part that is no field") \
	ROW(BLANK_LINE_IN_HEADER,   "blank_line_in_header",   "a line of nothing but blanks in the header of a part") \
	ROW(FIELD_AFTER_HEADER,     "field_after_header",     "a Content field behind the empty line that ends the header") \
	ROW(HEADER_WITHOUT_END,     "header_without_end",     "the header of a part without an empty line behind it") \
	ROW(HEADER_TOO_LARGE,       "header_too_large",       "over 256 KiB or 10,000 lines of header: the rest was not looked at") \
	ROW(TOO_DEEP,               "too_deep",               "parts nested over 50 deep") \
	ROW(TOO_MANY_PARTS,         "too_many_parts",         "over 2,000 parts: the rest was not taken apart") \
	ROW(TOO_MANY_PARAMETERS,    "too_many_parameters",    "a field with over 200 parameters: the rest was not looked at") \
	ROW(TOO_MANY_READINGS,      "too_many_readings",      "more ways to read a part or the message than are looked at") \
	ROW(OVER_LIMITS,            "over_limits",            "more in the message than it may cost: not all of it was taken apart") \
	ROW(BARE_CR,                "bare_cr",                "a CR without LF") \
	ROW(NUL,                    "nul",                    "a NUL outside of encoded parts") \
	ROW(EIGHT_BIT_HEADER,       "8bit_header",            "bytes that are no ASCII in the header of a part") \
	ROW(BASE64_JUNK,            "base64_junk",            "characters in base64 that are none of its own") \
	ROW(BASE64_PADDING,         "base64_padding",         "padding of base64 inside of it, or too much or too little of it") \
	ROW(QUOTED_JUNK,            "quoted_junk",            "an equals sign in quoted-printable without two digits behind it") \
	ROW(QUOTED_LOWERCASE,       "quoted_lowercase",       "small hexadecimal digits in quoted-printable") \
	ROW(UUENCODE,               "uuencode",               "a file encoded by uuencode") \
	ROW(YENC,                   "yenc",                   "a file encoded as yEnc") \
	ROW(BINHEX,                 "binhex",                 "a file encoded as BinHex") \
	ROW(UTF7,                   "utf7",                   "text in UTF-7") \
	ROW(UTF16,                  "utf16",                  "text in UTF-16 or UTF-32") \
	ROW(UNKNOWN_CHARSET,        "unknown_charset",        "text in a charset that is not known, read as ISO 8859-1") \
	ROW(PARTIAL,                "partial",                "a message/partial: a piece of a message that the reader puts together") \
	ROW(EXTERNAL_BODY,          "external_body",          "a message/external-body: the reader fetches the content from elsewhere")
/* clang-format on */

#define MIME_ANOMALY_ENUM(id, name, manual) MIME_##id,
enum mime_anomaly { MIME_ANOMALIES(MIME_ANOMALY_ENUM) MIME_ANOMALY_COUNT };
#undef MIME_ANOMALY_ENUM

static inline uint64_t mime_anomaly_bit(enum mime_anomaly anomaly)
{
	return UINT64_C(1) << anomaly;
}

/* Those of them that say that something was not looked at. */
extern const uint64_t mime_anomalies_unseen;

/* What bits of enum charset_seen are among them. */
uint64_t mime_anomaly_of_charset(unsigned seen);

/* In the order of the bits, NULL-ended; and the lines of manual, likewise. */
extern const char *const mime_anomaly_names[];
extern const char *const mime_anomaly_manual[];
