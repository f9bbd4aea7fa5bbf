/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the judge's settings, and what must fit together. */
#include "policy/options.h"

#include "policy/action.h"
#include "policy/mail/address.h"
#include "policy/mail/folding.h"

#include <talloc.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_A_DAY 86400
#define MINUTE INT64_C(60000)
#define DAY (24 * 60 * MINUTE)
#define YEAR (365 * DAY)
#define MEGABYTE INT64_C(1048576)
#define GIGABYTE (1024 * MEGABYTE)
#define HOSTNAME_SIZE 256
#define CLAMD_PATH_MOST 108 /* of a socket's address */

#define FIELD(type, field) .name = #field, .offset = offsetof(struct type, field)

static const char *const mode_choices[] = {"enforce", "observe", NULL};

static const struct option site_rows[] = {
	{FIELD(site, hostname), .type = OPTION_TEXT,
		.manual = "what postern calls itself in greetings and Received; without it, the "
			  "name of the system"},
	{FIELD(site, mode), .type = OPTION_CHOICE, .preset = "enforce", .choices = mode_choices,
		.manual = "observe lets everything through but what relay, framing and limits "
			  "refuse, and records what would have been done"},
	{FIELD(site, authserv_id), .type = OPTION_TEXT,
		.manual = "our name in Authentication-Results, one for all gateways of a site; "
			  "without it, hostname"},
	{FIELD(site, trusted_relays), .type = OPTION_NETWORKS,
		.manual = "secondary MX, a filter in front: hosts that hand on the mail of "
			  "strangers; they may not relay"},
	{0},
};

static const struct option relay_rows[] = {
	{FIELD(relay_options, domains), .type = OPTION_TEXTS,
		.manual = "domains that mail is accepted for; \".example.com\" is everything "
			  "below example.com"},
	{FIELD(relay_options, networks), .type = OPTION_NETWORKS,
		.manual = "our own hosts, which may send anywhere"},
	{0},
};

static const char *const source_choices[] = {"backend", "file", "ldap", NULL};

static const struct option recipients_rows[] = {
	{FIELD(recipients_options, source), .type = OPTION_CHOICE, .preset = "backend",
		.choices = source_choices,
		.manual = "who says which recipients there are: the backend's live answer; a list "
			  "in a file; or one that is pulled from a directory into that file"},
	{FIELD(recipients_options, file), .type = OPTION_TEXT,
		.manual = "the list: an address or @domain on each line, # for comments; with "
			  "ldap, where it is kept (without: \"recipients\" in store.path)"},
	{FIELD(recipients_options, domains), .type = OPTION_TEXTS,
		.manual = "domains of relay.domains that the list is about; without, all of them"},
	{FIELD(recipients_options, plus), .type = OPTION_BOOL, .preset = "yes",
		.manual = "user+tag is a recipient where user is"},
	{FIELD(recipients_options, watch), .type = OPTION_DURATION, .preset = "5s", .minimum = 100,
		.maximum = SECONDS_A_DAY * INT64_C(1000),
		.manual = "how often the file is looked at; a changed one is taken without a "
			  "reload, and one with a mistake leaves the old one in force"},
	{FIELD(recipients_options, memory), .type = OPTION_DURATION, .preset = "5m",
		.maximum = 3600 * INT64_C(1000),
		.manual = "how long it is remembered that the backend does not know a recipient, "
			  "for clients beyond unknown_rate; 0: not at all"},
	{FIELD(recipients_options, unknown_rate), .type = OPTION_NUMBER, .preset = "10",
		.maximum = 4000,
		.manual = "recipients a minute that do not exist, beyond which a client hears what "
			  "is remembered, and the backend is spared"},
	{0},
};

static const struct option allow_rows[] = {
	{FIELD(allow_options, networks), .type = OPTION_NETWORKS,
		.manual = "clients that skip the checks, though neither limits nor relay"},
	{FIELD(allow_options, senders), .type = OPTION_TEXTS,
		.manual = "senders that skip the checks where SPF passes: addresses, domains, "
			  "\".example.com\" for all below"},
	{FIELD(allow_options, unverified), .type = OPTION_BOOL, .preset = "no",
		.manual = "senders skip them without SPF's pass, too: anyone can claim to be one"},
	{FIELD(allow_options, owner), .type = OPTION_TEXT, .manual = "who wanted the entry"},
	{FIELD(allow_options, reason), .type = OPTION_TEXT, .manual = "and why"},
	{FIELD(allow_options, until), .type = OPTION_TEXT,
		.manual = "its last day (UTC), as 2027-06-30; without: for ever"},
	{0},
};

