/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of what is still to be taken apart. */
#include "policy/content/content.h"

#include "policy/content/binhex.h"
#include "policy/content/file_name.h"
#include "policy/content/ical.h"
#include "policy/content/sealed.h"
#include "policy/content/skeleton.h"

#include <openssl/evp.h>
#include <talloc.h>

#define TEXT_MAXIMUM (16 * 1024 * 1024)
#define SCRATCH_READINGS 8 /* ways to read one body that are compared */

struct content_tools {
	struct charset_set *charsets;
};

enum item_kind { ITEM_MESSAGE, ITEM_LEAF, ITEM_CONTAINER, ITEM_MULTIPART, ITEM_FILE };

/* Something to be looked at. */
struct item {
	enum item_kind kind;
	const struct mime_part *part; /* of a leaf, and of a multipart that was encoded */
	struct slice bytes;           /* decoded; of a leaf as it stands there */
	const char *name, *other_name, *path;
	uint64_t size, findings;
	unsigned depth;
	bool in_archive, is_other_reading;
	bool is_whole; /* its bytes are the body of that part, decoded, and no other reading of it is there */
	bool is_placed; /* it is in a part of the message, there: */
	struct content_place place;
};

struct examination {
	struct content *content;
	struct content_tools *tools;
	struct slice message;
	struct item *queue;
	size_t count, room, next;
	size_t attachment_room;
};

static void note(struct examination *examination, enum mime_anomaly anomaly)
{
	examination->content->anomalies |= mime_anomaly_bit(anomaly);
}

/* Something is not looked at. */
static void miss(struct examination *examination)
{
	examination->content->is_complete = false;
	note(examination, MIME_OVER_LIMITS);
}

/* --- the queue --- */

static void enqueue(struct examination *examination, const struct item *item)
{
	if (examination->count == examination->room) {
		examination->room = examination->room ? examination->room * 2 : 16;
		examination->queue = talloc_realloc(
			examination, examination->queue, struct item, examination->room);
	}
	examination->queue[examination->count++] = *item;
}

/* Whether there may be something one level below an item. */
static bool may_descend(struct examination *examination, const struct item *item)
{
	struct budget *budget = &examination->content->budget;

	budget->depth = item->depth;
	if (!budget_descend(budget)) {
		miss(examination);
		return false;
	}
	budget_ascend(budget);
	return true;
}

/* --- attachments --- */

static struct content_attachment *add_attachment(
	struct examination *examination, const struct content_attachment *attachment)
{
	struct content *content = examination->content;

	if (content->attachment_count == CONTENT_ATTACHMENTS) {
		miss(examination);
		return NULL;
	}
	if (content->attachment_count == examination->attachment_room) {
		examination->attachment_room =
			examination->attachment_room ? examination->attachment_room * 2 : 8;
		content->attachments = talloc_realloc(content, content->attachments,
			struct content_attachment, examination->attachment_room);
	}
	content->attachments[content->attachment_count] = *attachment;
	content->findings |= attachment->findings;
	return &content->attachments[content->attachment_count++];
}

/* One name of it. */
static void record_name(struct examination *examination, const struct item *item,
	enum file_type type, uint64_t findings, const char *name, bool is_other)
{
	struct content_attachment attachment = {
		.name = file_name_clean(examination->content, name),
		.extension = file_name_extension(examination->content, name),
		.declared_type = item->part ? mime_type(item->part) : "",
		.type = type,
		.bytes = item->bytes,
		.place = item->place,
		.size = item->size > item->bytes.size ? item->size : item->bytes.size,
		.findings = findings,
		.name_flags = skeleton_flags(slice_of(name)),
		.depth = item->depth,
		.in_archive = item->in_archive,
		.is_disguised = file_type_is_disguised(type, slice_of(name)),
		.is_other_reading = is_other || item->is_other_reading,
	};

	attachment.path = file_name_join(examination->content, item->path, attachment.name);
	add_attachment(examination, &attachment);
}

