/* SPDX-License-Identifier: Apache-2.0 */
/* The message as DATA brings it: its end, what looks like one, and what is kept. A slow reading of the same rules, line by
 * line over the whole input, is the oracle. */
#include "proxy/body.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define ROOM 1000000
#define MAXIMUM (8 * 1048576)
#define LINE_MAXIMUM 998

static const struct spool spool = {.memory_maximum = INT64_MAX};

struct result {
	enum body_outcome outcome;
	size_t taken;
	unsigned anomalies;
	bool dot_lines;
	size_t kept_size;
	char kept[ROOM];
};

/* --- the oracle --- */

struct oracle_line {
	struct slice raw;
	enum line_end begun_by, ended_by;
	bool ended;
	size_t end; /* behind its line end */
};

/* A CR at the end of all input has no meaning yet: the line is not ended. */
static struct oracle_line cut_line(struct slice input, size_t at, enum line_end begun_by)
{
	struct oracle_line line = {.begun_by = begun_by};
	size_t i = at;

	while (i < input.size && input.data[i] != '\r' && input.data[i] != '\n')
		i++;
	line.raw = slice_make(input.data + at, i - at);
	if (i == input.size || (input.data[i] == '\r' && i + 1 == input.size))
		return line;
	line.ended = true;
	if (input.data[i] == '\n')
		line.ended_by = END_BY_LF;
	else
		line.ended_by = input.data[i + 1] == '\n' ? END_BY_CRLF : END_BY_CR;
	line.end = i + (line.ended_by == END_BY_CRLF ? 2 : 1);
	return line;
}

/* A dot behind CRLF with something behind it was stuffed. */
static struct slice unstuffed(const struct oracle_line *line)
{
	bool stuffed =
		line->begun_by == END_BY_CRLF && line->raw.size > 1 && line->raw.data[0] == '.';

	return slice_from(line->raw, stuffed);
}

static bool is_dot_without_nuls(struct slice text)
{
	size_t dots = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] && text.data[i] != '.')
			return false;
		dots += text.data[i] == '.';
	}
	return dots == 1;
}

/* For somebody who drops NULs: as it came, or as it would go on, where no dot of ours would stand before it. */
static bool looks_like_an_end(const struct oracle_line *line)
{
	struct slice text = unstuffed(line);

	return is_dot_without_nuls(line->raw) ||
		(text.size < line->raw.size && text.data[0] == '\0' && is_dot_without_nuls(text));
}

static void keep(struct result *result, struct slice text)
{
	memcpy(result->kept + result->kept_size, text.data, text.size);
	result->kept_size += text.size;
}

static void note(struct result *result, const struct oracle_line *line)
{
	static const unsigned by_end[] = {
		[END_BY_LF] = ANOMALY_BARE_LF, [END_BY_CR] = ANOMALY_BARE_CR};

	if (slice_find(line->raw, '\0') != SIZE_MAX)
		result->anomalies |= ANOMALY_NUL;
	if (line->ended)
		result->anomalies |= by_end[line->ended_by];
}

static void keep_line(struct result *result, const struct oracle_line *line)
{
	struct slice text = unstuffed(line);

	if (!line->ended && slice_equals(line->raw, ".")) /* nobody knows what it is */
		return;
	keep(result, text);
	result->dot_lines |= text.size && text.data[0] == '.';
	if (!line->ended)
		return;
	keep(result, slice_of("\r\n"));
	if (text.size > LINE_MAXIMUM)
		result->anomalies |= ANOMALY_LONG_LINE;
}

static void ask_oracle(struct result *result, struct slice input, bool trusted)
{
	struct oracle_line line = {.ended = true, .ended_by = END_BY_CRLF};

	result->kept_size = result->taken = 0;
	result->anomalies = 0;
	result->dot_lines = false;
	for (result->outcome = BODY_MORE; line.ended && result->outcome == BODY_MORE;) {
		line = cut_line(input, line.end, line.ended_by);
		note(result, &line);
		if (line.ended && line.begun_by == END_BY_CRLF && line.ended_by == END_BY_CRLF &&
			slice_equals(line.raw, "."))
			result->outcome = BODY_COMPLETE;
		else if (line.ended && !trusted && looks_like_an_end(&line))
			result->outcome = BODY_WOULD_BE_END;
		else
			keep_line(result, &line);
	}
	result->taken = line.ended ? line.end : input.size;
}

