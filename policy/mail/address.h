/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of the envelope: the Path of MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3). The parser takes what the
 * grammar has and what honest clients send (a path without angle brackets, blanks behind the colon), and says what it saw; whether
 * a form is welcome is the judge's business. What we print is always canonical: domain in lower case and without trailing
 * dot, local part as it came but quoted only where it must be.
 */
#pragma once

#include "policy/mail/domain.h"

#define LOCAL_PART_MAXIMUM 64 /* RFC 5321 §4.5.3.1.1; longer is taken up to the limit, flagged */
#define LOCAL_PART_LIMIT 256

/* What the parser saw besides the plain form; bits, named by address_form_names. Control characters (NUL, CR, LF and the
 * rest of C0 and C1, DEL) are never taken, quoted or escaped as they may be. */
enum address_form {
	ADDRESS_SOURCE_ROUTE = 1, /* <@a,@b:user@c>: the route is dropped (RFC 5321 appendix F.2) */
	ADDRESS_QUOTED = 2,       /* a quoted local part that needs its quotes */
	ADDRESS_LITERAL = 4,      /* user@[192.0.2.1] */
	ADDRESS_WITHOUT_DOMAIN = 8, /* postmaster, or any bare name */
	ADDRESS_DOTLESS = 16,       /* user@localhost */
	ADDRESS_PERCENT = 32,       /* a % in the local part */
	ADDRESS_BANG = 64,          /* a ! in the local part */
	ADDRESS_AT_INSIDE = 128,    /* an @ in a quoted local part */
	ADDRESS_UTF8 = 256,         /* needs SMTPUTF8 */
	ADDRESS_LONG = 512,         /* local part over LOCAL_PART_MAXIMUM */
	ADDRESS_UNBRACKETED = 1024  /* no angle brackets around it */
};

/* "source_route", "quoted" … in the order of the bits, NULL-ended. */
extern const char *const address_form_names[];

struct address {
	const char *local;  /* unquoted; "" for the null path */
	const char *domain; /* lower case, U-labels as they came; "" when there is none */
	const char *text;   /* canonical, without angle brackets; "" for the null path */
	unsigned form;      /* bits of enum address_form */
};

/* Parses a path at the front of *input and takes it off; what follows (parameters) stays. Lives under the parent. NULL
 * when it is no path; *reason then says why, for people ("the address has no closing >"). null_allowed: <> is a path. */
struct address *address_parse_path(
	const void *parent, struct slice *input, bool null_allowed, const char **reason);

/* A plain address from settings, a command line or a header: user@domain, with or without angle brackets, blanks around
 * it. NULL when it is none. */
struct address *address_parse(const void *parent, struct slice text);

bool address_is_null(const struct address *address);

/* Whether an address, as it is printed, is one of a pattern's: user@example.com itself, without case, or one at the domain
 * (domain_matches()). */
bool address_matches(const char *address, const char *pattern);
