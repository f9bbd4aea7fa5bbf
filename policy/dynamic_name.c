/* SPDX-License-Identifier: Apache-2.0 */
/* Names that providers give to ranges of addresses. */
#include "policy/dynamic_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define WORD_SIZE 64

static const char *const words[] = {"adsl", "broadband", "cable", "cpe", "dhcp", "dial", "dialin",
	"dialup", "dsl", "dyn", "dynamic", "dynamicip", "fios", "ftth", "gprs", "hsdpa", "lte",
	"pool", "pools", "ppp", "pppoe", "residential", "unassigned", "vdsl", "wlan", "xdsl"};

/* A piece of a name. */
struct word {
	char text[WORD_SIZE];
	size_t size;
};

/* The next piece between dots and hyphens; false at the end. */
static bool next_piece(const char **name, struct word *piece)
{
	*name += strspn(*name, ".-_");
	piece->size = strcspn(*name, ".-_");
	if (piece->size == 0)
		return false;
	size_t kept = piece->size < WORD_SIZE - 1 ? piece->size : WORD_SIZE - 1;
	memcpy(piece->text, *name, kept);
	piece->text[kept] = '\0';
	*name += piece->size;
	return true;
}

/* With digits at its ends taken off: "dsl12" and "3pool" are words, too. */
static bool is_word(const struct word *piece)
{
	const char *from = piece->text + strspn(piece->text, "0123456789");
	size_t size = strlen(from);

	while (size > 0 && isdigit((unsigned char)from[size - 1]))
		size--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strlen(words[i]) == size && strncasecmp(from, words[i], size) == 0)
			return true;
	}
	return false;
}

/* Labels of providers come before the domain and its top. */
static size_t domain_begins(const char *name)
{
	size_t size = strlen(name), dots = 0;

	while (size > 0 && (name[size - 1] != '.' || ++dots < 2))
		size--;
	return size;
}

static bool has_word(const char *name)
{
	const char *end = name + domain_begins(name), *at = name;
	struct word piece;

	while (next_piece(&at, &piece) && at < end) {
		if (is_word(&piece))
			return true;
	}
	return false;
}

/* --- the address in the name --- */

static bool is_number(const char *text, size_t size, unsigned long wanted)
{
	return size > 0 && size <= 3 && strtoul(text, NULL, 10) == wanted;
}

/* Whether a number of its own in the name, with no digit before or behind, is the byte. */
static bool has_byte(const char *name, unsigned byte)
{
	for (const char *at = name; *at;) {
		size_t digits = strspn(at, "0123456789");
		if (is_number(at, digits, byte))
			return true;
		at += digits ? digits : 1;
	}
	return false;
}

static bool has_hexadecimal(const char *name, const struct ip *ip)
{
	char number[2 * sizeof ip->bytes + 1];
	size_t size = ip->family == 4 ? 4 : 8;
	const uint8_t *from = ip->bytes + (ip->family == 4 ? 0 : 8);

	for (size_t i = 0; i < size; i++)
		snprintf(number + 2 * i, 3, "%02x", from[i]);
	return strcasestr(name, number) != NULL;
}

static bool has_address(const char *name, const struct ip *ip)
{
	if (has_hexadecimal(name, ip))
		return true;
	return ip->family == 4 && has_byte(name, ip->bytes[2]) && has_byte(name, ip->bytes[3]);
}

bool dynamic_name(const char *name, const struct ip *ip)
{
	return has_address(name, ip) || has_word(name);
}
