/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail that is sealed: CMS (RFC 5652, as S/MIME of RFC 8551 carries it) and OpenPGP. Nothing in it is read here, so it is said what it is: what only the
 * recipient can open is encrypted; what anybody can open but is not opened here, as a message within its signature, is unsupported. Signatures
 * beside a message, certificates and keys have nothing in them and nothing is said.
 */
#pragma once

#include "policy/content/unpacked.h"

void sealed_unpack_cms(struct slice bytes, struct unpacked *out);
void sealed_unpack_pgp(struct slice bytes, struct unpacked *out);

/* Whether it begins as CMS does. */
bool sealed_is_cms(struct slice bytes);

/* Whether it begins as an encrypted message of OpenPGP does that is in no armour. */
bool sealed_is_pgp(struct slice bytes);

/* Whether a line begins such a message in its armour; *where: there, else SIZE_MAX. */
bool sealed_has_armour(struct slice bytes, size_t *where);
