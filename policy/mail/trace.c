/* SPDX-License-Identifier: Apache-2.0 */
/* The Received field: RFC 5321 §4.4. */
#include "policy/mail/trace.h"

#include <talloc.h>
#include <time.h>

#define NAME_SIZE 256
#define LINE_LENGTH 77 /* RFC 5322 §2.1.1: 78 at most */

/* A field under way: pieces are put on a line as long as they fit. */
struct fold {
	char *text;
	size_t column;
};

static bool is_safe(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()\\;,<>\"", c);
}

/* Whatever a stranger says, without what could end a comment, a word or the field. */
static const char *safe(char text[static NAME_SIZE], const char *stranger)
{
	size_t i;

	for (i = 0; i < NAME_SIZE - 1 && stranger[i]; i++)
		text[i] = is_safe(stranger[i]) ? stranger[i] : '?';
	text[i] = '\0';
	return text;
}

/* The same for several words. */
static const char *safe_words(char text[static NAME_SIZE], const char *stranger)
{
	safe(text, stranger);
	for (size_t i = 0; text[i]; i++) {
		if (stranger[i] == ' ')
			text[i] = ' ';
	}
	return text;
}

static void put(struct fold *fold, const char *piece)
{
	size_t size = strlen(piece);
	bool fits = fold->column + 1 + size <= LINE_LENGTH;

	fold->text =
		talloc_asprintf_append_buffer(fold->text, "%s%s", fits ? " " : "\r\n\t", piece);
	fold->column = fits ? fold->column + 1 + size : 8 + size;
}

static void put_pair(struct fold *fold, const char *word, const char *stranger)
{
	char text[NAME_SIZE];
	char *pair = talloc_asprintf(NULL, "%s %s", word, safe(text, stranger));

	put(fold, pair);
	talloc_free(pair);
}

/* TCP-info = address-literal / ( Domain FWS address-literal ), in a comment */
static void put_client(struct fold *fold, const struct trace_facts *facts)
{
	char ip[IP_TEXT_SIZE], name[NAME_SIZE];
	const char *tag = facts->client->family == 6 ? "IPv6:" : "";
	char *literal = talloc_asprintf(
		NULL, "[%s%s])", tag, facts->client->family ? ip_print(facts->client, ip) : "");

	if (facts->client_name) {
		put(fold, talloc_asprintf(literal, "(%s", safe(name, facts->client_name)));
		put(fold, literal);
	} else {
		put(fold, talloc_asprintf(literal, "(%s", literal));
	}
	talloc_free(literal);
}

/* RFC 8314 §4.3: what TLS it was, in a comment. */
static void put_tls(struct fold *fold, const char *tls)
{
	char text[NAME_SIZE];
	char *comment = talloc_asprintf(NULL, "(%s)", safe_words(text, tls));

	put(fold, comment);
	talloc_free(comment);
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
	char *path;

	if (!recipient || !recipient[0] || !is_printable(recipient) ||
		strlen(recipient) >= NAME_SIZE)
		return;
	path = talloc_asprintf(NULL, "for <%s>", recipient);
	put(fold, path);
	talloc_free(path);
}

/* Time-stamp-line = "Received:" FWS From-domain By-domain Opt-info [CFWS] ";" FWS date-time */
char *trace_received(const void *parent, const struct trace_facts *facts)
{
	struct fold fold = {talloc_strdup(parent, "Received:"), strlen("Received:")};
	char *date;

	put_pair(&fold, "from", facts->helo && facts->helo[0] ? facts->helo : "unknown");
	put_client(&fold, facts);
	put_pair(&fold, "by", facts->hostname);
	put_pair(&fold, "with", facts->protocol);
	if (facts->tls)
		put_tls(&fold, facts->tls);
	put_pair(&fold, "id", facts->id);
	put_recipient(&fold, facts->recipient);
	date = trace_date(NULL, facts->seconds);
	fold.text = talloc_asprintf_append_buffer(fold.text, ";\r\n\t%s\r\n", date);
	talloc_free(date);
	return fold.text;
}

/* RFC 5322 §3.3; always in UTC, whatever the locale. */
char *trace_date(const void *parent, int64_t seconds)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t time = (time_t)seconds;
	struct tm tm;

	gmtime_r(&time, &tm);
	return talloc_asprintf(parent, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
