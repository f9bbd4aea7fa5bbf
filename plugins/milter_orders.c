/* SPDX-License-Identifier: Apache-2.0 */
/* From an edited mail to what its server is to do. */
#include "plugins/milter_orders.h"

#include "plugins/milter_changes.h"

#include <stdlib.h>
#include <strings.h>
#include <talloc.h>

#define LOOK_AHEAD 256 /* fields, for where two headers go on alike */

/* What becomes of a field: at which of the server's it stands, and what will be there. */
struct change {
	size_t at;       /* of the server's fields: this one, or before it */
	bool is_removal; /* of the server's field */
	struct slice
		field; /* whole, to be there; empty: nothing; in the place of the server's it has its name */
};

struct ordering {
	struct milter_orders *orders;
	const struct milter_letter *letter;
	const struct edit_plan *plan; /* of the mail as it will be */
	struct slice *fields;         /* of that */
	size_t field_count, above;    /* how many of them stand above the server's Received */
	size_t header;                /* bytes of it, without the empty line */
	struct change *changes;       /* in the order of the header */
	size_t change_count;
	size_t *numbers; /* of the server's fields */
	bool with_space;
};

/* --- packets --- */

void milter_orders_add(struct milter_orders *orders, const struct milter_packet *packet)
{
	size_t room = talloc_array_length(orders->pieces);
	struct slice piece = milter_wire_print(orders, MILTER_SIDE_MILTER, packet);

	if (orders->count == room)
		orders->pieces =
			talloc_realloc(orders, orders->pieces, struct slice, room ? 2 * room : 8);
	orders->pieces[orders->count++] = piece;
	orders->actions |= milter_changes_action(packet->byte);
}

static void add_bytes(struct milter_orders *orders, struct slice bytes)
{
	size_t room = talloc_array_length(orders->pieces);

	if (orders->count == room)
		orders->pieces =
			talloc_realloc(orders, orders->pieces, struct slice, room ? 2 * room : 8);
	orders->pieces[orders->count++] = bytes;
}

static void order_text(struct milter_orders *orders, char byte, const char *text)
{
	struct milter_packet packet;

	milter_wire_begin(&packet, byte);
	packet.texts[packet.text_count++] = slice_of(text);
	milter_orders_add(orders, &packet);
}

/* Line ends are LF there. The last is not told, and without HDR_LEADSPC one blank is not. */
static struct slice value_of(const struct ordering *ordering, struct slice value)
{
	char *text = talloc_array(ordering->orders, char, value.size + 1);
	size_t used = 0;

	if (!ordering->with_space && value.size && value.data[0] == ' ')
		value = slice_from(value, 1);
	if (value.size > 1 && value.data[value.size - 2] == '\r')
		value.size -= 2;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] != '\r' || i + 1 == value.size || value.data[i + 1] != '\n')
			text[used++] = value.data[i];
	}
	return slice_make(text, used);
}

static void order_field(
	struct ordering *ordering, char byte, size_t number, struct slice name, struct slice value)
{
	struct milter_packet packet;

	milter_wire_begin(&packet, byte);
	packet.numbers[0] = (uint32_t)number;
	packet.texts[packet.text_count++] = name;
	packet.texts[packet.text_count++] = value;
	milter_orders_add(ordering->orders, &packet);
}

/* --- the header as it will be --- */

/* The front of the plan in one piece: so much of it that the header is in it. */
static struct slice front_of(const struct ordering *ordering, size_t size)
{
	const struct edit_plan *plan = ordering->plan;
	char *front;
	size_t used = 0;

	if (size > (size_t)plan->size)
		size = (size_t)plan->size;
	front = talloc_array(ordering->orders, char, size + 1);
	for (size_t i = 0; i < plan->count && used < size; i++) {
		struct slice piece = plan->slices[i];
		if (piece.size > size - used)
			piece.size = size - used;
		memcpy(front + used, piece.data, piece.size);
		used += piece.size;
	}
	return slice_make(front, used);
}

/* A field ends where a line ends and the next does not go on with it. */
static size_t size_of_field(struct slice rest)
{
	for (size_t i = 0; i + 1 < rest.size; i++) {
		bool is_line_end = rest.data[i] == '\r' && rest.data[i + 1] == '\n';
		bool goes_on = i + 2 < rest.size && slice_is_blank(rest.data[i + 2]);
		if (is_line_end && !goes_on)
			return i + 2;
	}
	return rest.size;
}

static bool is_header_end(struct slice rest)
{
	return !rest.size || (rest.size > 1 && rest.data[0] == '\r' && rest.data[1] == '\n');
}

