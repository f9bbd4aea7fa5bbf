/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: RFC 5321 §4.1.1, with the parameters of RFC 1870, RFC 3461, RFC 6152, RFC 6531 and RFC 8689; RFC 3030 §2, RFC 4954 §4. */
#include "proxy/command.h"

#include "proxy/attributes.h"

#include <ctype.h>
#include <talloc.h>

#define ENVELOPE_ID_MAXIMUM 100 /* RFC 3461 §4.4 */
#define ORIGINAL_MAXIMUM 500    /* RFC 3461 §4.2 */

static const struct reply *complain(
	const void *parent, int code, const char *status, const char *text)
{
	struct reply *reply = talloc(parent, struct reply);

	*reply = reply_of(reply, code, status, text);
	return reply;
}

void command_split(struct command *command, struct slice line)
{
	*command = (struct command){.size = -1};
	command->verb = slice_cut(&line, ' ');
	command->argument = slice_trim(line);
}

/* --- MAIL and RCPT --- */

/* "FROM:" or "TO:" off the front, and blanks behind it (not in the grammar, but honest clients send them). */
static bool cut_keyword(struct slice *argument, const char *keyword)
{
	if (!slice_starts_nocase(*argument, keyword))
		return false;
	*argument = slice_trim(slice_from(*argument, strlen(keyword)));
	return true;
}

static bool is_number(struct slice value)
{
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
	}
	return value.size > 0;
}

/* size-value ::= 1*20DIGIT (RFC 1870 §4); more than we can count is as much as we can count. */
static const struct reply *take_size(
	const void *parent, struct command *command, struct slice value)
{
	uint64_t size;

	if (value.size > 20 || !is_number(value))
		return complain(parent, 501, "5.5.4", "SIZE= takes a number of octets");
	if (!slice_to_number(value, &size) || size > INT64_MAX)
		size = INT64_MAX;
	command->size = (int64_t)size;
	return NULL;
}

static const struct reply *take_body(
	const void *parent, struct command *command, struct slice value)
{
	if (slice_equals_nocase(value, "8BITMIME"))
		command->body = BODY_8BITMIME;
	else if (!slice_equals_nocase(value, "7BIT"))
		return complain(parent, 501, "5.5.4", "BODY= takes 7BIT or 8BITMIME");
	return NULL;
}

static const struct reply *take_utf8(
	const void *parent, struct command *command, struct slice value)
{
	if (value.size)
		return complain(parent, 501, "5.5.4", "SMTPUTF8 takes no value");
	command->utf8 = true;
	return NULL;
}

static const struct reply *take_require_tls(
	const void *parent, struct command *command, struct slice value)
{
	if (value.size)
		return complain(parent, 501, "5.5.4", "REQUIRETLS takes no value");
	command->require_tls = true;
	return NULL;
}

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* xtext = *( xchar / hexchar ); xchar = "!" to "~" but for "+" and "="; hexchar = "+" 2(0-9 A-F) */
static bool is_xtext(struct slice value)
{
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];

		if (c == '+') {
			if (i + 2 >= value.size || !is_hex_digit(value.data[i + 1]) ||
				!is_hex_digit(value.data[i + 2]))
				return false;
			i += 2;
		} else if (c < '!' || c > '~' || c == '=') {
			return false;
		}
	}
	return value.size > 0;
}

/* RFC 4954 §5: who may be trusted to say it is not told to us; the backend hears it from nobody but its own client. */
static const struct reply *take_auth(
	const void *parent, struct command *command, struct slice value)
{
	(void)command;
	return slice_equals(value, "<>") || is_xtext(value)
		? NULL
		: complain(parent, 501, "5.5.4", "AUTH= takes an address as xtext, or <>");
}

/* --- DSN (RFC 3461 §4) --- */

static const struct reply *take_return(
	const void *parent, struct command *command, struct slice value)
{
	if (slice_equals_nocase(value, "FULL"))
		command->dsn_return = RETURN_FULL;
	else if (slice_equals_nocase(value, "HDRS"))
		command->dsn_return = RETURN_HEADERS;
	else
		return complain(parent, 501, "5.5.4", "RET= takes FULL or HDRS");
	return NULL;
}

static const struct reply *take_envelope_id(
	const void *parent, struct command *command, struct slice value)
{
	if (!is_xtext(value) || value.size > ENVELOPE_ID_MAXIMUM)
		return complain(parent, 501, "5.5.4", "ENVID= takes up to 100 characters of xtext");
	command->dsn_id = slice_keep(parent, value);
	return NULL;
}

