/* SPDX-License-Identifier: Apache-2.0 */
/* End-of-data look-alikes: nothing but the true end may end a message, and what goes on may hold none of them. */
#include "foreign.h"

#include "proxy/body.h"

#include <assert.h>

static struct foreign_deviation deviations[] = {{NULL, NULL, false}};

static const struct spool spool = {.memory_maximum = INT64_MAX};

/* The data has line ends as \r\n, other bytes as \x00. */
static char *unescape(const void *parent, const char *escaped)
{
	char *text = talloc_strdup(parent, escaped), *to = text;

	for (const char *from = escaped; *from; from++) {
		if (from[0] == '\\' && (from[1] == 'r' || from[1] == 'n'))
			*to++ = *++from == 'r' ? '\r' : '\n';
		else
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

static struct slice unhex(const void *parent, const char *hex)
{
	size_t size = strlen(hex) / 2;
	char *bytes = talloc_array(parent, char, size);

	for (size_t i = 0; i < size; i++) {
		unsigned value;
		int got = sscanf(hex + 2 * i, "%2x", &value);
		assert(got == 1);
		bytes[i] = (char)value;
	}
	return slice_make(bytes, size);
}

struct attempt {
	char *bytes; /* all that is sent behind the 354 */
	size_t size;
	size_t true_end; /* behind the first CRLF "." CRLF */
};

static void append(struct attempt *attempt, struct slice piece)
{
	attempt->bytes = talloc_realloc(NULL, attempt->bytes, char, attempt->size + piece.size);
	memcpy(attempt->bytes + attempt->size, piece.data, piece.size);
	attempt->size += piece.size;
}

static struct attempt attempt_new(
	struct foreign *foreign, const json_t *template, struct slice variant)
{
	static const char *const behind[] = {"smuggled", "end"};
	struct attempt attempt = {0};

	append(&attempt,
		slice_of(unescape(foreign->scratch,
			json_string_value(json_object_get(template, "message")))));
	append(&attempt, variant);
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
		append(&attempt,
			slice_of(unescape(foreign->scratch,
				json_string_value(json_object_get(template, behind[i])))));
	const char *end = memmem(attempt.bytes, attempt.size, "\r\n.\r\n", 5);
	assert(end);
	attempt.true_end = (size_t)(end - attempt.bytes) + 5;
	return attempt;
}

/* Whether somebody who takes a bare LF or CR for a line end, and drops NULs, finds a lone dot in what would be sent on; a line
 * that begins with a dot, NULs left out, gets another one. */
static bool holds_an_end(struct slice kept)
{
	size_t length = 0, dots = 0;

	for (size_t i = 0; i < kept.size; i++) {
		char byte = kept.data[i];
		if (byte == '\r' || byte == '\n') {
			if (length == 1 && dots == 1)
				return true;
			length = dots = 0;
		} else if (byte) {
			length += 1 + (length == 0 && byte == '.');
			dots += byte == '.';
		}
	}
	return false;
}

/* In pieces of so many bytes: does it end where it truly ends, or is it refused before? */
static bool is_sound(const struct attempt *attempt, size_t piece, bool trusted)
{
	struct message *message = message_new(NULL, &spool);
	struct body body;
	size_t at = 0, taken;
	enum body_outcome outcome = BODY_MORE;

	body_init(&body, message, INT64_MAX, trusted);
	while (at < attempt->size && outcome == BODY_MORE) {
		size_t size = attempt->size - at < piece ? attempt->size - at : piece;
		outcome = body_take(&body, slice_make(attempt->bytes + at, size), &taken);
		at += taken;
	}
	enum message_outcome finished = message_finish(message);
	assert(finished == MESSAGE_OK);
	bool sound = outcome == BODY_WOULD_BE_END ||
		(outcome == BODY_COMPLETE && at == attempt->true_end &&
			!holds_an_end(message_bytes(message)));
	talloc_free(message);
	return sound && (outcome != BODY_WOULD_BE_END || !trusted);
}

static bool is_sound_in_all_ways(const struct attempt *attempt)
{
	bool sound = true;

	for (size_t piece = 1; piece <= attempt->size; piece++) {
		sound &= is_sound(attempt, piece, false);
		sound &= is_sound(attempt, piece, true);
	}
	return sound;
}

int main(void)
{
	struct foreign foreign = foreign_begin("smtp/smuggling", deviations);
	json_t *root = foreign_json(&foreign, "eod-variants.json");
	const json_t *variants = json_object_get(root, "variants");

	for (size_t i = 0; i < json_array_size(variants); i++) {
		const json_t *row = json_array_get(variants, i);
		struct slice variant =
			unhex(foreign.scratch, json_string_value(json_object_get(row, "hex")));
		struct attempt attempt =
			attempt_new(&foreign, json_object_get(root, "template"), variant);
		bool is_true_end = json_is_true(json_object_get(row, "contains_true_eod"));
		bool agrees = is_sound_in_all_ways(&attempt) &&
			is_true_end == (memmem(variant.data, variant.size, "\r\n.\r\n", 5) != NULL);
		foreign_case(&foreign, json_string_value(json_object_get(row, "id")),
			foreign_text(row, "escaped"), agrees);
		talloc_free(attempt.bytes);
	}
	json_decref(root);
	return foreign_end(&foreign);
}
