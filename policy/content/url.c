/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses on the web: RFC 3986, and the URL standard where browsers follow that. */
#include "policy/content/url.h"

#include "policy/mail/domain.h"

#include <ctype.h>
#include <libpsl.h>
#include <stdlib.h>
#include <talloc.h>

#define SCHEME_SIZE 24

const char *const url_flag_names[] = {"userinfo", "ip", "odd_ip", "idn", "percent_host",
	"backslash", "port", "no_scheme", "obfuscated", "script", "file", "shows_other", "cut",
	NULL};
const char *const url_flag_manual[] = {"something stands before an @ in front of the host",
	"the host is an address", "an address that is not written as four decimal numbers",
	"the host is not ASCII", "percent signs in the host", "backslashes for slashes",
	"a port is named", "no scheme: www.example.com", "made unfit to click: hxxp, [.]",
	"a script or the content itself: javascript:, vbscript:, data:",
	"a file or a share, or a command to an office program",
	"the text over it shows another domain", "longer than 8192 bytes", NULL};

static const struct {
	const char *name, *real;
	unsigned flags;
	bool has_host;
} schemes[] = {
	{"http", "http", 0, true},
	{"https", "https", 0, true},
	{"hxxp", "http", URL_OBFUSCATED, true},
	{"hxxps", "https", URL_OBFUSCATED, true},
	{"ftp", "ftp", 0, true},
	{"ftps", "ftps", 0, true},
	{"sftp", "sftp", 0, true},
	{"ws", "ws", 0, true},
	{"wss", "wss", 0, true},
	{"file", "file", URL_FILE, true},
	{"smb", "smb", URL_FILE, true},
	{"mailto", "mailto", 0, false},
	{"tel", "tel", 0, false},
	{"cid", "cid", 0, false},
	{"javascript", "javascript", URL_SCRIPT, false},
	{"vbscript", "vbscript", URL_SCRIPT, false},
	{"data", "data", URL_SCRIPT, false},
	{"blob", "blob", URL_SCRIPT, false},
	{"search-ms", "search-ms", URL_FILE, false},
	{"ms-word", "ms-word", URL_FILE, false},
	{"ms-excel", "ms-excel", URL_FILE, false},
	{"ms-powerpoint", "ms-powerpoint", URL_FILE, false},
	{"ms-msdt", "ms-msdt", URL_FILE, false},
};
#define SCHEMES (sizeof schemes / sizeof *schemes)

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '-' || (unsigned char)c >= 0x80;
}

/* --- hosts --- */

static const char *last_label(const char *host)
{
	const char *dot = strrchr(host, '.');

	return dot ? dot + 1 : host;
}

const char *url_registrable(const char *host)
{
	const psl_ctx_t *list = psl_builtin();
	bool is_number = isdigit((unsigned char)*last_label(host));
	const char *domain = list && !is_number ? psl_registrable_domain(list, host) : NULL;

	return domain ? domain : host;
}

/* One part of an IPv4 address; false when it is no number. */
static bool read_part(const char *text, const char **end, uint64_t *number, bool *is_odd)
{
	int base = 10;

	if (!isdigit((unsigned char)*text))
		return false;
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		base = 16;
	else if (text[0] == '0' && isdigit((unsigned char)text[1]))
		base = 8;
	*is_odd |= base != 10;
	*number = strtoull(text, (char **)(uintptr_t)end, base);
	return *number <= UINT32_MAX;
}

/* An IPv4 address in one to four parts; the last of them fills what is left. */
static bool read_ipv4(const char *host, uint32_t *address, bool *is_odd)
{
	uint64_t parts[4] = {0};
	unsigned count = 0;
	uint32_t sum = 0;

	for (const char *at = host; count < 4; at++) {
		if (!read_part(at, &at, &parts[count++], is_odd))
			return false;
		if (!*at || (*at == '.' && !at[1])) {
			for (unsigned i = 0; i + 1 < count; i++) {
				if (parts[i] > 255)
					return false;
				sum |= (uint32_t)parts[i] << (24 - 8 * i);
			}
			*is_odd |= count != 4;
			*address = sum | (uint32_t)parts[count - 1];
			return count == 1 || parts[count - 1] >> (8 * (5 - count)) == 0;
		}
		if (*at != '.')
			return false;
	}
	return false;
}

