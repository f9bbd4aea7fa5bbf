/* SPDX-License-Identifier: Apache-2.0 */
/* Taking SPF records apart, RFC 7208 §12. */
#include "policy/spf_record.h"

#include "policy/spf_macro.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <talloc.h>

#define VERSION "v=spf1"
#define TERM_SHOWN 80

enum need { NOT_ALLOWED, OPTIONAL, MANDATORY };

/* A mechanism and what may stand behind its name. */
struct form {
	const char *name;
	enum spf_mechanism mechanism;
	enum need domain;
	bool has_lengths; /* dual-cidr-length */
	int family;       /* of the network it takes; 0: none */
};

static const struct form forms[] = {
	{"all", SPF_ALL, NOT_ALLOWED, false, 0},
	{"include", SPF_INCLUDE, MANDATORY, false, 0},
	{"a", SPF_A, OPTIONAL, true, 0},
	{"mx", SPF_MX, OPTIONAL, true, 0},
	{"ptr", SPF_PTR, OPTIONAL, false, 0},
	{"ip4", SPF_IP4, NOT_ALLOWED, false, AF_INET},
	{"ip6", SPF_IP6, NOT_ALLOWED, false, AF_INET6},
	{"exists", SPF_EXISTS, MANDATORY, false, 0},
};

bool spf_record_is_one(const char *text)
{
	struct slice record = slice_of(text);

	return slice_starts_nocase(record, VERSION) &&
		(record.size == strlen(VERSION) || record.data[strlen(VERSION)] == ' ');
}

/* ip4-cidr-length = "/" ("0" / %x31-39 0*1DIGIT), ip6-cidr-length likewise */
static bool read_length(struct slice digits, unsigned most, uint8_t *bits)
{
	uint64_t number;

	if (!slice_to_number(digits, &number) || number > most)
		return false;
	if (digits.size > 1 && digits.data[0] == '0')
		return false;
	*bits = (uint8_t)number;
	return true;
}

/* The digits at the end of a text, with the slash before them; SIZE_MAX when it does not end so. */
static size_t length_at_end(struct slice text)
{
	size_t at = text.size;

	while (at && isdigit((unsigned char)text.data[at - 1]))
		at--;
	return at < text.size && at && text.data[at - 1] == '/' ? at - 1 : SIZE_MAX;
}

/* Takes "/" length off the end, when there is one. */
static bool cut_length(struct slice *text, unsigned most, uint8_t *bits)
{
	size_t at = length_at_end(*text);

	if (at == SIZE_MAX)
		return true;
	if (!read_length(slice_from(*text, at + 1), most, bits))
		return false;
	text->size = at;
	return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static bool cut_lengths(struct slice *text, struct spf_term *term)
{
	size_t at = length_at_end(*text);
	bool is_second = at != SIZE_MAX && at && text->data[at - 1] == '/';

	if (is_second && !cut_length(text, 128, &term->bits6))
		return false;
	if (is_second)
		text->size--;
	return cut_length(text, 32, &term->bits4);
}

/* Addresses are read as they are written: an IPv6 network never holds an IPv4 client. */
static bool read_network(const struct form *form, struct slice text, struct spf_term *term)
{
	char address[INET6_ADDRSTRLEN];
	unsigned most = form->family == AF_INET ? 32 : 128;

	term->network.bits = (uint8_t)most;
	term->network.ip = (struct ip){.family = form->family == AF_INET ? 4 : 6};
	if (!text.size || text.data[0] != ':')
		return false;
	text = slice_from(text, 1);
	if (!cut_length(&text, most, &term->network.bits) || text.size >= sizeof address ||
		memchr(text.data, '\0', text.size))
		return false;
	memcpy(address, text.data, text.size);
	address[text.size] = '\0';
	return inet_pton(form->family, address, term->network.ip.bytes) == 1;
}

static bool read_domain(const struct form *form, struct slice text, struct spf_term *term)
{
	if (form->has_lengths && !cut_lengths(&text, term))
		return false;
	if (!text.size)
		return form->domain != MANDATORY;
	if (form->domain == NOT_ALLOWED || text.data[0] != ':')
		return false;
	term->domain = slice_from(text, 1);
	return spf_macro_is_domain_spec(term->domain);
}

/* qualifier = "+" / "-" / "?" / "~" */
static enum spf_result take_qualifier(struct slice *text)
{
	static const struct {
		char sign;
		enum spf_result result;
	} qualifiers[] = {
		{'+', SPF_PASS}, {'-', SPF_FAIL}, {'?', SPF_NEUTRAL}, {'~', SPF_SOFTFAIL}};

	for (size_t i = 0; i < sizeof qualifiers / sizeof *qualifiers; i++) {
		if (text->size && text->data[0] == qualifiers[i].sign) {
			*text = slice_from(*text, 1);
			return qualifiers[i].result;
		}
	}
	return SPF_PASS;
}

static const struct form *form_named(struct slice name)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (slice_equals_nocase(name, forms[i].name))
			return &forms[i];
	}
	return NULL;
}

