/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates made for one test run: nothing that could expire lies in the tree.
 */
#pragma once

#include <stdbool.h>

struct certificate {
	char folder[32];
	char file[64];
	char key[64];
	char fingerprint[65]; /* SHA-256, small digits */
};

struct certificate_wish {
	const char *common_name;          /* NULL: mx.example.com */
	const char *names;                /* as "DNS:mx.example.com,IP:127.0.0.1"; NULL: none */
	bool is_rsa;                      /* else ECDSA */
	bool is_authority;                /* may be the issuer of others */
	long from, until;                 /* seconds from now; both 0: an hour ago, tomorrow */
	const struct certificate *issuer; /* NULL: itself */
};

/* Writes certificate and key in PEM to a folder of their own: for mx.example.com, signed by itself. */
void certificate_make(struct certificate *certificate);

/* The same as it is wished for. */
void certificate_make_as(struct certificate *certificate, const struct certificate_wish *wish);

/* Removes all three. */
void certificate_remove(const struct certificate *certificate);