/* Percent-decoded, without the brackets around dots, in small letters. */
static char *clean_host(const void *parent, struct slice text, unsigned *flags)
{
	char *host = slice_keep(parent, text), *out = host;

	for (const char *at = host; *at; at++) {
		char c = *at;
		if (c == '%' && slice_hex_digit(at[1]) >= 0 && slice_hex_digit(at[2]) >= 0) {
			c = (char)(slice_hex_digit(at[1]) << 4 | slice_hex_digit(at[2]));
			at += 2;
			*flags |= URL_PERCENT_HOST;
		} else if (c == '[' && (at[1] == '.' || at[1] == ':') && at[2] == ']') {
			c = at[1];
			at += 2;
			*flags |= URL_OBFUSCATED;
		}
		if ((unsigned char)c >= 0x80)
			*flags |= URL_IDN;
		if (c)
			*out++ = (char)((unsigned char)c < 0x80 ? tolower((unsigned char)c) : c);
	}
	while (out > host && out[-1] == '.')
		out--;
	*out = '\0';
	return host;
}

static struct url_host read_host(const void *parent, struct slice text)
{
	struct url_host read = {.text = text};
	char *host = clean_host(parent, text, &read.flags), *ascii;
	uint32_t address;
	bool is_odd = false;

	read.host = read.domain = host;
	if (*host == '[') {
		read.flags |= URL_IP;
		return read;
	}
	if (read_ipv4(host, &address, &is_odd)) {
		read.flags |= URL_IP | (is_odd ? URL_ODD_IP : 0);
		read.host = read.domain = talloc_asprintf(parent, "%u.%u.%u.%u", address >> 24,
			address >> 16 & 255, address >> 8 & 255, address & 255);
		return read;
	}
	ascii = domain_to_ascii(parent, host);
	if (ascii)
		read.host = ascii;
	if (strstr(read.host, "xn--"))
		read.flags |= URL_IDN;
	read.domain = url_registrable(read.host);
	return read;
}

/* The text stays as long as the memory. */
static const struct url_host *find_host(
	const void *parent, struct url_memory *memory, struct slice text)
{
	struct url_host *host;

	for (size_t i = 0; i < URL_HOSTS; i++) {
		host = &memory->hosts[i];
		if (host->host && host->text.size == text.size &&
			memcmp(host->text.data, text.data, text.size) == 0)
			return host;
	}
	host = &memory->hosts[memory->next++ % URL_HOSTS];
	*host = read_host(parent, text);
	return host;
}

static void set_host(
	const void *parent, struct url_memory *memory, struct url *url, struct slice text)
{
	struct url_host host = memory ? *find_host(parent, memory, text) : read_host(parent, text);

	url->host = host.host;
	url->domain = host.domain;
	url->flags |= host.flags;
}

/* --- taking apart --- */

/* Without tabs and line ends, as browsers read them. */
static struct slice clean(const void *parent, struct slice text, unsigned *flags)
{
	char *out;
	size_t used = 0;

	while (text.size && (unsigned char)text.data[0] <= ' ')
		text = slice_from(text, 1);
	if (text.size > URL_MAXIMUM) {
		text.size = URL_MAXIMUM;
		*flags |= URL_CUT;
	}
	out = talloc_array(parent, char, text.size + 1);
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c != '\t' && c != '\r' && c != '\n' && c)
			out[used++] = c;
	}
	while (used && (unsigned char)out[used - 1] <= ' ')
		used--;
	return slice_make(out, used);
}

