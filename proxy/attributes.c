/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of XCLIENT and XFORWARD, read and said (XCLIENT_README, XFORWARD_README; xtext: RFC 3461 §4). */
#include "proxy/attributes.h"

#include "base/utf8.h"

#include <stdio.h>
#include <talloc.h>

#define TEXT_MAXIMUM 255
#define ADDRESS_TEXT (IP_TEXT_SIZE + 5)
#define UNAVAILABLE "[UNAVAILABLE]"

/* Each takes a decoded value over, or tells by false that it is none. NULL for one that is not available. */
typedef bool take_fn(struct client_view *view, const char *value);
/* Each prints the value, into room for an address where it is no text of the view. NULL when it is not known. */
typedef const char *print_fn(const struct client_view *view, char room[ADDRESS_TEXT]);

/* --- values --- */

static bool is_host_name(const char *value)
{
	for (; *value; value++) {
		char c = *value;

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '.' || c == '_'))
			return false;
	}
	return true;
}

static bool take_name(struct client_view *view, const char *value)
{
	view->name = value;
	return !value || is_host_name(value);
}

/* The name by the address alone, which nobody has confirmed: good for nothing. */
static bool take_reverse_name(struct client_view *view, const char *value)
{
	(void)view;
	return !value || is_host_name(value);
}

/* An IPv4 address, or an IPv6 one behind its prefix. One that is not available is that of nobody. */
static bool take_ip(const char *value, struct ip *ip)
{
	struct slice text = slice_of(value ? value : "0.0.0.0");
	bool is_ipv6 = slice_starts_nocase(text, "IPV6:");

	if (is_ipv6)
		text = slice_from(text, 5);
	return (slice_find(text, ':') != SIZE_MAX) == is_ipv6 && ip_parse(text, ip);
}

static bool take_addr(struct client_view *view, const char *value)
{
	return take_ip(value, &view->ip);
}

static bool take_destination(struct client_view *view, const char *value)
{
	view->server = (struct ip){0};
	return !value || take_ip(value, &view->server);
}

static bool take_number(const char *value, uint16_t *port)
{
	uint64_t number = 0;
	bool good = !value ||
		(value[0] != '0' && slice_to_number(slice_of(value), &number) &&
			number <= UINT16_MAX);

	*port = (uint16_t)number;
	return good;
}

static bool take_port(struct client_view *view, const char *value)
{
	return take_number(value, &view->port);
}

static bool take_destination_port(struct client_view *view, const char *value)
{
	return take_number(value, &view->server_port);
}

static bool take_protocol(struct client_view *view, const char *value)
{
	bool is_smtp = value && slice_equals_nocase(slice_of(value), "SMTP");

	view->protocol = !value ? NULL : is_smtp ? "SMTP" : "ESMTP";
	return !value || is_smtp || slice_equals_nocase(slice_of(value), "ESMTP");
}

static bool take_helo(struct client_view *view, const char *value)
{
	view->helo = value;
	return !value || !strchr(value, ' ');
}

static bool take_login(struct client_view *view, const char *value)
{
	view->login = value;
	return true;
}

static bool take_ident(struct client_view *view, const char *value)
{
	view->ident = value;
	return true;
}

static bool take_source(struct client_view *view, const char *value)
{
	view->source = value;
	return !value || slice_equals_nocase(slice_of(value), "LOCAL") ||
		slice_equals_nocase(slice_of(value), "REMOTE");
}

static const char *print_name(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->name;
}

static const char *print_nothing(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)view;
	(void)room;
	return NULL;
}

static const char *print_ip(const struct ip *ip, char room[ADDRESS_TEXT])
{
	char text[IP_TEXT_SIZE];

	if (!ip->family)
		return NULL;
	snprintf(room, ADDRESS_TEXT, "%s%s", ip->family == 6 ? "IPV6:" : "", ip_print(ip, text));
	return room;
}

static const char *print_addr(const struct client_view *view, char room[ADDRESS_TEXT])
{
	return print_ip(&view->ip, room);
}

static const char *print_destination(const struct client_view *view, char room[ADDRESS_TEXT])
{
	return print_ip(&view->server, room);
}

static const char *print_number(uint16_t port, char room[ADDRESS_TEXT])
{
	snprintf(room, ADDRESS_TEXT, "%u", port);
	return port ? room : NULL;
}

static const char *print_port(const struct client_view *view, char room[ADDRESS_TEXT])
{
	return print_number(view->port, room);
}

static const char *print_destination_port(const struct client_view *view, char room[ADDRESS_TEXT])
{
	return print_number(view->server_port, room);
}

static const char *print_protocol(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->protocol;
}

static const char *print_helo(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->helo;
}

static const char *print_login(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->login;
}

static const char *print_ident(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->ident;
}

static const char *print_source(const struct client_view *view, char room[ADDRESS_TEXT])
{
	(void)room;
	return view->source;
}

/* Short ones first: the texts share what room is left in a line. */
static const struct row {
	const char *name;
	enum attribute attribute;
	take_fn *take;
	print_fn *print;
	const char *wrong;
} rows[] = {
	{"ADDR", ATTRIBUTE_ADDR, take_addr, print_addr,
		"ADDR= takes an IPv4 address, or IPV6: and an IPv6 address"},
	{"PORT", ATTRIBUTE_PORT, take_port, print_port, "PORT= takes a number from 1 to 65535"},
	{"DESTADDR", ATTRIBUTE_DESTADDR, take_destination, print_destination,
		"DESTADDR= takes an IPv4 address, or IPV6: and an IPv6 address"},
	{"DESTPORT", ATTRIBUTE_DESTPORT, take_destination_port, print_destination_port,
		"DESTPORT= takes a number from 1 to 65535"},
	{"PROTO", ATTRIBUTE_PROTO, take_protocol, print_protocol, "PROTO= takes SMTP or ESMTP"},
	{"SOURCE", ATTRIBUTE_SOURCE, take_source, print_source, "SOURCE= takes LOCAL or REMOTE"},
	{"NAME", ATTRIBUTE_NAME, take_name, print_name, "NAME= takes the name of a host"},
	{"REVERSE_NAME", ATTRIBUTE_REVERSE_NAME, take_reverse_name, print_nothing,
		"REVERSE_NAME= takes the name of a host"},
	{"LOGIN", ATTRIBUTE_LOGIN, take_login, print_login, "LOGIN= takes a name"},
	{"HELO", ATTRIBUTE_HELO, take_helo, print_helo, "HELO= takes one word"},
	{"IDENT", ATTRIBUTE_IDENT, take_ident, print_ident, "IDENT= takes an id"},
};

