/* SPDX-License-Identifier: Apache-2.0
 *
 * The keeper does every write of the store and every fsync, in its own process, so that no lock or disk ever stalls a
 * worker. Workers send it records over one socket pair that all of them share and that outlives the keeper: what is written
 * while it comes back waits there. Reading LMDB is the workers' own.
 *
 * It keeps messages in quarantine (proxy/quarantine.h), which workers await (proxy/quarantine_wire.h): these are mail, and what it said yes to is on
 * the disk. Besides it keeps verdict records (proxy/records.h), with store.messages the messages beside them, and, unless that is Redis's, the memory of the gateway (base/store_writer.h). The last two may be lost by a crash or when the
 * keeper lags behind (then they are dropped and counted, never waited for): they explain and judge mail, they are not mail.
 */
#pragma once

#include "proxy/configuration.h"

struct loop;
struct message;

/* The keeper process: reads records from one end of the pair and writes the store, until the master says that it is over;
 * without a master, until nobody is left who could write. Opens LMDB itself (after the fork). */
int keeper_run(const struct configuration *configuration, int records, int channel);

/* A worker's end. Takes the descriptor. */
struct keeper_link;
struct keeper_link *keeper_link_new(const void *parent, struct loop *loop, int descriptor);
/* The largest record that it takes: larger ones are dropped. */
#define KEEPER_RECORD_MOST ((size_t)130000)
/* Sends a record soon (batched, at most 100 ms later); dropped if the keeper does not take it. */
void keeper_link_record(struct keeper_link *link, const char *id, const char *json, size_t size);
/* The same with updates of the memory: a store_sender is made of it. */
void keeper_link_update(struct keeper_link *link, struct slice updates);
/* A message, to be kept beside its record; as a descriptor, so that its size is no matter of packets. */
void keeper_link_message(struct keeper_link *link, const char *id, const struct message *message);
/* Where it hears; for proxy/quarantine_wire.h. */
int keeper_link_socket(const struct keeper_link *link);
/* How many were dropped so far. */
uint64_t keeper_link_dropped(const struct keeper_link *link);

/* For `postern explain ID`: the record, under the parent, or NULL; *reason says why. */
char *keeper_read_record(
	const void *parent, const struct store_options *store, const char *id, const char **reason);

/* The message that was kept beside it, under the parent; NULL when none was. */
char *keeper_read_message(
	const void *parent, const struct store_options *store, const char *id, size_t *size);
