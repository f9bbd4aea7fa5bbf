/* SPDX-License-Identifier: Apache-2.0 */
/* Edits as orders to a mail server: done by Postfix's rules they make the mail that was planned; done by Sendmail's one that has the same
 * fields. */
#include "plugins/milter_orders.h"

#include "policy/mail/revision.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#define MESSAGE                                                                                    \
	"A: one\r\nX: first\r\nB: two\r\n folded\r\nX: second\r\nx: third\r\nC: three\r\n\r\n"     \
	"body\r\n"
#define MESSAGE_HEADER (sizeof MESSAGE - 1 - 2 - 6)

static void *scratch;
static struct edits *edits;
static struct milter_letter letter;

/* Of the message, as a server would have told them. */
static void tell_fields(const struct header *header)
{
	letter.fields.items = talloc_array(scratch, struct milter_field, header->count);
	letter.fields.count = header->count;
	for (size_t i = 0; i < header->count; i++)
		letter.fields.items[i] = (struct milter_field){header->fields[i].name,
			(size_t)(header->fields[i].whole.data - letter.message.data),
			header->fields[i].whole.size};
}

static void setup(void)
{
	scratch = talloc_new(NULL);
	letter = (struct milter_letter){.message = slice_of(MESSAGE), .header = MESSAGE_HEADER};
	letter.sender = address_parse(scratch, slice_of("s@example.net"));
	const struct header *header = header_parse(scratch, letter.message);
	tell_fields(header);
	edits = edits_new(scratch, header, letter.message);
}

static void teardown(void)
{
	talloc_free(scratch);
}

/* --- edits --- */

static void nothing(void)
{
}

static void at_the_top(void)
{
	(void)edits_add(edits, EDIT_TOP, "New", "n", EDIT_TEXT);
	(void)edits_add(edits, EDIT_TOP, "Next", "m", EDIT_TEXT);
}

static void above_the_trace(void)
{
	(void)edits_add(edits, EDIT_ABOVE_TRACE, "New", "n", EDIT_TEXT);
	(void)edits_add(edits, EDIT_ABOVE_TRACE, "Next", "m", EDIT_TEXT);
}

static void at_the_end(void)
{
	(void)edits_add(edits, EDIT_END, "New", "n", EDIT_TEXT);
	(void)edits_add(edits, EDIT_END, "X", "fourth", EDIT_TEXT);
}

static void between_its_like(void)
{
	(void)edits_add(edits, 4, "X", "between", EDIT_TEXT);
	(void)edits_replace(edits, "X", 0, "changed", EDIT_TEXT);
}

static void at_the_end_and_changed(void)
{
	at_the_end();
	(void)edits_replace(edits, "X", 0, "changed", EDIT_TEXT);
	(void)edits_remove(edits, "X", 1);
}

static void in_between(void)
{
	(void)edits_add(edits, 3, "X", "between", EDIT_TEXT);
}

static void all_of_a_name(void)
{
	(void)edits_remove_all(edits, "X");
}

static void one_of_a_name(void)
{
	(void)edits_remove(edits, "X", 1);
}

static void the_first_twice(void)
{
	(void)edits_remove(edits, "A", 0);
	(void)edits_replace(edits, "A", 0, "other", EDIT_TEXT);
}

static void changed(void)
{
	(void)edits_replace(edits, "x", 2, "changed", EDIT_TEXT);
	(void)edits_replace(edits, "B", 0, "changed, too", EDIT_TEXT);
}

static void everything(void)
{
	above_the_trace();
	at_the_top();
	all_of_a_name();
	changed();
	at_the_end();
	ck_assert(edits_replace_bytes(edits, MESSAGE_HEADER + 2, 4, slice_of("text")));
}

static void the_body(void)
{
	ck_assert(edits_replace_bytes(edits, MESSAGE_HEADER + 2, 6, slice_of("a new one\r\n")));
}

static void no_body(void)
{
	ck_assert(edits_replace_bytes(edits, MESSAGE_HEADER + 2, 6, slice_of("")));
}