/* --- the body itself --- */

typedef size_t (*next_size_fn)(size_t taken, void *owner);

static void feed(
	struct result *result, struct slice input, bool trusted, next_size_fn next, void *owner)
{
	struct message *message = message_new(NULL, &spool);
	struct body body;

	body_init(&body, message, MAXIMUM, trusted);
	result->taken = 0;
	result->outcome = BODY_MORE;
	while (result->taken < input.size && result->outcome == BODY_MORE) {
		struct slice piece = slice_from(input, result->taken);
		size_t taken, size = next(result->taken, owner);
		if (size && size < piece.size)
			piece.size = size;
		char *copy = talloc_memdup(
			message, piece.data, piece.size); /* nothing may be borrowed */
		result->outcome = body_take(&body, slice_make(copy, piece.size), &taken);
		talloc_free(copy);
		if (taken > piece.size || (taken < piece.size && result->outcome == BODY_MORE))
			ck_abort_msg("%zu taken of %zu", taken, piece.size);
		result->taken += taken;
	}
	ck_assert_int_eq(body.size, (int64_t)result->taken);
	ck_assert(!body.too_large && !body.spool_full);
	result->anomalies = message_anomalies(message);
	result->dot_lines = message_has_dot_lines(message);
	ck_assert(message_finish(message) == MESSAGE_OK);
	struct slice bytes = message_bytes(message);
	result->kept_size = 0;
	keep(result, bytes);
	talloc_free(message);
}

static size_t all(size_t taken, void *owner)
{
	(void)taken;
	(void)owner;
	return 0;
}

static size_t one(size_t taken, void *owner)
{
	(void)taken;
	(void)owner;
	return 1;
}

/* Cuts once, at a given place. */
static size_t up_to(size_t taken, void *owner)
{
	size_t at = *(size_t *)owner;

	return taken < at ? at - taken : 0;
}

static size_t random_size(size_t taken, void *owner)
{
	(void)taken;
	return 1 + (size_t)rand_r(owner) % 5;
}

static void assert_same(const struct result *got, const struct result *wanted)
{
	ck_assert_uint_eq(got->outcome, wanted->outcome);
	ck_assert_uint_eq(got->anomalies, wanted->anomalies);
	if (wanted->outcome == BODY_COMPLETE)
		ck_assert_uint_eq(got->taken, wanted->taken);
	if (wanted->outcome == BODY_WOULD_BE_END) /* of no use any more */
		return;
	ck_assert(got->dot_lines == wanted->dot_lines);
	ck_assert_uint_eq(got->kept_size, wanted->kept_size);
	ck_assert_mem_eq(got->kept, wanted->kept, wanted->kept_size);
}

static struct result got, wanted;

/* --- a table for people --- */

