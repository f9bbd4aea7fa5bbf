/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as isemail, aiosmtpd, JavaMail and Postfix see them. */
#include "foreign.h"

#include "policy/mail/address.h"
#include "policy/mail/header.h"

#define LENGTH                                                                                     \
	"RFC 5321 §4.5.3.1.3 bounds the path at 256 octets and asks not to insist; local part "   \
	"and "                                                                                     \
	"domain have their own bounds here"
#define QUOTED_PARTS "atoms and quoted strings mixed are RFC 5322's obs-local-part, not RFC 5321"
#define WORDS "a word without @ beside an address is taken for a piece of an unquoted name"
#define BLANKS "addresses separated by blanks are no list of RFC 5322 §3.4"
#define GROUP "a group in From (RFC 6854) names nobody that could be judged"
#define ODD_QUOTES "a quoted string within an atom is not of RFC 5322 §3.4.1"
#define DOTS "dots anywhere in a local part are taken in From: telephone companies gave them out"
#define REST "only the first address of From is read; what is wrong with the others is let pass"

static struct foreign_deviation deviations[] = {
	{"tests-39", LENGTH, false},
	{"tests-40", LENGTH, false},
	{"tests-60", "the quoted pair is undone before the local part is measured", false},
	{"tests-71", "RFC 4291 §2.2 lets :: stand for one group; RFC 5321 for two and more", false},
	{"tests-original-21", LENGTH, false},
	{"aio-029", QUOTED_PARTS, false},
	{"aio-030", QUOTED_PARTS, false},
	{"aio-055", "RFC 5321 §4.1.3: \":1\" behind the tag IPv6: is no address", false},
	{"aio-070", QUOTED_PARTS, false},
	{"javamail-7", WORDS, false},
	{"javamail-8", BLANKS, false},
	{"javamail-21", GROUP, false},
	{"javamail-23", WORDS, false},
	{"javamail-24", BLANKS, false},
	{"javamail-27", "RFC 5322 §4.4 has empty elements in lists; the first address is read",
		false},
	{"javamail-30", ODD_QUOTES, false},
	{"javamail-33", ODD_QUOTES, false},
	{"javamail-38", ODD_QUOTES, false},
	{"javamail-39", GROUP, false},
	{"javamail-40", GROUP, false},
	{"javamail-83", DOTS, false},
	{"javamail-84", DOTS, false},
	{"javamail-85", DOTS, false},
	{"javamail-106", REST, false},
	{"javamail-110", REST, false},
	{"javamail-111", REST, false},
	{NULL, NULL, false},
};

/* --- isemail: whether it is a Mailbox of RFC 5321 --- */

#define NOT_A_MAILBOX (ADDRESS_SOURCE_ROUTE | ADDRESS_WITHOUT_DOMAIN | ADDRESS_UTF8 | ADDRESS_LONG)

static bool is_mailbox(const void *scratch, struct slice text)
{
	char *path = talloc_array(scratch, char, text.size + 2);
	struct slice input = slice_make(path, text.size + 2);
	const char *reason;
	struct address *address;

	path[0] = '<';
	memcpy(path + 1, text.data, text.size);
	path[text.size + 1] = '>';
	address = address_parse_path(scratch, &input, false, &reason);
	return address && input.size == 0 && !(address->form & NOT_A_MAILBOX);
}

static void judge_isemail(struct foreign *foreign, const char *file)
{
	json_t *root = foreign_json(foreign, file);
	const json_t *cases = json_object_get(root, "cases");

	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *row = json_array_get(cases, i);
		struct slice address = foreign_text(row, "address");
		bool expected = json_is_true(json_object_get(row, "rfc5321_mailbox"));
		foreign_case(foreign, json_string_value(json_object_get(row, "id")), address,
			is_mailbox(foreign->scratch, address) == expected);
	}
	json_decref(root);
}

/* --- aiosmtpd: what stands behind MAIL FROM: and RCPT TO: --- */

/* A strict server may refuse what is lax, except for what we take on purpose. */
static bool may_be_refused(const json_t *row)
{
	const json_t *lax = json_object_get(row, "lax");

	for (size_t i = 0; i < json_array_size(lax); i++) {
		struct slice why = slice_of(json_string_value(json_array_get(lax, i)));
		if (!slice_starts_nocase(why, "no angle brackets") &&
			!slice_starts_nocase(why, "space after colon"))
			return true;
	}
	return false;
}

