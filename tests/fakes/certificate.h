/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate that signs itself, made for one test run: nothing that could expire lies in the tree.
 */
#pragma once

struct certificate {
	char folder[32];
	char file[64];
	char key[64];
};

/* Writes certificate and key in PEM to a folder of their own. */
void certificate_make(struct certificate *certificate);

/* Removes all three. */
void certificate_remove(const struct certificate *certificate);
