/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as settings, and any bytes as words. */
#include "base/lexer.h"
#include "base/settings.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct site {
	const char *hostname;
	int mode;
};

struct limits {
	int64_t size, recipients, idle;
	double score;
	bool strict;
};

struct relay {
	struct texts domains;
	struct cidrs networks;
};

struct listener {
	const char *name;
	const char *address;
};

static const char *const modes[] = {"enforce", "observe", NULL};

// clang-format off
static const struct option site_options[] = {
	{"hostname", OPTION_TEXT, offsetof(struct site, hostname), NULL, 0, 0, NULL, true, "Name."},
	{"mode", OPTION_CHOICE, offsetof(struct site, mode), "observe", 0, 0, modes, false, "Mode."},
	{0},
};
static const struct option limits_options[] = {
	{"size", OPTION_SIZE, offsetof(struct limits, size), "1M", 1, INT64_MAX, NULL, false, "Size."},
	{"recipients", OPTION_NUMBER, offsetof(struct limits, recipients), "5", 1, 9, NULL, false, "R."},
	{"idle", OPTION_DURATION, offsetof(struct limits, idle), "5m", 0, 0, NULL, false, "Idle."},
	{"score", OPTION_SCORE, offsetof(struct limits, score), "1.5", -9, 9, NULL, false, "Score."},
	{"strict", OPTION_BOOL, offsetof(struct limits, strict), "no", 0, 0, NULL, false, "Strict."},
	{0},
};
static const struct option relay_options[] = {
	{"domains", OPTION_TEXTS, offsetof(struct relay, domains), "a", 0, 0, NULL, false, "D."},
	{"networks", OPTION_NETWORKS, offsetof(struct relay, networks), "::1", 0, 0, NULL, false, "N."},
	{0},
};
static const struct option listener_options[] = {
	{"address", OPTION_TEXT, offsetof(struct listener, address), NULL, 0, 0, NULL, true, "A."},
	{0},
};
static const struct section sections[] = {
	{"", false, sizeof(struct site), site_options, "Site."},
	{"limits", false, sizeof(struct limits), limits_options, "Limits."},
	{"relay", false, sizeof(struct relay), relay_options, "Relay."},
	{"listen", true, sizeof(struct listener), listener_options, "Listen."},
	{0},
};
// clang-format on

/* Tokens come in order, each at least one byte but for the end. */
static void read_words(const void *parent, struct slice text)
{
	struct lexer *lexer = lexer_new(parent, "words", text);
	struct place last = {"words", 1, 0};

	for (struct token token = lexer_take(lexer); token.kind != TOKEN_END;
		token = lexer_take(lexer)) {
		assert(token.text.size || token.kind == TOKEN_STRING);
		assert(token.place.line > last.line ||
			(token.place.line == last.line && token.place.column > last.column));
		last = token.place;
	}
}

/* What was read is in its bounds, whatever was wrong elsewhere; and each complaint is one line. */
static void read_settings(const void *parent, const char *text)
{
	static const struct section *const tables[] = {sections, NULL};
	struct complaints *complaints = complaints_new(parent);
	struct settings *settings = settings_read_text(parent, "f", text, tables, complaints);
	const struct limits *limits = settings_section(settings, "limits");
	const char *lines = complaints_text(parent, complaints);
	size_t count = 0;

	assert(limits->recipients >= 1 && limits->recipients <= 9);
	assert(limits->size >= 1);
	assert(limits->score >= -9 && limits->score <= 9);
	for (size_t i = 0; i < settings_count(settings, "listen"); i++) {
		const struct listener *listener = settings_named(settings, "listen", i);

		assert(listener->name);
		assert(settings_place(settings, listener, "address").line);
		assert(listener->address || complaints_errors(complaints));
	}
	for (; *lines; lines++)
		count += *lines == '\n';
	assert(count == complaints_errors(complaints));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_make((const char *)data, size);
	void *scratch = talloc_new(NULL);

	read_words(scratch, bytes);
	read_settings(scratch, slice_keep(scratch, bytes));
	talloc_free(scratch);
	return 0;
}
