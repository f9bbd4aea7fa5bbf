/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of session tickets in shared memory: RFC 5077 §4. */
#include "proxy/tls_tickets.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <talloc.h>

enum { KEYS = 4, NAME_SIZE = 16, CIPHER_KEY_SIZE = 32, MAC_KEY_SIZE = 32 };

struct key {
	unsigned char name[NAME_SIZE];
	unsigned char cipher[CIPHER_KEY_SIZE];
	unsigned char mac[MAC_KEY_SIZE];
};

/* Key number n lies at n % KEYS. Only the current and the one before are used, so that the next is written where nobody looks. One that
 * is used no more becomes noise, not zeros: whoever still looks at it must not find a key that others know. */
struct shared {
	_Atomic unsigned current;
	struct key keys[KEYS];
};

struct tls_tickets {
	struct shared *shared;
};

static int unmap(struct tls_tickets *tickets)
{
	munmap(tickets->shared, sizeof *tickets->shared);
	return 0;
}

/* --- making keys --- */

static bool make_key(struct key *key)
{
	return RAND_priv_bytes((unsigned char *)key, sizeof *key) == 1;
}

void tls_tickets_rotate(struct tls_tickets *tickets)
{
	struct shared *shared = tickets->shared;
	unsigned next = atomic_load(&shared->current) + 1;
	struct key key;

	if (!make_key(&key))
		return; /* the old one serves on */
	shared->keys[next % KEYS] = key;
	atomic_store_explicit(&shared->current, next, memory_order_release);
	if (make_key(&key))
		shared->keys[(next - 2) % KEYS] = key;
	OPENSSL_cleanse(&key, sizeof key);
}

struct tls_tickets *tls_tickets_new(const void *parent)
{
	struct shared *shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tls_tickets *tickets;

	if (shared == MAP_FAILED)
		return NULL;
	mlock(shared, sizeof *shared);
	madvise(shared, sizeof *shared, MADV_DONTDUMP);
	tickets = talloc(parent, struct tls_tickets);
	tickets->shared = shared;
	talloc_set_destructor(tickets, unmap);
	/* Two, so that no key that is looked at is one of zeros. */
	tls_tickets_rotate(tickets);
	tls_tickets_rotate(tickets);
	if (atomic_load(&shared->current) == 2)
		return tickets;
	talloc_free(tickets);
	return NULL;
}

/* --- using them --- */

static bool prepare(const struct key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, bool sealing)
{
	char digest[] = "SHA256";
	unsigned char mac_key[MAC_KEY_SIZE];
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, sizeof mac_key),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	memcpy(mac_key, key->mac, sizeof mac_key);
	bool good =
		EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1 &&
		EVP_MAC_CTX_set_params(mac, parameters) == 1;
	OPENSSL_cleanse(mac_key, sizeof mac_key);
	return good;
}

static int seal(const struct key *key, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	memcpy(name, key->name, NAME_SIZE);
	if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
		return -1;
	return prepare(key, iv, cipher, mac, true) ? 1 : -1;
}

static const struct tls_tickets *tickets_of(const SSL *ssl);

/* 0: no key of ours, shake hands in full; 1: good; 2: good, and to be replaced by a new one: in TLS 1.3 a ticket serves once. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int sealing)
{
	const struct shared *shared = tickets_of(ssl)->shared;
	unsigned current = atomic_load_explicit(&shared->current, memory_order_acquire);

	if (sealing)
		return seal(&shared->keys[current % KEYS], name, iv, cipher, mac);
	for (unsigned age = 0; age < 2; age++) {
		const struct key *key = &shared->keys[(current - age) % KEYS];

		if (CRYPTO_memcmp(key->name, name, NAME_SIZE) != 0)
			continue;
		if (!prepare(key, iv, cipher, mac, false))
			return 0;
		return age > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
	}
	return 0;
}

/* --- which tickets a context has --- */

static const struct tls_tickets *tickets_of(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

void tls_tickets_serve(const struct tls_tickets *tickets, SSL_CTX *context)
{
	SSL_CTX_set_app_data(context, (void *)tickets);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}