static void split_header(struct ordering *ordering, struct slice front)
{
	struct slice rest = front;

	while (!is_header_end(rest)) {
		size_t size = size_of_field(rest), room = talloc_array_length(ordering->fields);
		if (ordering->field_count == room)
			ordering->fields = talloc_realloc(ordering->orders, ordering->fields,
				struct slice, room ? 2 * room : 32);
		ordering->fields[ordering->field_count++] = slice_make(rest.data, size);
		rest = slice_from(rest, size);
	}
	ordering->header = front.size - rest.size;
}

static void read_header(struct ordering *ordering, const struct edits *edits)
{
	size_t size = ordering->letter->header + edits->header->size + 4;

	for (size_t i = 0; i < edits->count; i++) {
		size += edits->items[i].text.size + 4;
		ordering->above += edits->items[i].is_above_trace;
	}
	split_header(ordering, front_of(ordering, size));
}

/* --- comparing --- */

static struct slice name_in(struct slice field, struct slice *value)
{
	*value = field;
	return slice_trim(slice_cut(value, ':'));
}

static struct slice told_field(const struct milter_letter *letter, size_t i)
{
	const struct milter_field *field = &letter->fields.items[i];

	return slice_make(letter->message.data + field->at, field->size);
}

static bool is_same(const struct ordering *ordering, size_t told, size_t wanted)
{
	struct slice a = told_field(ordering->letter, told), b = ordering->fields[wanted];

	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static void add_change(struct ordering *ordering, size_t at, bool is_removal, struct slice field)
{
	size_t room = talloc_array_length(ordering->changes);

	if (ordering->change_count == room)
		ordering->changes = talloc_realloc(
			ordering->orders, ordering->changes, struct change, room ? 2 * room : 8);
	ordering->changes[ordering->change_count++] = (struct change){at, is_removal, field};
}

struct spot {
	size_t told, wanted;
};

static bool is_within(const struct ordering *ordering, struct spot spot)
{
	return spot.told < ordering->letter->fields.count && spot.wanted < ordering->field_count;
}

/* How far it is to where both go on alike, one or the other passed over; SIZE_MAX: they do not, here. */
static size_t find_told(const struct ordering *ordering, struct spot from)
{
	for (size_t ahead = 1; ahead <= LOOK_AHEAD; ahead++) {
		if (from.told + ahead >= ordering->letter->fields.count)
			break;
		if (is_same(ordering, from.told + ahead, from.wanted))
			return ahead;
	}
	return SIZE_MAX;
}

static size_t find_wanted(const struct ordering *ordering, struct spot from)
{
	for (size_t ahead = 1; ahead <= LOOK_AHEAD; ahead++) {
		if (from.wanted + ahead >= ordering->field_count)
			break;
		if (is_same(ordering, from.told, from.wanted + ahead))
			return ahead;
	}
	return SIZE_MAX;
}

/* How far it is to a field that has the name of the server's: it takes its place. Names that differ in case alone are other ones. */
static size_t find_name(const struct ordering *ordering, struct spot from)
{
	struct slice told = ordering->letter->fields.items[from.told].name, value;

	for (size_t ahead = 0; ahead <= LOOK_AHEAD; ahead++) {
		if (from.wanted + ahead >= ordering->field_count)
			break;
		struct slice name = name_in(ordering->fields[from.wanted + ahead], &value);
		if (name.size == told.size && memcmp(name.data, told.data, told.size) == 0)
			return ahead;
	}
	return SIZE_MAX;
}

static const struct slice nothing = {"", 0};

static struct spot remove_told(struct ordering *ordering, struct spot spot, size_t count)
{
	for (; count; count--)
		add_change(ordering, spot.told++, true, nothing);
	return spot;
}

static struct spot insert_wanted(struct ordering *ordering, struct spot spot, size_t count)
{
	for (; count; count--)
		add_change(ordering, spot.told, false, ordering->fields[spot.wanted++]);
	return spot;
}

/* Here the two differ: fields of the server's go, or others come, whichever is less; or the server's is changed. */
static struct spot pass_difference(struct ordering *ordering, struct spot spot)
{
	size_t gone = find_told(ordering, spot), new = find_wanted(ordering, spot);
	size_t changed = find_name(ordering, spot);

	if (gone != SIZE_MAX || new != SIZE_MAX)
		return gone <= new ? remove_told(ordering, spot, gone)
				   : insert_wanted(ordering, spot, new);
	if (changed == SIZE_MAX)
		return remove_told(ordering, spot, 1);
	spot = insert_wanted(ordering, spot, changed);
	add_change(ordering, spot.told, true, ordering->fields[spot.wanted]);
	return (struct spot){spot.told + 1, spot.wanted + 1};
}

static void compare(struct ordering *ordering)
{
	struct spot spot = {0, ordering->above};

	while (is_within(ordering, spot)) {
		if (is_same(ordering, spot.told, spot.wanted))
			spot = (struct spot){spot.told + 1, spot.wanted + 1};
		else
			spot = pass_difference(ordering, spot);
	}
	while (spot.told < ordering->letter->fields.count)
		add_change(ordering, spot.told++, true, nothing);
	while (spot.wanted < ordering->field_count)
		add_change(ordering, spot.told, false, ordering->fields[spot.wanted++]);
}

/* --- from the last field to the first --- */

static int compare_names(const void *first, const void *second)
{
	const struct milter_field *a = *(const struct milter_field *const *)first;
	const struct milter_field *b = *(const struct milter_field *const *)second;

	if (a->name.size != b->name.size)
		return a->name.size < b->name.size ? -1 : 1;
	int order = strncasecmp(a->name.data, b->name.data, a->name.size);
	return order ? order : (a > b) - (a < b);
}

/* Of each of the server's fields, which of its name it is, from 1. Strangers may send thousands of one name: so not by counting for each. */
static void number_fields(struct ordering *ordering)
{
	const struct milter_fields *fields = &ordering->letter->fields;
	const struct milter_field **order =
		talloc_array(ordering->orders, const struct milter_field *, fields->count);

	ordering->numbers = talloc_array(ordering->orders, size_t, fields->count);
	for (size_t i = 0; i < fields->count; i++)
		order[i] = &fields->items[i];
	qsort(order, fields->count, sizeof *order, compare_names);
	for (size_t i = 0; i < fields->count; i++) {
		bool goes_on = i && slice_is_same_nocase(order[i]->name, order[i - 1]->name);
		ordering->numbers[order[i] - fields->items] =
			goes_on ? ordering->numbers[order[i - 1] - fields->items] + 1 : 1;
	}
	talloc_free(order);
}

/* Behind all that the server has and we do not see. */
#define BEHIND_ALL 0x7fffffff

static const char *const made_by_servers[] = {"Date", "From", "Message-ID", "Full-Name",
	"Resent-Date", "Resent-From", "Resent-Message-ID"};

static bool has_field(const struct milter_letter *letter, struct slice name)
{
	for (size_t i = 0; i < letter->fields.count; i++) {
		if (slice_is_same_nocase(letter->fields.items[i].name, name))
			return true;
	}
	return false;
}

/* Sendmail has such a field ready for a mail that has none, and would send both. Added, ours takes its place. */
static bool would_be_made(const struct ordering *ordering, struct slice name)
{
	for (size_t i = 0; i < sizeof made_by_servers / sizeof made_by_servers[0]; i++) {
		if (slice_is_same_nocase(name, slice_of(made_by_servers[i])))
			return !has_field(ordering->letter, name);
	}
	return false;
}

/* An index of the header as it is when no field that goes is there any more. */
static void order_new_field(struct ordering *ordering, size_t index, struct slice field)
{
	struct slice value, name = name_in(field, &value);
	bool is_added = would_be_made(ordering, name);

	order_field(ordering, is_added ? MILTER_ADD_HEADER : MILTER_INSERT_HEADER, index, name,
		value_of(ordering, value));
}

static size_t order_changes(struct ordering *ordering)
{
	size_t gone = 0;

	for (size_t i = ordering->change_count; i-- > 0;) {
		const struct change *change = &ordering->changes[i];
		struct slice value = nothing;
		if (!change->is_removal)
			continue;
		(void)name_in(change->field, &value);
		order_field(ordering, MILTER_CHANGE_HEADER, ordering->numbers[change->at],
			ordering->letter->fields.items[change->at].name,
			change->field.size ? value_of(ordering, value) : nothing);
		gone += !change->field.size;
	}
	return gone;
}

static bool is_at_end(const struct ordering *ordering, const struct change *change)
{
	return change->at == ordering->letter->fields.count;
}

static void order_additions(struct ordering *ordering)
{
	for (size_t i = 0; i < ordering->change_count; i++) {
		const struct change *change = &ordering->changes[i];
		if (!change->is_removal && is_at_end(ordering, change))
			order_new_field(ordering, BEHIND_ALL, change->field);
	}
}

static void order_insertions(struct ordering *ordering, size_t gone)
{
	for (size_t i = ordering->change_count; i-- > 0;) {
		const struct change *change = &ordering->changes[i];
		if (change->is_removal)
			gone -= !change->field.size;
		else if (!is_at_end(ordering, change))
			order_new_field(ordering, change->at - gone + 1, change->field);
	}
	for (size_t i = ordering->above; i-- > 0;)
		order_new_field(ordering, 0, ordering->fields[i]);
}

static void order_header(struct ordering *ordering)
{
	size_t gone;

	number_fields(ordering);
	gone = order_changes(ordering);
	order_additions(ordering);
	order_insertions(ordering, gone);
}

/* --- the body --- */

#define GAP 2 /* the empty line */

/* What is left of a plan's slice behind so many bytes of the whole; *skip becomes less. */
static struct slice behind(struct slice piece, size_t *skip)
{
	size_t some = *skip < piece.size ? *skip : piece.size;

	*skip -= some;
	return slice_from(piece, some);
}

static bool is_body_changed(const struct ordering *ordering)
{
	const struct milter_letter *letter = ordering->letter;
	size_t skip = ordering->header + GAP, at = letter->header + GAP;

	for (size_t i = 0; i < ordering->plan->count; i++) {
		struct slice piece = behind(ordering->plan->slices[i], &skip);
		if (at > letter->message.size || piece.size > letter->message.size - at)
			return true;
		if (piece.data != letter->message.data + at &&
			memcmp(piece.data, letter->message.data + at, piece.size) != 0)
			return true;
		at += piece.size;
	}
	return at != letter->message.size;
}

static void order_piece_of_body(struct milter_orders *orders, struct slice piece)
{
	char *head = talloc_array(orders, char, MILTER_WIRE_HEAD);

	milter_wire_head(MILTER_REPLACE_BODY, piece.size, head);
	add_bytes(orders, slice_make(head, MILTER_WIRE_HEAD));
	if (piece.size)
		add_bytes(orders, piece);
	orders->actions |= MILTER_CHANGE_BODY;
}

static void order_body(struct ordering *ordering)
{
	size_t skip = ordering->header + GAP, pieces = 0;

	if (!is_body_changed(ordering))
		return;
	for (size_t i = 0; i < ordering->plan->count; i++) {
		struct slice rest = behind(ordering->plan->slices[i], &skip);
		while (rest.size) {
			size_t size =
				rest.size < MILTER_WIRE_MAXIMUM ? rest.size : MILTER_WIRE_MAXIMUM;
			order_piece_of_body(ordering->orders, slice_make(rest.data, size));
			rest = slice_from(rest, size);
			pieces++;
		}
	}
	if (!pieces)
		order_piece_of_body(ordering->orders, nothing);
}

/* --- the envelope --- */

static bool is_recipient(const struct envelope *envelope, const struct address *address)
{
	for (size_t i = 0; i < envelope->count; i++) {
		if (envelope->recipients[i].passed &&
			strcasecmp(envelope->recipients[i].address->text, address->text) == 0)
			return true;
	}
	return false;
}

static bool was_told(const struct milter_letter *letter, const struct address *address)
{
	for (size_t i = 0; i < letter->recipient_count; i++) {
		if (strcasecmp(letter->recipients[i].address->text, address->text) == 0)
			return true;
	}
	return false;
}

static const char *bracketed(const void *parent, const struct address *address)
{
	return talloc_asprintf(parent, "<%s>", address->text);
}

static void order_envelope(struct milter_orders *orders, const struct milter_letter *letter,
	const struct envelope *final)
{
	if (strcmp(final->sender->text, letter->sender->text) != 0)
		order_text(orders, MILTER_NEW_SENDER, bracketed(orders, final->sender));
	for (size_t i = 0; i < final->count; i++) {
		const struct recipient *recipient = &final->recipients[i];
		if (recipient->passed && !was_told(letter, recipient->address))
			order_text(orders, MILTER_NEW_RECIPIENT,
				bracketed(orders, recipient->address));
	}
	for (size_t i = 0; i < letter->recipient_count; i++) {
		if (!is_recipient(final, letter->recipients[i].address))
			order_text(orders, MILTER_REMOVE_RECIPIENT, letter->recipients[i].told);
	}
}

/* --- all of it --- */

static void order_message(struct milter_orders *orders, const struct milter_letter *letter,
	const struct edits *edits, bool with_space)
{
	struct ordering ordering = {.orders = orders,
		.letter = letter,
		.plan = edit_plan_new(orders, edits, slice_of("")),
		.with_space = with_space};

	read_header(&ordering, edits);
	compare(&ordering);
	order_header(&ordering);
	order_body(&ordering);
}

bool milter_orders_are_needed(const struct milter_letter *letter, const struct edits *edits)
{
	return edits->count || edits->message.data != letter->message.data;
}

struct milter_orders *milter_orders_new(const void *parent, const struct milter_letter *letter,
	const struct edits *edits, const struct envelope *final, bool with_space)
{
	struct milter_orders *orders = talloc_zero(parent, struct milter_orders);

	order_envelope(orders, letter, final);
	if (milter_orders_are_needed(letter, edits))
		order_message(orders, letter, edits, with_space);
	return orders;
}
