/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of text. */
#include "policy/content/text_type.h"

#include "policy/content/bytes.h"

struct mark {
	const char *word;
	enum file_type type;
};

/* Where they begin, behind blanks. */
static const struct mark beginnings[] = {
	{"BEGIN:VCARD", FILE_TYPE_VCARD},
	{"BEGIN:VCALENDAR", FILE_TYPE_ICALENDAR},
	{"[InternetShortcut]", FILE_TYPE_URL},
	{"[{000214A0-0000-0000-C000-000000000046}]", FILE_TYPE_URL},
	{"-----BEGIN PGP", FILE_TYPE_PGP},
	{"-----BEGIN PKCS7", FILE_TYPE_PKCS7},
	{"-----BEGIN ", FILE_TYPE_PEM},
	{"begin 644 ", FILE_TYPE_UUENCODED},
	{"begin 666 ", FILE_TYPE_UUENCODED},
	{"begin 600 ", FILE_TYPE_UUENCODED},
	{"begin 755 ", FILE_TYPE_UUENCODED},
	{"begin-base64 ", FILE_TYPE_UUENCODED},
	{"(This file must be converted with BinHex", FILE_TYPE_BINHEX},
};

/* Tags that make markup what it is, wherever they stand. The first row that fits counts. */
static const struct mark tags[] = {
	{"<hta:application", FILE_TYPE_HTA},
	{"<scriptlet", FILE_TYPE_WSF},
	{"<job", FILE_TYPE_WSF},
	{"<svg", FILE_TYPE_SVG},
	{"<?mso-application progid=\"Word", FILE_TYPE_XML},
	{"<!doctype html", FILE_TYPE_HTML},
	{"<html", FILE_TYPE_HTML},
	{"<head", FILE_TYPE_HTML},
	{"<body", FILE_TYPE_HTML},
	{"<script", FILE_TYPE_HTML},
	{"<iframe", FILE_TYPE_HTML},
	{"<meta", FILE_TYPE_HTML},
	{"<title", FILE_TYPE_HTML},
	{"<table", FILE_TYPE_HTML},
	{"<div", FILE_TYPE_HTML},
	{"<form", FILE_TYPE_HTML},
	{"<img", FILE_TYPE_HTML},
	{"<a href", FILE_TYPE_HTML},
	{"<style", FILE_TYPE_HTML},
	{"<embed", FILE_TYPE_HTML},
	{"<object", FILE_TYPE_HTML},
};

/* Fields of a header that messages begin with. */
static const char *const fields[] = {"Received:", "Return-Path:", "From:", "MIME-Version:",
	"Message-ID:", "Delivered-To:", "Subject:", "Date:", "X-",
	"DKIM-Signature:", "To:", "Content-Type:", "Authentication-Results:", "ARC-"};

/* Text of two bytes a character begins with a mark, or has NULs at every other place: as one byte a character. */
static struct slice narrow(struct slice bytes, char *room, size_t size)
{
	bool is_little = bytes_are(bytes, 0, "\xff\xfe", 2);
	bool is_big = bytes_are(bytes, 0, "\xfe\xff", 2);
	size_t used = 0;

	if (!is_little && !is_big)
		return bytes_are(bytes, 0, "\xef\xbb\xbf", 3) ? slice_from(bytes, 3) : bytes;
	for (size_t i = 2; i + 1 < bytes.size && used < size; i += 2)
		room[used++] = bytes.data[i + (is_big ? 1 : 0)];
	return slice_make(room, used);
}

static bool is_text(struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		if (c < ' ' && !strchr("\t\n\r\f\v\x1b\x1a\b", c))
			return false;
		if (c == '\0')
			return false;
	}
	return bytes.size > 0;
}

static struct slice skip_blanks(struct slice s)
{
	while (s.size && memchr(" \t\r\n\f\v", s.data[0], 6))
		s = slice_from(s, 1);
	return s;
}

static bool ends_word(struct slice s)
{
	return s.size == 0 || !((s.data[0] | 0x20) >= 'a' && (s.data[0] | 0x20) <= 'z');
}

/* Which row of tags stands in the text; the count when none does. */
static size_t find_tag(struct slice text)
{
	size_t best = sizeof tags / sizeof *tags, at;

	while ((at = slice_find(text, '<')) != SIZE_MAX) {
		text = slice_from(text, at);
		for (size_t i = 0; i < best; i++) {
			size_t length;
			if (!slice_starts_nocase(text, tags[i].word))
				continue;
			length = strlen(tags[i].word);
			if (length > 6 || ends_word(slice_from(text, length)))
				best = i;
		}
		text = slice_from(text, 1);
	}
	return best;
}

/* A field's name, as header_parse would have it. */
static bool is_field_line(struct slice line)
{
	size_t colon = slice_find(line, ':');

	if (colon == SIZE_MAX || colon == 0)
		return false;
	for (size_t i = 0; i < colon; i++) {
		if (line.data[i] <= ' ' || line.data[i] >= 127)
			return false;
	}
	return true;
}

/* A known field, and another field or a continuation behind it. */
static enum file_type mail_type(struct slice text)
{
	struct slice whole = text, line = slice_cut(&text, '\n');
	bool is_known = slice_starts_nocase(line, "From ");

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		is_known = is_known || slice_starts_nocase(line, fields[i]);
	if (!is_known)
		return FILE_TYPE_UNKNOWN;
	line = slice_cut(&text, '\n');
	if (!is_field_line(line) && !(line.size && (line.data[0] == ' ' || line.data[0] == '\t')))
		return FILE_TYPE_UNKNOWN;
	/* A web archive is a message whose body is related parts, saved by a browser or by Word. */
	if (memmem(whole.data, whole.size, "multipart/related", 17) &&
		!memmem(whole.data, whole.size, "Received:", 9) &&
		memmem(whole.data, whole.size, "text/html", 9))
		return FILE_TYPE_MHTML;
	return FILE_TYPE_EML;
}

static enum file_type markup_type(struct slice text)
{
	size_t row = find_tag(text);

	if (slice_starts_nocase(text, "<?xml")) {
		/* What a browser shows as a page it must be told of in the text itself. */
		if (row < sizeof tags / sizeof *tags &&
			(tags[row].type != FILE_TYPE_HTML ||
				memmem(text.data, text.size, "xhtml", 5)))
			return tags[row].type;
		/* Its elements may have a prefix. */
		if (memmem(text.data, text.size, "www.w3.org/1999/xhtml", 21))
			return FILE_TYPE_HTML;
		return FILE_TYPE_XML;
	}
	if (row < sizeof tags / sizeof *tags)
		return tags[row].type;
	return text.size && text.data[0] == '<' && slice_find(text, '>') != SIZE_MAX
		? FILE_TYPE_XML
		: FILE_TYPE_UNKNOWN;
}

enum file_type text_type(struct slice bytes)
{
	char room[TEXT_TYPE_SIZE];
	struct slice text = narrow(bytes_piece(bytes, 0, TEXT_TYPE_SIZE), room, sizeof room);
	enum file_type type;

	if (!is_text(text))
		return FILE_TYPE_UNKNOWN;
	text = skip_blanks(text);
	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
		if (slice_starts_nocase(text, beginnings[i].word))
			return beginnings[i].type;
	}
	type = mail_type(text);
	if (type == FILE_TYPE_UNKNOWN)
		type = markup_type(text);
	return type != FILE_TYPE_UNKNOWN ? type : FILE_TYPE_TEXT;
}
