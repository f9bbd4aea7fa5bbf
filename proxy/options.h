/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of the proxy: listeners, backends, routes, TLS, waits, processes, log, control. Rows in options.c.
 */
#pragma once

#include "base/settings.h"

enum listen_tls { LISTEN_TLS_OFF, LISTEN_TLS_STARTTLS, LISTEN_TLS_REQUIRED, LISTEN_TLS_IMPLICIT };
enum client_certificate { CLIENT_CERTIFICATE_OFF, CLIENT_CERTIFICATE_ASK };
enum listen_auth { LISTEN_AUTH_OFF, LISTEN_AUTH_OFFERED, LISTEN_AUTH_REQUIRED };

/* listen "inbound" { address = "127.0.0.1"  port = 2525 } */
struct listen_options {
	const char *name;
	const char *address; /* an IP address; "*" for all of both families */
	int64_t port;
	int64_t backlog;
	const char *backend; /* name of the backend to relay to; NULL: the only one or the first */
	int tls;             /* enum listen_tls; without a certificate STARTTLS is not offered */
	int client_certificate;      /* enum client_certificate */
	const char *client_ca;       /* PEM: who vouches for clients */
	int auth;                    /* enum listen_auth; preset off */
	struct cidrs proxy_protocol; /* load balancers: they announce the client first of all */
	struct cidrs xclient;        /* proxies that may say who the client is */
	struct cidrs xforward;       /* mail servers that may tell where mail came from */
	struct cidrs passthrough;    /* clients that talk to the backend itself */
	int64_t passthrough_idle;    /* without a byte in either direction */
	bool is_milter;              /* mail servers speak to us as to a milter: no row sets it */
	const char *path;            /* then: of a local socket; NULL: address and port count */
	const char *group;           /* who may connect there; NULL: our own */
};

enum backend_client {
	BACKEND_CLIENT_NONE,
	BACKEND_CLIENT_XCLIENT,
	BACKEND_CLIENT_XFORWARD,
	BACKEND_CLIENT_PROXY
};
enum backend_tls { BACKEND_TLS_OFF, BACKEND_TLS_OPPORTUNISTIC, BACKEND_TLS_REQUIRED };

/* backend "exchange" { servers = {"127.0.0.1:2526"} } */
struct backend_options {
	const char *name;
	struct texts servers;         /* "ADDRESS:PORT [weight=NUMBER] [backup]": server.h */
	int tls;                      /* enum backend_tls; preset opportunistic */
	const char *tls_ca;           /* PEM, whom to trust; NULL: the system's */
	const char *tls_name;         /* in the servers' certificates; NULL: their addresses */
	struct texts tls_fingerprint; /* of their certificates; then neither of the above counts */
	int client;              /* enum backend_client: how servers are told who the client is */
	int64_t connections;     /* a server, over all workers */
	int64_t connect_timeout; /* connect and greeting */
	int64_t command_timeout; /* a reply to MAIL, RCPT, DATA … */
	int64_t data_timeout;    /* progress while the message is sent */
	int64_t final_timeout;   /* the reply to the message: ten minutes */
	int64_t hold;            /* a transaction without traffic */
	int64_t idle;            /* a kept connection */
	int64_t age;             /* of a kept connection */
	int64_t probe;           /* how often each server is asked what it can do */
};

/* route "lab" { domains = {".lab.example.com"}  backend = "lab" } */
struct route_options {
	const char *name;
	struct texts domains;
	const char *listener; /* NULL: all of them */
	const char *backend;
};

struct tls_options {
	struct texts certificate; /* PEM chains; the first is for clients who name nobody */
	struct texts key;         /* PEM, one for each certificate */
	int64_t watch;            /* how often the files are looked at */
};

struct smtp_options {
	bool vrfy;               /* yes: 252 to all; no: 502 */
	bool strict_pipelining;  /* yes: who does not wait for his turn is sent away */
	int64_t greeting_wait;   /* strangers who speak before it are no mail servers: 6 s */
	int64_t stress_timeout;  /* idle between commands near limits.connections: 10 s */
	int64_t command_timeout; /* idle between commands: 300 s */
	int64_t data_timeout;    /* silence while a message comes: 300 s */
	int64_t data_rate;       /* least bytes a second of a message, averaged; 500 */
	int64_t judge_timeout;   /* facts about one message: 60 s */
	int64_t session_timeout; /* without an accepted mail: 10 min */
};

struct process_options {
	int64_t workers;   /* 0: one a core */
	const char *user;  /* who workers and keeper become when the master is root */
	int64_t drain;     /* how long sessions may go on after reload and stop */
	const char *spool; /* directory for large messages in flight, NULL: memory only */
};

struct log_options {
	int target; /* enum log_target: stderr, syslog, journal */
	int format; /* enum log_format: key=value, json */
	int level;  /* enum log_level: error, warning, notice, info, debug */
};

struct control_options {
	const char *socket; /* path, made with mode 0600 */
};

struct store_options {
	const char *path;      /* directory, NULL: nothing is remembered */
	int64_t journal_age;   /* how long verdict records are kept */
	int64_t journal_size;  /* how large their file may grow */
	bool record;           /* all facts stand in them, so that they can be judged again */
	bool messages;         /* and the messages are kept beside them */
	int64_t message_size;  /* up to this size */
	int64_t messages_size; /* all together */
	int64_t memory_size;   /* and that of the memory */
	const char *redis;     /* ADDRESS:PORT of the memory; NULL: it is in path */
	const char *redis_password;
	int64_t redis_timeout; /* for an answer */
};

struct dns_options {
	struct texts servers;     /* ADDRESS:PORT; none: the system's */
	int64_t timeout;          /* for one question */
	int64_t in_flight;        /* questions at a time, of one worker */
	const char *trust_anchor; /* file, NULL: nothing is validated */
};

enum as_milter_quarantine { AS_MILTER_QUARANTINE_OWN, AS_MILTER_QUARANTINE_MAIL_SERVER };

/* What `postern milter` needs besides. */
struct as_milter_options {
	const char *group;      /* of a local socket; NULL: postfix, where there is that */
	int quarantine;         /* enum as_milter_quarantine */
	int64_t answer_timeout; /* facts about an event before the end of a message */
	int64_t idle;           /* without a word of the mail server */
};

enum ldap_tls { LDAP_TLS_OFF, LDAP_TLS_REQUIRED };

/* The directory that recipients are pulled from, with recipients.source = "ldap". */
struct ldap_options {
	const char *url;           /* ldaps://HOST or ldap://HOST, with :PORT */
	int tls;                   /* enum ldap_tls; required: StartTLS where the URL is ldap:// */
	const char *ca;            /* PEM, who vouches for it; NULL: the system's */
	const char *bind;          /* DN, or user@domain; NULL: anonymous */
	const char *password_file; /* its first line */
	const char *base;          /* DN to search below */
	const char *filter;
	const char *attribute; /* "smtp:a@example.com" or plain addresses */
	int64_t period;
	int64_t timeout; /* for each answer */
	int64_t shrink;  /* percent that the list may lose at once */
};

/* The sections listen, backend, route, tls, smtp, process, log, control, store, dns, ldap and as_milter; ended by a row without name. */
extern const struct section proxy_sections[];
