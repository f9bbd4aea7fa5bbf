/* SPDX-License-Identifier: Apache-2.0
 *
 * The keeper does every write of the store and every fsync, in its own process, so that no lock or disk ever stalls a worker. Workers send it
 * records over a socket pair, many at once; reading LMDB is the workers' own.
 *
 * Store now: the journal, id of the transaction to its verdict record (JSON as `explain --json` prints it, and the time), bounded by
 * store.journal_age and store.journal_size, oldest first. Records may be lost by a crash or when the keeper lags behind (then they are
 * dropped and counted, never waited for): they explain mail, they are not mail.
 */
#pragma once

#include "proxy/configuration.h"

struct loop;

/* The keeper process: reads requests from the descriptors of all workers that the master hands it over its channel, writes
 * the store, returns when the channel closes. Opens LMDB itself (after the fork). */
int keeper_run(const struct configuration *configuration, int channel);

/* A worker's end. */
struct keeper_link;
struct keeper_link *keeper_link_new(const void *parent, struct loop *loop, int descriptor);
/* Sends a record soon (batched, at most 100 ms later); dropped if the keeper does not take it. */
void keeper_link_record(struct keeper_link *link, const char *id, const char *json, size_t size);

/* For `postern explain ID`: the record, under the parent, or NULL; *reason says why. */
char *keeper_read_record(const void *parent, const struct store_options *store, const char *id, const char **reason);
