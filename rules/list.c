/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: their entries, from rule files and from files of their own. */
#include "rules/list.h"

#include "base/file.h"
#include "rules/fold.h"
#include "rules/index.h"

#include <assert.h>
#include <ctype.h>
#include <talloc.h>

#define FILE_MAXIMUM (1024UL * 1024 * 1024)
#define COMPLAINTS_MAXIMUM 20 /* about one file */
#define DOMAIN_MAXIMUM 253
#define LABEL_MAXIMUM 63

/* What is replaced as a whole when a file is read again. */
struct content {
	struct index_texts *texts;
	struct index_texts *folded; /* NULL when nobody asked for it */
	struct index_networks *networks;
	struct match_set *regexes;
	size_t count;
};

struct list {
	const char *name;
	enum list_kind kind;
	const char *path;
	bool folds;
	struct content *content;
};

/* Adds an entry; what it returns is why it cannot be one, or NULL. The scratch memory is freed behind it. */
typedef const char *(*add_fn)(struct content *content, void *scratch, struct slice entry);

/* --- kinds --- */

static bool is_label(struct slice label)
{
	if (!label.size || label.size > LABEL_MAXIMUM)
		return false;
	for (size_t i = 0; i < label.size; i++) {
		unsigned char c = (unsigned char)label.data[i];

		if (!isalnum(c) && c != '-' && c != '_')
			return false;
	}
	return label.data[0] != '-' && label.data[label.size - 1] != '-';
}

bool list_is_domain(struct slice text)
{
	if (!text.size || text.size > DOMAIN_MAXIMUM || text.data[text.size - 1] == '.')
		return false;
	while (text.size) {
		if (!is_label(slice_cut(&text, '.')))
			return false;
	}
	return true;
}

bool list_is_address(struct slice text)
{
	size_t at = text.size;

	while (at && text.data[at - 1] != '@')
		at--;
	for (size_t i = 0; i < text.size; i++) {
		if ((unsigned char)text.data[i] < ' ')
			return false;
	}
	return at > 1 &&
		(list_is_domain(slice_from(text, at)) || (at < text.size && text.data[at] == '['));
}

static const char *add_string(struct content *content, void *scratch, struct slice entry)
{
	(void)scratch;
	index_texts_add(content->texts, entry);
	return NULL;
}

static const char *add_domain(struct content *content, void *scratch, struct slice entry)
{
	bool below = entry.size && entry.data[0] == '.';
	struct slice domain = fold_domain(scratch, below ? slice_from(entry, 1) : entry);

	if (entry.size > 1 && entry.data[0] == '*' && entry.data[1] == '.')
		return "is no domain; everything below a domain is written with a dot in front: "
		       "\".example.com\"";
	if (!list_is_domain(domain))
		return "is no domain";
	if (below)
		domain = slice_of(talloc_asprintf(scratch, ".%.*s", SLICE_ARGS(domain)));
	index_texts_add(content->texts, domain);
	return NULL;
}

static const char *add_address(struct content *content, void *scratch, struct slice entry)
{
	struct slice address = fold_address(scratch, entry);

	if (!list_is_address(address))
		return "is no address: user@example.com; whole domains stand in a list of kind "
		       "domain";
	index_texts_add(content->texts, address);
	return NULL;
}

static const char *add_cidr(struct content *content, void *scratch, struct slice entry)
{
	struct cidr cidr;

	(void)scratch;
	if (!cidr_parse(entry, &cidr))
		return "is no address and no network (bits behind the prefix must be 0)";
	index_networks_add(content->networks, &cidr);
	return NULL;
}

static const char *add_name(struct content *content, void *scratch, struct slice entry)
{
	struct slice name = fold_name(scratch, entry);

	if (!name.size)
		return "is no name";
	index_texts_add(content->texts, name);
	return NULL;
}

/* "/.../flags", or as between the slashes. */
static bool split_regex(struct slice *regex, struct slice *flags)
{
	size_t end = regex->size;

	*flags = slice_make("", 0);
	if (!regex->size || regex->data[0] != '/')
		return true;
	while (end > 1 && regex->data[end - 1] != '/')
		end--;
	if (end < 2)
		return false;
	*flags = slice_from(*regex, end);
	*regex = slice_make(regex->data + 1, end - 2);
	return strspn(flags->data, "imsx") >= flags->size;
}

