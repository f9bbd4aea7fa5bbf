/* SPDX-License-Identifier: Apache-2.0 */
/* The header: RFC 5322 §2.2 and §3.6. */
#include "policy/mail/header.h"

#include "base/utf8.h"

#include <talloc.h>

#define FIRST_ROOM 32

const char *const header_anomaly_names[] = {"missing_date", "missing_message_id", "missing_from",
	"repeated_from", "unreadable_from", "repeated_field", "no_field", "too_long",
	"blank_before_colon", "several_from", "too_large", "missing_sender", "misleading_from",
	"many_addresses", NULL};

/* RFC 5322 §3.6: fields that stand at most once, and those that we look for. */
enum known {
	KNOWN_DATE,
	KNOWN_MESSAGE_ID,
	KNOWN_SUBJECT,
	KNOWN_RECEIVED,
	KNOWN_FROM, /* from here on fields of addresses */
	KNOWN_SENDER,
	KNOWN_REPLY_TO,
	KNOWN_ADDRESSES_END = 10
};

static const char *const known_names[] = {"Date", "Message-ID", "Subject", "Received", "From",
	"Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "References"};

#define KNOWN_COUNT (sizeof known_names / sizeof *known_names)

/* The header under way. */
struct scan {
	struct header *header;
	struct slice rest; /* of the message, from the line that is next */
	bool is_cut;       /* at HEADER_SIZE_MAXIMUM */
	unsigned seen[KNOWN_COUNT];
	size_t addresses;
	const struct field *first[KNOWN_COUNT];
};

/* The line at the front without its end, a CR or an LF, or the rest. */
static struct slice line_at(struct slice rest)
{
	struct slice line = slice_cut(&rest, '\n');

	return slice_cut(&line, '\r');
}

/* What follows the line end behind so many bytes. */
static struct slice behind_line(struct slice rest, size_t size)
{
	rest = slice_from(rest, size);
	while (rest.size && rest.data[0] == '\r')
		rest = slice_from(rest, 1);
	return slice_from(rest, rest.size && rest.data[0] == '\n');
}

static struct slice after_line(struct slice rest)
{
	return behind_line(rest, line_at(rest).size);
}

/* field-name = 1*ftext; ftext = %d33-57 / %d59-126
 * obs-optional = field-name *WSP ":" unstructured CRLF
 * Finds the colon of a line that begins a field; SIZE_MAX when it does not. */
static size_t find_colon(struct slice line, size_t *name_size)
{
	size_t at = 0;

	while (at < line.size && line.data[at] > ' ' && line.data[at] < 0x7f &&
		line.data[at] != ':')
		at++;
	*name_size = at;
	while (at < line.size && slice_is_blank(line.data[at]))
		at++;
	return *name_size && at < line.size && line.data[at] == ':' ? at : SIZE_MAX;
}

/* Where the field ends whose first line stands at the front: behind its last continuation line. */
static struct slice behind_field(struct slice rest, struct slice first)
{
	rest = behind_line(rest, first.size);
	while (rest.size && slice_is_blank(rest.data[0]))
		rest = after_line(rest);
	return rest;
}

static struct slice without_line_end(struct slice s)
{
	if (s.size && s.data[s.size - 1] == '\n')
		s.size--;
	while (s.size && s.data[s.size - 1] == '\r')
		s.size--;
	return s;
}

static struct field *add_field(struct header *header)
{
	if (header->count == talloc_array_length(header->fields))
		header->fields = talloc_realloc(header, header->fields, struct field,
			header->count ? 2 * header->count : FIRST_ROOM);
	return &header->fields[header->count++];
}

/* Takes one field off; false when the line there is none. */
static bool read_field(struct slice *rest, struct field *field)
{
	struct slice behind, whole, line = line_at(*rest);
	size_t name_size, colon = find_colon(line, &name_size);

	if (colon == SIZE_MAX)
		return false;
	behind = behind_field(*rest, line);
	whole = slice_make(rest->data, rest->size - behind.size);
	*field = (struct field){
		.name = slice_make(whole.data, name_size),
		.value = without_line_end(slice_from(whole, colon + 1)),
		.whole = whole,
	};
	*rest = behind;
	return true;
}

static void take_field(struct header *header, const struct field *field)
{
	if (field->name.data[field->name.size] != ':')
		header->anomalies |= HEADER_BLANK_BEFORE_COLON;
	*add_field(header) = *field;
}

static void take_fields(struct scan *scan)
{
	unsigned *anomalies = &scan->header->anomalies;
	struct field field;

	while (scan->rest.size && line_at(scan->rest).size) {
		struct slice rest = scan->rest;
		if (scan->header->count == HEADER_FIELDS_MAXIMUM) {
			*anomalies |= HEADER_TOO_LONG;
			return;
		}
		if (!read_field(&rest, &field)) {
			*anomalies |= HEADER_NO_FIELD;
			return;
		}
		if (scan->is_cut && !rest.size) {
			*anomalies |= HEADER_TOO_LONG | HEADER_TOO_LARGE;
			return; /* where the field ends is not known */
		}
		take_field(scan->header, &field);
		scan->rest = rest;
	}
}

static size_t known_index(struct slice name)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if ((name.data[0] | 0x20) == (known_names[i][0] | 0x20) &&
			slice_equals_nocase(name, known_names[i]))
			return i;
	}
	return KNOWN_COUNT;
}

