/* SPDX-License-Identifier: Apache-2.0 */
/* Collects complaints and prints them in the order of their places. */
#include "base/complaint.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define NAME_SIZE_MAX 64
#define SHOWN_BEFORE 80 /* bytes of a line before the column, and behind it */
#define SHOWN_BEHIND 60

struct complaint {
	size_t file; /* index into the files */
	size_t number;
	unsigned line;
	unsigned column;
	bool is_error;
	char *text;
};

struct complaints {
	struct complaint **items;
	size_t count;
	size_t errors;
	struct file {
		char *name;
		struct slice text; /* NULL when it was not handed in */
	} * files;
	size_t file_count;
};

struct complaints *complaints_new(const void *parent)
{
	return talloc_zero(parent, struct complaints);
}

static size_t file_index(struct complaints *complaints, const char *file)
{
	size_t i = 0;

	while (i < complaints->file_count && strcmp(complaints->files[i].name, file) != 0)
		i++;
	if (i == complaints->file_count) {
		complaints->files =
			talloc_realloc(complaints, complaints->files, struct file, i + 1);
		complaints->files[i] = (struct file){.name = talloc_strdup(complaints, file)};
		complaints->file_count++;
	}
	return i;
}

void complaints_show(struct complaints *complaints, const char *file, struct slice text)
{
	size_t index = file_index(complaints, file);

	complaints->files[index].text = text;
}

/* What was quoted from a file shall not steer the reader's terminal. */
static void disarm(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

static void append(struct complaints *complaints, struct complaint *complaint)
{
	size_t room = talloc_array_length(complaints->items);

	if (complaints->count == room) {
		room = room ? room * 2 : 8;
		complaints->items =
			talloc_realloc(complaints, complaints->items, struct complaint *, room);
	}
	complaints->items[complaints->count++] = complaint;
}

__attribute__((format(printf, 3, 0))) static struct complaint *complain(
	struct complaints *complaints, struct place place, const char *format, va_list arguments)
{
	struct complaint *complaint = talloc_zero(complaints, struct complaint);

	complaint->file = file_index(complaints, place.file);
	complaint->number = complaints->count;
	complaint->line = place.line;
	complaint->column = place.column;
	complaint->text = talloc_vasprintf(complaint, format, arguments);
	disarm(complaint->text);
	append(complaints, complaint);
	return complaint;
}

void complaint_error(struct complaints *complaints, struct place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(complaints, place, format, arguments)->is_error = true;
	va_end(arguments);
	complaints->errors++;
}

void complaint_warning(struct complaints *complaints, struct place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(complaints, place, format, arguments);
	va_end(arguments);
}

size_t complaints_errors(const struct complaints *complaints)
{
	return complaints->errors;
}

size_t complaints_warnings(const struct complaints *complaints)
{
	return complaints->count - complaints->errors;
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
	const struct complaint *a = *(struct complaint *const *)left;
	const struct complaint *b = *(struct complaint *const *)right;

	if (a->file != b->file)
		return compare_numbers(a->file, b->file);
	if (a->line != b->line)
		return compare_numbers(a->line, b->line);
	if (a->column != b->column)
		return compare_numbers(a->column, b->column);
	return compare_numbers(a->number, b->number);
}

/* The line of a text, without its end; false when it has no such line. */
static bool find_line(struct slice text, unsigned number, struct slice *line)
{
	while (--number && text.size)
		slice_cut(&text, '\n');
	if (!text.data || number)
		return false;
	*line = slice_cut(&text, '\n');
	if (line->size && line->data[line->size - 1] == '\r')
		line->size--;
	return true;
}

/* One place a character, and tabs as tabs, so that the caret stands right. */
static void print_indent(struct slice before, FILE *out)
{
	while (before.size) {
		size_t length = utf8_length(before);

		fputc(before.data[0] == '\t' ? '\t' : ' ', out);
		before = slice_from(before, length ? length : 1);
	}
}

static void print_clean(struct slice line, FILE *out)
{
	for (; line.size; line = slice_from(line, 1)) {
		char c = line.data[0];

		fputc(((unsigned char)c < ' ' && c != '\t') || c == 0x7f ? '?' : c, out);
	}
}

static bool is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Long lines are cut on both sides of the column. */
static void print_line(struct slice text, const struct complaint *c, FILE *out)
{
	struct slice line;
	size_t from, end;

	if (!find_line(text, c->line, &line) || c->column == 0 || c->column > line.size + 1)
		return;
	from = c->column - 1 > SHOWN_BEFORE ? c->column - 1 - SHOWN_BEFORE : 0;
	end = line.size - (c->column - 1) > SHOWN_BEHIND ? c->column - 1 + SHOWN_BEHIND : line.size;
	while (from < c->column - 1 && is_inside_character(line.data[from]))
		from++;
	while (end < line.size && is_inside_character(line.data[end]))
		end++;
	fputs("    ", out);
	print_clean(slice_make(line.data + from, end - from), out);
	fputs("\n    ", out);
	print_indent(slice_make(line.data + from, c->column - 1 - from), out);
	fputs("^\n", out);
}

void complaints_print(const struct complaints *complaints, FILE *out)
{
	struct complaint **sorted = talloc_array(NULL, struct complaint *, complaints->count + 1);

	for (size_t i = 0; i < complaints->count; i++)
		sorted[i] = complaints->items[i];
	qsort(sorted, complaints->count, sizeof *sorted, compare);

	for (size_t i = 0; i < complaints->count; i++) {
		const struct complaint *c = sorted[i];

		fputs(complaints->files[c->file].name, out);
		if (c->line)
			fprintf(out, ":%u:%u", c->line, c->column);
		fprintf(out, ": %s: %s\n", c->is_error ? "error" : "warning", c->text);
		if (c->line)
			print_line(complaints->files[c->file].text, c, out);
	}
	talloc_free(sorted);
}

char *complaints_text(const void *parent, const struct complaints *complaints)
{
	char *printed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);
	char *text;

	complaints_print(complaints, out);
	fclose(out);
	text = talloc_strdup(parent, printed);
	free(printed);
	return text;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance: insertions, deletions, replacements, and neighbours swapped. */
static size_t distance(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);
	size_t rows[NAME_SIZE_MAX + 1][NAME_SIZE_MAX + 1];

	for (size_t i = 0; i <= a_size; i++)
		rows[i][0] = i;
	for (size_t k = 0; k <= b_size; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= a_size; i++) {
		for (size_t k = 1; k <= b_size; k++) {
			size_t cost = rows[i - 1][k - 1] + (a[i - 1] != b[k - 1]);

			cost = least(cost, least(rows[i - 1][k], rows[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				cost = least(cost, rows[i - 2][k - 2] + 1);
			rows[i][k] = cost;
		}
	}
	return rows[a_size][b_size];
}

const char *complaint_suggestion(const char *name, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	size_t nearest = least(strlen(name) / 3, 2) + 1;

	if (strlen(name) > NAME_SIZE_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t apart = nearest;

		if (strlen(candidates[i]) <= NAME_SIZE_MAX)
			apart = distance(name, candidates[i]);
		if (apart < nearest) {
			nearest = apart;
			best = candidates[i];
		}
	}
	return best;
}
