/* SPDX-License-Identifier: Apache-2.0 */
/* The Received field: RFC 5321 §4.4. */
#include "policy/mail/trace.h"

#include <assert.h>
#include <talloc.h>
#include <time.h>

#define NAME_SIZE 256
#define PIECE_SIZE (NAME_SIZE + 64) /* a name, a word before it, an address behind it */
#define FIELD_SIZE (9 * PIECE_SIZE) /* all pieces that there can be */
#define DATE_SIZE 64
#define LINE_LENGTH 77 /* RFC 5322 §2.1.1: 78 at most */

/* A field under way: pieces are put on a line as long as they fit. */
struct fold {
	size_t used;
	size_t column;
	char text[FIELD_SIZE];
};

static bool is_safe(char c)
{
	static const bool is_unsafe[256] = {[0x00 ... ' '] = true,
		['('] = true,
		[')'] = true,
		['\\'] = true,
		[';'] = true,
		[','] = true,
		['<'] = true,
		['>'] = true,
		['"'] = true,
		[0x7f ... 0xff] = true};

	return !is_unsafe[(unsigned char)c];
}

/* Whatever a stranger says, without what could end a comment, a word or the field, and at most NAME_SIZE long. Returns its end. */
static char *safe(char *at, const char *stranger, bool has_words)
{
	for (size_t i = 0; i < NAME_SIZE - 1 && stranger[i]; i++)
		*at++ = is_safe(stranger[i]) || (has_words && stranger[i] == ' ') ? stranger[i]
										  : '?';
	*at = '\0';
	return at;
}

static void put_bytes(struct fold *fold, const char *bytes, size_t size)
{
	assert(fold->used + size < FIELD_SIZE);
	memcpy(fold->text + fold->used, bytes, size + 1);
	fold->used += size;
}

static void put(struct fold *fold, const char *piece)
{
	size_t size = strlen(piece);
	bool fits = fold->column + 1 + size <= LINE_LENGTH;

	put_bytes(fold, fits ? " " : "\r\n\t", fits ? 1 : 3);
	put_bytes(fold, piece, size);
	fold->column = fits ? fold->column + 1 + size : 8 + size;
}

static void put_pair(struct fold *fold, const char *word, const char *stranger)
{
	char pair[PIECE_SIZE];

	safe(stpcpy(stpcpy(pair, word), " "), stranger, false);
	put(fold, pair);
}

/* TCP-info = address-literal / ( Domain FWS address-literal ), in a comment */
static void put_client(struct fold *fold, const struct trace_facts *facts)
{
	char ip[IP_TEXT_SIZE], piece[PIECE_SIZE], *at = piece;

	if (facts->client_name) {
		safe(stpcpy(piece, "("), facts->client_name, false);
		put(fold, piece);
	} else {
		at = stpcpy(piece, "(");
	}
	at = stpcpy(at, facts->client->family == 6 ? "[IPv6:" : "[");
	at = stpcpy(at, facts->client->family ? ip_print(facts->client, ip) : "");
	stpcpy(at, "])");
	put(fold, piece);
}

/* What TLS it was. Deviation: in a comment, as nearly everybody does, and not in the clause "tls" of RFC 8314 §4.3, which takes the names
 * of IANA, that OpenSSL does not give. */
static void put_tls(struct fold *fold, const char *tls)
{
	char piece[PIECE_SIZE];

	stpcpy(safe(stpcpy(piece, "("), tls, true), ")");
	put(fold, piece);
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (!is_safe(*text))
			return false;
	}
	return true;
}

/* "for" with the one recipient, or nothing: an address that would have to be changed to be harmless is left out. */
static void put_recipient(struct fold *fold, const char *recipient)
{
	char piece[PIECE_SIZE];

	if (!recipient || !recipient[0] || !is_printable(recipient) ||
		strlen(recipient) >= NAME_SIZE)
		return;
	stpcpy(stpcpy(stpcpy(piece, "for <"), recipient), ">");
	put(fold, piece);
}

static char *print_two(char *at, int number)
{
	*at++ = (char)('0' + number / 10 % 10);
	*at++ = (char)('0' + number % 10);
	return at;
}

/* RFC 5322 §3.3; always in UTC, whatever the locale. */
static const char *print_date(char date[static DATE_SIZE], int64_t seconds)
{
	static const char *const days[] = {
		"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
	static const char *const months[] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
		" Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
	time_t time = (time_t)seconds;
	struct tm tm;
	char *at;

	gmtime_r(&time, &tm);
	at = print_two(stpcpy(date, days[tm.tm_wday]), tm.tm_mday);
	at = print_two(stpcpy(at, months[tm.tm_mon]), (tm.tm_year + 1900) / 100);
	at = print_two(at, tm.tm_year % 100);
	at = print_two(stpcpy(at, " "), tm.tm_hour);
	at = print_two(stpcpy(at, ":"), tm.tm_min);
	at = print_two(stpcpy(at, ":"), tm.tm_sec);
	stpcpy(at, " +0000");
	return date;
}

static void put_date(struct fold *fold, int64_t seconds)
{
	char date[DATE_SIZE];

	print_date(date, seconds);
	put_bytes(fold, date, strlen(date));
}

/* Those who said HELO can have neither extension; whoever asked for SMTPUTF8 has said EHLO. */
const char *trace_protocol(unsigned transmission)
{
	static const char *const extended[] = {"ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"};
	static const char *const utf8[] = {"UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"};
	unsigned secured =
		(transmission & TRACE_TLS ? 1 : 0) + (transmission & TRACE_AUTHENTICATED ? 2 : 0);

	if (transmission & TRACE_UTF8)
		return utf8[secured];
	return transmission & TRACE_EXTENDED ? extended[secured] : "SMTP";
}

/* Time-stamp-line = "Received:" FWS From-domain By-domain Opt-info [CFWS] ";" FWS date-time */
char *trace_received(const void *parent, const struct trace_facts *facts)
{
	struct fold fold;

	fold.used = 0;
	put_bytes(&fold, "Received:", fold.column = strlen("Received:"));
	put_pair(&fold, "from", facts->helo && facts->helo[0] ? facts->helo : "unknown");
	put_client(&fold, facts);
	put_pair(&fold, "by", facts->hostname);
	put_pair(&fold, "with", trace_protocol(facts->transmission));
	if (facts->tls)
		put_tls(&fold, facts->tls);
	put_pair(&fold, "id", facts->id);
	put_recipient(&fold, facts->recipient);
	put_bytes(&fold, ";\r\n\t", 4);
	put_date(&fold, facts->seconds);
	put_bytes(&fold, "\r\n", 2);
	return slice_keep(parent, slice_make(fold.text, fold.used));
}

char *trace_date(const void *parent, int64_t seconds)
{
	char date[DATE_SIZE];

	return talloc_strdup(parent, print_date(date, seconds));
}
