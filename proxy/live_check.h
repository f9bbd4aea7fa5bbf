/* SPDX-License-Identifier: Apache-2.0
 *
 * `postern check --live`: goes to every server of every backend as a worker would, and tells what it finds: whether it can be reached, TLS and
 * certificate, what its EHLO offers, which mechanisms of AUTH cannot pass, and whether it says at RCPT which recipients there are.
 *
 * For that it is asked, as the null sender, for an address that nobody has, in each domain of relay.domains whose mail it gets; then it hears
 * RSET and QUIT. DATA is never said. Exchange 2013 and newer says yes to everything at its front and refuses after the message: then it is told what
 * to do about it. A server that says yes for another reason (a catch-all) looks the same.
 *
 * For those in a shell: nothing of a running gateway is looked at or changed.
 */
#pragma once

#include "proxy/configuration.h"

/* Prints; the exit status: 1 when a server cannot be used as it is configured. */
int live_check_run(const struct configuration *configuration, FILE *out);