static void judge_aiosmtpd(struct foreign *foreign)
{
	json_t *root = foreign_json(foreign, "aiosmtpd-mail-rcpt-args.json");
	const json_t *cases = json_object_get(root, "cases");

	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *row = json_array_get(cases, i);
		struct slice argument = foreign_text(row, "arg"), rest = argument;
		bool is_mail = slice_equals(foreign_text(row, "cmd"), "MAIL");
		bool expected = json_is_true(json_object_get(row, "accept"));
		const char *reason;
		bool taken = address_parse_path(foreign->scratch, &rest, is_mail, &reason);
		foreign_case(foreign, json_string_value(json_object_get(row, "id")), argument,
			taken == expected || (!taken && may_be_refused(row)));
	}
	json_decref(root);
}

/* --- JavaMail: lists of addresses; the first of them is what we find in From --- */

struct javamail {
	struct foreign *foreign;
	FILE *in;
	char *line;
	size_t room;
	unsigned number;
	bool has_line;
	bool guesses; /* "Header: true": anything goes, which is of no use to us */
};

static bool next_line(struct javamail *javamail)
{
	ssize_t size = getline(&javamail->line, &javamail->room, javamail->in);

	if (size > 0 && javamail->line[size - 1] == '\n')
		javamail->line[size - 1] = '\0';
	return javamail->has_line = size >= 0;
}

static bool begins(const struct javamail *javamail, const char *word)
{
	return strncmp(javamail->line, word, strlen(word)) == 0;
}

/* The value of the field at hand with its continuation lines. */
static char *read_value(struct javamail *javamail)
{
	char *value = talloc_strdup(javamail->foreign->scratch, strchr(javamail->line, ':') + 1);

	while (next_line(javamail) && !begins(javamail, "Expect:"))
		value = talloc_asprintf_append(value, "\r\n%s", javamail->line);
	return value;
}

/* The first address that is expected; NULL: none. */
static char *read_expectation(struct javamail *javamail)
{
	bool is_list = javamail->has_line && !begins(javamail, "Expect: Exception") &&
		!begins(javamail, "Expect: 0");
	char *first = NULL;

	while (next_line(javamail) && (javamail->line[0] == '\t' || javamail->line[0] == ' ')) {
		if (is_list && !first)
			first = talloc_strdup(javamail->foreign->scratch, javamail->line + 1);
	}
	return first;
}

static void judge_list(struct javamail *javamail)
{
	void *scratch = javamail->foreign->scratch;
	char *value = read_value(javamail);
	char *expected = read_expectation(javamail);
	char *message = talloc_asprintf(scratch, "From: %s\r\n\r\n", value);
	const char *found = header_parse(scratch, slice_of(message))->from;
	bool agrees = expected && found ? slice_equals_nocase(slice_of(found), expected)
					: !expected == !found;

	javamail->number++;
	if (!javamail->guesses)
		foreign_case(javamail->foreign,
			talloc_asprintf(scratch, "javamail-%u", javamail->number), slice_of(value),
			agrees);
}

static void judge_javamail(struct foreign *foreign)
{
	struct javamail javamail = {
		.foreign = foreign, .in = fopen(foreign_path(foreign, "javamail/addrlist"), "re")};

	if (!javamail.in)
		foreign_skip(foreign, "the data is not there");
	while (next_line(&javamail) && !begins(&javamail, "From start here"))
		;
	next_line(&javamail);
	while (javamail.has_line) {
		if (begins(&javamail, "To:") || begins(&javamail, "Cc:") ||
			begins(&javamail, "From:")) {
			judge_list(&javamail);
			continue;
		}
		if (begins(&javamail, "Header:"))
			javamail.guesses = begins(&javamail, "Header: true");
		next_line(&javamail);
	}
	free(javamail.line);
	fclose(javamail.in);
}

/* --- Postfix: the form with quotes and the form without --- */

/* Every address of the reference, |local@domain| unquoted or quoted. */
static void judge_postfix(struct foreign *foreign)
{
	FILE *in = fopen(foreign_path(foreign, "postfix/mail_addr_crunch.ref"), "re");
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	bool is_quoted = false;

	if (!in)
		foreign_skip(foreign, "the data is not there");
	while (getline(&line, &room, in) > 0) {
		struct slice text = slice_of(line), at;
		struct address *address;
		if (slice_starts_nocase(text, "===="))
			is_quoted = strstr(line, "to external") != NULL;
		if (!is_quoted || line[0] != '|')
			continue;
		at = slice_from(text, 1);
		text = slice_cut(&at, '|');
		address = address_parse(foreign->scratch, text);
		foreign_case(foreign, talloc_asprintf(foreign->scratch, "postfix-%u", ++number),
			text, address && slice_equals(text, address->text));
	}
	free(line);
	fclose(in);
}

int main(void)
{
	struct foreign foreign = foreign_begin("smtp/address", deviations);

	judge_isemail(&foreign, "isemail.json");
	judge_isemail(&foreign, "isemail-original.json");
	judge_aiosmtpd(&foreign);
	judge_javamail(&foreign);
	judge_postfix(&foreign);
	return foreign_end(&foreign);
}