static unsigned notification_of(struct slice word)
{
	for (unsigned i = 0; envelope_notify_names[i]; i++) {
		if (slice_equals_nocase(word, envelope_notify_names[i]))
			return 1u << i;
	}
	return 0;
}

/* notify-esmtp-value = "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" ) */
static const struct reply *take_notify(
	const void *parent, struct command *command, struct slice value)
{
	unsigned *notify = &command->recipient.notify;

	do {
		unsigned bit = notification_of(slice_cut(&value, ','));

		if (!bit || *notify & NOTIFY_NEVER || (*notify && bit == NOTIFY_NEVER))
			return complain(parent, 501, "5.5.4",
				"NOTIFY= takes NEVER, or some of SUCCESS, FAILURE and DELAY");
		*notify |= bit;
	} while (value.size);
	return NULL;
}

/* original-recipient-address = addr-type ";" xtext; addr-type = atom */
static const struct reply *take_original(
	const void *parent, struct command *command, struct slice value)
{
	struct slice xtext = value;
	struct slice type = slice_cut(&xtext, ';');
	bool good = type.size > 0 && value.size <= ORIGINAL_MAXIMUM && is_xtext(xtext);

	for (size_t i = 0; i < type.size; i++)
		good &= isalnum((unsigned char)type.data[i]) || type.data[i] == '-';
	if (!good)
		return complain(parent, 501, "5.5.4", "ORCPT= takes a type, a semicolon and xtext");
	command->recipient.original = slice_keep(parent, value);
	return NULL;
}

static const struct parameter {
	const char *name;
	const struct reply *(*take)(
		const void *parent, struct command *command, struct slice value);
} mail_parameters[] =
	{
		{"SIZE", take_size},
		{"BODY", take_body},
		{"SMTPUTF8", take_utf8},
		{"REQUIRETLS", take_require_tls},
		{"RET", take_return},
		{"AUTH", take_auth},
		{"ENVID", take_envelope_id},
		{NULL, NULL},
},
  rcpt_parameters[] = {
	  {"NOTIFY", take_notify},
	  {"ORCPT", take_original},
	  {NULL, NULL},
};

static const struct parameter *find_parameter(const struct parameter *known, struct slice name)
{
	for (; known->name; known++) {
		if (slice_equals_nocase(name, known->name))
			return known;
	}
	return NULL;
}

/* Mail-parameters = esmtp-param *(SP esmtp-param); esmtp-param = esmtp-keyword ["=" esmtp-value] */
static const struct reply *parse_parameters(const void *parent, struct command *command,
	struct slice rest, const struct parameter *known)
{
	unsigned seen = 0;

	while ((rest = slice_trim(rest)).size) {
		struct slice value = slice_cut(&rest, ' ');
		struct slice name = slice_cut(&value, '=');
		const struct parameter *parameter = find_parameter(known, name);
		if (!parameter)
			return complain(parent, 555, "5.5.4",
				talloc_asprintf(parent, "parameter %.*s is not known here",
					(int)(name.size > 64 ? 64 : name.size), name.data));
		if (seen & 1u << (parameter - known))
			return complain(parent, 501, "5.5.4", "a parameter is given twice");
		seen |= 1u << (parameter - known);
		const struct reply *bad = parameter->take(parent, command, value);
		if (bad)
			return bad;
	}
	return NULL;
}

/* A Path may be followed by parameters only, set off by a blank. */
static const struct reply *parse_path(
	const void *parent, struct command *command, struct slice *rest, bool is_mail)
{
	const char *reason = "no address";
	const char *keyword = is_mail ? "FROM:" : "TO:";

	if (!cut_keyword(rest, keyword))
		return complain(parent, 501, "5.5.2",
			is_mail ? "say MAIL FROM:<address>" : "say RCPT TO:<address>");
	command->path = address_parse_path(parent, rest, is_mail, &reason);
	if (!command->path)
		return complain(parent, 501, is_mail ? "5.1.7" : "5.1.3",
			talloc_asprintf(parent, "%s; say %s%s<address>", reason,
				is_mail ? "MAIL " : "RCPT ", keyword));
	if (rest->size && rest->data[0] != ' ' && rest->data[0] != '\t')
		return complain(parent, 501, "5.5.2",
			"a blank must stand between the address and what follows it");
	return NULL;
}