/* About how many: as many as there are @. */
static size_t count_addresses(struct slice value)
{
	size_t count = 0;

	for (size_t at; (at = slice_find(value, '@')) != SIZE_MAX; count++)
		value = slice_from(value, at + 1);
	return count;
}

static void count_fields(struct scan *scan)
{
	for (size_t i = 0; i < scan->header->count; i++) {
		const struct field *field = &scan->header->fields[i];
		size_t known = known_index(field->name);
		if (known == KNOWN_COUNT)
			continue;
		if (scan->seen[known]++ == 0)
			scan->first[known] = field;
		if (known >= KNOWN_FROM && known < KNOWN_ADDRESSES_END)
			scan->addresses += count_addresses(field->value);
	}
	scan->header->received = scan->seen[KNOWN_RECEIVED];
	if (scan->addresses > HEADER_ADDRESSES_MAXIMUM)
		scan->header->anomalies |= HEADER_MANY_ADDRESSES;
}

static void note_missing_and_repeated(struct scan *scan)
{
	unsigned anomalies = 0;

	if (!scan->seen[KNOWN_DATE])
		anomalies |= HEADER_MISSING_DATE;
	if (!scan->seen[KNOWN_MESSAGE_ID])
		anomalies |= HEADER_MISSING_MESSAGE_ID;
	if (!scan->seen[KNOWN_FROM])
		anomalies |= HEADER_MISSING_FROM;
	if (scan->seen[KNOWN_FROM] > 1)
		anomalies |= HEADER_REPEATED_FROM;
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (scan->seen[i] > 1 && i != KNOWN_FROM && i != KNOWN_RECEIVED)
			anomalies |= HEADER_REPEATED_FIELD;
	}
	scan->header->anomalies |= anomalies;
}

/* The length of a quoted string or a comment (comments nest) at the front; 0 when it is not closed. */
static size_t enclosed_length(struct slice s)
{
	char open = s.data[0], close = open == '(' ? ')' : '"';
	unsigned depth = 1;

	for (size_t i = 1; i < s.size; i++) {
		if (s.data[i] == '\\')
			i++;
		else if (s.data[i] == close && --depth == 0)
			return i + 1;
		else if (s.data[i] == '(' && open == '(')
			depth++;
	}
	return 0;
}

/* RFC 5322 §3.4: mailbox = name-addr / addr-spec; name-addr = [display-name] [CFWS] "<" addr-spec ">" [CFWS]
 * One mailbox of a list, as it is walked through. */
struct mailbox {
	struct slice angle; /* what stands in < >; size 0 when there was none */
	struct slice
		bare; /* what stands outside of comments, from the first such byte to the last */
	bool has_angle;
	bool has_at;    /* an @ in it that is in no quoted string */
	bool is_broken; /* two < >, or words behind the > */
};

static void note_bare(struct mailbox *mailbox, struct slice piece)
{
	if (mailbox->has_angle)
		mailbox->is_broken = true;
	if (!mailbox->bare.size)
		mailbox->bare = slice_make(piece.data, 0);
	mailbox->bare.size = (size_t)(piece.data + piece.size - mailbox->bare.data);
}

/* From here on it cannot be told apart any more. */
static size_t break_off(struct mailbox *mailbox, struct slice s)
{
	mailbox->is_broken = true;
	return s.size;
}

