/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: decompressed, and searched for words. */
#include "policy/content/vba.h"

#include <talloc.h>

#define CHUNK 4096
#define CONTAINER_SIGNATURE 1

static const char *const auto_words[] = {"autoopen", "auto_open", "autoexec", "autoclose",
	"auto_close", "autonew", "autoexit", "document_open", "documentopen", "document_close",
	"documentbeforeclose", "document_new", "documentchange", "newdocument", "workbook_open",
	"workbook_activate", "workbook_close", "workbook_beforeclose", "auto_ope",
	"worksheet_activate", "worksheet_change", "app_documentopen", "presentation_open",
	"onslideshowpagechange", "inkpicture_painted", "webbrowser1_", "_layout", "_gotfocus",
	"_mouseenter", "_painted", NULL};

static const char *const shell_words[] = {"shell", "createobject", "getobject", "wscript",
	"urldownloadtofile", "powershell", "cmd.exe", "cmd /c", "mshta", "regsvr32", "rundll32",
	"virtualalloc", "createthread", "createremotethread", "rtlmovememory", "winexec", "xmlhttp",
	"winhttp", "adodb.stream", "filesystemobject", "savetofile", "callbyname",
	"executeexcel4macro", "shellexecute", "environ", "winmgmts", "win32_process", NULL};

static bool has_word(struct slice text, const char *const *words)
{
	for (; *words; words++) {
		if (bytes_find(text, 0, *words, strlen(*words)) != SIZE_MAX)
			return true;
	}
	return false;
}

/* In small letters. */
static char *fold(const void *parent, struct slice text)
{
	char *folded = talloc_array(parent, char, text.size + 1);

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		folded[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return folded;
}

static void judge_text(struct slice text, struct unpacked *out)
{
	char *folded = fold(out->parent, text);
	struct slice s = slice_make(folded, text.size);

	if (has_word(s, auto_words))
		out->findings |= FINDING_AUTO_MACROS;
	if (has_word(s, shell_words))
		out->findings |= FINDING_SHELL_MACROS;
	talloc_free(folded);
}

/* How many bits of a copy token are its distance: as many as it takes at that place of the chunk. */
static unsigned distance_bits(size_t done)
{
	unsigned bits = 4;

	while ((1UL << bits) < done)
		bits++;
	return bits;
}

/* A token of two bytes; false when it points before the chunk. */
static bool copy(struct output *output, size_t chunk_start, uint16_t token)
{
	size_t done = output->size - chunk_start, distance, length;
	unsigned bits;

	if (done == 0)
		return false;
	bits = distance_bits(done);
	length = (token & (0xffffU >> bits)) + 3U;
	distance = ((unsigned)token >> (16 - bits)) + 1U;
	return distance <= done && done + length <= CHUNK + 16 &&
		output_repeat(output, distance, length);
}

static bool expand_chunk(struct output *output, struct slice s)
{
	size_t chunk_start = output->size, at = 0;

	while (at < s.size) {
		uint8_t flags = bytes_8(s, at++);
		for (unsigned bit = 0; bit < 8 && at < s.size; bit++) {
			if (!(flags >> bit & 1)) {
				if (!output_add(output, s.data + at++, 1))
					return false;
			} else {
				if (!copy(output, chunk_start, bytes_16(s, at)))
					return false;
				at += 2;
			}
		}
	}
	return true;
}

struct slice vba_decompress(const void *parent, struct slice container, struct budget *budget)
{
	struct output output = output_begin(parent, budget);
	struct slice rest = bytes_from(container, 1);
	bool is_good = bytes_8(container, 0) == CONTAINER_SIGNATURE;

	while (is_good && rest.size >= 3) {
		uint16_t header = bytes_16(rest, 0);
		struct slice chunk = bytes_piece(rest, 2, (header & 0xfffU) + 1U);
		if ((header & 0x7000) != 0x3000)
			break;
		is_good = header & 0x8000 ? expand_chunk(&output, chunk)
					  : output_add(&output, chunk.data, chunk.size);
		rest = bytes_from(rest, 2 + (uint64_t)chunk.size);
	}
	return output_slice(&output);
}

/* The source of a module begins with the word Attribute, of which the compressed form leaves the first eight letters as they are. */
static void judge_module(struct slice stream, struct unpacked *out)
{
	size_t at = bytes_find(stream, 0, "\0Attribut", 9);
	struct slice source;

	judge_text(stream, out);
	if (at == SIZE_MAX || at < 3)
		return;
	source = vba_decompress(out->parent, slice_from(stream, at - 3), out->budget);
	judge_text(source, out);
	if (source.size)
		talloc_free((void *)(uintptr_t)source.data);
}

static bool is_below_vba(const struct ole *ole, const struct ole_entry *entry)
{
	return entry->parent < ole->count &&
		slice_equals_nocase(slice_of(ole->entries[entry->parent].name), "VBA");
}

void vba_judge(struct ole *ole, struct unpacked *out)
{
	for (size_t i = 0; i < ole->count; i++) {
		const struct ole_entry *entry = &ole->entries[i];
		bool is_project = slice_equals_nocase(slice_of(entry->name), "_VBA_PROJECT");
		struct slice stream;
		bool is_cut;
		if (entry->kind != OLE_STREAM || (!is_project && !is_below_vba(ole, entry)))
			continue;
		out->findings |= FINDING_MACROS;
		stream = ole_read(ole, ole, entry, out->budget, &is_cut);
		if (is_cut)
			out->findings |= FINDING_OVER_LIMITS;
		judge_module(stream, out);
	}
}

void vba_judge_project(struct slice bytes, struct unpacked *out)
{
	struct ole *ole = ole_open(out->parent, bytes);

	out->findings |= FINDING_MACROS;
	if (!ole) {
		out->findings |= FINDING_DAMAGED;
		return;
	}
	vba_judge(ole, out);
	if (ole->is_damaged)
		out->findings |= FINDING_DAMAGED;
	talloc_free(ole);
}