/* The row of the scheme at the front, which is taken off with its colon; SCHEMES for none that is known. */
static size_t take_scheme(struct slice *text, bool *is_unknown)
{
	struct slice rest = *text, name;
	size_t i = 0;

	*is_unknown = false;
	while (i < rest.size && i < SCHEME_SIZE &&
		(isalnum((unsigned char)rest.data[i]) || strchr("+-.", rest.data[i])))
		i++;
	if (!i || i >= rest.size || rest.data[i] != ':' || isdigit((unsigned char)rest.data[0]))
		return SCHEMES;
	name = slice_make(rest.data, i);
	for (size_t row = 0; row < SCHEMES; row++) {
		if (!slice_equals_nocase(name, schemes[row].name))
			continue;
		*text = slice_from(rest, i + 1);
		return row;
	}
	/* "example.com:8080/" is no scheme. */
	*is_unknown = slice_find(name, '.') == SIZE_MAX;
	return SCHEMES;
}

static void note_backslashes(struct url *url, struct slice text)
{
	if (memchr(text.data, '\\', text.size))
		url->flags |= URL_BACKSLASH;
}

/* user@host:port/path, slashes before it taken off. */
static bool take_authority(
	const void *parent, struct url_memory *memory, struct url *url, struct slice text)
{
	struct slice authority, at_sign;
	size_t end = 0;
	const char *colon;

	while (end < text.size && !is_slash(text.data[end]) && text.data[end] != '?' &&
		text.data[end] != '#')
		end++;
	authority = slice_make(text.data, end);
	text = slice_from(text, end);
	at_sign = authority;
	for (size_t i = slice_find(at_sign, '@'); i != SIZE_MAX; i = slice_find(at_sign, '@')) {
		at_sign = slice_from(at_sign, i + 1);
		url->flags |= URL_USERINFO;
	}
	authority = at_sign;
	colon = memrchr(authority.data, ':', authority.size);
	if (colon && !memchr(colon, ']', (size_t)(authority.data + authority.size - colon))) {
		authority.size = (size_t)(colon - authority.data);
		url->flags |= URL_PORT;
	}
	note_backslashes(url, text);
	url->path = slice_keep(parent, slice_cut(&text, '#'));
	if (!*url->path)
		url->path = "/";
	set_host(parent, memory, url, authority);
	return *url->host != '\0';
}

static bool take_slashes(struct url *url, struct slice *text)
{
	size_t count = 0;

	while (count < text->size && is_slash(text->data[count]))
		count++;
	note_backslashes(url, slice_make(text->data, count));
	*text = slice_from(*text, count);
	return count >= 2;
}

/* A host without a scheme: it has a dot before its first slash. */
static bool looks_like_host(struct slice text)
{
	size_t i = 0;
	bool has_dot = false;

	while (i < text.size && (is_name(text.data[i]) || text.data[i] == '.')) {
		has_dot |= text.data[i] == '.' && i > 0;
		i++;
	}
	return has_dot && (i == text.size || strchr("/\\:?#", text.data[i]));
}

static bool take_without_scheme(
	const void *parent, struct url_memory *memory, struct url *url, struct slice text)
{
	bool is_share = text.size > 2 && text.data[0] == '\\' && text.data[1] == '\\';

	url->scheme = is_share ? "file" : "http";
	url->flags |= is_share ? URL_FILE : URL_NO_SCHEME;
	if (!take_slashes(url, &text) && !looks_like_host(text))
		return false;
	return take_authority(parent, memory, url, text);
}

bool url_parse(const void *parent, struct url_memory *memory, struct slice text, struct url *url)
{
	bool is_unknown;
	size_t row;

	*url = (struct url){.scheme = "http", .host = "", .domain = "", .path = ""};
	text = clean(parent, text, &url->flags);
	if (!text.size || text.data[0] == '#')
		return false;
	row = take_scheme(&text, &is_unknown);
	if (row == SCHEMES && !is_unknown)
		return take_without_scheme(parent, memory, url, text);
	if (row == SCHEMES) {
		url->scheme = slice_keep(parent, slice_cut(&text, ':'));
		url->path = slice_keep(parent, text);
		return true;
	}
	url->scheme = schemes[row].real;
	url->flags |= schemes[row].flags;
	if (!schemes[row].has_host) {
		url->path = slice_keep(parent, text);
		return true;
	}
	take_slashes(url, &text);
	return take_authority(parent, memory, url, text);
}