#define ROWS (sizeof rows / sizeof rows[0])

/* --- reading --- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL when it is no xtext. Bytes beyond ASCII may stand as they are. */
static char *decode(const void *parent, struct slice xtext)
{
	char *text = talloc_array(parent, char, xtext.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < xtext.size; i++) {
		bool is_code = xtext.data[i] == '+';
		int high = is_code && i + 2 < xtext.size ? hex_value(xtext.data[i + 1]) : -1;
		int low = high >= 0 ? hex_value(xtext.data[i + 2]) : -1;

		if (is_code && low < 0)
			return NULL;
		text[size++] = is_code ? (char)(high * 16 + low) : xtext.data[i];
		i += is_code ? 2 : 0;
	}
	text[size] = '\0';
	return memchr(text, '\0', size) ? NULL : text;
}

static bool is_safe(const char *text)
{
	struct slice rest = slice_of(text);

	if (rest.size == 0 || rest.size > TEXT_MAXIMUM)
		return false;
	while (rest.size) {
		size_t size = utf8_length(rest);

		if (size == 0 || utf8_is_control(rest))
			return false;
		rest = slice_from(rest, size);
	}
	return true;
}

static bool is_unavailable(struct slice value)
{
	return slice_equals_nocase(value, UNAVAILABLE) ||
		slice_equals_nocase(value, "[TEMPUNAVAIL]");
}

static const struct row *row_named(struct slice name)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (slice_equals_nocase(name, rows[i].name))
			return &rows[i];
	}
	return NULL;
}

static const char *take(const void *parent, struct slice word, unsigned allowed,
	struct client_view *view, unsigned *given)
{
	struct slice value = word, name = slice_cut(&value, '=');
	const struct row *row = name.size < word.size ? row_named(name) : NULL;
	char *text = NULL;

	if (!row || !(row->attribute & allowed))
		return "an attribute is none that was offered";
	if (*given & row->attribute)
		return "an attribute is given twice";
	*given |= row->attribute;
	if (!is_unavailable(value)) {
		text = decode(parent, value);
		if (!text || !is_safe(text))
			return "a value is no xtext of 1 to 255 bytes without control characters";
	}
	return row->take(view, text) ? NULL : row->wrong;
}

const char *attributes_parse(const void *parent, struct slice argument, unsigned allowed,
	struct client_view *view, unsigned *given)
{
	const char *wrong = NULL;

	*given = 0;
	if (!argument.size)
		return "say attributes behind it: NAME=VALUE";
	while (argument.size && !wrong) {
		struct slice word = slice_cut(&argument, ' ');
		if (word.size)
			wrong = take(parent, word, allowed, view, given);
	}
	return wrong;
}

unsigned attributes_listed(struct slice line, const char *verb)
{
	unsigned listed = 0;

	if (!slice_equals_nocase(slice_cut(&line, ' '), verb))
		return 0;
	while (line.size) {
		const struct row *row = row_named(slice_cut(&line, ' '));
		listed |= row ? row->attribute : 0;
	}
	return listed;
}

/* --- saying --- */

char *attributes_offer(const void *parent, const char *verb, unsigned attributes)
{
	char *line = talloc_strdup(parent, verb);

	for (size_t i = 0; i < ROWS; i++) {
		if (attributes & rows[i].attribute)
			line = talloc_asprintf_append(line, " %s", rows[i].name);
	}
	return line;
}

static char *encode(const void *parent, const char *text)
{
	char *xtext = talloc_array(parent, char, 3 * strlen(text) + 1), *at = xtext;

	for (; *text; text++) {
		if (*text > ' ' && *text < 0x7f && *text != '+' && *text != '=')
			*at++ = *text;
		else
			at += sprintf(at, "+%02X", (unsigned char)*text);
	}
	*at = '\0';
	return xtext;
}

/* What all those say at least that come after this row. */
static size_t room_for_others(size_t row, unsigned listed)
{
	size_t room = 0;

	for (size_t i = row + 1; i < ROWS; i++) {
		if (listed & rows[i].attribute)
			room += strlen(rows[i].name) + sizeof " =" UNAVAILABLE;
	}
	return room;
}

char *attributes_print(
	const void *parent, const char *verb, unsigned listed, const struct client_view *view)
{
	char *line = talloc_strdup(parent, verb);
	char room[ADDRESS_TEXT];

	for (size_t i = 0; i < ROWS; i++) {
		if (!(listed & rows[i].attribute))
			continue;
		const char *value = rows[i].print(view, room);
		char *xtext = value && *value ? encode(line, value) : NULL;
		size_t needed = strlen(line) + strlen(rows[i].name) + 2 +
			room_for_others(i, listed) + (xtext ? strlen(xtext) : 0);
		line = talloc_asprintf_append(line, " %s=%s", rows[i].name,
			xtext && needed <= ATTRIBUTES_LINE ? xtext : UNAVAILABLE);
	}
	return line;
}