static const char *add_regex(struct content *content, void *scratch, struct slice entry)
{
	char *copy = slice_keep(scratch, entry);
	struct slice regex = slice_make(copy, entry.size), flags;
	const char *reason;
	size_t offset;

	if (!split_regex(&regex, &flags))
		return "is no regex: /.../ and the flags i, m, s and x";
	if (match_set_add_regex(content->regexes, regex, slice_keep(scratch, flags), &reason,
		    &offset) != SIZE_MAX)
		return NULL;
	return talloc_asprintf(content, "is no regex: %s, at byte %zu", reason, offset + 1);
}

static const char *add_hash(struct content *content, void *scratch, struct slice entry)
{
	struct slice hash = fold_text(scratch, entry);

	if (hash.size != 32 && hash.size != 40 && hash.size != 64 && hash.size != 96 &&
		hash.size != 128)
		return "is no MD5, SHA-1 or SHA-2 in hexadecimal digits";
	for (size_t i = 0; i < hash.size; i++) {
		if (!isxdigit((unsigned char)hash.data[i]))
			return "is no MD5, SHA-1 or SHA-2 in hexadecimal digits";
	}
	index_texts_add(content->texts, hash);
	return NULL;
}

static const add_fn adders[LIST_KINDS] = {
	add_string, add_domain, add_address, add_cidr, add_name, add_regex, add_hash};
static const char *const kind_names[LIST_KINDS + 1] = {
	"string", "domain", "address", "cidr", "name", "regex", "hash", NULL};

const char *list_kind_name(enum list_kind kind)
{
	assert(kind < LIST_KINDS);
	return kind_names[kind];
}

const char *const *list_kind_names(void)
{
	return kind_names;
}

enum list_kind list_kind_named(const char *name)
{
	enum list_kind kind = 0;

	while (kind < LIST_KINDS && strcmp(name, kind_names[kind]) != 0)
		kind++;
	return kind;
}

/* --- making and replacing --- */

static struct content *content_new(const void *parent)
{
	struct content *content = talloc_zero(parent, struct content);

	content->texts = index_texts_new(content);
	content->networks = index_networks_new(content);
	content->regexes = match_set_new(content);
	return content;
}

static void fold_content(struct content *content)
{
	size_t cursor = 0;
	struct slice text;

	content->folded = index_texts_new(content);
	while (index_texts_next(content->texts, &cursor, &text)) {
		struct slice folded = fold_text(NULL, text);

		index_texts_add(content->folded, folded);
		talloc_free((char *)folded.data);
	}
	index_texts_finish(content->folded);
}

static void replace(struct list *list, struct content *content)
{
	index_texts_finish(content->texts);
	index_networks_finish(content->networks);
	match_set_finish(content->regexes);
	if (list->folds)
		fold_content(content);
	talloc_free(list->content);
	list->content = content;
}

struct list *list_new(const void *parent, const char *name, enum list_kind kind, const char *path)
{
	struct list *list = talloc_zero(parent, struct list);

	list->name = talloc_strdup(list, name);
	list->kind = kind;
	list->path = talloc_strdup(list, path);
	replace(list, content_new(list));
	return list;
}

enum list_kind list_kind(const struct list *list)
{
	return list->kind;
}

const char *list_path(const struct list *list)
{
	return list->path;
}

size_t list_count(const struct list *list)
{
	return list->content->count;
}

void list_fold(struct list *list)
{
	assert(list->kind == LIST_STRING);
	if (!list->folds)
		fold_content(list->content);
	list->folds = true;
}

static bool is_plausible(enum list_kind kind, enum literal_kind literal)
{
	if (literal == LITERAL_STRING)
		return true;
	if (kind == LIST_CIDR)
		return literal == LITERAL_IP || literal == LITERAL_CIDR;
	return kind == LIST_ADDRESS && literal == LITERAL_ADDRESS;
}

void list_fill(struct list *list, const struct literals *literals, struct complaints *complaints)
{
	struct content *content = content_new(list);
	void *scratch = talloc_new(NULL);

	for (size_t i = 0; i < literals->count; i++) {
		const struct literal *literal = &literals->items[i];
		const char *why = NULL;

		if (!is_plausible(list->kind, literal->kind))
			complaint_error(complaints, literal->place,
				"a list of kind %s does not hold a %s; a text stands in quotation "
				"marks",
				list_kind_name(list->kind), tree_literal_kind_name(literal->kind));
		else
			why = adders[list->kind](content, scratch, slice_of(literal->text));
		if (why)
			complaint_error(
				complaints, literal->place, "\"%s\" %s", literal->text, why);
		content->count++;
	}
	talloc_free(scratch);
	replace(list, content);
}