/* --- finding --- */

static const bool ends_address[256] = {['<'] = true,
	['>'] = true,
	['"'] = true,
	['`'] = true,
	['{'] = true,
	['}'] = true,
	['|'] = true,
	['^'] = true,
	[0x7f] = true};

/* Where an address ends that begins here. Punctuation at its end belongs to the sentence. */
static size_t length_of(struct slice text)
{
	size_t size = 0;
	int open = 0;

	while (size < text.size && (unsigned char)text.data[size] > ' ' &&
		!ends_address[(unsigned char)text.data[size]]) {
		open += text.data[size] == '(';
		open -= text.data[size] == ')';
		size++;
	}
	while (size && strchr(".,;:!?')]*_", text.data[size - 1])) {
		if (text.data[size - 1] == ')') {
			if (open >= 0)
				break;
			open++;
		}
		size--;
	}
	return size;
}

/* The scheme that ends at a colon and is clickable, whatever stands before it: its size, or 0. */
static size_t scheme_before(struct slice text, size_t colon)
{
	size_t longest = 0;

	for (size_t row = 0; row < SCHEMES; row++) {
		size_t size = strlen(schemes[row].name);
		if (schemes[row].has_host && size <= colon && size > longest &&
			slice_equals_nocase(
				slice_make(text.data + colon - size, size), schemes[row].name))
			longest = size;
	}
	return longest;
}

static size_t begins_at(struct slice text, size_t i)
{
	size_t size;

	if (text.data[i] == ':' && i + 2 < text.size && is_slash(text.data[i + 1])) {
		size = scheme_before(text, i);
		return size ? i - size : SIZE_MAX;
	}
	if ((text.data[i] | 0x20) == 'w' && (!i || !isalnum((unsigned char)text.data[i - 1])) &&
		slice_starts_nocase(slice_from(text, i), "www."))
		return i;
	if (text.data[i] == '/' && i && isalpha((unsigned char)text.data[i - 1])) {
		size = 0;
		while (size < i && size < 80 &&
			(is_name(text.data[i - 1 - size]) || text.data[i - 1 - size] == '.'))
			size++;
		if (size && size < 80 && memchr(text.data + i - size, '.', size) &&
			text.data[i - size] != '.')
			return i - size;
	}
	return SIZE_MAX;
}

bool url_find(struct slice *rest, struct slice *found)
{
	struct slice text = *rest;

	for (size_t i = 0; i < text.size; i++) {
		size_t start, size;
		char c = text.data[i];
		if (c != ':' && c != '/' && (c | 0x20) != 'w')
			continue;
		start = begins_at(text, i);
		if (start == SIZE_MAX)
			continue;
		size = length_of(slice_from(text, start));
		if (start + size <= i + (c == ':' ? 3 : c == '/' ? 0 : 4))
			continue;
		*found = slice_make(text.data + start, size);
		*rest = slice_from(text, start + size);
		return true;
	}
	*rest = slice_from(text, text.size);
	return false;
}

/* --- comparing --- */

/* A text that is nothing but the name of a host, of a public suffix that exists. */
static bool is_host(
	const void *parent, struct url_memory *memory, struct slice text, struct url *url)
{
	const psl_ctx_t *list = psl_builtin();

	if (text.size > DOMAIN_MAXIMUM || !looks_like_host(text) ||
		!url_parse(parent, memory, text, url))
		return false;
	return list &&
		psl_is_public_suffix2(
			list, last_label(url->host), PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) &&
		psl_registrable_domain(list, url->host);
}

bool url_differs(
	const void *parent, struct url_memory *memory, const struct url *url, struct slice shown)
{
	struct slice found, rest = shown;
	struct url other;

	if (!*url->host)
		return false;
	shown = slice_trim(shown);
	if (url_find(&rest, &found) ? !url_parse(parent, memory, found, &other)
				    : !is_host(parent, memory, shown, &other))
		return false;
	return *other.host && strcmp(other.domain, url->domain) != 0;
}
