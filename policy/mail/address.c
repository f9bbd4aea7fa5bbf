/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of MAIL and RCPT: RFC 5321 §4.1.2, with the UTF-8 of RFC 6531 §3.3. */
#include "policy/mail/address.h"

#include "base/cidr.h"
#include "base/utf8.h"
#include "policy/mail/domain.h"

#include <talloc.h>

#define REASON_FORM "an address looks like <user@example.com>"
#define REASON_CONTROL                                                                             \
	"the address holds a control character, as cursor keys leave it behind in telnet"

const char *const address_form_names[] = {"source_route", "quoted", "literal", "without_domain",
	"dotless", "percent", "bang", "at_inside", "utf8", "long", "unbracketed", NULL};

/* A path under way. */
struct path {
	const void *parent;
	struct slice rest;
	const char *reason; /* the first thing that was wrong */
	unsigned form;
	size_t local_size;
	char local[LOCAL_PART_LIMIT + 1];
	char domain[DOMAIN_MAXIMUM + 1];
};

static bool fails(struct path *path, const char *reason)
{
	if (!path->reason)
		path->reason = reason;
	return false;
}

static bool is_next(const struct path *path, char byte)
{
	return path->rest.size && path->rest.data[0] == byte;
}

static bool take(struct path *path, char byte)
{
	if (!is_next(path, byte))
		return false;
	path->rest = slice_from(path->rest, 1);
	return true;
}

static bool take_to_local(struct path *path, size_t length)
{
	if (path->local_size + length > LOCAL_PART_LIMIT)
		return fails(path, "what stands before the @ is too long");
	memcpy(path->local + path->local_size, path->rest.data, length);
	path->local_size += length;
	path->rest = slice_from(path->rest, length);
	return true;
}

/* RFC 5322 §3.2.3: atext; RFC 6531 §3.3: atext =/ UTF8-non-ascii
 * The length of one at the front, or 0. */
static size_t atext_length(struct slice s)
{
	size_t length = utf8_length(s);

	if (length > 1)
		return utf8_is_control(s) ? 0 : length;
	if (length == 0 || s.data[0] <= ' ' || s.data[0] == 0x7f)
		return 0;
	return strchr("()<>[]:;@\\,.\"", s.data[0]) ? 0 : 1;
}

/* Atom = 1*atext */
static bool parse_atom(struct path *path)
{
	size_t length = atext_length(path->rest);

	if (!length)
		return fails(path,
			is_next(path, '.') || path->local_size
				? "what stands before the @ may not begin or end with a dot, nor "
				  "hold two of them together"
				: REASON_FORM);
	for (; length; length = atext_length(path->rest)) {
		if (!take_to_local(path, length))
			return false;
	}
	return true;
}

/* Dot-string = Atom *("." Atom) */
static bool parse_dot_string(struct path *path)
{
	if (!parse_atom(path))
		return false;
	while (is_next(path, '.')) {
		if (!take_to_local(path, 1) || !parse_atom(path))
			return false;
	}
	return true;
}

/* QcontentSMTP = qtextSMTP / quoted-pairSMTP
 * quoted-pairSMTP = %d92 %d32-126
 * qtextSMTP = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii */
