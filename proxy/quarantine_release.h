/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends a message of the quarantine on, as it would have gone: to the backend it was for, with the envelope the client gave, byte for
 * byte what is kept. Nobody judges it again. Blocks until the backend has answered.
 */
#pragma once

#include "proxy/configuration.h"
#include "proxy/ticket.h"

enum release {
	RELEASE_DONE,     /* the backend has said 250 */
	RELEASE_REFUSED,  /* it has not got it */
	RELEASE_UNCERTAIN /* it has, and did not answer */
};

/* What was answered is told in *reply, under the parent. */
enum release quarantine_release_send(const void *parent, const struct configuration *configuration,
	const struct ticket *ticket, struct slice message, const char **reply);