/* Where the ">" stands that is in no quoted string, or 0. */
static size_t find_closing(struct slice s)
{
	size_t at = 1;

	while (at < s.size && s.data[at] != '>') {
		size_t length = s.data[at] == '"' ? enclosed_length(slice_from(s, at)) : 1;
		if (!length)
			return 0;
		at += length;
	}
	return at < s.size ? at : 0;
}

static size_t take_angle(struct mailbox *mailbox, struct slice s)
{
	size_t end = find_closing(s);

	if (mailbox->has_angle || !end)
		return break_off(mailbox, s);
	mailbox->has_angle = true;
	mailbox->angle = slice_trim(slice_make(s.data + 1, end - 1));
	return end + 1;
}

static size_t take_piece(struct mailbox *mailbox, struct slice s)
{
	bool is_enclosed = s.data[0] == '(' || s.data[0] == '"';
	size_t length = is_enclosed ? enclosed_length(s) : 1;

	if (s.data[0] == '<')
		return take_angle(mailbox, s);
	if (!length)
		return break_off(mailbox, s);
	if (s.data[0] != '(' && !slice_is_blank(s.data[0]))
		note_bare(mailbox, slice_make(s.data, length));
	mailbox->has_at |= s.data[0] == '@';
	return length;
}

/* Takes a mailbox and the comma behind it off. */
static struct mailbox take_mailbox(struct slice *rest)
{
	struct mailbox mailbox = {.angle = slice_of(""), .bare = slice_of("")};

	while (rest->size && rest->data[0] != ',')
		*rest = slice_from(*rest, take_piece(&mailbox, *rest));
	if (rest->size)
		*rest = slice_from(*rest, 1);
	return mailbox;
}

static bool is_empty(const struct mailbox *mailbox)
{
	return !mailbox->has_angle && !mailbox->bare.size && !mailbox->is_broken;
}

static bool is_plain_local(struct slice local)
{
	for (size_t i = 0; i < local.size; i++) {
		if ((unsigned char)local.data[i] <= ' ' ||
			strchr("()<>[]:;@\\,\"\x7f", local.data[i]))
			return false;
	}
	return local.size > 0 && utf8_is_valid(local);
}

/* What a field of addresses says of its first mailbox; all NULL when that is unreadable. */
struct author {
	const char *address, *domain, *name;
};

/* Deviation: dots anywhere before the @, as some telephone companies gave out such addresses. */
static bool read_dotty(struct header *header, struct slice text, struct author *author)
{
	struct slice domain = text;
	struct slice local = slice_cut(&domain, '@');

	if (!is_plain_local(local) || !domain_is_valid(domain, true))
		return false;
	author->address = slice_keep(header, text);
	author->domain = slice_keep(header, domain);
	return true;
}

/* display-name = phrase; quotation marks and backslashes go. Broken as it may be, it is what a reader shows. */
static char *read_name(struct header *header, const struct mailbox *mailbox)
{
	char *name = talloc_array(header, char, mailbox->bare.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < mailbox->bare.size; i++) {
		char c = mailbox->bare.data[i];
		if (c == '\\' && i + 1 < mailbox->bare.size)
			name[used++] = mailbox->bare.data[++i];
		else if (c != '"')
			name[used++] = c;
	}
	name[used] = '\0';
	return name;
}

static bool read_mailbox(
	struct header *header, const struct mailbox *mailbox, struct author *author)
{
	struct slice text = mailbox->has_angle ? mailbox->angle : mailbox->bare;
	struct address *address;

	if (mailbox->has_angle && mailbox->bare.size)
		author->name = read_name(header, mailbox);
	if (mailbox->is_broken)
		return false;
	address = address_parse(header, text);
	if (!address)
		return read_dotty(header, text, author);
	author->address = address->text;
	author->domain = address->domain[0] ? address->domain : NULL;
	return true;
}

/* A word between commas that is no address: "From: Mustermann, Erika <erika@example.com>". */
static bool is_word(const struct mailbox *mailbox)
{
	return !mailbox->has_angle && slice_find(mailbox->bare, '@') == SIZE_MAX;
}

/* "From: boss@example.com <thief@example.net>": no display name may have an @ without quotation marks, and some readers show that
 * address and not the other. The same address twice is a habit of some programs. */
static bool has_another_address(const struct mailbox *mailbox)
{
	return mailbox->has_angle && mailbox->has_at && !mailbox->is_broken &&
		!slice_is_same_nocase(mailbox->bare, mailbox->angle);
}