static const struct {
	void (*edit)(void);
	size_t orders;
	uint32_t actions;
} rows[] = {
	{nothing, 0, 0},
	{at_the_top, 2, MILTER_ADD_HEADERS},
	{above_the_trace, 2, MILTER_ADD_HEADERS},
	{at_the_end, 2, MILTER_ADD_HEADERS},
	{in_between, 1, MILTER_ADD_HEADERS},
	{between_its_like, 2, MILTER_ADD_HEADERS | MILTER_CHANGE_HEADERS},
	{at_the_end_and_changed, 4, MILTER_ADD_HEADERS | MILTER_CHANGE_HEADERS},
	{all_of_a_name, 3, MILTER_CHANGE_HEADERS},
	{one_of_a_name, 1, MILTER_CHANGE_HEADERS},
	{the_first_twice, 1, MILTER_CHANGE_HEADERS},
	{changed, 0, MILTER_CHANGE_HEADERS},
	{everything, 0, MILTER_ADD_HEADERS | MILTER_CHANGE_HEADERS | MILTER_CHANGE_BODY},
	{the_body, 2, MILTER_CHANGE_BODY},
	{no_body, 1, MILTER_CHANGE_BODY},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- a mail server --- */

static const struct envelope *envelope_of(const char *sender, const char *const *recipients)
{
	struct envelope *envelope = envelope_new(scratch);

	envelope->sender = address_parse(scratch, slice_of(sender));
	for (size_t i = 0; recipients && recipients[i]; i++) {
		const struct recipient recipient = {
			.address = address_parse(scratch, slice_of(recipients[i]))};
		envelope_add(envelope, &recipient)->passed = true;
		envelope->passed++;
	}
	return envelope;
}

static char *joined(const struct slice *pieces, size_t count)
{
	char *text = talloc_strdup(scratch, "");

	for (size_t i = 0; i < count; i++)
		text = talloc_asprintf_append(text, "%.*s", SLICE_ARGS(pieces[i]));
	return text;
}

static char *bytes_of(const struct milter_orders *orders, size_t *size)
{
	char *bytes = talloc_array(scratch, char, 0);

	*size = 0;
	for (size_t i = 0; i < orders->count; i++) {
		bytes = talloc_realloc(scratch, bytes, char, *size + orders->pieces[i].size);
		memcpy(bytes + *size, orders->pieces[i].data, orders->pieces[i].size);
		*size += orders->pieces[i].size;
	}
	return bytes;
}

static void obey(struct revision *revision, const struct milter_packet *packet, char **new_body)
{
	bool done = true;

	if (packet->byte == MILTER_ADD_HEADER)
		done = revision_append(revision, packet->texts[0], packet->texts[1]);
	else if (packet->byte == MILTER_INSERT_HEADER)
		done = revision_insert(
			revision, packet->numbers[0], packet->texts[0], packet->texts[1]);
	else if (packet->byte == MILTER_CHANGE_HEADER)
		done = revision_change(
			revision, packet->texts[0], packet->numbers[0], packet->texts[1]);
	else if (packet->byte == MILTER_REPLACE_BODY)
		*new_body = talloc_asprintf(
			scratch, "%s%.*s", *new_body ? *new_body : "", SLICE_ARGS(packet->bytes));
	else
		done = false;
	ck_assert(done);
}

/* Does all of it with the message as it came, whose Received it has put on top. */
static char *result_of(const struct milter_orders *orders)
{
	struct revision *revision =
		revision_new(scratch, edits_new(scratch, edits->header, edits->message));
	struct milter_reader reader = {.maximum = MILTER_WIRE_HEARD_MAXIMUM};
	struct milter_packet packet;
	char *new_body = NULL;
	struct slice payload, input;
	size_t size;

	input.data = bytes_of(orders, &size);
	input.size = size;
	while (input.size) {
		ck_assert(milter_reader_take(&reader, scratch, &input, &payload) == MILTER_WHOLE);
		ck_assert_ptr_null(milter_wire_parse(MILTER_SIDE_MILTER, payload, &packet));
		obey(revision, &packet, &new_body);
	}
	if (new_body)
		revision_replace_body(revision, slice_of(new_body));
	const struct edit_plan *plan = edit_plan_new(
		scratch, revision_edits(scratch, revision), slice_of("Received: us\r\n"));
	return joined(plan->slices, plan->count);
}

START_TEST(make_the_mail_that_was_planned)
{
	const struct envelope *same = envelope_of("s@example.net", NULL);

	rows[_i].edit();
	const struct milter_orders *orders = milter_orders_new(scratch, &letter, edits, same, true);
	const struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of("Received: us\r\n"));
	ck_assert_str_eq(result_of(orders), joined(plan->slices, plan->count));
	ck_assert_uint_eq(orders->actions, rows[_i].actions);
	if (rows[_i].orders || rows[_i].edit == nothing)
		ck_assert_uint_eq(orders->count, rows[_i].orders);
}
END_TEST

