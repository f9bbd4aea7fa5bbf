/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses on the web, as browsers and mail programs read them: found in plain text, taken apart, and what is strange about them.
 * Hosts are compared by their registrable domain, after the list of public suffixes that libpsl was built with: what the owner of a
 * domain can give away belongs to him.
 *
 * Deviations from RFC 3986, all of them what browsers do: backslashes are slashes, any number of them stands behind the scheme; tabs and
 * line ends vanish; the host is percent-decoded and mapped to A-labels; an IPv4 address may have one to four parts, each decimal, octal
 * or hexadecimal.
 */
#pragma once

#include "base/slice.h"

#define URL_MAXIMUM 8192 /* bytes of one that are looked at */

/* Bits, named by url_flag_names. */
enum url_flag {
	URL_USERINFO = 1,       /* something before an @: https://bank.example@evil.example/ */
	URL_IP = 2,             /* an address for a host */
	URL_ODD_IP = 4,         /* not written as four decimal numbers */
	URL_IDN = 8,            /* a host that is not ASCII */
	URL_PERCENT_HOST = 16,  /* percent signs in the host */
	URL_BACKSLASH = 32,     /* backslashes for slashes */
	URL_PORT = 64,          /* a port */
	URL_NO_SCHEME = 128,    /* www.example.com */
	URL_OBFUSCATED = 256,   /* hxxp, [.] */
	URL_SCRIPT = 512,       /* javascript:, vbscript:, data: */
	URL_FILE = 1024,        /* file:, smb:, \\host\share, ms-office commands */
	URL_SHOWS_OTHER = 2048, /* the text over it shows an address in another domain */
	URL_CUT = 4096          /* longer than is looked at */
};

/* "userinfo", "ip" … in the order of the bits, NULL-ended; and a line of manual each. */
extern const char *const url_flag_names[];
extern const char *const url_flag_manual[];

struct url {
	const char *scheme; /* in small letters, "http" where none is written */
	const char *host;   /* in A-labels and small letters, an address in its usual form, or "" */
	const char *domain; /* the registrable one of the host; the host itself when it has none */
	const char *
		path; /* with the query, without the fragment; "/" at least where there is a host */
	unsigned flags;
};

/* Hosts of the last addresses, each looked up once however often a message names it. Zeroed before it is used; what it points to lives under
 * the parent of the addresses. */
#define URL_HOSTS 16

struct url_host {
	struct slice text; /* as it was written */
	const char *host, *domain;
	unsigned flags;
};

struct url_memory {
	struct url_host hosts[URL_HOSTS];
	unsigned next; /* to be forgotten */
};

/* Takes an address apart. False when it is none: empty, a fragment, a relative one. The memory may be NULL. */
bool url_parse(const void *parent, struct url_memory *memory, struct slice text, struct url *url);

/* Finds the next address in a text and takes everything up to its end off the front of *rest. */
bool url_find(struct slice *rest, struct slice *found);

/* Whether a text shows an address or the name of a host that belongs to another registrable domain. */
bool url_differs(
	const void *parent, struct url_memory *memory, const struct url *url, struct slice shown);

/* The registrable domain of a host, in the host; the host itself when it has none. */
const char *url_registrable(const char *host);