/* RFC 6531 §3.4: an address that needs SMTPUTF8 must come with it. */
static const struct reply *check_utf8(const void *parent, const struct command *command)
{
	if (command->path->form & ADDRESS_UTF8 && !command->utf8)
		return complain(parent, 553, "5.6.7",
			"an address with characters beyond ASCII needs SMTPUTF8");
	return NULL;
}

/* "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF */
const struct reply *command_parse_mail(const void *parent, struct command *command)
{
	struct slice rest = command->argument;
	const struct reply *bad = parse_path(parent, command, &rest, true);

	if (!bad)
		bad = parse_parameters(parent, command, rest, mail_parameters);
	return bad ? bad : check_utf8(parent, command);
}

/* "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF */
const struct reply *command_parse_rcpt(const void *parent, struct command *command)
{
	struct slice rest = command->argument;
	const struct reply *bad = parse_path(parent, command, &rest, false);

	command->recipient.address = command->path;
	return bad ? bad : parse_parameters(parent, command, rest, rcpt_parameters);
}

/* --- the others --- */

/* auth-command = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF cancel-response] CRLF */
const struct reply *command_parse_auth(const void *parent, struct command *command)
{
	struct slice rest = command->argument;

	command->mechanism = slice_of(slice_keep(parent, slice_cut(&rest, ' ')));
	command->initial = slice_of(slice_keep(parent, slice_trim(rest)));
	if (command->mechanism.size == 0)
		return complain(parent, 501, "5.5.4", "say AUTH and a mechanism");
	if (!slice_is_base64(command->initial) && !slice_equals(command->initial, "="))
		return complain(
			parent, 501, "5.5.2", "what stands behind the mechanism is no base64");
	return NULL;
}

/* bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF; chunk-size ::= 1*DIGIT; end-marker ::= "LAST" */
const struct reply *command_parse_bdat(const void *parent, struct command *command)
{
	struct slice marker = command->argument;
	struct slice digits = slice_cut(&marker, ' ');
	uint64_t size;

	marker = slice_trim(marker);
	command->last = slice_equals_nocase(marker, "LAST");
	if (!is_number(digits) || (marker.size && !command->last))
		return complain(parent, 501, "5.5.4",
			"say BDAT and a number of octets, LAST behind the last");
	if (!slice_to_number(digits, &size) || size > INT64_MAX)
		return complain(parent, 552, "5.3.4", "a chunk as large as that cannot be");
	command->chunk = (int64_t)size;
	return NULL;
}

/* ehlo = "EHLO" SP ( Domain / address-literal ) CRLF. Deviation: any printable word is taken for a name, since honest
 * clients call themselves the strangest things; what it is worth is for a check to say. */
const struct reply *command_parse_helo(const void *parent, struct command *command)
{
	struct slice name = slice_cut(&command->argument, ' ');

	command->argument = name;
	if (name.size == 0)
		return complain(parent, 501, "5.5.4",
			"say your name behind it: a host name or an [address]");
	if (name.size > DOMAIN_MAXIMUM)
		return complain(parent, 501, "5.5.4", "no host has a name as long as that");
	for (size_t i = 0; i < name.size; i++) {
		if ((unsigned char)name.data[i] < 0x21 || (unsigned char)name.data[i] == 0x7f)
			return complain(
				parent, 501, "5.5.4", "a host name has no control characters");
	}
	return NULL;
}

static const struct reply *parse_attributes(
	const void *parent, struct command *command, unsigned allowed)
{
	command->announced = talloc_zero(parent, struct client_view);
	const char *wrong = attributes_parse(command->announced, command->argument, allowed,
		command->announced, &command->given);

	return wrong ? complain(parent, 501, "5.5.4", wrong) : NULL;
}

const struct reply *command_parse_xclient(const void *parent, struct command *command)
{
	return parse_attributes(parent, command, ATTRIBUTES_OF_XCLIENT);
}

const struct reply *command_parse_xforward(const void *parent, struct command *command)
{
	return parse_attributes(parent, command, ATTRIBUTES_OF_XFORWARD);
}

const struct reply *command_parse_nothing(const void *parent, struct command *command)
{
	return command->argument.size
		? complain(parent, 501, "5.5.4", "nothing may stand behind this command")
		: NULL;
}

const struct reply *command_parse_something(const void *parent, struct command *command)
{
	return command->argument.size
		? NULL
		: complain(parent, 501, "5.5.4", "something must stand behind this command");
}