static void edit_at_random(unsigned seed)
{
	static const char *const names[] = {"A", "X", "x", "B", "New"};

	srandom(seed);
	for (int i = 0; i < 6; i++) {
		const char *name = names[random() % 5];
		long what = random() % 4;
		if (what == 0)
			(void)edits_remove(edits, name, (size_t)(random() % 3));
		else if (what == 1)
			(void)edits_replace(edits, name, (size_t)(random() % 3), "r", EDIT_TEXT);
		else
			(void)edits_add(edits, (size_t)(random() % 9), name, "a", EDIT_TEXT);
	}
}

/* Any edits of any header. */
START_TEST(make_any_mail_that_was_planned)
{
	const struct envelope *same = envelope_of("s@example.net", NULL);
	struct slice planned;

	edit_at_random((unsigned)_i);
	const struct milter_orders *orders = milter_orders_new(scratch, &letter, edits, same, true);
	const struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of("Received: us\r\n"));
	planned = slice_of(joined(plan->slices, plan->count));
	ck_assert_str_eq(result_of(orders), planned.data);
}
END_TEST

/* --- Sendmail, as its milter.c and headers.c have it --- */

#define LINES_MOST 64

/* is_ours: the mail's, or a milter's; else it is one that Sendmail has ready, and sends when the mail has none. Nothing in it: it is gone. */
struct line {
	const char *name, *value;
	bool is_ours;
};

struct lines {
	struct line items[LINES_MOST];
	size_t count;
};

static void put_line(struct lines *lines, size_t at, struct slice name, struct slice value)
{
	ck_assert_uint_lt(lines->count, LINES_MOST);
	memmove(lines->items + at + 1, lines->items + at,
		(lines->count++ - at) * sizeof *lines->items);
	lines->items[at] =
		(struct line){slice_keep(scratch, name), slice_keep(scratch, value), true};
}

static size_t find_line(const struct lines *lines, struct slice name)
{
	size_t i = 0;

	while (i < lines->count && !slice_is_same_nocase(slice_of(lines->items[i].name), name))
		i++;
	return i;
}

static void begin_lines(struct lines *lines)
{
	static const char *const ready[] = {"Return-Path", "Received", "Resent-Date", "Date",
		"Resent-From", "From", "Full-Name", "Resent-Message-Id", "Message-Id"};

	for (size_t i = 0; i < COUNT(ready); i++)
		lines->items[lines->count++] = (struct line){ready[i], " made", false};
	for (size_t i = 0; i < edits->header->count; i++) {
		const struct field *field = &edits->header->fields[i];
		size_t like = find_line(lines, field->name);
		if (like < COUNT(ready))
			lines->items[like].value = NULL;
		put_line(lines, lines->count, field->name, field->value);
	}
}

/* What is added takes the place of what was ready, else it stands in front of its like. */
static void add_line(struct lines *lines, struct slice name, struct slice value)
{
	size_t at = find_line(lines, name);

	if (at < lines->count && !lines->items[at].is_ours)
		lines->items[at] =
			(struct line){lines->items[at].name, slice_keep(scratch, value), true};
	else
		put_line(lines, at, name, value);
}

static void insert_line(struct lines *lines, size_t index, struct slice name, struct slice value)
{
	put_line(lines, index + 1 < lines->count ? index + 1 : lines->count, name, value);
}

static void change_line(struct lines *lines, size_t number, struct slice name, struct slice value)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct line *line = &lines->items[i];
		if (!line->is_ours || !slice_is_same_nocase(slice_of(line->name), name) || --number)
			continue;
		line->value = value.size ? slice_keep(scratch, value) : NULL;
		return;
	}
	ck_abort_msg("there is no such field");
}

static void obey_as_sendmail(struct lines *lines, const struct milter_packet *packet)
{
	const struct slice *texts = packet->texts;

	if (packet->byte == MILTER_ADD_HEADER)
		add_line(lines, texts[0], texts[1]);
	else if (packet->byte == MILTER_INSERT_HEADER)
		insert_line(lines, packet->numbers[0], texts[0], texts[1]);
	else if (packet->byte == MILTER_CHANGE_HEADER)
		change_line(lines, packet->numbers[0], texts[0], texts[1]);
}

static int compare_texts(const void *first, const void *second)
{
	return strcmp(*(char *const *)first, *(char *const *)second);
}

/* In no order that edits depend on. */
static char *sorted(char **texts, size_t count)
{
	char *all = talloc_strdup(scratch, "");

	qsort(texts, count, sizeof *texts, compare_texts);
	for (size_t i = 0; i < count; i++)
		all = talloc_asprintf_append(all, "%s\n", texts[i]);
	return all;
}