static const struct option limits_rows[] = {
	{FIELD(limits_options, message_size), .type = OPTION_SIZE, .preset = "36M",
		.minimum = 65536, .maximum = 2 * GIGABYTE, .manual = "largest message"},
	{FIELD(limits_options, recipients), .type = OPTION_NUMBER, .preset = "200", .minimum = 1,
		.maximum = 10000, .manual = "recipients of a message"},
	{FIELD(limits_options, hops), .type = OPTION_NUMBER, .preset = "100", .minimum = 10,
		.maximum = 1000, .manual = "Received fields, beyond which a message is in a loop"},
	{FIELD(limits_options, connections), .type = OPTION_NUMBER, .preset = "5000", .minimum = 1,
		.maximum = 1000000, .manual = "sessions at a time"},
	{FIELD(limits_options, connections_per_client), .type = OPTION_NUMBER, .preset = "50",
		.minimum = 1, .maximum = 1000000,
		.manual = "sessions at a time from one address; relay.networks and "
			  "trusted_relays are exempt"},
	{FIELD(limits_options, connections_per_network), .type = OPTION_NUMBER, .preset = "200",
		.minimum = 1, .maximum = 1000000,
		.manual = "sessions at a time from one network: a /24 of IPv4, a /64 of IPv6"},
	{FIELD(limits_options, connection_rate), .type = OPTION_NUMBER, .preset = "0",
		.maximum = 4000,
		.manual = "new sessions a minute from one address, over all workers; 0: any "
			  "number"},
	{FIELD(limits_options, bad_recipients), .type = OPTION_NUMBER, .preset = "5",
		.maximum = 10000,
		.manual = "refused recipients in one session, beyond which each refusal of ours "
			  "is held back"},
	{FIELD(limits_options, bad_recipients_most), .type = OPTION_NUMBER, .preset = "20",
		.minimum = 1, .maximum = 100000,
		.manual = "refused recipients that end a session in which none was good"},
	{FIELD(limits_options, tarpit), .type = OPTION_DURATION, .preset = "5s", .maximum = 60000,
		.manual = "how long such a refusal is held back"},
	{FIELD(limits_options, messages), .type = OPTION_NUMBER, .preset = "100", .minimum = 1,
		.maximum = 1000000, .manual = "messages in one session"},
	{FIELD(limits_options, errors), .type = OPTION_NUMBER, .preset = "5", .minimum = 1,
		.maximum = 1000, .manual = "protocol errors in one session"},
	{FIELD(limits_options, unknown_verbs), .type = OPTION_NUMBER, .preset = "3", .minimum = 1,
		.maximum = 1000, .manual = "unknown commands in one session"},
	{FIELD(limits_options, idle_verbs), .type = OPTION_NUMBER, .preset = "20", .minimum = 1,
		.maximum = 100000, .manual = "EHLO, RSET, NOOP, VRFY and HELP between two mails"},
	{FIELD(limits_options, logins), .type = OPTION_NUMBER, .preset = "3", .minimum = 1,
		.maximum = 1000, .manual = "refused AUTH in one session"},
	{FIELD(limits_options, login_delay), .type = OPTION_DURATION, .preset = "5s",
		.maximum = 60000, .manual = "how long the answer to a refused AUTH is held back"},
	{FIELD(limits_options, command_line), .type = OPTION_SIZE, .preset = "2048", .minimum = 512,
		.maximum = 65536, .manual = "a command line with its CRLF"},
	{FIELD(limits_options, spool), .type = OPTION_SIZE, .preset = "1G", .minimum = MEGABYTE,
		.maximum = 1024 * GIGABYTE, .manual = "all messages in flight together"},
	{0},
};

static const struct option checks_rows[] = {
	{FIELD(checks_options, chain), .type = OPTION_TEXTS,
		.preset = "size virus recipients rate rules pregreet recipient helo helo_name "
			  "client_name "
			  "dnsbl sender sender_domain rhsbl spf greylist headers hops milter",
		.manual = "the checks, in the order in which they are asked"},
	{FIELD(checks_options, monitor), .type = OPTION_TEXTS,
		.manual = "those of them that judge and are recorded, but do not act"},
	{FIELD(checks_options, off), .type = OPTION_TEXTS,
		.manual = "those of them that are left out"},
	{0},
};

static const char *const rules_choices[] = {"enforce", "monitor", NULL};

static const char *const strip_archives_choices[] = {"whole", "members", NULL};

static const struct option rules_rows[] = {
	{FIELD(rules_options, files), .type = OPTION_TEXTS,
		.manual = "rule files, see postern-rules(5): names or patterns, relative to this "
			  "file; \"rules.d/*.rules\""},
	{FIELD(rules_options, mode), .type = OPTION_CHOICE, .preset = "enforce",
		.choices = rules_choices,
		.manual = "monitor: all rules are judged, logged and counted, but none acts"},
	{FIELD(rules_options, monitor_files), .type = OPTION_TEXTS,
		.manual = "patterns of those of the files whose rules are judged but do not act"},
	{FIELD(rules_options, monitor_recipients), .type = OPTION_TEXTS,
		.manual = "addresses, domains, \".example.com\" for all below: rules do not act on "
			  "mail whose recipients are all of these"},
	{FIELD(rules_options, budget), .type = OPTION_DURATION, .preset = "250ms", .minimum = 1,
		.maximum = 10000,
		.manual = "time that searching in texts may take at one stage; beyond it what is "
			  "searched for counts as failed, never as not there"},
	{FIELD(rules_options, watch), .type = OPTION_DURATION, .preset = "10s",
		.maximum = INT64_C(86400000),
		.manual = "how often the files of lists are looked at; one that has changed makes "
			  "a reload; 0: never"},
	{FIELD(rules_options, strip_archives), .type = OPTION_CHOICE, .preset = "whole",
		.choices = strip_archives_choices,
		.manual = "what strip removes when a member of an archive matches: the whole "
			  "archive, or members: of a plain ZIP file only those that matched, "
			  "of all others the whole"},
	{0},
};

static const struct option shadow_rows[] = {
	{FIELD(shadow_options, rules), .type = OPTION_TEXTS,
		.manual = "rule files, as rules.files: what they would do otherwise than those is "
			  "logged, counted and reported, and nothing is done"},
	{0},
};

static const struct option breaker_rows[] = {
	{FIELD(breaker_options, hits), .type = OPTION_NUMBER, .preset = "10",
		.maximum = INT64_C(1000000),
		.manual = "transactions of clients or senders known as good that one rule may "
			  "refuse or mark within the window; 0: any number, and there is no "
			  "breaker"},
	{FIELD(breaker_options, share), .type = OPTION_NUMBER, .preset = "5", .maximum = 100,
		.manual = "percent of the transactions of the known-good within it that these must "
			  "be besides"},
	{FIELD(breaker_options, window), .type = OPTION_DURATION, .preset = "1h", .minimum = 1000,
		.maximum = 30 * DAY, .manual = "in what time; it begins with the first of them"},
	{FIELD(breaker_options, age), .type = OPTION_DURATION, .preset = "24h", .maximum = YEAR,
		.manual = "how long after its text was seen first a rule falls; later, and with "
			  "0, it only raises the alarm"},
	{0},
};

