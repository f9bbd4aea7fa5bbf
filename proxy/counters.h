/* SPDX-License-Identifier: Apache-2.0
 *
 * What is counted over all workers, a line each; `postern status` prints them by these names. A gauge says how much there
 * is just now and dies with the process that counted it; a total only grows.
 */
#pragma once

#include "base/table.h"

/* clang-format off */
#define COUNTERS(COUNTER) \
	COUNTER(SESSIONS,            "sessions",             GAUGE) /* open now */ \
	COUNTER(SESSIONS_ALL,        "sessions_all",         TOTAL) /* since the start */ \
	COUNTER(SESSIONS_REFUSED,    "sessions_refused",     TOTAL) /* over a limit */ \
	COUNTER(TRANSACTIONS,        "transactions",         TOTAL) /* ended with a verdict */ \
	COUNTER(DELIVERED,           "delivered",            TOTAL) /* the backend said 250 */ \
	COUNTER(REJECTED,            "rejected",             TOTAL) \
	COUNTER(TEMPFAILED,          "tempfailed",           TOTAL) \
	COUNTER(DISCARDED,           "discarded",            TOTAL) \
	COUNTER(QUARANTINED,         "quarantined",          TOTAL) /* kept, or sent to quarantine.redirect */ \
	COUNTER(UNTOLD,              "delivered_client_not_told", TOTAL) \
	COUNTER(LOGINS,              "logins",               TOTAL) /* AUTH that succeeded */ \
	COUNTER(LOGINS_REFUSED,      "logins_refused",       TOTAL) \
	COUNTER(HOSTILE,             "hostile_commands",     TOTAL) /* Exchange's own verbs */ \
	COUNTER(FOREIGN,             "foreign_protocols",    TOTAL) /* lines that are no SMTP */ \
	COUNTER(PROXY_HEADERS,       "proxy_headers",        TOTAL) /* PROXY protocol: connections that were announced */ \
	COUNTER(PROXY_LOCAL,         "proxy_checks",         TOTAL) /* of those who must announce: connections of their own */ \
	COUNTER(PROXY_REFUSED,       "proxy_refused",        TOTAL) /* and those closed for a header that is none, or late */ \
	COUNTER(XCLIENT,             "xclient",              TOTAL) /* clients announced by XCLIENT */ \
	COUNTER(PASSTHROUGH,         "passthrough",          GAUGE) /* connections relayed as they are, open now */ \
	COUNTER(PASSTHROUGH_ALL,     "passthrough_all",      TOTAL) \
	COUNTER(PREGREET,            "pregreet",             TOTAL) /* spoke before the greeting */ \
	COUNTER(OUT_OF_STEP,         "out_of_step",          TOTAL) /* pipelining where it is not allowed */ \
	COUNTER(SMUGGLING,           "smuggling_refused",    TOTAL) \
	COUNTER(TLS_SESSIONS,        "tls_sessions",         TOTAL) /* handshakes with clients that succeeded */ \
	COUNTER(TLS_RESUMED,         "tls_resumed",          TOTAL) /* of these: by a ticket */ \
	COUNTER(TLS_FAILED,          "tls_failed",           TOTAL) /* handshakes with clients that failed */ \
	COUNTER(TLS_INCOMPATIBLE,    "tls_incompatible",     TOTAL) /* of these: no common version or cipher */ \
	COUNTER(TLS_NOT_OFFERED,     "tls_not_offered",      TOTAL) /* how often STARTTLS was withheld because of that */ \
	COUNTER(BACKEND_CONNECTIONS, "backend_connections",  GAUGE) /* open now */ \
	COUNTER(BACKEND_FAILURES,    "backend_failures",     TOTAL) \
	COUNTER(SPOOL_BYTES,         "spool_bytes",          GAUGE) /* messages in our hands */ \
	COUNTER(EIGHT_BIT_TO_SEVEN,  "8bit_to_7bit_backend", TOTAL) /* 8BITMIME to a backend that lacks it */ \
	COUNTER(RULES_MATCHED,       "rules_matched",        TOTAL) \
	COUNTER(RULES_MONITORED,     "rules_monitored",      TOTAL) /* would have acted */ \
	COUNTER(RULES_FAILED,        "rules_failed",         TOTAL) /* whose condition could not be told */ \
	COUNTER(RULES_ALARMS,        "rules_alarms",         TOTAL) /* of the breaker: how often a rule went beyond its bound */ \
	COUNTER(RULES_FALLEN,        "rules_fallen",         TOTAL) /* of these: rules that do not act any more */ \
	COUNTER(KNOWN_GOOD,          "known_good",           TOTAL) /* transactions of clients or senders known as good, where rules are watched */ \
	COUNTER(SHADOW_DIFFERENT,    "shadow_different",     TOTAL) /* transactions that the shadow would have judged otherwise */ \
	COUNTER(SHADOW_UNDECIDED,    "shadow_undecided",     TOTAL) /* and those of which it could not be told in time */ \
	COUNTER(SCANS,               "scans",                TOTAL) /* messages that were taken apart */ \
	COUNTER(SCANNER_DEATHS,      "scanner_deaths",       TOTAL) /* over a message */ \
	COUNTER(UNKNOWN_RECIPIENTS,  "unknown_recipients",   TOTAL) /* that the backend said do not exist */ \
	COUNTER(RECORDS_LOST,        "records_lost",         TOTAL) /* verdict records and updates of the memory the keeper did not take */ \
	COUNTER(RECORDS_SHORTENED,   "records_shortened",    TOTAL) /* verdict records that were too large for the journal */ \
	COUNTER(REFUSALS_UNRECORDED, "refusals_not_recorded", TOTAL) /* of sessions without a transaction, beyond one a client and minute */ \
	COUNTER(STORE_FAILURES,      "store_failures",       TOTAL) /* what the store did not tell or take */ \
	COUNTER(LOG_LOST,            "log_lines_lost",       TOTAL)
/* clang-format on */

#define COUNTER_ENUM(id, name, kind) COUNT_##id,
enum counter { COUNTERS(COUNTER_ENUM) COUNT_COUNT };
#undef COUNTER_ENUM

/* The names, NULL-ended, for table_new(). */
extern const char *const counter_names[];

/* The table of all of them, with the gauges marked. */
struct table *counters_new(const void *parent);
/* The same on memory that was handed to us, which is taken; NULL when its counters are not ours. */
struct table *counters_take_over(const void *parent, int descriptor);

/* Kinds of keyed counters. */
enum counter_key {
	KEY_CLIENT = 1,
	KEY_CLIENT_NETWORK = 2,
	KEY_SERVER = 3,
	KEY_TLS_FAILURE = 4,       /* recent: handshakes without a common version or cipher */
	KEY_PATIENT = 5,           /* recent: has waited for the greeting */
	KEY_NEWCOMER = 6,          /* recent: new sessions */
	KEY_UNKNOWN_TRIED = 7,     /* recent: recipients that do not exist, of a client */
	KEY_UNKNOWN_RECIPIENT = 8, /* recent: that the backend does not know a recipient */
	KEY_RULE = 9,              /* words: of policy/breaker.h */
	KEY_REFUSAL_RECORDED = 10, /* recent: records of refusals of a client, and of all */
	KEY_MILTER = 12,           /* words: of plugins/milter_breaker.h */
	KEY_POISON = 11,           /* recent: messages that scanners died over */
};
