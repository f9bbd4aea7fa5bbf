/* SPDX-License-Identifier: Apache-2.0
 *
 * A credential is what we prove our name with: a certificate, the chain above it and its private key, read from PEM files once and shared
 * by all contexts that use them.
 */
#pragma once

#include "base/slice.h"

#include <openssl/types.h>

#define CREDENTIAL_FINGERPRINT_SIZE 65

struct stack_st_X509;

enum credential_fault { CREDENTIAL_BAD_CERTIFICATE, CREDENTIAL_BAD_KEY };
enum credential_age { CREDENTIAL_VALID, CREDENTIAL_EXPIRED, CREDENTIAL_NOT_YET_VALID };

struct credential {
	X509 *certificate;
	struct stack_st_X509 *chain;
	EVP_PKEY *key;
	const char **names; /* in small letters; "*.example.com" stands for one label more */
	size_t name_count;
};

/* Reads both files. NULL when one of them is no good or the key is not the certificate's: then *fault says which, and *reason why. */
struct credential *credential_load(const void *parent, const char *certificate, const char *key,
	enum credential_fault *fault, const char **reason);

/* At this moment. */
enum credential_age credential_age(const struct credential *credential);

/* Whether it stands for the name; a name with a wildcard is covered only by the same. Any bytes may be asked for. */
bool credential_covers(const struct credential *credential, const char *name);
/* Whether it has just this name. */
bool credential_has_name(const struct credential *credential, const char *name);

/* Whether both have keys of the same kind, so that a client is served either one or the other. */
bool credential_has_same_kind(const struct credential *a, const struct credential *b);

/* SHA-256 of a certificate in hexadecimal digits; returns text. */
const char *credential_fingerprint(
	const X509 *certificate, char text[static CREDENTIAL_FINGERPRINT_SIZE]);