/* Each name once that has an extension of its own. */
static void record(struct examination *examination, const struct item *item, enum file_type type,
	uint64_t findings)
{
	static const struct mime_field_readings none = {.count = 0};
	const struct mime_field_readings *names = item->part ? &item->part->fields.names : &none;
	const char *first = names->count && !*item->name ? names->texts[0] : item->name;

	record_name(examination, item, type, findings, first, false);
	if (item->other_name)
		record_name(examination, item, type, findings, item->other_name, true);
	for (unsigned i = 1; i < names->count; i++) {
		const char *extension = file_name_extension(examination->content, names->texts[i]);
		if (strcmp(extension, file_name_extension(examination->content, first)) != 0)
			record_name(examination, item, type, findings, names->texts[i], true);
	}
}

/* --- files --- */

/* Where a member of an item is. */
static struct content_place place_of_member(
	const struct item *item, enum file_type type, const struct member *member)
{
	struct content_place place = item->place;

	if (item->is_whole && type == FILE_TYPE_ZIP)
		place.member = member->at;
	return place;
}

static void enqueue_members(struct examination *examination, const struct item *item,
	enum file_type type, const struct unpacked *unpacked)
{
	const char *name = item->part && item->part->fields.names.count && !*item->name
		? file_name_clean(examination->content, item->part->fields.names.texts[0])
		: item->name;
	const char *path = file_name_join(examination->content, item->path, name);

	for (size_t i = 0; i < unpacked->count; i++) {
		const struct member *member = &unpacked->members[i];
		enqueue(examination,
			&(struct item){.kind = ITEM_FILE,
				.bytes = member->bytes,
				.name = member->name,
				.other_name = member->other_name,
				.path = path,
				.size = member->size,
				.findings = member->findings,
				.depth = item->depth + 1,
				.is_placed = item->is_placed,
				.place = place_of_member(item, type, member),
				.in_archive = true,
				.is_other_reading = item->is_other_reading});
	}
	for (size_t i = 0; i < unpacked->target_count; i++)
		body_text_add_url(examination->content->body, slice_of(unpacked->targets[i]),
			slice_of(""), BODY_TEXT_FROM_FILE);
}

static uint64_t open_container(
	struct examination *examination, const struct item *item, enum file_type type)
{
	struct unpacked unpacked = {.count = 0};

	if (!unpack_knows(type, item->bytes))
		return 0;
	if (!may_descend(examination, item))
		return FINDING_OVER_LIMITS;
	unpack(examination->content, type, item->bytes, &examination->content->budget, &unpacked);
	enqueue_members(examination, item, type, &unpacked);
	if (unpacked.findings & FINDING_OVER_LIMITS)
		miss(examination);
	return unpacked.findings;
}

static uint64_t enqueue_message(struct examination *examination, const struct item *item)
{
	struct item message = *item;

	if (!may_descend(examination, item))
		return FINDING_OVER_LIMITS;
	message.kind = ITEM_MESSAGE;
	message.depth++;
	message.part = NULL;
	message.path = file_name_join(examination->content, item->path, item->name);
	enqueue(examination, &message);
	return FINDING_NONE;
}

/* Files inside of a text, by uuencode, yEnc or BinHex. */
static void take_embedded(
	struct examination *examination, const struct item *item, struct slice text)
{
	struct content *content = examination->content;
	struct decode_embedded found;

	while (decode_find(&text, &found)) {
		struct slice bytes =
			decode(content, found.lines, found.encoding, &content->anomalies);
		enqueue(examination,
			&(struct item){.kind = ITEM_FILE,
				.bytes = bytes,
				.name = slice_keep(content,
					found.encoding == ENCODING_BINHEX
						? binhex_name(content, found.lines)
						: found.name),
				.path = item->path,
				.depth = item->depth,
				.is_placed = item->is_placed,
				.place = item->place,
				.is_other_reading = item->is_other_reading});
		if (!budget_entry(&content->budget)) {
			miss(examination);
			return;
		}
	}
}

/* A text that is shown with the message, not a file. */
static bool is_body(const struct item *item)
{
	const struct mime_fields *fields = &item->part->fields;

	return strncmp(mime_type(item->part), "text/", 5) == 0 && !fields->is_multipart &&
		!file_type_is_declared_script(slice_of(mime_type(item->part))) &&
		(!fields->disposition || strcmp(fields->disposition, "attachment") != 0);
}

