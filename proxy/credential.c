/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with their keys: RFC 5280, RFC 6125 §6.4 (names). */
#include "proxy/credential.h"

#include "proxy/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <strings.h>
#include <talloc.h>

#define CHAIN_MOST 16

static int credential_free(struct credential *credential)
{
	X509_free(credential->certificate);
	sk_X509_pop_free(credential->chain, X509_free);
	EVP_PKEY_free(credential->key);
	return 0;
}

/* --- files --- */

/* A file that can be read and has none of it in PEM, or why else not. */
static const char *reason_or(const char *nothing)
{
	unsigned long error = ERR_peek_error();
	bool empty = error == 0 || ERR_GET_REASON(error) == PEM_R_NO_START_LINE ||
		ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER;
	const char *reason = tls_reason();

	return empty ? nothing : reason;
}

static bool read_certificates(struct credential *credential, const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *above;

	credential->chain = sk_X509_new_null();
	credential->certificate = in ? PEM_read_bio_X509_AUX(in, NULL, NULL, NULL) : NULL;
	while (credential->certificate && sk_X509_num(credential->chain) < CHAIN_MOST &&
		(above = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		sk_X509_push(credential->chain, above);
	BIO_free(in);
	return credential->certificate != NULL;
}

/* Nobody is there to type it. */
static int refuse_pass_phrase(char *text, int size, int writing, void *asked)
{
	(void)text;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

/* NULL when it is good. */
static const char *read_key(struct credential *credential, const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	bool asked = false;

	credential->key = in ? PEM_read_bio_PrivateKey(in, NULL, refuse_pass_phrase, &asked) : NULL;
	BIO_free(in);
	if (asked)
		return "it is under a pass phrase";
	if (credential->key && X509_check_private_key(credential->certificate, credential->key))
		return NULL;
	return credential->key ? "it is not the key of the certificate"
			       : reason_or("there is no private key in it");
}

/* --- names --- */

static bool name_covers(const char *own, const char *name)
{
	const char *rest = strchr(name, '.');

	if (strcasecmp(own, name) == 0)
		return true;
	return strncmp(own, "*.", 2) == 0 && name[0] != '*' && rest && rest != name &&
		strcasecmp(own + 1, rest) == 0;
}

bool credential_has_name(const struct credential *credential, const char *name)
{
	for (size_t i = 0; i < credential->name_count; i++) {
		if (strcasecmp(credential->names[i], name) == 0)
			return true;
	}
	return false;
}

bool credential_covers(const struct credential *credential, const char *name)
{
	for (size_t i = 0; i < credential->name_count; i++) {
		if (name_covers(credential->names[i], name))
			return true;
	}
	return false;
}

/* What is no name of a host is left out: nobody can ask for it. */
static void add_name(struct credential *credential, const ASN1_STRING *string)
{
	struct slice bytes = slice_make(
		(const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));

	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] <= ' ' || bytes.data[i] > '~')
			return;
	}
	if (bytes.size == 0 || credential_has_name(credential, slice_keep(credential, bytes)))
		return;
	credential->names = talloc_realloc(
		credential, credential->names, const char *, credential->name_count + 1);
	credential->names[credential->name_count++] = slice_keep(credential, bytes);
}

/* The common name counts only where there are no others (RFC 6125 §6.4.4). */
static void read_names(struct credential *credential)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(credential->certificate, NID_subject_alt_name, NULL, NULL);
	const X509_NAME *subject = X509_get_subject_name(credential->certificate);
	int common = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS)
			add_name(credential, name->d.dNSName);
	}
	if (!names && common >= 0) {
		add_name(
			credential, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, common)));
	}
	GENERAL_NAMES_free(names);
}

/* --- all of it --- */

struct credential *credential_load(const void *parent, const char *certificate, const char *key,
	enum credential_fault *fault, const char **reason)
{
	struct credential *credential = talloc_zero(parent, struct credential);

	talloc_set_destructor(credential, credential_free);
	ERR_clear_error();
	*fault = CREDENTIAL_BAD_CERTIFICATE;
	*reason = read_certificates(credential, certificate)
		? NULL
		: reason_or("there is no certificate in it");
	if (!*reason) {
		ERR_clear_error();
		*fault = CREDENTIAL_BAD_KEY;
		*reason = read_key(credential, key);
	}
	if (*reason) {
		talloc_free(credential);
		return NULL;
	}
	ERR_clear_error();
	read_names(credential);
	return credential;
}

enum credential_age credential_age(const struct credential *credential)
{
	if (X509_cmp_current_time(X509_get0_notAfter(credential->certificate)) < 0)
		return CREDENTIAL_EXPIRED;
	if (X509_cmp_current_time(X509_get0_notBefore(credential->certificate)) > 0)
		return CREDENTIAL_NOT_YET_VALID;
	return CREDENTIAL_VALID;
}

bool credential_has_same_kind(const struct credential *a, const struct credential *b)
{
	return EVP_PKEY_get_base_id(a->key) == EVP_PKEY_get_base_id(b->key);
}

const char *credential_fingerprint(
	const X509 *certificate, char text[static CREDENTIAL_FINGERPRINT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	X509_digest(certificate, EVP_sha256(), digest, &size);
	text[0] = '\0';
	for (unsigned i = 0; i < size; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
	return text;
}
