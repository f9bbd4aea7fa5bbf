/* SPDX-License-Identifier: Apache-2.0 */
/* Domain names: RFC 5321 §4.1.2 with the U-labels of RFC 6531 §3.3. */
#include "policy/mail/domain.h"

#include "base/utf8.h"

#include <idn2.h>
#include <talloc.h>

#define LABEL_MAXIMUM 63
#define IDN_FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

static bool is_let_dig(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	}
	return true;
}

/* sub-domain = Let-dig [Ldh-str]; Ldh-str = *( ALPHA / DIGIT / "-" ) Let-dig
 * Deviation: an underscore counts as a letter; hosts are called so, and no harm comes of it. */
static bool is_label(struct slice label)
{
	if (label.size == 0 || label.size > LABEL_MAXIMUM)
		return false;
	if (label.data[0] == '-' || label.data[label.size - 1] == '-')
		return false;
	for (size_t i = 0; i < label.size; i++) {
		char c = label.data[i];
		if (!is_let_dig(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* Domain = sub-domain *("." sub-domain) */
static bool is_ascii_domain(struct slice domain)
{
	if (domain.size == 0 || domain.size > DOMAIN_MAXIMUM || domain.data[domain.size - 1] == '.')
		return false;
	while (domain.size) {
		if (!is_label(slice_cut(&domain, '.')))
			return false;
	}
	return true;
}

/* The A-label form, under the parent, or NULL when there is none. */
static char *to_ascii(const void *parent, struct slice domain)
{
	char *text = slice_keep(parent, domain);
	uint8_t *found = NULL;
	char *ascii = NULL;

	if (idn2_lookup_u8((const uint8_t *)text, &found, IDN_FLAGS) == IDN2_OK)
		ascii = talloc_strdup(parent, (const char *)found);
	idn2_free(found);
	talloc_free(text);
	return ascii;
}

/* Other full stops than ".", which the mapping for look-ups would turn into one: 。 ． ｡ */
static bool has_foreign_stop(const char *text)
{
	return strstr(text, "\xe3\x80\x82") || strstr(text, "\xef\xbc\x8e") ||
		strstr(text, "\xef\xbd\xa1");
}

static bool is_international_domain(struct slice domain)
{
	char *text, *ascii;
	bool valid;

	if (domain.size > DOMAIN_MAXIMUM || memchr(domain.data, '\0', domain.size) ||
		!utf8_is_valid(domain))
		return false;
	text = slice_keep(NULL, domain);
	ascii = has_foreign_stop(text) ? NULL : to_ascii(text, domain);
	valid = ascii && is_ascii_domain(slice_of(ascii));
	talloc_free(text);
	return valid;
}

bool domain_is_valid(struct slice domain, bool utf8)
{
	if (is_ascii(domain))
		return is_ascii_domain(domain);
	return utf8 && is_international_domain(domain);
}

static bool ascii_matches(struct slice domain, struct slice pattern)
{
	if (pattern.size && pattern.data[0] == '.')
		return domain.size > pattern.size &&
			slice_equals_nocase(
				slice_from(domain, domain.size - pattern.size), pattern.data);
	return slice_equals_nocase(domain, pattern.data);
}

/* A pattern keeps its leading dot. */
static const char *ascii_pattern(const void *parent, const char *pattern)
{
	bool below = pattern[0] == '.';
	const char *ascii = to_ascii(parent, slice_of(pattern + below));

	if (!ascii)
		return pattern;
	return below ? talloc_asprintf(parent, ".%s", ascii) : ascii;
}

bool domain_matches(const char *domain, const char *pattern)
{
	void *scratch;
	const char *ascii;
	bool matches;

	if (domain[0] == '\0' || pattern[0] == '\0')
		return false;
	if (is_ascii(slice_of(domain)) && is_ascii(slice_of(pattern)))
		return ascii_matches(slice_of(domain), slice_of(pattern));
	scratch = talloc_new(NULL);
	ascii = to_ascii(scratch, slice_of(domain));
	matches =
		ascii && ascii_matches(slice_of(ascii), slice_of(ascii_pattern(scratch, pattern)));
	talloc_free(scratch);
	return matches;
}

bool domain_is_listed(const char *domain, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (domain_matches(domain, patterns[i]))
			return true;
	}
	return false;
}

char *domain_to_ascii(const void *parent, const char *domain)
{
	struct slice slice = slice_of(domain);
	char *ascii;

	if (slice.size && slice.data[slice.size - 1] == '.')
		slice.size--;
	ascii = is_ascii(slice) ? slice_keep(parent, slice) : to_ascii(parent, slice);
	for (char *c = ascii; c && *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	return ascii;
}
