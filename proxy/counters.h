/* SPDX-License-Identifier: Apache-2.0
 *
 * What is counted over all workers, a line each; `postern status` prints them by these names.
 */
#pragma once

#include "base/table.h"

#define COUNTERS(COUNTER) \
	COUNTER(SESSIONS,            "sessions")             /* open now */ \
	COUNTER(SESSIONS_ALL,        "sessions_all")         /* since the start */ \
	COUNTER(SESSIONS_REFUSED,    "sessions_refused")     /* over a limit */ \
	COUNTER(TRANSACTIONS,        "transactions")         /* ended with a verdict */ \
	COUNTER(DELIVERED,           "delivered")            /* the backend said 250 */ \
	COUNTER(REJECTED,            "rejected") \
	COUNTER(TEMPFAILED,          "tempfailed") \
	COUNTER(DISCARDED,           "discarded") \
	COUNTER(UNTOLD,              "delivered_client_not_told") \
	COUNTER(SMUGGLING,           "smuggling_refused") \
	COUNTER(BACKEND_CONNECTIONS, "backend_connections")  /* open now */ \
	COUNTER(BACKEND_FAILURES,    "backend_failures") \
	COUNTER(SPOOL_BYTES,         "spool_bytes")          /* messages in our hands */ \
	COUNTER(EIGHT_BIT_TO_SEVEN,  "8bit_to_7bit_backend") /* 8BITMIME to a backend that lacks it */ \
	COUNTER(LOG_LOST,            "log_lines_lost")

#define COUNTER_ENUM(id, name) COUNT_##id,
enum counter { COUNTERS(COUNTER_ENUM) COUNT_COUNT };
#undef COUNTER_ENUM

/* The names, NULL-ended, for table_new(). */
extern const char *const counter_names[];

/* Kinds of keyed counters. */
enum counter_key { KEY_CLIENT = 1, KEY_CLIENT_NETWORK = 2, KEY_SERVER = 3 };
