/* SPDX-License-Identifier: Apache-2.0
 *
 * All listening sockets. The master makes them and no one else; every process inherits all of them; one is closed only when
 * its address has left the configuration. So no reload and no death ever refuses a connection.
 *
 * Each address has several sockets (SO_REUSEPORT), one a slot: the kernel deals connections out over the slots, and the
 * master says which worker serves which slot. There are as many slots as any generation has had workers; they
 * never become fewer. A socket is bound when it is made but listens only when there is someone to serve it.
 *
 * A local socket (of `postern milter`) is one that all slots share; its file is taken away when the master ends.
 *
 * An address handed over by systemd (socket activation) has one socket that all its slots share.
 */
#pragma once

#include "base/cidr.h"
#include "proxy/configuration.h"

struct listener {
	uint32_t number; /* for messages; never used again */
	struct ip ip;
	uint16_t port;
	const char *path; /* of a local socket; NULL: address and port count */
	int *descriptors; /* one a slot */
};

struct listeners {
	struct listener **items;
	size_t count;
	size_t slots;
	uint32_t last_number;
};

struct listeners *listeners_new(const void *parent);

/* Binds what the configuration names and is not there yet, with at least so many slots everywhere. False, after complaints
 * with their places, when an address cannot be had; what was bound before it stays until listeners_retire(). */
bool listeners_open(struct listeners *listeners, const struct configuration *configuration,
	size_t slots, struct complaints *complaints) __attribute__((warn_unused_result));

/* What a program that takes our place needs of them, and taking it over: they listen already. */
struct handover;
void listeners_hand_over(const struct listeners *listeners, struct handover *handover);
void listeners_take_over(struct listeners *listeners, const struct handover *handover);
/* Sockets that systemd handed to us, or to our parent, are there for the program that this process becomes by exec. */
void listeners_keep_activated(bool are_of_parent);

/* From now on all of them listen. */
void listeners_listen(struct listeners *listeners, const struct configuration *configuration);

/* Closes, in this process, those that the configuration does not name. */
void listeners_retire(struct listeners *listeners, const struct configuration *configuration);

/* Takes the files of local sockets away: in the master, when it ends. */
void listeners_remove(const struct listeners *listeners);

/* Closes all of them, in this process. */
void listeners_close(struct listeners *listeners);

/* The section that a listener belongs to, or NULL when the configuration does not name its address. */
const struct listen_options *listeners_section(
	const struct listener *listener, const struct configuration *configuration);
