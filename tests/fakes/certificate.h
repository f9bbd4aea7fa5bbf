/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate that signs itself, made for one test run: nothing that could expire lies in the tree.
 */
#pragma once

/* Writes certificate and key in PEM to the two files. */
void certificate_make(const char *certificate_file, const char *key_file);
