/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests. */
#include "tests/fakes/certificate.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_extension(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	assert(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static void describe(X509 *certificate, const struct certificate_wish *wish)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	const char *common = wish->common_name ? wish->common_name : "mx.example.com";

	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0);
	if (wish->names)
		add_extension(certificate, NID_subject_alt_name, wish->names);
	if (wish->is_authority)
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
}

static void sign_by_issuer(X509 *certificate, const struct certificate *issuer)
{
	FILE *in = fopen(issuer->file, "r"), *key_in = fopen(issuer->key, "r");
	assert(in && key_in);
	X509 *above = PEM_read_X509(in, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_PrivateKey(key_in, NULL, NULL, NULL);

	X509_set_issuer_name(certificate, X509_get_subject_name(above));
	int size = X509_sign(certificate, key, EVP_sha256());
	assert(size > 0);
	fclose(in);
	fclose(key_in);
	X509_free(above);
	EVP_PKEY_free(key);
}

static void sign(X509 *certificate, EVP_PKEY *key, const struct certificate_wish *wish)
{
	bool usual = wish->from == 0 && wish->until == 0;

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), usual ? -3600 : wish->from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), usual ? 86400 : wish->until);
	X509_set_pubkey(certificate, key);
	describe(certificate, wish);
	if (wish->issuer) {
		sign_by_issuer(certificate, wish->issuer);
		return;
	}
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	int size = X509_sign(certificate, key, EVP_sha256());
	assert(size > 0);
}

static void write_fingerprint(struct certificate *certificate, const X509 *x509)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	X509_digest(x509, EVP_sha256(), digest, &size);
	for (unsigned i = 0; i < size; i++)
		snprintf(certificate->fingerprint + 2 * (size_t)i, 3, "%02x", digest[i]);
}

static void write_pem(const struct certificate *names, X509 *certificate, EVP_PKEY *key)
{
	FILE *certificate_out = fopen(names->file, "w");
	FILE *key_out = fopen(names->key, "w");

	assert(certificate_out && key_out);
	PEM_write_X509(certificate_out, certificate);
	PEM_write_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL);
	fclose(certificate_out);
	fclose(key_out);
}

void certificate_make_as(struct certificate *certificate, const struct certificate_wish *wish)
{
	EVP_PKEY *key = wish->is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *x509 = X509_new();

	snprintf(certificate->folder, sizeof certificate->folder, "/tmp/postern-test-XXXXXX");
	const char *folder = mkdtemp(certificate->folder);
	assert(key && x509 && folder);
	snprintf(certificate->file, sizeof certificate->file, "%s/certificate.pem", folder);
	snprintf(certificate->key, sizeof certificate->key, "%s/key.pem", folder);
	sign(x509, key, wish);
	write_pem(certificate, x509, key);
	write_fingerprint(certificate, x509);
	X509_free(x509);
	EVP_PKEY_free(key);
}

void certificate_make(struct certificate *certificate)
{
	certificate_make_as(certificate, &(struct certificate_wish){.names = "DNS:mx.example.com"});
}

void certificate_remove(const struct certificate *certificate)
{
	unlink(certificate->file);
	unlink(certificate->key);
	rmdir(certificate->folder);
}
