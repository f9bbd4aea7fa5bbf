/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends a message of the quarantine on, as it would have gone: to the backend it was for, with the envelope the client gave or less of
 * it, byte for byte what is kept. Nobody judges it again. All of the recipients get it or, where the backend refuses one, nobody. Blocks until
 * the backend has answered.
 */
#pragma once

#include "proxy/configuration.h"
#include "proxy/ticket.h"

/* The envelope with only those recipients, under the parent; NULL when a name is none of them, and *stranger is it. It borrows from the old
 * one. */
struct envelope *quarantine_release_select(const void *parent, const struct envelope *envelope,
	const char *const *names, size_t count, const char **stranger);

enum release {
	RELEASE_DONE,     /* the backend has said 250 */
	RELEASE_REFUSED,  /* it has not got it */
	RELEASE_UNCERTAIN /* it has, and did not answer */
};

struct release_order {
	const char *backend;             /* name of it */
	const struct envelope *envelope; /* all of it has passed */
	struct slice message;
};

struct release_end {
	enum release release;
	const char *reply;
	const char **refusals; /* for each recipient what the backend said against it; NULL:
				  nothing */
};

/* The texts live under the parent. */
struct release_end quarantine_release_send(const void *parent,
	const struct configuration *configuration, const struct release_order *order);