static const char *const own_domain_choices[] = {"monitor", "refuse", NULL};

static const struct option sender_rows[] = {
	{FIELD(sender_options, own_domain), .type = OPTION_CHOICE, .preset = "monitor",
		.choices = own_domain_choices,
		.manual = "a sender of relay.domains from outside: monitor records it, refuse "
			  "answers 550; forwarders of our own mail do it too"},
	{FIELD(sender_options, nonexistent), .type = OPTION_CHOICE, .preset = "score",
		.choices = action_choices,
		.manual = "the sender's domain has neither mail server nor address in the DNS"},
	{FIELD(sender_options, nonexistent_score), .type = OPTION_SCORE, .preset = "3",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{FIELD(sender_options, null_mx), .type = OPTION_CHOICE, .preset = "refuse",
		.choices = action_choices,
		.manual = "the sender's domain says in the DNS that it takes no mail (RFC 7505)"},
	{FIELD(sender_options, null_mx_score), .type = OPTION_SCORE, .preset = "3",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{FIELD(sender_options, bogus_mx), .type = OPTION_CHOICE, .preset = "score",
		.choices = action_choices,
		.manual = "all mail servers of the sender's domain are in bogus_networks"},
	{FIELD(sender_options, bogus_mx_score), .type = OPTION_SCORE, .preset = "1",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{FIELD(sender_options, bogus_networks), .type = OPTION_NETWORKS,
		.preset = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 "
			  "172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ::/128 ::1/128 fc00::/7 "
			  "fe80::/10 ff00::/8",
		.manual = "where no mail server can stand that others are to reach"},
	{0},
};

static const struct option helo_rows[] = {
	{FIELD(helo_options, unresolved), .type = OPTION_CHOICE, .preset = "monitor",
		.choices = action_choices,
		.manual = "the name that a stranger calls itself has no address in the DNS"},
	{FIELD(helo_options, unresolved_score), .type = OPTION_SCORE, .preset = "1",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{0},
};

static const struct option client_name_rows[] = {
	{FIELD(client_name_options, missing), .type = OPTION_CHOICE, .preset = "monitor",
		.choices = action_choices, .manual = "a stranger's address has no name in the DNS"},
	{FIELD(client_name_options, missing_score), .type = OPTION_SCORE, .preset = "1",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{FIELD(client_name_options, unconfirmed), .type = OPTION_CHOICE, .preset = "monitor",
		.choices = action_choices, .manual = "its name has other addresses"},
	{FIELD(client_name_options, unconfirmed_score), .type = OPTION_SCORE, .preset = "1",
		.minimum = -1000, .maximum = 1000, .manual = "what score adds for it"},
	{0},
};

#define LIST_CODES                                                                                 \
	{                                                                                          \
		FIELD(dns_list_options, codes), .type = OPTION_TEXTS,                              \
						.manual = "answers that count: 127.0.0.2, "        \
							  "127.0.0.4-127.0.0.7, or with a weight " \
							  "of their own, 127.0.0.10=1.5; without " \
							  "any all but 127.255.255.0/24, "         \
							  "which never count"                      \
	}
#define LIST_CANARIES                                                                              \
	{                                                                                          \
		FIELD(dns_list_options, canaries),                                                 \
			.type = OPTION_BOOL, .preset = "yes",                                      \
			.manual =                                                                  \
				"asks the list each hour for what it must and must not list, and " \
				"suspends it as long as it answers that wrongly"                   \
	}
#define LIST_SHARE                                                                                 \
	{                                                                                          \
		FIELD(dns_list_options, share), .type = OPTION_NUMBER, .preset = "20",             \
						.minimum = 1, .maximum = 100,                      \
						.manual = "percent of the known-good clients "     \
							  "that it may list; more suspend it "     \
							  "for a day"                              \
	}

static const struct option dnsbl_rows[] = {
	{FIELD(dns_list_options, action), .type = OPTION_CHOICE, .preset = "score",
		.choices = action_choices,
		.manual = "what is done about listed clients; refuse answers 550 to their "
			  "recipients"},
	{FIELD(dns_list_options, weight), .type = OPTION_SCORE, .preset = "3", .minimum = 0,
		.maximum = 1000, .manual = "what a listing scores"},
	LIST_CODES,
	LIST_CANARIES,
	LIST_SHARE,
	{0},
};

/* As action_choices, but that nobody is refused for being good. */
static const char *const dnswl_choices[] = {"off", "monitor", "score", NULL};

static const struct option dnswl_rows[] = {
	{FIELD(dns_list_options, action), .type = OPTION_CHOICE, .preset = "score",
		.choices = dnswl_choices, .manual = "what is done about listed clients"},
	{FIELD(dns_list_options, weight), .type = OPTION_SCORE, .preset = "3", .minimum = 0,
		.maximum = 1000, .manual = "what a listing takes off the score"},
	LIST_CODES,
	LIST_CANARIES,
	{0},
};

static const struct option rhsbl_rows[] = {
	{FIELD(dns_list_options, action), .type = OPTION_CHOICE, .preset = "score",
		.choices = action_choices,
		.manual = "what is done about listed domains; refuse answers 550 to their "
			  "recipients"},
	{FIELD(dns_list_options, weight), .type = OPTION_SCORE, .preset = "3", .minimum = 0,
		.maximum = 1000, .manual = "what a listing scores"},
	LIST_CODES,
	LIST_CANARIES,
	{0},
};

static const char *const engine_choices[] = {"postern", "libspf2", NULL};

static const struct option spf_rows[] = {
	{FIELD(spf_options, engine), .type = OPTION_CHOICE, .preset = "postern",
		.choices = engine_choices,
		.manual = "who evaluates SPF: postern itself by RFC 7208, or libspf2, which "
			  "takes many records for something else and has had holes"},
	{FIELD(spf_options, refuse), .type = OPTION_TEXTS,
		.manual = "results that are refused with 550 at RCPT: fail, softfail, permerror, "
			  "neutral, none"},
	{FIELD(spf_options, tempfail), .type = OPTION_TEXTS,
		.manual = "results that are put off with 451 at RCPT: temperror, permerror"},
	{FIELD(spf_options, refuse_domains), .type = OPTION_TEXTS,
		.manual = "domains whose fail is refused with 550 at RCPT; \".example.com\" is "
			  "all below it"},
	{FIELD(spf_options, refuse_silent), .type = OPTION_BOOL, .preset = "yes",
		.manual = "refuses senders of domains that say v=spf1 -all: that no mail comes "
			  "from them"},
	{FIELD(spf_options, fail), .type = OPTION_SCORE, .preset = "3",
		.manual = "score of the result fail"},
	{FIELD(spf_options, softfail), .type = OPTION_SCORE, .preset = "1",
		.manual = "score of the result softfail"},
	{FIELD(spf_options, neutral), .type = OPTION_SCORE, .preset = "0",
		.manual = "score of the result neutral"},
	{FIELD(spf_options, none), .type = OPTION_SCORE, .preset = "0",
		.manual = "score of a domain without a record"},
	{FIELD(spf_options, permerror), .type = OPTION_SCORE, .preset = "0",
		.manual = "score of a record with a mistake"},
	{FIELD(spf_options, temperror), .type = OPTION_SCORE, .preset = "0",
		.manual = "score when name servers do not answer"},
	{FIELD(spf_options, add_received), .type = OPTION_BOOL, .preset = "yes",
		.manual = "adds a Received-SPF field that says what was found"},
	{0},
};

static const struct option known_good_rows[] = {
	{FIELD(known_good_options, memory), .type = OPTION_DURATION, .preset = "30d",
		.minimum = MINUTE, .maximum = YEAR,
		.manual = "how long clients and domains are known as good after the last message "
			  "that SPF let pass and that was accepted without a mark"},
	{0},
};

static const char *const poison_choices[] = {"refuse", "put_off", "quarantine", NULL};

static const struct option scanner_rows[] = {
	{FIELD(scanner_options, processes), .type = OPTION_NUMBER, .preset = "0", .maximum = 60,
		.manual = "scanner processes; 0 is one for each core. Without a rule that asks for "
			  "what stands in a message there are none"},
	{FIELD(scanner_options, time), .type = OPTION_DURATION, .preset = "20s", .minimum = 100,
		.maximum = 5 * MINUTE,
		.manual = "processor time for one message; a scanner that needs more is ended and "
			  "the message put off. It stops by itself, with what it has found, after "
			  "half of it"},
	{FIELD(scanner_options, memory), .type = OPTION_SIZE, .preset = "512M",
		.minimum = 64 * MEGABYTE, .maximum = 65536 * MEGABYTE,
		.manual = "memory of a scanner; one that needs more dies"},
	{FIELD(scanner_options, unpacked), .type = OPTION_SIZE, .preset = "256M",
		.minimum = MEGABYTE, .maximum = 16384 * MEGABYTE,
		.manual =
			"what may come out of one message, all archives in it unpacked; beyond it "
			"they are over limits"},
	{FIELD(scanner_options, unpacked_ratio), .type = OPTION_NUMBER, .preset = "100",
		.maximum = 1000000,
		.manual =
			"how many times its size may come out of a message, where that is less; 0 "
			"for any"},
	{FIELD(scanner_options, entries), .type = OPTION_NUMBER, .preset = "10000", .minimum = 10,
		.maximum = 1000000, .manual = "files in all archives of one message"},
	{FIELD(scanner_options, depth), .type = OPTION_NUMBER, .preset = "5", .minimum = 1,
		.maximum = 20, .manual = "archives within archives"},
	{FIELD(scanner_options, yara_rules), .type = OPTION_TEXTS,
		.manual = "files of rules of YARA, relative to this file; a rule says "
			  "yara.matches == \"name\" of them. Needs a build with --with-yara"},
	{FIELD(scanner_options, poison), .type = OPTION_CHOICE, .preset = "refuse",
		.choices = poison_choices,
		.manual = "what becomes of a message that two scanners died over within a day: "
			  "refuse it (554), put_off again and again (451), or quarantine"},
	{0},
};

static const char *const greylist_choices[] = {"suspicious", "strangers", NULL};

static const struct option greylist_rows[] = {
	{FIELD(greylist_options, enabled), .type = OPTION_BOOL, .preset = "no",
		.manual = "puts mail off (451) that was not seen before; who comes again passes"},
	{FIELD(greylist_options, who), .type = OPTION_CHOICE, .preset = "suspicious",
		.choices = greylist_choices,
		.manual = "whose mail: suspicious is of strangers without a name in the DNS that "
			  "leads back to them, with one that looks given to a range, or on a list "
			  "of dnsbl; strangers is of all"},
	{FIELD(greylist_options, delay), .type = OPTION_DURATION, .preset = "60s", .minimum = 1000,
		.maximum = DAY, .manual = "how long after the first attempt mail passes"},
	{FIELD(greylist_options, retry), .type = OPTION_DURATION, .preset = "2d", .minimum = MINUTE,
		.maximum = 30 * DAY,
		.manual = "how long a first attempt is remembered; later, the next is the first"},
	{FIELD(greylist_options, memory), .type = OPTION_DURATION, .preset = "36d",
		.minimum = MINUTE, .maximum = YEAR,
		.manual = "how long a client whose mail was accepted may send mail of that domain "
			  "without delay"},
	{0},
};

static const char *const rate_of_choices[] = {
	"connections", "messages", "recipients", "errors", NULL};
static const char *const rate_by_choices[] = {
	"client", "client_network", "sender_domain", "sender", "user", NULL};
static const char *const rate_action_choices[] = {"monitor", "score", "tempfail", "reject", NULL};

static const struct option rate_rows[] = {
	{FIELD(rate_options, of), .type = OPTION_CHOICE, .mandatory = true,
		.choices = rate_of_choices,
		.manual = "what is counted; errors are protocol errors, refused recipients and "
			  "refused logins"},
	{FIELD(rate_options, by), .type = OPTION_CHOICE, .preset = "client",
		.choices = rate_by_choices,
		.manual = "whose: one address, its network (a /24 of IPv4, a /64 of IPv6), the "
			  "sender's domain, the sender, or who has authenticated; behind "
			  "trusted_relays the "
			  "address is where the mail came from"},
	{FIELD(rate_options, period), .type = OPTION_DURATION, .preset = "1h", .minimum = 1000,
		.maximum = YEAR, .manual = "within what time"},
	{FIELD(rate_options, limit), .type = OPTION_NUMBER, .mandatory = true,
		.maximum = INT64_C(1000000000),
		.manual = "how many are allowed; what comes beyond counts, too"},
	{FIELD(rate_options, action), .type = OPTION_CHOICE, .preset = "tempfail",
		.choices = rate_action_choices,
		.manual = "what is done about what comes beyond: recorded only, a score, 451, 550"},
	{FIELD(rate_options, score), .type = OPTION_SCORE, .preset = "2",
		.manual = "for action = score"},
	{FIELD(rate_options, networks), .type = OPTION_BOOL, .preset = "no",
		.manual = "counts clients of relay.networks, too"},
	{0},
};

static const struct option hygiene_rows[] = {
	{FIELD(hygiene_options, enabled), .type = OPTION_BOOL, .preset = "yes",
		.manual = "removes from strangers' mail what only our side may say: "
			  "Authentication-Results in our name, and the fields"},
	{FIELD(hygiene_options, fields), .type = OPTION_TEXTS,
		.preset = "X-MS-Exchange-Organization-* X-Spam-* X-Postern-*",
		.manual = "names of the fields; \"X-Spam-*\" is all that begin so"},
	{0},
};

static const struct option clamd_rows[] = {
	{FIELD(clamd_options, socket), .type = OPTION_TEXT, .mandatory = true,
		.manual = "where it listens: the path of its socket, which the workers must be "
			  "allowed to open, or ADDRESS:PORT. Its StreamMaxLength must not be below "
			  "limits.message_size"},
	{0},
};

static const char *const virus_found_choices[] = {"refuse", "quarantine", "discard", NULL};
static const char *const virus_failure_choices[] = {"put_off", "quarantine", "pass", NULL};

static const struct option virus_rows[] = {
	{FIELD(virus_options, found), .type = OPTION_CHOICE, .preset = "refuse",
		.choices = virus_found_choices,
		.manual = "what becomes of a message with a virus: refuse it (550), put it into "
			  "quarantine, or discard it"},
	{FIELD(virus_options, on_failure), .type = OPTION_CHOICE, .preset = "put_off",
		.choices = virus_failure_choices,
		.manual = "what becomes of one that no scanner could look at: put_off (451), "
			  "quarantine, or pass"},
	{FIELD(virus_options, hold), .type = OPTION_DURATION, .preset = "40s",
		.maximum = 9 * MINUTE,
		.manual = "while no scanner can be asked, how long the message is held until one "
			  "is back; smtp.judge_timeout ends it, too"},
	{FIELD(virus_options, timeout), .type = OPTION_DURATION, .preset = "30s", .minimum = 1000,
		.maximum = 9 * MINUTE, .manual = "for a scanner to look at a message"},
	{FIELD(virus_options, except), .type = OPTION_NETWORKS,
		.manual = "clients whose mail is not looked at; nothing else is exempt, neither "
			  "the allow-list nor postmaster"},
	{0},
};

static const struct option quarantine_rows[] = {
	{FIELD(quarantine_options, path), .type = OPTION_TEXT,
		.manual = "directory that messages are kept in which are not to go on until "
			  "somebody has looked at them (postern quarantine); it is made for "
			  "process.user when it is not there. Needs store.path"},
	{FIELD(quarantine_options, redirect), .type = OPTION_TEXT,
		.manual = "address that they are sent to instead, through the same backend; not "
			  "together with path"},
	{FIELD(quarantine_options, age), .type = OPTION_DURATION, .preset = "30d",
		.minimum = MINUTE, .maximum = YEAR,
		.manual = "how long a message is kept; then it is removed, and nobody is told"},
	{FIELD(quarantine_options, size), .type = OPTION_SIZE, .preset = "10G", .minimum = MEGABYTE,
		.maximum = 1024 * 1024 * GIGABYTE,
		.manual = "how much is kept in all; beyond it, and when the disk is full, the "
			  "next message is put off with 451: nothing goes for its sake"},
	{FIELD(quarantine_options, timeout), .type = OPTION_DURATION, .preset = "30s",
		.minimum = 1000, .maximum = 5 * MINUTE,
		.manual = "until a message must be safe on the disk; then the client hears 451"},
	{0},
};

static const struct option thresholds_rows[] = {
	{FIELD(thresholds_options, tag), .type = OPTION_SCORE, .preset = "5",
		.manual = "score from which a message is marked"},
	{FIELD(thresholds_options, quarantine), .type = OPTION_SCORE, .preset = "10",
		.manual = "score from which a message is put into quarantine; refused where there "
			  "is none"},
	{FIELD(thresholds_options, reject), .type = OPTION_SCORE, .preset = "15",
		.manual = "score from which a message is refused"},
	{0},
};

const struct section policy_sections[] = {
	{"", false, sizeof(struct site), site_rows, "Of the whole gateway."},
	{"relay", false, sizeof(struct relay_options), relay_rows, "Who may send mail to whom."},
	{"recipients", false, sizeof(struct recipients_options), recipients_rows,
		"Which recipients there are."},
	{"allow", true, sizeof(struct allow_options), allow_rows,
		"Entries of the allow-list: who is trusted, on whose word and until when."},
	{"limits", false, sizeof(struct limits_options), limits_rows, "How much of everything."},
	{"checks", false, sizeof(struct checks_options), checks_rows, "What is looked at."},
	{"rules", false, sizeof(struct rules_options), rules_rows,
		"Rules of the site's own, in files of their own language."},
	{"shadow", false, sizeof(struct shadow_options), shadow_rows,
		"A second set of rules, to see what it would do."},
	{"breaker", false, sizeof(struct breaker_options), breaker_rows,
		"How much harm a rule may do to senders known as good, before it does not act any "
		"more."},
	{"sender", false, sizeof(struct sender_options), sender_rows,
		"What a sender may claim to be."},
	{"spf", false, sizeof(struct spf_options), spf_rows,
		"What comes of SPF (RFC 7208), asked of senders that are not our own."},
	{"helo", false, sizeof(struct helo_options), helo_rows, "What a client may call itself."},
	{"client_name", false, sizeof(struct client_name_options), client_name_rows,
		"The name that a client's address has in the DNS."},
	{"dnsbl", true, sizeof(struct dns_list_options), dnsbl_rows,
		"A list of bad clients in the DNS; its name is the zone."},
	{"dnswl", true, sizeof(struct dns_list_options), dnswl_rows,
		"A list of good clients in the DNS; its name is the zone."},
	{"rhsbl", true, sizeof(struct dns_list_options), rhsbl_rows,
		"A list of bad domains in the DNS, asked for the sender's; its name is the zone."},
	{"known_good", false, sizeof(struct known_good_options), known_good_rows,
		"Clients and domains that have sent good mail; needs a store."},
	{"greylist", false, sizeof(struct greylist_options), greylist_rows,
		"Mail of suspicious strangers is put off once; needs a store."},
	{"rate", true, sizeof(struct rate_options), rate_rows,
		"How many of something somebody may send in some time; needs a store."},
	{"hygiene", false, sizeof(struct hygiene_options), hygiene_rows,
		"Header fields that strangers may not bring."},
	{"scanner", false, sizeof(struct scanner_options), scanner_rows,
		"Processes that take messages apart, shut off from network and files."},
	{"clamd", true, sizeof(struct clamd_options), clamd_rows,
		"A virus scanner, ClamAV's daemon; of several the next is asked when one cannot "
		"be."},
	{"virus", false, sizeof(struct virus_options), virus_rows,
		"What comes of what the virus scanners say; needs a section clamd."},
	{"quarantine", false, sizeof(struct quarantine_options), quarantine_rows,
		"Messages that are not to go on until somebody has looked at them."},
	{"thresholds", false, sizeof(struct thresholds_options), thresholds_rows,
		"What a score leads to. Scores of all checks and rules add up."},
	{0},
};

struct place policy_place(const struct policy *policy, const void *section, const char *option)
{
	if (!policy->settings)
		return (struct place){"settings", 0, 0};
	return settings_place(policy->settings, section, option);
}

bool policy_is_our_domain(const struct policy *policy, const char *domain)
{
	const struct texts *domains = &policy->relay->domains;

	return domain_is_listed(domain, domains->items, domains->count);
}

bool policy_allows_client(const struct policy *policy, const struct ip *client, int64_t seconds)
{
	for (size_t i = 0; i < policy->allow_count; i++) {
		const struct allow_entry *entry = &policy->allows[i];
		if (seconds < entry->end && cidrs_contain(&entry->options->networks, client))
			return true;
	}
	return false;
}

static bool is_domain_pattern(const char *pattern)
{
	return domain_is_valid(slice_of(pattern + (pattern[0] == '.')), true);
}

static void check_domains(const struct policy *policy, struct complaints *complaints)
{
	const struct texts *domains = &policy->relay->domains;
	struct place place = policy_place(policy, policy->relay, "domains");

	for (size_t i = 0; i < domains->count; i++) {
		if (!is_domain_pattern(domains->items[i]))
			complaint_error(
				complaints, place, "\"%s\" is no domain", domains->items[i]);
	}
	if (!domains->count)
		complaint_warning(complaints, place,
			"no relay.domains: mail from outside is refused for everyone but "
			"postmaster");
}

static bool is_sender_pattern(const char *pattern)
{
	struct address *address;
	bool valid;

	if (!strchr(pattern, '@'))
		return is_domain_pattern(pattern);
	if (pattern[0] == '<')
		return false;
	address = address_parse(NULL, slice_of(pattern));
	valid = address != NULL;
	talloc_free(address);
	return valid;
}

/* --- the allow-list --- */

/* The end of a day written as 2027-06-30, in seconds since 1970; false when there is no such day. */
static bool read_day(const char *text, int64_t *end)
{
	struct tm day = {0}, normal;
	char print[sizeof "2027-06-30"];
	time_t start;

	if (sscanf(text, "%4d-%2d-%2d", &day.tm_year, &day.tm_mon, &day.tm_mday) != 3)
		return false;
	day.tm_year -= 1900;
	day.tm_mon--;
	start = timegm(&day);
	*end = (int64_t)start + SECONDS_A_DAY;
	return gmtime_r(&start, &normal) && strftime(print, sizeof print, "%Y-%m-%d", &normal) &&
		strcmp(print, text) == 0;
}

static void check_senders(const struct policy *policy, const struct allow_options *allow,
	struct complaints *complaints)
{
	for (size_t i = 0; i < allow->senders.count; i++) {
		if (!is_sender_pattern(allow->senders.items[i]))
			complaint_error(complaints, policy_place(policy, allow, "senders"),
				"\"%s\" is neither an address nor a domain",
				allow->senders.items[i]);
	}
}

static void add_allow(
	struct policy *policy, const struct allow_options *allow, struct complaints *complaints)
{
	struct allow_entry *entry = &policy->allows[policy->allow_count++];

	*entry = (struct allow_entry){allow, INT64_MAX};
	policy->allows_senders = policy->allows_senders || allow->senders.count;
	check_senders(policy, allow, complaints);
	if (allow->until && !read_day(allow->until, &entry->end))
		complaint_error(complaints, policy_place(policy, allow, "until"),
			"\"%s\" is no day: write it as 2027-06-30", allow->until);
	else if (entry->end <= (int64_t)time(NULL))
		complaint_warning(complaints, policy_place(policy, allow, "until"),
			"allow \"%s\" counts no more", allow->name);
	if (!allow->networks.count && !allow->senders.count)
		complaint_warning(complaints, policy_place(policy, allow, "networks"),
			"allow \"%s\" has neither networks nor senders", allow->name);
}

static void add_allows(struct policy *policy, struct complaints *complaints)
{
	size_t count = settings_count(policy->settings, "allow");

	policy->allows = talloc_array(policy, struct allow_entry, count);
	for (size_t i = 0; i < count; i++)
		add_allow(policy, settings_named(policy->settings, "allow", i), complaints);
}

static void check_recipients(const struct policy *policy, struct complaints *complaints)
{
	const struct recipients_options *recipients = policy->recipients;

	if (recipients->source == RECIPIENTS_FILE && !recipients->file)
		complaint_error(complaints, policy_place(policy, recipients, "source"),
			"recipients.source = \"file\" needs recipients.file");
	for (size_t i = 0; i < recipients->domains.count; i++) {
		if (!is_domain_pattern(recipients->domains.items[i]))
			complaint_error(complaints, policy_place(policy, recipients, "domains"),
				"\"%s\" is no domain", recipients->domains.items[i]);
	}
}

static void check_thresholds(const struct policy *policy, struct complaints *complaints)
{
	const struct thresholds_options *thresholds = policy->thresholds;

	if (thresholds->tag <= 0)
		complaint_error(complaints, policy_place(policy, thresholds, "tag"),
			"a threshold must be above 0");
	if (thresholds->quarantine < thresholds->tag)
		complaint_error(complaints, policy_place(policy, thresholds, "quarantine"),
			"quarantine must not be below tag");
	if (thresholds->reject < thresholds->quarantine)
		complaint_error(complaints, policy_place(policy, thresholds, "reject"),
			"reject must not be below quarantine");
}

static void check_quarantine(const struct policy *policy, struct complaints *complaints)
{
	const struct quarantine_options *quarantine = policy->quarantine;
	struct address *address =
		quarantine->redirect ? address_parse(NULL, slice_of(quarantine->redirect)) : NULL;

	if (quarantine->redirect && (!address || !*address->domain))
		complaint_error(complaints, policy_place(policy, quarantine, "redirect"),
			"\"%s\" is no address", quarantine->redirect);
	if (quarantine->redirect && quarantine->path)
		complaint_error(complaints, policy_place(policy, quarantine, "redirect"),
			"quarantine has a path and an address: one of them must go");
	talloc_free(address);
}

static void add_clamds(struct policy *policy, struct complaints *complaints)
{
	struct ip ip;
	uint16_t port;

	policy->virus = settings_section(policy->settings, "virus");
	policy->clamd_count = settings_count(policy->settings, "clamd");
	policy->clamds = talloc_array(policy, const struct clamd_options *, policy->clamd_count);
	for (size_t i = 0; i < policy->clamd_count; i++) {
		const struct clamd_options *clamd = settings_named(policy->settings, "clamd", i);
		const char *socket = clamd->socket ? clamd->socket : "/";

		policy->clamds[i] = clamd;
		if (*socket == '/' ? strlen(socket) >= CLAMD_PATH_MOST
				   : !ip_parse_with_port(slice_of(socket), &ip, &port))
			complaint_error(complaints, policy_place(policy, clamd, "socket"),
				"\"%s\" is neither the path of a socket nor ADDRESS:PORT, as "
				"127.0.0.1:3310",
				socket);
	}
	if (policy->virus->found == VIRUS_QUARANTINE && !policy_has_quarantine(policy))
		complaint_warning(complaints, policy_place(policy, policy->virus, "found"),
			"there is no quarantine: messages with a virus are refused");
}

bool policy_has_quarantine(const struct policy *policy)
{
	return policy->is_kept_elsewhere ||
		(policy->quarantine && (policy->quarantine->path || policy->quarantine->redirect));
}

/* A name of a field, or how names begin. */
static bool is_field_pattern(const char *pattern)
{
	struct slice name = slice_of(pattern);

	if (name.size && name.data[name.size - 1] == '*')
		name.size--;
	return folding_is_name(name) && slice_find(name, '*') == SIZE_MAX;
}

static void check_hygiene(const struct policy *policy, struct complaints *complaints)
{
	const struct texts *fields = &policy->hygiene->fields;

	for (size_t i = 0; i < fields->count; i++) {
		if (!is_field_pattern(fields->items[i]))
			complaint_error(complaints, policy_place(policy, policy->hygiene, "fields"),
				"\"%s\" is no name of a header field; a * may stand at its end",
				fields->items[i]);
	}
}

static void check_results(const struct policy *policy, const struct texts *results,
	const char *option, struct complaints *complaints)
{
	static const char *const names[] = {
		"fail", "softfail", "neutral", "none", "permerror", "temperror"};
	const size_t count = sizeof names / sizeof *names;

	for (size_t i = 0; i < results->count; i++) {
		const char *suggestion = complaint_suggestion(results->items[i], names, count);
		bool is_one = suggestion && strcmp(suggestion, results->items[i]) == 0;
		if (!is_one)
			complaint_error(complaints, policy_place(policy, policy->spf, option),
				"\"%s\" is no result of SPF that can be acted on%s%s%s",
				results->items[i], suggestion ? "; did you mean \"" : "",
				suggestion ? suggestion : "", suggestion ? "\"?" : "");
	}
}

static void check_rules(const struct policy *policy, struct complaints *complaints)
{
	const struct texts *recipients = &policy->rules->monitor_recipients;

	for (size_t i = 0; i < recipients->count; i++) {
		if (!is_sender_pattern(recipients->items[i]))
			complaint_error(complaints,
				policy_place(policy, policy->rules, "monitor_recipients"),
				"\"%s\" is neither an address nor a domain", recipients->items[i]);
	}
}

static void check_spf(const struct policy *policy, struct complaints *complaints)
{
	const struct texts *domains = &policy->spf->refuse_domains;

	check_results(policy, &policy->spf->refuse, "refuse", complaints);
	check_results(policy, &policy->spf->tempfail, "tempfail", complaints);
	for (size_t i = 0; i < domains->count; i++) {
		if (!is_domain_pattern(domains->items[i]))
			complaint_error(complaints,
				policy_place(policy, policy->spf, "refuse_domains"),
				"\"%s\" is no domain", domains->items[i]);
	}
}

static void check_authserv_id(
	const struct policy *policy, const struct site *written, struct complaints *complaints)
{
	if (written->authserv_id && !domain_is_valid(slice_of(written->authserv_id), false))
		complaint_error(complaints, policy_place(policy, written, "authserv_id"),
			"\"%s\" is no host name", written->authserv_id);
}

static const char *system_name(const void *parent)
{
	char name[HOSTNAME_SIZE];

	if (gethostname(name, sizeof name) != 0)
		return "localhost";
	name[sizeof name - 1] = '\0';
	return domain_is_valid(slice_of(name), false) ? talloc_strdup(parent, name) : "localhost";
}

/* The site with a name in any case. */
static const struct site *complete_site(
	const struct policy *policy, const struct site *written, struct complaints *complaints)
{
	struct site *site = talloc_memdup(policy, written, sizeof *written);
	struct place place = policy_place(policy, written, "hostname");

	if (!site->hostname) {
		site->hostname = system_name(site);
		if (!strchr(site->hostname, '.'))
			complaint_warning(complaints, place,
				"no hostname, and the system calls itself \"%s\": other mail "
				"servers expect a name with a domain",
				site->hostname);
	} else if (!domain_is_valid(slice_of(site->hostname), false)) {
		complaint_error(complaints, place, "\"%s\" is no host name", site->hostname);
	}
	check_authserv_id(policy, written, complaints);
	if (!site->authserv_id)
		site->authserv_id = site->hostname;
	return site;
}

static void check_rate(
	const struct policy *policy, const struct rate_options *rate, struct complaints *complaints)
{
	if (strchr(rate->name, ','))
		complaint_error(complaints, policy_place(policy, rate, "of"),
			"the name of rate \"%s\" may not have a comma", rate->name);
	if (rate->of == RATE_OF_CONNECTIONS && rate->by > RATE_BY_CLIENT_NETWORK)
		complaint_error(complaints, policy_place(policy, rate, "by"),
			"connections can be counted by client and client_network: who sends is "
			"not known yet");
	if (rate->of == RATE_OF_ERRORS &&
		(rate->by == RATE_BY_SENDER_DOMAIN || rate->by == RATE_BY_SENDER))
		complaint_error(complaints, policy_place(policy, rate, "by"),
			"errors can be counted by client, client_network and user");
}

static void add_rates(struct policy *policy, struct complaints *complaints)
{
	policy->rate_count = settings_count(policy->settings, "rate");
	policy->rates = talloc_array(policy, const struct rate_options *, policy->rate_count);
	for (size_t i = 0; i < policy->rate_count; i++) {
		policy->rates[i] = settings_named(policy->settings, "rate", i);
		check_rate(policy, policy->rates[i], complaints);
	}
}

const struct rate_options *policy_rate(const struct policy *policy, struct slice name)
{
	for (size_t i = 0; i < policy->rate_count; i++) {
		if (slice_equals(name, policy->rates[i]->name))
			return policy->rates[i];
	}
	return NULL;
}

struct policy *policy_new(
	const void *parent, const struct settings *settings, struct complaints *complaints)
{
	struct policy *policy = talloc_zero(parent, struct policy);

	policy->settings = settings;
	policy->relay = settings_section(settings, "relay");
	policy->recipients = settings_section(settings, "recipients");
	policy->limits = settings_section(settings, "limits");
	policy->checks = settings_section(settings, "checks");
	policy->rules = settings_section(settings, "rules");
	policy->scanner = settings_section(settings, "scanner");
	policy->shadow = settings_section(settings, "shadow");
	policy->breaker = settings_section(settings, "breaker");
	policy->sender = settings_section(settings, "sender");
	policy->spf = settings_section(settings, "spf");
	policy->helo = settings_section(settings, "helo");
	policy->client_name = settings_section(settings, "client_name");
	policy->lists = dns_lists_read(policy, settings, complaints);
	policy->known_good = settings_section(settings, "known_good");
	policy->greylist = settings_section(settings, "greylist");
	add_rates(policy, complaints);
	policy->hygiene = settings_section(settings, "hygiene");
	policy->thresholds = settings_section(settings, "thresholds");
	policy->quarantine = settings_section(settings, "quarantine");
	policy->site = complete_site(policy, settings_section(settings, ""), complaints);
	check_domains(policy, complaints);
	check_recipients(policy, complaints);
	add_allows(policy, complaints);
	check_spf(policy, complaints);
	check_rules(policy, complaints);
	check_hygiene(policy, complaints);
	check_thresholds(policy, complaints);
	check_quarantine(policy, complaints);
	add_clamds(policy, complaints);
	return policy;
}
