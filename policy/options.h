/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of the judge: one struct a section, filled by base/settings from the rows in options.c, and the checks
 * between fields that rows cannot express.
 */
#pragma once

#include "base/settings.h"
#include "policy/dns_list.h"

enum rules_mode { RULES_ENFORCE, RULES_MONITOR };

enum strip_archives { STRIP_ARCHIVES_WHOLE, STRIP_ARCHIVES_MEMBERS };

/* The rule files of the site. */
struct rules_options {
	struct texts files;              /* patterns, relative to the configuration */
	int mode;                        /* enum rules_mode */
	struct texts monitor_files;      /* patterns: those whose rules do not act */
	struct texts monitor_recipients; /* for whom rules do not act, when all are of these */
	int64_t budget;                  /* ms of searching, of one stage */
	int64_t watch;                   /* ms between looks at the files of lists; 0: never */
	int strip_archives;              /* enum strip_archives */
};

/* How much harm a rule may do to senders known as good: policy/breaker.h. */
struct breaker_options {
	int64_t hits;   /* transactions, within the window; 0: any number */
	int64_t share;  /* percent of theirs that were judged within it */
	int64_t window; /* ms */
	int64_t age;    /* ms: a rule whose text is younger falls */
};

/* A second set of rules, which is judged and does nothing. */
struct shadow_options {
	struct texts rules; /* files, as of rules.files */
};

enum mode { MODE_ENFORCE, MODE_OBSERVE };

/* The top level. */
struct site {
	const char *
		hostname; /* what we call ourselves; without a setting, what the system calls itself */
	int mode;         /* enum mode */
	const char *authserv_id; /* ours in Authentication-Results; without a setting, hostname */
	struct cidrs trusted_relays; /* hosts that hand on strangers' mail to us */
};

enum poison { POISON_REFUSE, POISON_PUT_OFF, POISON_QUARANTINE };

/* The processes that take messages apart, and what one message may cost them. */
struct scanner_options {
	int64_t processes;       /* 0: one a core */
	int64_t time;            /* ms of processor time, then the scanner dies */
	int64_t memory;          /* bytes of a scanner's own */
	int64_t unpacked;        /* bytes that may come out of a message */
	int64_t unpacked_ratio;  /* to what went in; 0: any */
	int64_t entries;         /* of all containers in a message */
	int64_t depth;           /* of containers in containers */
	int poison;              /* enum poison: a message that two scanners died over */
	struct texts yara_rules; /* files, relative to the configuration */
};

/* clamd "local" { socket = "/run/clamav/clamd.ctl" }: one that can be asked about viruses. */
struct clamd_options {
	const char *name;
	const char *socket; /* path, or ADDRESS:PORT */
};

enum virus_found { VIRUS_REFUSE, VIRUS_QUARANTINE, VIRUS_DISCARD };
enum virus_failure { VIRUS_FAILURE_PUT_OFF, VIRUS_FAILURE_QUARANTINE, VIRUS_FAILURE_PASS };

/* What comes of what they say, or do not say. */
struct virus_options {
	int found;           /* enum virus_found */
	int on_failure;      /* enum virus_failure */
	int64_t hold;        /* ms until one must be there that can be asked */
	int64_t timeout;     /* ms for an answer */
	struct cidrs except; /* clients whose mail is not looked at */
};

/* Where messages are put that are not to go on, until somebody has looked at them: a folder, or an address. */
struct quarantine_options {
	const char *path;     /* NULL: no folder */
	const char *redirect; /* address they are sent to instead; NULL: none */
	int64_t age;          /* ms that a message is kept */
	int64_t size;         /* bytes of all */
	int64_t timeout;      /* ms until it must be on the disk */
};

/* Header fields that strangers may not bring. */
struct hygiene_options {
	bool enabled;
	struct texts fields; /* names, "X-Spam-*" for all that begin so */
};

enum own_domain { OWN_DOMAIN_MONITOR, OWN_DOMAIN_REFUSE };