/* from = "From:" mailbox-list CRLF. Unreadable is what has no address in it, or is so broken that two readers might find
 * two; a display name that should have been quoted is not. What is found are bits of enum header_anomaly, named as for From. */
static unsigned read_authors(struct header *header, struct slice value, struct author *author)
{
	struct slice rest = slice_of(header_unfold(header, value));
	struct mailbox first = {.angle = slice_of(""), .bare = slice_of("")};
	bool is_misleading = false;
	unsigned count = 0;

	while (rest.size) {
		struct mailbox mailbox = take_mailbox(&rest);
		bool is_address = !is_word(&mailbox);
		if ((is_address && !count) || is_empty(&first))
			first = mailbox;
		count += is_address;
		first.is_broken |= mailbox.is_broken;
		is_misleading |= has_another_address(&mailbox);
	}
	return (count > 1 ? HEADER_SEVERAL_FROM : 0) |
		(is_misleading ? HEADER_MISLEADING_FROM : 0) |
		(read_mailbox(header, &first, author) ? 0 : HEADER_UNREADABLE_FROM);
}

static void read_from(struct header *header, struct slice value)
{
	struct author author = {NULL, NULL, NULL};

	header->anomalies |= read_authors(header, value, &author);
	header->from = author.address;
	header->from_domain = author.domain;
	header->from_name = author.name;
}

static void read_reply_to(struct header *header, struct slice value)
{
	struct author author = {NULL, NULL, NULL};

	read_authors(header, value, &author);
	header->reply_to = author.address;
	header->reply_to_domain = author.domain;
	header->reply_to_name = author.name;
}

static void read_known_fields(struct scan *scan)
{
	struct header *header = scan->header;

	if (scan->first[KNOWN_FROM])
		read_from(header, scan->first[KNOWN_FROM]->value);
	if (scan->first[KNOWN_REPLY_TO])
		read_reply_to(header, scan->first[KNOWN_REPLY_TO]->value);
	/* RFC 5322 §3.6.2: of several authors, Sender says who sent it. */
	if (header->anomalies & HEADER_SEVERAL_FROM && !scan->seen[KNOWN_SENDER])
		header->anomalies |= HEADER_MISSING_SENDER;
	if (scan->first[KNOWN_SUBJECT])
		header->subject = header_unfold(header, scan->first[KNOWN_SUBJECT]->value);
	if (scan->first[KNOWN_MESSAGE_ID])
		header->message_id = header_unfold(header, scan->first[KNOWN_MESSAGE_ID]->value);
}

struct header *header_parse(const void *parent, struct slice message)
{
	struct header *header = talloc_zero(parent, struct header);
	struct scan scan = {.header = header, .rest = message};

	scan.is_cut = message.size > HEADER_SIZE_MAXIMUM;
	if (scan.is_cut)
		scan.rest.size = HEADER_SIZE_MAXIMUM;
	take_fields(&scan);
	header->size = (size_t)(scan.rest.data - message.data);
	count_fields(&scan);
	note_missing_and_repeated(&scan);
	read_known_fields(&scan);
	return header;
}

bool header_next(struct slice *rest, struct field *field)
{
	const char *begin = rest->data;

	while (rest->size && line_at(*rest).size && rest->data - begin < HEADER_SIZE_MAXIMUM) {
		if (read_field(rest, field))
			return true;
		*rest = after_line(*rest);
	}
	return false;
}

const struct field *header_find(const struct header *header, const char *name, size_t nth)
{
	for (size_t i = 0; i < header->count; i++) {
		if (slice_equals_nocase(header->fields[i].name, name) && nth-- == 0)
			return &header->fields[i];
	}
	return NULL;
}

/* Whether the line end at i is folding: a blank follows. */
static bool is_folding(struct slice value, size_t i)
{
	if (value.data[i] == '\r' && i + 1 < value.size && value.data[i + 1] == '\n')
		i++;
	return value.data[i] == '\n' && i + 1 < value.size && slice_is_blank(value.data[i + 1]);
}

char *header_unfold(const void *parent, struct slice value)
{
	char *text = talloc_array(parent, char, value.size + 1);
	struct slice trimmed;
	size_t used = 0;

	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];
		if (c != '\r' && c != '\n' && c != '\0')
			text[used++] = c;
		else if (c == '\0' || !is_folding(value, i))
			text[used++] = ' ';
	}
	trimmed = slice_trim(slice_make(text, used));
	memmove(text, trimmed.data, trimmed.size);
	text[trimmed.size] = '\0';
	return text;
}