/* Of a text that is shown, too, these were taken. */
static bool may_embed(const struct item *item, enum file_type type)
{
	return type == FILE_TYPE_UUENCODED || type == FILE_TYPE_BINHEX ||
		(type == FILE_TYPE_TEXT && (!item->part || !is_body(item)));
}

/* As much of a text as is read: it is there several times while it is. */
static struct slice readable(struct examination *examination, struct slice text)
{
	if (text.size <= TEXT_MAXIMUM)
		return text;
	miss(examination);
	return slice_make(text.data, TEXT_MAXIMUM);
}

/* A file with a name or not, whatever it is in. */
static void take_file(struct examination *examination, const struct item *item)
{
	const struct mime_field_readings *names = item->part ? &item->part->fields.names : NULL;
	const char *name = names && names->count && !*item->name ? names->texts[0] : item->name;
	enum file_type type = file_type_as_declared(file_type_of_file(item->bytes, slice_of(name)),
		slice_of(name), slice_of(item->part ? mime_type(item->part) : ""));
	uint64_t findings = item->findings | open_container(examination, item, type);

	if (type == FILE_TYPE_EML || type == FILE_TYPE_MHTML)
		findings |= enqueue_message(examination, item);
	record(examination, item, type, findings);
	if (may_embed(item, type))
		take_embedded(examination, item, item->bytes);
	if (type == FILE_TYPE_HTML || type == FILE_TYPE_HTA || type == FILE_TYPE_SVG)
		body_text_add_html(examination->content->body, readable(examination, item->bytes),
			BODY_TEXT_FROM_FILE);
}

/* --- texts --- */

/* Whatever it is called: some programs look at what it is. */
static bool is_html(struct slice text)
{
	return file_type_of(text) == FILE_TYPE_HTML;
}

/* A text in one of its charsets. */
static void read_text(struct examination *examination, const struct item *item, const char *charset)
{
	struct content *content = examination->content;
	bool is_aside = item->part->readings & (MIME_PREAMBLE | MIME_EPILOGUE);
	bool is_declared = strcmp(mime_type(item->part), "text/html") == 0;
	void *scratch = talloc_new(content);
	unsigned seen = 0;
	struct slice text = charset_decode(scratch, examination->tools->charsets, charset,
		readable(examination, item->bytes), &seen);

	if (is_declared || is_html(text))
		body_text_add_html(content->body, text, BODY_TEXT_FROM_HTML);
	if (!is_declared)
		body_text_add_plain(
			content->body, text, is_aside ? BODY_TEXT_HIDDEN : BODY_TEXT_SEEN);
	content->anomalies |= mime_anomaly_of_charset(seen);
	talloc_free(scratch);
}

/* In each charset that the header can be read to name; those behind the first are paid for. */
static void take_text(struct examination *examination, const struct item *item)
{
	struct budget *budget = &examination->content->budget;
	const struct mime_field_readings *charsets = &item->part->fields.charsets;

	for (unsigned i = 0; i == 0 || i < charsets->count; i++) {
		if (i &&
			(!budget_has_time(budget) ||
				budget_bytes(budget, item->bytes.size) < item->bytes.size)) {
			note(examination, MIME_TOO_MANY_READINGS);
			break;
		}
		read_text(examination, item, i < charsets->count ? charsets->texts[i] : NULL);
	}
	take_embedded(examination, item, item->bytes);
}

/* --- leaves --- */

/* Something else under the name of a text: pages are texts, and so is what a program for mail shows of PostScript. */
static bool is_file(struct slice bytes)
{
	enum file_type type = file_type_of(bytes);
	enum file_group group = file_type_group(type);

	size_t where;

	if (type == FILE_TYPE_ICALENDAR)
		return ical_has_attachment(bytes);
	if (type == FILE_TYPE_TEXT || type == FILE_TYPE_PGP)
		return sealed_has_armour(bytes, &where);
	return group != FILE_GROUP_TEXT && group != FILE_GROUP_OTHER && type != FILE_TYPE_HTML &&
		type != FILE_TYPE_POSTSCRIPT && type != FILE_TYPE_UUENCODED &&
		type != FILE_TYPE_BINHEX;
}

static bool is_named(const struct item *item)
{
	return item->part->fields.names.count > 0;
}