/* Findings have an enum action and a score for ACTION_SCORE. */
struct sender_options {
	int own_domain;  /* enum own_domain: a sender of ours, from outside */
	int nonexistent; /* its domain has neither mail server nor address */
	double nonexistent_score;
	int null_mx; /* its domain takes no mail */
	double null_mx_score;
	int bogus_mx; /* its mail servers are in bogus_networks */
	double bogus_mx_score;
	struct cidrs bogus_networks;
};

/* Whom to remember as good. */
struct known_good_options {
	int64_t memory; /* since the last good mail */
};

enum greylist_who { GREYLIST_SUSPICIOUS, GREYLIST_STRANGERS };

struct greylist_options {
	bool enabled;
	int who; /* enum greylist_who */
	int64_t delay;
	int64_t retry;  /* how long one who was put off is waited for */
	int64_t memory; /* of one who has come again */
};

enum rate_of { RATE_OF_CONNECTIONS, RATE_OF_MESSAGES, RATE_OF_RECIPIENTS, RATE_OF_ERRORS };
enum rate_by {
	RATE_BY_CLIENT,
	RATE_BY_CLIENT_NETWORK,
	RATE_BY_SENDER_DOMAIN,
	RATE_BY_SENDER,
	RATE_BY_USER
};
enum rate_action { RATE_MONITOR, RATE_SCORE, RATE_TEMPFAIL, RATE_REJECT };

/* rate "pace" { of = recipients  by = client  period = 1h  limit = 1000 } */
struct rate_options {
	const char *name;
	int of; /* enum rate_of */
	int by; /* enum rate_by */
	int64_t period;
	int64_t limit;
	int action; /* enum rate_action */
	double score;
	bool networks; /* also of relay.networks */
};

struct helo_options {
	int unresolved; /* the name has no address */
	double unresolved_score;
};

struct client_name_options {
	int missing; /* the address has no name */
	double missing_score;
	int unconfirmed; /* the name does not have the address */
	double unconfirmed_score;
};

enum spf_engine { SPF_ENGINE_OWN, SPF_ENGINE_LIBSPF2 };

/* Lists of results, as in spf_result_name(). */
struct spf_options {
	int engine;                  /* enum spf_engine */
	struct texts refuse;         /* results that are refused at rcpt */
	struct texts tempfail;       /* results that are put off at rcpt */
	struct texts refuse_domains; /* of senders whose fail is refused */
	bool refuse_silent;          /* a fail of a domain that sends no mail */
	double fail, softfail, neutral, none, permerror, temperror; /* scores */
	bool add_received;                                          /* Received-SPF */
};

struct relay_options {
	struct texts domains;  /* ours: "example.com", ".example.com" for everything below */
	struct cidrs networks; /* own hosts: may send anywhere */
};

/* An entry of the allow-list: who skips the chain (never the limits, never the relay gate). */
struct allow_options {
	const char *name;
	struct cidrs networks;
	struct texts senders;       /* addresses, domains, ".domain" for everything below */
	bool unverified;            /* senders count without SPF's pass, too */
	const char *owner, *reason; /* for people */
	const char *until;          /* the last day, "2027-06-30"; NULL: for ever */
};

enum recipients_source { RECIPIENTS_BACKEND, RECIPIENTS_FILE, RECIPIENTS_LDAP };

/* Who says which recipients there are. */
struct recipients_options {
	int source;           /* enum recipients_source */
	const char *file;     /* the list, or where what LDAP said is kept */
	struct texts domains; /* that the list is about; none: all of ours */
	bool plus;            /* user+tag is user */
	int64_t watch;        /* how often the file is looked at */
	int64_t memory;       /* how long a no of the backend is remembered */
	int64_t unknown_rate; /* a minute, beyond which a client hears it */
};

