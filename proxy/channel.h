/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel between the master and one of its processes: a pair of connected sockets that keeps messages apart, each
 * message a word and a number, or a word and a descriptor. Both ends look the same. When one end closes, because its process has died, the other hears
 * of it: that is how processes notice that their master is gone.
 *
 * The master never waits for a process: a message that does not fit is an error (the process has stopped reading, it hangs).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum channel_message {
	/* from the master */
	CHANNEL_SERVE, /* accept from this slot of every listener */
	CHANNEL_LEAVE, /* no longer: another does */
	CHANNEL_SWEEP, /* take what waits at the listener of this number: it is about to be closed */
	CHANNEL_DRAIN, /* accept no more, finish what is there, exit */
	CHANNEL_END,   /* the same, and at once */
	/* from the process */
	CHANNEL_READY,
	/* from the master again: those of an older program know no more than what is above */
	CHANNEL_RECIPIENTS, /* a list of recipients, as a descriptor, which is the process's from now on */
	CHANNEL_MESSAGES
};

struct loop;
struct channel;

struct channel_events {
	void (*on_message)(void *owner, enum channel_message message, uint32_t argument);
	void (*on_closed)(void *owner);
	void *owner;
};

/* Two connected ends; close-on-exec and non-blocking. */
bool channel_pair(int ends[2]) __attribute__((warn_unused_result));

/* Takes one end. An event may free the channel. */
struct channel *channel_new(
	const void *parent, struct loop *loop, int descriptor, struct channel_events events);

int channel_descriptor(const struct channel *channel);

/* False when the other end does not take it. */
bool channel_send(struct channel *channel, enum channel_message message, uint32_t argument)
	__attribute__((warn_unused_result));

/* The same with a copy of a descriptor, which is the argument that the other end hears. */
bool channel_send_descriptor(struct channel *channel, enum channel_message message, int descriptor)
	__attribute__((warn_unused_result));