/* What hides as the body of a message: its first bytes are no header. */
static bool is_no_message(const struct item *item)
{
	enum file_group group = file_type_group(file_type_of(item->bytes));

	return !item->part->fields.is_multipart &&
		(group == FILE_GROUP_PROGRAM || group == FILE_GROUP_ARCHIVE ||
			group == FILE_GROUP_DISK);
}

/* A message or multipart is a file besides when it has a name, under which it is saved, or other bytes than it should. What is in it as a
 * message comes by itself. */
static void take_container(struct examination *examination, const struct item *item)
{
	enum file_type type;

	if (!is_named(item) && !is_no_message(item))
		return;
	type = file_type_of_file(
		item->bytes, slice_of(is_named(item) ? item->part->fields.names.texts[0] : ""));
	record(examination, item, type, open_container(examination, item, type));
}

/* One reading of a leaf's body. */
static void take_reading(struct examination *examination, const struct item *leaf,
	struct slice bytes, bool is_encoded)
{
	const struct mime_fields *fields = &leaf->part->fields;
	struct item item = *leaf;

	item.bytes = bytes;
	is_encoded |= leaf->part->readings & MIME_UNOPENED;
	if (is_encoded && (fields->is_multipart || fields->is_message))
		take_container(examination, &item);
	if (fields->is_multipart && is_encoded && may_descend(examination, &item)) {
		item.kind = ITEM_MULTIPART;
		item.depth++;
		enqueue(examination, &item);
	} else if (fields->is_message && is_encoded) {
		enqueue_message(examination, &item);
	} else if (!is_body(&item)) {
		take_file(examination, &item);
	} else {
		take_text(examination, &item);
		if (is_named(&item) || is_file(bytes))
			take_file(examination, &item);
	}
}

struct readings {
	struct slice all[SCRATCH_READINGS];
	unsigned count;
};

static bool is_new(struct readings *readings, struct slice bytes)
{
	for (unsigned i = 0; i < readings->count; i++) {
		const struct slice *other = &readings->all[i];
		if (other->size == bytes.size && memcmp(other->data, bytes.data, bytes.size) == 0)
			return false;
	}
	if (readings->count < SCRATCH_READINGS)
		readings->all[readings->count++] = bytes;
	return true;
}

/* The other ways to read an encoding are paid for; the first one is free. */
static void take_encoding(struct examination *examination, const struct item *leaf,
	enum encoding encoding, struct readings *readings)
{
	struct content *content = examination->content;
	struct item item = *leaf;
	uint64_t anomalies = 0;
	struct slice body = leaf->part->body, other;
	struct slice bytes = decode(content, body, encoding, &anomalies);

	content->anomalies |= anomalies;
	item.is_whole &= !anomalies && leaf->part->fields.encodings == ENCODING_BASE64 &&
		!leaf->is_other_reading;
	if (is_new(readings, bytes))
		take_reading(examination, &item, bytes, encoding != ENCODING_IDENTITY);
	item.is_whole = false;
	item.is_other_reading = true;
	for (unsigned nth = 0;; nth++) {
		if (!decode_other(content, body, encoding, anomalies, nth, &other))
			return;
		if (budget_bytes(&content->budget, other.size) < other.size) {
			note(examination, MIME_TOO_MANY_READINGS);
			return;
		}
		if (is_new(readings, other))
			take_reading(examination, &item, other, true);
	}
}

static void take_leaf(struct examination *examination, const struct item *leaf)
{
	unsigned encodings = leaf->part->fields.encodings;
	struct readings readings = {.count = 0};
	struct item item = *leaf;

	for (unsigned encoding = 1; encoding <= ENCODING_LAST; encoding <<= 1) {
		if (!(encodings & encoding))
			continue;
		take_encoding(examination, &item, encoding, &readings);
		item.is_other_reading = true;
	}
}

/* --- messages --- */

static struct content_place place_of(
	const struct examination *examination, const struct mime_part *part)
{
	const char *start = examination->message.data;

	return (struct content_place){(size_t)(part->header.data - start),
		(size_t)(part->body.data - start),
		(size_t)(part->body.data - start) + part->body.size, UNPACKED_NOWHERE};
}

static void enqueue_parts(
	struct examination *examination, const struct item *item, const struct mime *mime)
{
	struct content *content = examination->content;

