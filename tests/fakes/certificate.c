/* SPDX-License-Identifier: Apache-2.0 */
/* A self-signed certificate for tests. */
#include "tests/fakes/certificate.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void sign(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example.com", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	int size = X509_sign(certificate, key, EVP_sha256());
	assert(size > 0);
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

void certificate_make(struct certificate *certificate)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();

	snprintf(certificate->folder, sizeof certificate->folder, "/tmp/postern-test-XXXXXX");
	const char *folder = mkdtemp(certificate->folder);
	assert(key && x509 && folder);
	snprintf(certificate->file, sizeof certificate->file, "%s/certificate.pem", folder);
	snprintf(certificate->key, sizeof certificate->key, "%s/key.pem", folder);
	sign(x509, key);
	write_pem(certificate, x509, key);
	X509_free(x509);
	EVP_PKEY_free(key);
}

void certificate_remove(const struct certificate *certificate)
{
	unlink(certificate->file);
	unlink(certificate->key);
	rmdir(certificate->folder);
}