static char *print_line(struct slice name, struct slice value)
{
	char *text = talloc_asprintf(scratch, "%.*s:%.*s", SLICE_ARGS(name), SLICE_ARGS(value)),
	     *to;
	const char *from = to = text;

	for (; *from; from++) {
		if (*from != '\r')
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

static char *result_of_sendmail(const struct milter_orders *orders)
{
	struct lines lines = {.count = 0};
	struct milter_reader reader = {.maximum = MILTER_WIRE_HEARD_MAXIMUM};
	struct milter_packet packet;
	struct slice payload, input;
	char *texts[LINES_MOST];
	size_t count = 0;

	begin_lines(&lines);
	input.data = bytes_of(orders, &input.size);
	while (input.size) {
		ck_assert(milter_reader_take(&reader, scratch, &input, &payload) == MILTER_WHOLE);
		ck_assert_ptr_null(milter_wire_parse(MILTER_SIDE_MILTER, payload, &packet));
		obey_as_sendmail(&lines, &packet);
	}
	for (size_t i = 0; i < lines.count; i++) {
		const struct line *line = &lines.items[i];
		if (line->value && (line->is_ours || strcmp(line->name, "Date") == 0))
			texts[count++] = print_line(slice_of(line->name), slice_of(line->value));
	}
	return sorted(texts, count);
}

/* It has a Date; when none is planned it is Sendmail's. */
static char *planned_for_sendmail(void)
{
	const struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of(""));
	const struct header *header =
		header_parse(scratch, slice_of(joined(plan->slices, plan->count)));
	char *texts[LINES_MOST];
	size_t count = 0;
	bool has_date = false;

	for (; count < header->count; count++) {
		const struct field *field = &header->fields[count];
		has_date |= slice_is_same_nocase(field->name, slice_of("Date"));
		texts[count] = print_line(field->name, field->value);
	}
	if (!has_date)
		texts[count++] = print_line(slice_of("Date"), slice_of(" made"));
	return sorted(texts, count);
}

static void check_with_sendmail(void)
{
	const struct envelope *same = envelope_of("s@example.net", NULL);
	const struct milter_orders *orders = milter_orders_new(scratch, &letter, edits, same, true);

	ck_assert_str_eq(result_of_sendmail(orders), planned_for_sendmail());
}

START_TEST(give_sendmail_the_fields_that_were_planned)
{
	rows[_i].edit();
	check_with_sendmail();
}
END_TEST

START_TEST(give_sendmail_any_fields_that_were_planned)
{
	edit_at_random((unsigned)_i);
	check_with_sendmail();
}
END_TEST

START_TEST(give_sendmail_one_date)
{
	(void)edits_add(edits, EDIT_TOP, "Date", "today", EDIT_TEXT);
	(void)edits_add(edits, EDIT_TOP, "New", "n", EDIT_TEXT);
	check_with_sendmail();
	ck_assert_ptr_nonnull(strstr(planned_for_sendmail(), "Date: today"));
}
END_TEST

START_TEST(edit_the_envelope)
{
	static const char *const wanted[] = {"A@example.com", "c@example.com", NULL};
	struct milter_recipient told[] = {{"<a@example.com>", NULL}, {"<b@Example.com>", NULL}};
	struct milter_orders *orders;
	char *bytes;
	size_t size;

	told[0].address = address_parse(scratch, slice_of("a@example.com"));
	told[1].address = address_parse(scratch, slice_of("b@example.com"));
	letter.recipients = told;
	letter.recipient_count = 2;
	orders = milter_orders_new(
		scratch, &letter, edits, envelope_of("o@example.net", wanted), true);
	bytes = bytes_of(orders, &size);
	static const char expected[] = "\0\0\0\x11"
				       "e<o@example.net>\0"
				       "\0\0\0\x11"
				       "+<c@example.com>\0"
				       "\0\0\0\x11"
				       "-<b@Example.com>";
	ck_assert_uint_eq(size, sizeof expected);
	ck_assert_mem_eq(bytes, expected, sizeof expected);
	ck_assert_uint_eq(orders->actions,
		MILTER_CHANGE_SENDER | MILTER_ADD_RECIPIENTS | MILTER_DELETE_RECIPIENTS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_orders");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, make_the_mail_that_was_planned, 0, COUNT(rows));
	tcase_add_loop_test(cases, make_any_mail_that_was_planned, 0, 300);
	tcase_add_loop_test(cases, give_sendmail_the_fields_that_were_planned, 0, COUNT(rows));
	tcase_add_loop_test(cases, give_sendmail_any_fields_that_were_planned, 0, 300);
	tcase_add_test(cases, give_sendmail_one_date);
	tcase_add_test(cases, edit_the_envelope);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