	content->anomalies |= mime->anomalies;
	content->parts += mime->regular;
	if (mime->anomalies & mime_anomalies_unseen)
		miss(examination);
	for (size_t i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];
		bool is_container = part->readings & MIME_CONTAINER;
		enqueue(examination,
			&(struct item){.kind = is_container ? ITEM_CONTAINER : ITEM_LEAF,
				.part = part,
				.bytes = part->body,
				.name = "",
				.path = item->path,
				.depth = item->depth,
				.in_archive = item->in_archive,
				.is_placed = true,
				.is_whole = !item->is_placed && !is_container,
				.place =
					item->is_placed ? item->place : place_of(examination, part),
				.is_other_reading =
					item->is_other_reading || part->readings & MIME_OTHERWISE});
	}
}

static void take_message(struct examination *examination, const struct item *item)
{
	enqueue_parts(examination, item,
		mime_parse(examination->content, examination->tools->charsets, item->bytes));
}

static void take_multipart(struct examination *examination, const struct item *item)
{
	enqueue_parts(examination, item,
		mime_parse_body(examination->content, examination->tools->charsets, item->part,
			item->bytes));
}

typedef void take_fn(struct examination *examination, const struct item *item);

static take_fn *const takers[] = {
	[ITEM_MESSAGE] = take_message,
	[ITEM_LEAF] = take_leaf,
	[ITEM_CONTAINER] = take_container,
	[ITEM_MULTIPART] = take_multipart,
	[ITEM_FILE] = take_file,
};

/* What nobody had time for is there by its names at least. */
static void give_up(struct examination *examination)
{
	miss(examination);
	for (; examination->next < examination->count; examination->next++) {
		struct item item = examination->queue[examination->next];
		bool is_leaf = item.kind == ITEM_LEAF && !is_body(&item);
		if (item.kind != ITEM_FILE && !is_leaf && !(item.part && is_named(&item)))
			continue;
		item.size = item.bytes.size;
		item.bytes = slice_of("");
		record(examination, &item, FILE_TYPE_UNKNOWN, item.findings | FINDING_OVER_LIMITS);
	}
}

static void work(struct examination *examination)
{
	while (examination->next < examination->count) {
		struct item item = examination->queue[examination->next];
		if (!budget_has_time(&examination->content->budget)) {
			give_up(examination);
			return;
		}
		examination->next++;
		takers[item.kind](examination, &item);
	}
}

struct content *content_examine(const void *parent, struct content_tools *tools,
	struct slice message, const struct budget_limits *limits, budget_clock_fn *clock,
	const void *context)
{
	struct content *content = talloc_zero(parent, struct content);
	struct examination *examination = talloc_zero(content, struct examination);

	content->is_complete = true;
	content->body = body_text_new(content);
	budget_begin(&content->budget, limits, message.size, clock, context);
	*examination = (struct examination){.content = content, .tools = tools, .message = message};
	enqueue(examination,
		&(struct item){.kind = ITEM_MESSAGE,
			.bytes = message,
			.name = "",
			.path = "",
			.place = {.member = UNPACKED_NOWHERE}});
	work(examination);
	if (content->budget.hit != BUDGET_NONE || content->findings & FINDING_OVER_LIMITS)
		miss(examination);
	talloc_free(examination);
	return content;
}

const char *content_sha256(const void *parent, const struct content_attachment *attachment)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char *text;

	if (!attachment->bytes.size && attachment->findings & FINDING_OVER_LIMITS)
		return "";
	if (!EVP_Digest(attachment->bytes.data, attachment->bytes.size, digest, &size, EVP_sha256(),
		    NULL))
		size = 0;
	text = talloc_array(parent, char, 2 * size + 1);
	for (unsigned i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	text[2 * size] = '\0';
	return text;
}

struct content_tools *content_prepare(const void *parent)
{
	struct content_tools *tools = talloc_zero(parent, struct content_tools);
	struct content_attachment nothing = {.bytes = slice_of("")};
	struct url url;

	tools->charsets = charset_prepare(tools);
	unpack_prepare();
	url_parse(tools, NULL,
		slice_of("http://b\xc3\xbc"
			 "cher.example/"),
		&url);
	content_sha256(tools, &nothing);
	return tools;
}