/* directive = [ qualifier ] mechanism */
static bool read_directive(struct spf_record *record, struct slice text)
{
	struct spf_term term = {.bits4 = 32, .bits6 = 128, .text = text};
	const struct form *form;
	size_t name = 0;

	term.result = take_qualifier(&text);
	while (name < text.size && isalnum((unsigned char)text.data[name]))
		name++;
	form = form_named(slice_make(text.data, name));
	if (!form)
		return false;
	term.mechanism = form->mechanism;
	text = slice_from(text, name);
	if (!(form->family ? read_network(form, text, &term) : read_domain(form, text, &term)))
		return false;
	record->terms = talloc_realloc(record, record->terms, struct spf_term, record->count + 1);
	record->terms[record->count++] = term;
	return true;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ); its size when "=" follows, else SIZE_MAX. */
static size_t modifier_name(struct slice text)
{
	size_t size = 0;

	while (size < text.size &&
		(isalnum((unsigned char)text.data[size]) ||
			(text.data[size] && strchr("-_.", text.data[size]))))
		size++;
	return size < text.size && text.data[size] == '=' ? size : SIZE_MAX;
}

static bool read_once(struct slice *kept, struct slice value)
{
	bool is_first = kept->size == 0;

	*kept = value;
	return is_first && spf_macro_is_domain_spec(value);
}

/* modifier = redirect / explanation / unknown-modifier */
static bool read_modifier(struct spf_record *record, struct slice name, struct slice value)
{
	if (!name.size || !isalpha((unsigned char)name.data[0]))
		return false;
	if (slice_equals_nocase(name, "redirect"))
		return read_once(&record->redirect, value);
	if (slice_equals_nocase(name, "exp"))
		return read_once(&record->explanation, value);
	return spf_macro_is_valid(value, SPF_TEXT_RECORD);
}

static bool read_term(struct spf_record *record, struct slice text)
{
	size_t name = modifier_name(text);

	return name == SIZE_MAX
		? read_directive(record, text)
		: read_modifier(record, slice_make(text.data, name), slice_from(text, name + 1));
}

static bool is_visible(struct slice term)
{
	for (size_t i = 0; i < term.size; i++) {
		if (term.data[i] <= ' ' || term.data[i] >= 0x7f)
			return false;
	}
	return true;
}

static const char *complaint(const void *parent, struct slice term)
{
	if (!is_visible(term))
		return "a record with bytes that are not allowed";
	if (term.size > TERM_SHOWN)
		term.size = TERM_SHOWN;
	return talloc_asprintf(parent, "a record with a mistake: %.*s", SLICE_ARGS(term));
}

struct spf_record *spf_record_parse(const void *parent, const char *text, const char **problem)
{
	struct spf_record *record = talloc_zero(parent, struct spf_record);
	struct slice rest = slice_from(slice_of(text), strlen(VERSION));

	while (rest.size) {
		struct slice term = slice_cut(&rest, ' ');
		if (!term.size || (is_visible(term) && read_term(record, term)))
			continue;
		*problem = complaint(parent, term);
		talloc_free(record);
		return NULL;
	}
	return record;
}