static bool parse_quoted_content(struct path *path)
{
	bool escaped = take(path, '\\');
	size_t length = utf8_length(path->rest);

	if (!length || utf8_is_control(path->rest) || (escaped && length > 1))
		return fails(path, "a character inside the quotation marks must not stand there");
	return take_to_local(path, length);
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
static bool parse_quoted_string(struct path *path)
{
	while (!take(path, '"')) {
		if (path->rest.size == 0)
			return fails(path, "a quotation mark is not closed");
		if (!parse_quoted_content(path))
			return false;
	}
	return true;
}

/* Local-part = Dot-string / Quoted-string */
static bool parse_local(struct path *path)
{
	if (take(path, '"'))
		return parse_quoted_string(path);
	return parse_dot_string(path);
}

static size_t domain_length(struct slice s)
{
	size_t length = 0;

	while (length < s.size && !strchr("<>()[]:;@\\,\" \t", s.data[length]))
		length++;
	return length;
}

/* Domain = sub-domain *("." sub-domain) */
static struct slice parse_domain(struct path *path)
{
	struct slice domain = slice_make(path->rest.data, domain_length(path->rest));

	path->rest = slice_from(path->rest, domain.size);
	if (domain.size == 0)
		fails(path, "the domain is missing behind the @");
	else if (domain.data[domain.size - 1] == '.')
		fails(path, "the domain ends with a dot");
	else if (!domain_is_valid(domain, true))
		fails(path, "the domain is not well-formed");
	return domain;
}

static void keep_domain(struct path *path, struct slice domain)
{
	for (size_t i = 0; i < domain.size; i++) {
		char c = domain.data[i];
		path->domain[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	path->domain[domain.size] = '\0';
}

/* IPv6-address-literal = "IPv6:" IPv6-addr; without the tag it is an IPv4-address-literal. No tag of a
 * General-address-literal was ever registered, so there is none to take. */
static bool is_literal_content(struct slice content)
{
	struct ip ip;

	if (!slice_starts_nocase(content, "IPv6:"))
		return slice_find(content, ':') == SIZE_MAX && ip_parse(content, &ip);
	content = slice_from(content, strlen("IPv6:"));
	return slice_find(content, ':') != SIZE_MAX && ip_parse(content, &ip);
}

/* address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]" */
static bool parse_literal(struct path *path)
{
	size_t end = slice_find(path->rest, ']');
	struct slice whole;

	if (end == SIZE_MAX)
		return fails(path, "the address literal has no closing ]");
	whole = slice_make(path->rest.data, end + 1);
	if (!is_literal_content(slice_make(whole.data + 1, end - 1)))
		return fails(path, "what stands in [ ] is no IP address");
	keep_domain(path, whole);
	path->form |= ADDRESS_LITERAL;
	path->rest = slice_from(path->rest, whole.size);
	return true;
}

/* Mailbox = Local-part "@" ( Domain / address-literal )
 * RFC 5321 §4.1.1.3 has "<Postmaster>" besides; any bare name is taken, and flagged. */
static bool parse_mailbox(struct path *path)
{
	struct slice domain;

	if (!parse_local(path))
		return false;
	if (!take(path, '@')) {
		path->form |= ADDRESS_WITHOUT_DOMAIN;
		return path->local_size || fails(path, "the address is empty");
	}
	if (is_next(path, '['))
		return parse_literal(path);
	domain = parse_domain(path);
	if (path->reason)
		return false;
	keep_domain(path, domain);
	if (slice_find(domain, '.') == SIZE_MAX)
		path->form |= ADDRESS_DOTLESS;
	return true;
}

/* A-d-l = At-domain *( "," At-domain ); At-domain = "@" Domain. It is read and forgotten. */
static bool parse_source_route(struct path *path)
{
	do {
		if (!take(path, '@'))
			return fails(path, "a source route names hosts as @host,@host:");
		parse_domain(path);
		if (path->reason)
			return false;
	} while (take(path, ','));
	path->form |= ADDRESS_SOURCE_ROUTE;
	return take(path, ':') || fails(path, "a source route ends with a colon");
}

static bool ends_here(const struct path *path)
{
	return path->rest.size == 0 || path->rest.data[0] == ' ' || path->rest.data[0] == '\t';
}

static bool fails_at_next(struct path *path)
{
	if (path->rest.size == 0)
		return fails(path, "the address has no closing >");
	if (ends_here(path))
		return fails(path, "there is a blank inside the address");
	if (path->rest.data[0] < ' ' || path->rest.data[0] > '~')
		return fails(path, REASON_FORM);
	return fails(path,
		talloc_asprintf(path->parent, "the address goes wrong at \"%c\"; %s",
			path->rest.data[0], REASON_FORM));
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">"; the "<" is gone. */
static bool parse_bracketed(struct path *path)
{
	if (is_next(path, '@') && !parse_source_route(path))
		return false;
	if (!parse_mailbox(path))
		return false;
	if (!take(path, '>'))
		return fails_at_next(path);
	return ends_here(path) || fails(path, "something stands right behind the closing >");
}

static bool parse_bare(struct path *path)
{
	path->form |= ADDRESS_UNBRACKETED;
	if (path->rest.size == 0)
		return fails(path, "the address is missing");
	return parse_mailbox(path) && (ends_here(path) || fails_at_next(path));
}

static bool parse_path(struct path *path, bool null_allowed)
{
	if (!take(path, '<'))
		return parse_bare(path);
	if (!is_next(path, '>'))
		return parse_bracketed(path);
	take(path, '>');
	if (!null_allowed)
		return fails(path, "<> is for senders only; a recipient needs an address");
	return ends_here(path) || fails(path, "something stands right behind <>");
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f)
			return true;
	}
	return false;
}

static bool is_dot_string(struct slice local)
{
	bool wants_atom = true;

	while (local.size) {
		size_t length = atext_length(local);
		if (!length && (local.data[0] != '.' || wants_atom))
			return false;
		wants_atom = !length;
		local = slice_from(local, length ? length : 1);
	}
	return !wants_atom;
}

static char *quote(const void *parent, struct slice local)
{
	char *text = talloc_array(parent, char, 2 * local.size + 3);
	size_t used = 0;

	text[used++] = '"';
	for (size_t i = 0; i < local.size; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			text[used++] = '\\';
		text[used++] = local.data[i];
	}
	text[used++] = '"';
	text[used] = '\0';
	return text;
}

static unsigned form_of_local(struct slice local)
{
	unsigned form = 0;

	for (size_t i = 0; i < local.size; i++) {
		if (local.data[i] == '%')
			form |= ADDRESS_PERCENT;
		else if (local.data[i] == '!')
			form |= ADDRESS_BANG;
		else if (local.data[i] == '@')
			form |= ADDRESS_AT_INSIDE;
		else if ((unsigned char)local.data[i] >= 0x80)
			form |= ADDRESS_UTF8;
	}
	return form;
}

static bool has_8bit(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return true;
	}
	return false;
}

static char *with_domain(const void *parent, const char *local, const char *domain)
{
	char *text = talloc_array(parent, char, strlen(local) + strlen(domain) + sizeof "@");

	stpcpy(stpcpy(stpcpy(text, local), "@"), domain);
	return text;
}

static struct address *address_of(const struct path *path)
{
	struct address *address = talloc_zero(path->parent, struct address);
	struct slice local = slice_make(path->local, path->local_size);
	const char *shown;

	address->local = shown = slice_keep(address, local);
	address->domain = talloc_strdup(address, path->domain);
	address->form = path->form | form_of_local(local);
	if (has_8bit(path->domain))
		address->form |= ADDRESS_UTF8;
	if ((local.size || path->domain[0]) && !is_dot_string(local)) {
		address->form |= ADDRESS_QUOTED;
		shown = quote(address, local);
	}
	if (strlen(shown) > LOCAL_PART_MAXIMUM)
		address->form |= ADDRESS_LONG;
	address->text = path->domain[0] ? with_domain(address, shown, path->domain) : shown;
	return address;
}

struct address *address_parse_path(
	const void *parent, struct slice *input, bool null_allowed, const char **reason)
{
	struct path path = {.parent = parent, .rest = *input};

	while (ends_here(&path) && path.rest.size)
		path.rest = slice_from(path.rest, 1);
	if (!parse_path(&path, null_allowed)) {
		*reason = has_control(*input) ? REASON_CONTROL : path.reason;
		return NULL;
	}
	*input = path.rest;
	return address_of(&path);
}

struct address *address_parse(const void *parent, struct slice text)
{
	void *scratch = talloc_new(NULL);
	const char *reason;
	struct slice rest = slice_trim(text);
	struct address *address = address_parse_path(scratch, &rest, false, &reason);

	if (address && rest.size == 0) {
		address->form &= ~(unsigned)ADDRESS_UNBRACKETED;
		talloc_steal(parent, address);
	} else {
		address = NULL;
	}
	talloc_free(scratch);
	return address;
}

bool address_is_null(const struct address *address)
{
	return address->text[0] == '\0';
}

bool address_matches(const char *address, const char *pattern)
{
	const char *at = strrchr(address, '@');

	if (strchr(pattern, '@'))
		return slice_equals_nocase(slice_of(address), pattern);
	return at && domain_matches(at + 1, pattern);
}
