/* SPDX-License-Identifier: Apache-2.0
 *
 * An SPF record (RFC 7208 §4.6, §5, §6, §12), taken apart and found right to its end before anything in it is evaluated.
 */
#pragma once

#include "base/cidr.h"

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};

enum spf_mechanism { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_result result; /* when it matches */
	struct slice domain;    /* domain-spec; empty: the domain in hand */
	struct cidr network;    /* of ip4 and ip6 */
	uint8_t bits4, bits6;   /* of a and mx */
	struct slice text;      /* as written */
};

struct spf_record {
	struct spf_term *terms;
	size_t count;
	struct slice redirect;    /* domain-spec; empty: none */
	struct slice explanation; /* likewise */
};

/* Whether a TXT record is an SPF record: begins with the version, alone or with a blank behind it. */
bool spf_record_is_one(const char *text);

/* The views are of the text, which must stay. NULL when anything is wrong with it; *problem says what, under the parent. */
struct spf_record *spf_record_parse(const void *parent, const char *text, const char **problem);