/* --- files --- */

static struct slice without_comment(enum list_kind kind, struct slice line)
{
	line = slice_trim(line);
	while (line.size && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' '))
		line.size--;
	if (line.size && line.data[0] == '#')
		return slice_make(line.data, 0);
	for (size_t i = 1; kind != LIST_REGEX && i < line.size; i++) {
		if (line.data[i] == '#' && (line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return slice_trim(slice_make(line.data, i));
	}
	return line;
}

/* A list file on its way in. */
struct reading {
	struct list *list;
	struct content *content;
	struct complaints *complaints;
	unsigned line;
	size_t wrong;
};

static void read_line(struct reading *reading, void *scratch, struct slice line)
{
	struct slice entry = without_comment(reading->list->kind, line);
	struct place place = {reading->list->path, reading->line, 1};
	const char *why;

	if (!entry.size)
		return;
	why = slice_find(entry, '\0') != SIZE_MAX
		? "holds a NUL byte"
		: adders[reading->list->kind](reading->content, scratch, entry);
	reading->content->count++;
	if (!why || ++reading->wrong > COMPLAINTS_MAXIMUM)
		return;
	place.column = (unsigned)(entry.data - line.data) + 1;
	if (entry.size > DOMAIN_MAXIMUM)
		entry.size = DOMAIN_MAXIMUM;
	complaint_error(reading->complaints, place, "\"%.*s\" %s", SLICE_ARGS(entry), why);
}

bool list_read_text(struct list *list, struct slice text, struct complaints *complaints)
{
	struct reading reading = {
		.list = list, .content = content_new(list), .complaints = complaints};
	void *scratch = talloc_pool(NULL, 4096);

	assert(list->path);
	while (text.size) {
		reading.line++;
		read_line(&reading, scratch, slice_cut(&text, '\n'));
		talloc_free_children(scratch);
	}
	talloc_free(scratch);
	if (reading.wrong > COMPLAINTS_MAXIMUM)
		complaint_error(complaints, (struct place){list->path, reading.line, 1},
			"%zu more lines of this list are wrong",
			reading.wrong - COMPLAINTS_MAXIMUM);
	if (reading.wrong) {
		talloc_free(reading.content);
		return false;
	}
	replace(list, reading.content);
	return true;
}

bool list_read(struct list *list, struct place place, struct complaints *complaints)
{
	void *scratch = talloc_new(NULL);
	struct slice text;
	const char *why = file_read(scratch, list->path, FILE_MAXIMUM, &text);
	bool taken = false;

	if (why)
		complaint_error(complaints, place, "cannot read the list %s from \"%s\": %s",
			list->name, list->path, why);
	else
		taken = list_read_text(list, text, complaints);
	talloc_free(scratch);
	return taken;
}

/* --- look-ups --- */

bool list_has_ip(const struct list *list, const struct ip *ip)
{
	assert(list->kind == LIST_CIDR);
	return index_networks_has(list->content->networks, ip);
}

static bool has_domain(const struct index_texts *texts, struct slice domain)
{
	if (index_texts_has(texts, domain))
		return true;
	for (size_t i = 1; i < domain.size; i++) {
		if (domain.data[i] == '.' && index_texts_has(texts, slice_from(domain, i)))
			return true;
	}
	return false;
}

bool list_has_text(const struct list *list, struct slice text)
{
	assert(list->kind != LIST_CIDR && list->kind != LIST_REGEX);
	if (list->kind == LIST_DOMAIN)
		return has_domain(list->content->texts, text);
	return index_texts_has(list->content->texts, text);
}

bool list_has_folded(const struct list *list, struct slice text)
{
	assert(list->content->folded);
	return index_texts_has(list->content->folded, text);
}

enum match list_matches(const struct list *list, const void *parent, struct match_subject *subject,
	struct matcher *matcher)
{
	assert(list->kind == LIST_REGEX);
	return match_set_any(list->content->regexes, parent, subject, matcher);
}