static const struct {
	struct slice input;
	enum body_outcome outcome;  /* from strangers */
	enum body_outcome trusting; /* from our own networks */
	struct slice kept; /* from our own networks, and from strangers unless it would be an end */
	unsigned anomalies;
} rows[] = {
	/* what it is for */
	{BYTES("a\r\nb\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\nb\r\n"), 0},
	{BYTES(".\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES(""), 0},
	{BYTES("\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("\r\n"), 0},
	{BYTES("a\r\n.\r\nQUIT\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n"), 0},
	{BYTES("a\r\n..\r\n.b\r\n...\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE,
		BYTES("a\r\n.\r\nb\r\n..\r\n"), 0},
	{BYTES("a.\r\n. \r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a.\r\n \r\n"), 0},
	{BYTES("\xff\xfe\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("\xff\xfe\r\n"), 0},
	/* not at its end */
	{BYTES("a"), BODY_MORE, BODY_MORE, BYTES("a"), 0},
	{BYTES("a\r"), BODY_MORE, BODY_MORE, BYTES("a"), 0},
	{BYTES("a\r\n."), BODY_MORE, BODY_MORE, BYTES("a\r\n"), 0},
	{BYTES("a\r\n.\r"), BODY_MORE, BODY_MORE, BYTES("a\r\n"), 0},
	{BYTES("a\r\n."
	       "\r\r"),
		BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"), ANOMALY_BARE_CR},
	/* stray line ends */
	{BYTES("a\nb\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\nb\r\n"),
		ANOMALY_BARE_LF},
	{BYTES("a\rb\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\nb\r\n"),
		ANOMALY_BARE_CR},
	{BYTES("a\r\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n\r\n"), ANOMALY_BARE_CR},
	{BYTES("a\n\rb\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n\r\nb\r\n"),
		ANOMALY_BARE_LF | ANOMALY_BARE_CR},
	{BYTES("a\0b\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\0b\r\n"), ANOMALY_NUL},
	{BYTES("\0\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("\0\r\n"), ANOMALY_NUL},
	/* a dot behind a stray line end was not stuffed */
	{BYTES("a\n.b\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n.b\r\n"),
		ANOMALY_BARE_LF},
	{BYTES("a\r..\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n..\r\n"),
		ANOMALY_BARE_CR},
	/* would-be ends by line ends */
	{BYTES("a\n.\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"), ANOMALY_BARE_LF},
	{BYTES("a\n.\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"), ANOMALY_BARE_LF},
	{BYTES("a\r\n.\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"), ANOMALY_BARE_LF},
	{BYTES("a\r.\rb"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\nb"), ANOMALY_BARE_CR},
	{BYTES("a\r\n.\rb"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\nb"), ANOMALY_BARE_CR},
	{BYTES("a\r.\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"), ANOMALY_BARE_CR},
	{BYTES("a\r.\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n"),
		ANOMALY_BARE_CR | ANOMALY_BARE_LF},
	{BYTES("a\n.\rb"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\nb"),
		ANOMALY_BARE_CR | ANOMALY_BARE_LF},
	{BYTES("a\r\n.\r\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n\r\n"),
		ANOMALY_BARE_CR},
	{BYTES(".\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES(".\r\n"), ANOMALY_BARE_LF},
	/* would-be ends for who drops NULs */
	{BYTES("a\r\n\0.\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0.\r\n"), ANOMALY_NUL},
	{BYTES("a\r\n.\0\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0\r\n"), ANOMALY_NUL},
	{BYTES("a\r\0\n.\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0\r\n.\r\n"),
		ANOMALY_NUL | ANOMALY_BARE_CR | ANOMALY_BARE_LF},
	{BYTES("a\r\n.\r\0\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n.\r\n\0\r\n"),
		ANOMALY_NUL | ANOMALY_BARE_CR | ANOMALY_BARE_LF},
	{BYTES("a\r\n\0\0.\0\0\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0\0.\0\0\r\n"),
		ANOMALY_NUL},
	/* a would-be end that taking the stuffed dot off would make */
	{BYTES("a\r\n.\0.\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0.\r\n"), ANOMALY_NUL},
	{BYTES("a\r\n.\0\0.\0\r\n"), BODY_WOULD_BE_END, BODY_MORE, BYTES("a\r\n\0\0.\0\r\n"),
		ANOMALY_NUL},
	/* and what only resembles that */
	{BYTES("a\r\n..\0\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n.\0\r\n"),
		ANOMALY_NUL},
	{BYTES("a\r\n\0..\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n\0..\r\n"),
		ANOMALY_NUL},
	{BYTES("a\r\n.\0.b\r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n\0.b\r\n"),
		ANOMALY_NUL},
	{BYTES("a\r\n\r\n \r\n.\r\n"), BODY_COMPLETE, BODY_COMPLETE, BYTES("a\r\n\r\n \r\n"), 0},
};

static void judge_row(int row, bool trusted, next_size_fn next, void *owner)
{
	enum body_outcome outcome = trusted ? rows[row].trusting : rows[row].outcome;

	feed(&got, rows[row].input, trusted, next, owner);
	ck_assert_uint_eq(got.outcome, outcome);
	if (outcome == BODY_WOULD_BE_END)
		return;
	ck_assert_uint_eq(got.anomalies, rows[row].anomalies);
	ck_assert_uint_eq(got.kept_size, rows[row].kept.size);
	ck_assert_mem_eq(got.kept, rows[row].kept.data, got.kept_size);
}

START_TEST(follows_the_table)
{
	for (int trusted = 0; trusted < 2; trusted++) {
		judge_row(_i, trusted, all, NULL);
		judge_row(_i, trusted, one, NULL);
		for (size_t at = 1; at < rows[_i].input.size; at++)
			judge_row(_i, trusted, up_to, &at);
		ask_oracle(&wanted, rows[_i].input, trusted);
		assert_same(&got, &wanted);
	}
}
END_TEST

START_TEST(does_not_touch_what_is_behind_the_end)
{
	struct slice input = BYTES("a\r\n.\r\n\0\r\nQUIT\r\n");

	feed(&got, input, _i, all, NULL);
	ck_assert_uint_eq(got.outcome, BODY_COMPLETE);
	ck_assert_uint_eq(got.taken, 6);
	ck_assert_uint_eq(got.anomalies, 0);
}
END_TEST

/* --- properties --- */

static void agree_with_oracle(struct slice input, unsigned *seed)
{
	for (int trusted = 0; trusted < 2; trusted++) {
		ask_oracle(&wanted, input, trusted);
		feed(&got, input, trusted, all, NULL);
		assert_same(&got, &wanted);
		feed(&got, input, trusted, one, NULL);
		assert_same(&got, &wanted);
		feed(&got, input, trusted, random_size, seed);
		assert_same(&got, &wanted);
	}
}

static const char alphabet[] = {'\r', '\n', '.', '\0', 'a'};

/* Every input of up to six bytes, cut in two at every place. */
START_TEST(every_short_input)
{
	char bytes[6];
	size_t count = 1;

	for (int i = 0; i < _i; i++)
		count *= sizeof alphabet;
	for (size_t number = 0; number < count; number++) {
		size_t rest = number;
		for (int i = 0; i < _i; i++, rest /= sizeof alphabet)
			bytes[i] = alphabet[rest % sizeof alphabet];
		struct slice input = slice_make(bytes, (size_t)_i);
		for (int trusted = 0; trusted < 2; trusted++) {
			ask_oracle(&wanted, input, trusted);
			for (size_t at = 0; at < input.size; at++) {
				feed(&got, input, trusted, up_to, &at);
				assert_same(&got, &wanted);
			}
			feed(&got, input, trusted, one, NULL);
			assert_same(&got, &wanted);
		}
	}
}
END_TEST

START_TEST(random_inputs)
{
	unsigned seed = (unsigned)_i + 1;
	char bytes[40];

	for (int i = 0; i < 2000; i++) {
		size_t size = 1 + (size_t)rand_r(&seed) % (i % 4 ? 12 : sizeof bytes);
		for (size_t j = 0; j < size; j++)
			bytes[j] = alphabet[(size_t)rand_r(&seed) % sizeof alphabet];
		agree_with_oracle(slice_make(bytes, size), &seed);
	}
}
END_TEST

/* Lines about as long as a line may be, and whole ones that go fast. */
START_TEST(random_long_lines)
{
	static const char *const pieces[] = {
		"\r\n", "\r\n", "\r\n", "\n", "\r", ".", "a", "Subject: a line like any other\r\n"};
	unsigned seed = (unsigned)_i + 1;

	for (int i = 0; i < 200; i++) {
		char *bytes = talloc_strdup(NULL, "");
		for (int j = 0; j < 14; j++) {
			int piece = rand_r(&seed) % (COUNT(pieces) + 3);
			int length = piece % 3 ? LINE_MAXIMUM - 2 + rand_r(&seed) % 4 : 500;
			bytes = piece < COUNT(pieces)
				? talloc_strdup_append_buffer(bytes, pieces[piece])
				: talloc_asprintf_append_buffer(bytes, "%0*d", length, 0);
		}
		agree_with_oracle(slice_of(bytes), &seed);
		talloc_free(bytes);
	}
}
END_TEST

static const struct {
	size_t length;
	const char *before, *after;
	bool is_long;
} lengths[] = {
	{998, "", "\r\n", false}, {999, "", "\r\n", true},
	{998, ".", "\r\n", false}, /* the stuffed dot is not of the line: RFC 5321 §4.5.3.1.6 */
	{999, ".", "\r\n", true}, {998, "\n", "\n", false}, {999, "\n", "\n", true},
	{998, "a\r", "\ra", false}, {999, "a\r", "\ra", true}, {600, "a\r\n", "\raaa\r\n", false},
	{999, "", "", false}, /* not ended */
};

START_TEST(notes_long_lines)
{
	char *text = talloc_asprintf(NULL, "%s%0*d%s", lengths[_i].before, (int)lengths[_i].length,
		0, lengths[_i].after);

	feed(&got, slice_of(text), false, all, NULL);
	ck_assert(!!(got.anomalies & ANOMALY_LONG_LINE) == lengths[_i].is_long);
	feed(&got, slice_of(text), false, one, NULL);
	ck_assert(!!(got.anomalies & ANOMALY_LONG_LINE) == lengths[_i].is_long);
	talloc_free(text);
}
END_TEST

/* --- limits --- */

/* Nothing beyond the maximum is kept, all of it is counted, and the end is found; whichever way it came. */
START_TEST(counts_what_is_too_large)
{
	static const char text[] = "0123456789\r\nabc\n..d\r\n.\r\n"; /* 23 bytes to keep */
	struct message *message = message_new(NULL, &spool);
	struct body body;
	size_t taken, size = sizeof text - 1, at = 0;
	enum body_outcome outcome = BODY_MORE;

	body_init(&body, message, _i, true);
	while (at < size && outcome == BODY_MORE) {
		outcome = body_take(&body, slice_make(text + at, _i % 3 ? 1 : size - at), &taken);
		at += taken;
	}
	ck_assert_uint_eq(outcome, BODY_COMPLETE);
	ck_assert_int_eq(body.size, (int64_t)size);
	ck_assert_int_le(message_size(message), _i);
	ck_assert(body.too_large == (_i < 22));
	talloc_free(message);
}
END_TEST

/* --- nothing is looked at again and again --- */

static size_t looked_at;

/* In place of the library's: the only way the body looks ahead of what it takes. */
void *memchr(const void *bytes, int wanted_byte, size_t size)
{
	const unsigned char *at = bytes;

	for (; size; size--, at++) {
		looked_at++;
		if (*at == (unsigned char)wanted_byte)
			return (void *)at;
	}
	return NULL;
}

START_TEST(looking_ahead_is_counted)
{
	struct slice input = BYTES("a line\r\n");

	looked_at = 0;
	feed(&got, input, false, all, NULL);
	ck_assert_uint_ge(looked_at, input.size);
}
END_TEST

static const struct slice units[] = {
	BYTES("a"),
	BYTES("\0"),
	BYTES("\n"),
	BYTES("\r"),
	BYTES("."),
	BYTES("a\n"),
	BYTES("a\r"),
	BYTES(".a\n"),
	BYTES(".a\r"),
	BYTES(".a\r\n"),
	BYTES("a\r\n"),
	BYTES("\r\n"),
	BYTES("a\0"),
	BYTES("a\0\r\n"),
	BYTES("a\rb\r\n"),
	BYTES("a\r\nb\n"),
	BYTES("a\r\n\r"),
	BYTES("a\r\n.."),
	BYTES("\ra\n"),
	BYTES("a\ra\na\r\n"),
	BYTES("a\r\n\0"),
	BYTES("\r\r\n"),
	BYTES("..\r\n"),
	BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ra"),
	BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0a"),
};

/* In front of what is repeated, to bring the body into one state or another. */
static const char *const fronts[] = {"", "a", "a\n", "a\ra", "a\ra\na", "a\r\n.a"};

START_TEST(work_grows_with_the_size_only)
{
	enum { SIZE = 131072 };
	struct slice unit = units[_i];

	for (int i = 0; i < COUNT(fronts); i++) {
		char *bytes = talloc_strdup(NULL, fronts[i]);
		size_t front = strlen(bytes), size = front;
		bytes = talloc_realloc(NULL, bytes, char, SIZE + 64);
		for (; size < SIZE; size += unit.size)
			memcpy(bytes + size, unit.data, unit.size);
		looked_at = 0;
		feed(&got, slice_make(bytes, size), true, all, NULL);
		ck_assert_uint_eq(got.outcome, BODY_MORE);
		ck_assert_uint_le(looked_at, 5 * size);
		ask_oracle(&wanted, slice_make(bytes, size), true);
		assert_same(&got, &wanted);
		talloc_free(bytes);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("body");
	TCase *cases = tcase_create("body");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, follows_the_table, 0, COUNT(rows));
	tcase_add_loop_test(cases, does_not_touch_what_is_behind_the_end, 0, 2);
	tcase_add_loop_test(cases, every_short_input, 1, 7);
	tcase_add_loop_test(cases, random_inputs, 0, 10);
	tcase_add_loop_test(cases, random_long_lines, 0, 4);
	tcase_add_loop_test(cases, notes_long_lines, 0, COUNT(lengths));
	tcase_add_loop_test(cases, counts_what_is_too_large, 1, 30);
	tcase_add_test(cases, looking_ahead_is_counted);
	tcase_add_loop_test(cases, work_grows_with_the_size_only, 0, COUNT(units));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
