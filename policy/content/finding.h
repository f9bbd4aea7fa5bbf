/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found when something was taken apart: bits of a file and of what it contains. FINDINGS is the one table that declares
 * them, a line each: name and a line of manual. They become the values of the fact attachment.flags.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
#define FINDINGS(FINDING) \
	FINDING(ENCRYPTED,         "encrypted",         "something in it cannot be read without a password") \
	FINDING(DAMAGED,           "damaged",           "it breaks the rules of its format, ends too early, or a checksum is wrong") \
	FINDING(UNSUPPORTED,       "unsupported",       "a format or method that is known by name only; what is in it was not seen") \
	FINDING(OVER_LIMITS,       "over_limits",       "not all of it was unpacked: more than one message may cost") \
	FINDING(SPLIT,             "split",             "one volume of several") \
	FINDING(NAMES_DIFFER,      "names_differ",      "an entry has two names, and programs show one or the other") \
	FINDING(REPEATED_NAMES,    "repeated_names",    "two entries have the same name") \
	FINDING(HEADERS_DIFFER,    "headers_differ",    "an entry is described in two ways") \
	FINDING(HIDDEN_ENTRIES,    "hidden_entries",    "entries that some programs see and others do not") \
	FINDING(BAD_NAME,          "bad_name",          "a name is absolute, has .. in it, a backslash, NUL or another control character") \
	FINDING(MISLEADING_NAME,   "misleading_name",   "a name has characters that turn the direction of writing, or invisible ones") \
	FINDING(LINK_ENTRY,        "link_entry",        "an entry is a link to another file") \
	FINDING(PREFIXED,          "prefixed",          "bytes stand before the archive") \
	FINDING(TRAILING,          "trailing",          "bytes stand behind its end") \
	FINDING(CONCATENATED,      "concatenated",      "several archives in one, or an archive with several directories") \
	FINDING(OVERLAPPING,       "overlapping",       "entries share bytes") \
	FINDING(POLYGLOT,          "polyglot",          "it is of two types at once") \
	FINDING(SELF_EXTRACTING,   "self_extracting",   "a program with an archive behind it") \
	FINDING(DISK_IMAGE,        "disk_image",        "a file system that a double click mounts") \
	FINDING(MACROS,            "macros",            "macros of Office") \
	FINDING(AUTO_MACROS,       "auto_macros",       "macros that start by themselves") \
	FINDING(SHELL_MACROS,      "shell_macros",      "macros that start programs, fetch or write files, or call the system") \
	FINDING(EXCEL4_MACROS,     "excel4_macros",     "sheets of Excel 4 macros") \
	FINDING(EXTERNAL_TEMPLATE, "external_template", "a template or object that is fetched when the document is opened") \
	FINDING(EXTERNAL_LINK,     "external_link",     "pictures or other parts that are fetched from elsewhere") \
	FINDING(EMBEDDED_OBJECT,   "embedded_object",   "an object or file inside a document") \
	FINDING(OBJECT_UPDATE,     "object_update",     "an object that is loaded without being asked for") \
	FINDING(EQUATION,          "equation",          "an object of the old equation editor") \
	FINDING(ACTIVEX,           "activex",           "ActiveX controls") \
	FINDING(DDE,               "dde",               "fields that start programs by DDE") \
	FINDING(JAVASCRIPT,        "javascript",        "JavaScript in a document") \
	FINDING(OPEN_ACTION,       "open_action",       "something happens when the document is opened") \
	FINDING(LAUNCH_ACTION,     "launch_action",     "starts a program") \
	FINDING(FORM,              "form",              "a form that sends what is filled in, or is made of XFA") \
	FINDING(OBFUSCATED,        "obfuscated",        "written so that scanners shall not understand it")
/* clang-format on */

enum finding_number {
#define FINDING(id, name, manual) FINDING_NUMBER_##id,
	FINDINGS(FINDING)
#undef FINDING
		FINDING_COUNT
};

enum finding {
	FINDING_NONE = 0,
#define FINDING(id, name, manual) FINDING_##id = 1ULL << FINDING_NUMBER_##id,
	FINDINGS(FINDING)
#undef FINDING
};

/* In the order of the bits, NULL-ended: "encrypted" …, and the lines of manual. */
extern const char *const finding_names[];
extern const char *const finding_manual[];