struct limits_options {
	int64_t message_size;
	int64_t recipients;
	int64_t hops;
	int64_t connections;
	int64_t connections_per_client;
	int64_t connections_per_network; /* an IPv4 /24 or IPv6 /64 */
	int64_t connection_rate;         /* of one address, a minute; 0: any */
	int64_t bad_recipients;          /* a session, before they are slowed */
	int64_t bad_recipients_most;     /* a session, when none was good */
	int64_t tarpit;                  /* ms before a bad recipient is answered */
	int64_t messages;                /* a session */
	int64_t errors;                  /* protocol errors a session */
	int64_t unknown_verbs;           /* a session */
	int64_t idle_verbs;              /* NOOP, RSET, VRFY, HELP a session */
	int64_t logins;                  /* refused AUTH a session */
	int64_t login_delay;             /* ms before a refused AUTH is answered */
	int64_t command_line;            /* octets with CRLF */
	int64_t spool;                   /* bytes of all messages in our hands */
};

struct checks_options {
	struct texts chain;   /* the checks, in their order */
	struct texts monitor; /* of those: judge, record, do not act */
	struct texts off;     /* of those: leave out */
};

struct thresholds_options {
	double tag;
	double quarantine;
	double reject;
};

/* The sections "", relay, recipients, allow, limits, checks, rules, shadow, breaker, sender, spf, helo, client_name, dnsbl, dnswl, rhsbl, known_good, greylist, rate,
 * hygiene and thresholds, in that
 * order; ended by a row without name. */
extern const struct section policy_sections[];

struct rulebook;

struct allow_entry {
	const struct allow_options *options;
	int64_t end; /* seconds since 1970 when it counts no more */
};

/* What comes of it when a milter does not answer. */
enum milter_failure { ON_FAILURE_TEMPFAIL, ON_FAILURE_ACCEPT, ON_FAILURE_REJECT };

struct milter_policy {
	const char *name;
	enum milter_failure on_failure;
};

/* All of them, looked up once. */
struct learner;

struct policy {
	const struct settings *settings; /* for the places of complaints; NULL in tests */
	const struct site *site;
	const struct relay_options *relay;
	const struct recipients_options *recipients;
	struct allow_entry *allows;
	size_t allow_count;
	bool allows_senders; /* an entry has senders */
	const struct limits_options *limits;
	const struct checks_options *checks;
	const struct sender_options *sender;
	const struct spf_options *spf;
	const struct helo_options *helo;
	const struct client_name_options *client_name;
	struct dns_lists lists; /* of the sections dnsbl, dnswl and rhsbl */
	const struct known_good_options *known_good;
	const struct greylist_options *greylist;
	const struct rate_options **rates;
	size_t rate_count;
	const struct hygiene_options *hygiene;
	const struct scanner_options *scanner;
	const struct thresholds_options *thresholds;
	const struct milter_policy
		*milters; /* in the order in which they are asked; handed in by who knows them */
	size_t milter_count;
	const struct quarantine_options *quarantine;
	bool is_kept_elsewhere; /* whoever brings mail to us has a quarantine of his own */
	const struct clamd_options **clamds;
	size_t clamd_count;
	const struct virus_options *virus;
	const struct learner
		*content; /* takes messages apart where there are no scanners; NULL: nobody does */
	const struct rules_options *rules;
	const struct shadow_options *shadow;
	const struct breaker_options *breaker;
	struct rulebook *rulebook;        /* NULL: no rules, or they have not been read */
	struct rulebook *shadow_rulebook; /* the same of the shadow */
	struct yara *yara;                /* of scanner.yara_rules; NULL: none */
};

/* Looks the sections up and complains about what does not fit together. The policy lives under the parent, what it points
 * to under the settings. */
struct policy *policy_new(
	const void *parent, const struct settings *settings, struct complaints *complaints);

/* Whether there is a quarantine of any kind. */
bool policy_has_quarantine(const struct policy *policy);

/* The section rate of that name, or NULL. */
const struct rate_options *policy_rate(const struct policy *policy, struct slice name);

/* Where one of their options was written. */
struct place policy_place(const struct policy *policy, const void *section, const char *option);

/* Whether a domain is listed in relay.domains. */
bool policy_is_our_domain(const struct policy *policy, const char *domain);

/* Whether an entry of the allow-list that counts at that time has the client. */
bool policy_allows_client(const struct policy *policy, const struct ip *client, int64_t seconds);
