/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the proxy's settings. */
#include "proxy/options.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define YEAR (365 * 24 * HOUR)
#define MEGABYTE INT64_C(1048576)
#define TERABYTE (MEGABYTE * MEGABYTE)

#define FIELD(type, field) .name = #field, .offset = offsetof(struct type, field)

static const char *const listen_tls_choices[] = {"off", "starttls", "required", "implicit", NULL};
static const char *const client_certificate_choices[] = {"off", "ask", NULL};
static const char *const listen_auth_choices[] = {"off", "offered", "required", NULL};

static const struct option listen_rows[] = {
	{FIELD(listen_options, address), .type = OPTION_TEXT, .mandatory = true,
		.manual = "IP address to listen on; \"*\" is every address of IPv4 and IPv6"},
	{FIELD(listen_options, port), .type = OPTION_NUMBER, .preset = "25", .minimum = 1,
		.maximum = 65535, .manual = "TCP port"},
	{FIELD(listen_options, backlog), .type = OPTION_NUMBER, .preset = "1024", .minimum = 1,
		.maximum = 65535,
		.manual = "connections the kernel keeps waiting, for each worker; bounded by "
			  "net.core.somaxconn"},
	{FIELD(listen_options, backend), .type = OPTION_TEXT,
		.manual = "name of the backend to relay to; without it, the first one"},
	{FIELD(listen_options, tls), .type = OPTION_CHOICE, .preset = "starttls",
		.choices = listen_tls_choices,
		.manual = "starttls offers it when there is a tls.certificate; required: all "
			  "but EHLO, NOOP, STARTTLS and QUIT hears 530 without it; implicit speaks "
			  "TLS from the first byte (port 465)"},
	{FIELD(listen_options, client_certificate), .type = OPTION_CHOICE, .preset = "off",
		.choices = client_certificate_choices,
		.manual = "whether clients are asked for a certificate; none is refused for it, "
			  "rules decide by the facts client.certificate.*"},
	{FIELD(listen_options, client_ca), .type = OPTION_TEXT,
		.manual = "PEM file of the authorities that vouch for clients' certificates; "
			  "without it none is verified"},
	{FIELD(listen_options, auth), .type = OPTION_CHOICE, .preset = "off",
		.choices = listen_auth_choices,
		.manual = "AUTH, relayed to the backend inside TLS only; required: no mail without "
			  "it"},
	{FIELD(listen_options, proxy_protocol), .type = OPTION_NETWORKS,
		.manual =
			"load balancers that announce the client by the PROXY protocol, version 1 "
			"or 2, before all else; a connection of theirs without it is closed"},
	{FIELD(listen_options, xclient), .type = OPTION_NETWORKS,
		.manual = "proxies in front that may say by XCLIENT who the client is; all that is "
			  "judged and counted is then his"},
	{FIELD(listen_options, xforward), .type = OPTION_NETWORKS,
		.manual = "mail servers in front that may tell by XFORWARD where mail came from, "
			  "for the log and for rules (forwarded.*)"},
	{FIELD(listen_options, passthrough), .type = OPTION_NETWORKS,
		.manual =
			"clients that talk to the backend itself, from the first byte: nothing of "
			"it is judged or encrypted here; the limits on connections hold"},
	{FIELD(listen_options, passthrough_idle), .type = OPTION_DURATION, .preset = "10m",
		.minimum = SECOND, .maximum = 24 * HOUR,
		.manual = "how long a connection of passthrough may be silent in both directions"},
	{0},
};

static const char *const backend_client_choices[] = {"none", "xclient", "xforward", "proxy", NULL};
static const char *const backend_tls_choices[] = {"off", "opportunistic", "required", NULL};

static const struct option backend_rows[] = {
	{FIELD(backend_options, servers), .type = OPTION_TEXTS, .mandatory = true,
		.manual = "servers as ADDRESS:PORT, tried in this order; with weight=NUMBER they "
			  "take turns; one with backup is for when no other can be had"},
	{FIELD(backend_options, tls), .type = OPTION_CHOICE, .preset = "opportunistic",
		.choices = backend_tls_choices,
		.manual = "STARTTLS towards the servers; required verifies "
			  "their certificates"},
	{FIELD(backend_options, tls_ca), .type = OPTION_TEXT,
		.manual = "PEM file of the authorities, or of the servers' own certificates, to "
			  "trust; without it the system's authorities"},
	{FIELD(backend_options, tls_name), .type = OPTION_TEXT,
		.manual = "name that must stand in the servers' certificates, and that they are "
			  "asked for (SNI); without it their address must stand there"},
	{FIELD(backend_options, tls_fingerprint), .type = OPTION_TEXTS,
		.manual = "SHA-256 of the servers' certificates in hexadecimal digits: with it "
			  "nothing else about them counts (Exchange's self-signed one)"},
	{FIELD(backend_options, client), .type = OPTION_CHOICE, .preset = "none",
		.choices = backend_client_choices,
		.manual = "how the servers are told who the client is: by XCLIENT (a server that "
			  "does not offer it to us gets no mail: it would take us for the client), "
			  "by XFORWARD where they offer it, or by the PROXY protocol (version 2), "
			  "which they must expect"},
	{FIELD(backend_options, connections), .type = OPTION_NUMBER, .preset = "18", .minimum = 1,
		.maximum = 10000,
		.manual = "connections to one server, over all workers (Exchange allows 20 a "
			  "source)"},
	{FIELD(backend_options, connect_timeout), .type = OPTION_DURATION, .preset = "10s",
		.minimum = 100, .maximum = 5 * MINUTE, .manual = "to connect and be greeted"},
	{FIELD(backend_options, command_timeout), .type = OPTION_DURATION, .preset = "60s",
		.minimum = SECOND, .maximum = 5 * MINUTE,
		.manual = "for a reply to a command; then the client hears 451, before it gives "
			  "up itself"},
	{FIELD(backend_options, data_timeout), .type = OPTION_DURATION, .preset = "180s",
		.minimum = SECOND, .maximum = 30 * MINUTE,
		.manual = "without progress while a message is sent"},
	{FIELD(backend_options, final_timeout), .type = OPTION_DURATION, .preset = "10m",
		.minimum = SECOND, .maximum = HOUR, .manual = "for the reply to a whole message"},
	{FIELD(backend_options, hold), .type = OPTION_DURATION, .preset = "20s", .minimum = SECOND,
		.maximum = 5 * MINUTE,
		.manual = "how long a transaction is held open without traffic, while the client "
			  "thinks"},
	{FIELD(backend_options, idle), .type = OPTION_DURATION, .preset = "50s", .minimum = SECOND,
		.maximum = HOUR, .manual = "how long a connection is kept unused"},
	{FIELD(backend_options, age), .type = OPTION_DURATION, .preset = "4m", .minimum = SECOND,
		.maximum = HOUR,
		.manual = "how old a kept connection may become (Exchange closes at 10 min, Edge "
			  "at 5)"},
	{FIELD(backend_options, probe), .type = OPTION_DURATION, .preset = "60s", .maximum = HOUR,
		.manual = "how often each server is asked what it can do; 0: never"},
	{0},
};

static const struct option route_rows[] = {
	{FIELD(route_options, domains), .type = OPTION_TEXTS, .mandatory = true,
		.manual = "domains of recipients, as in relay.domains; the first route that "
			  "names a recipient's domain counts"},
	{FIELD(route_options, listener), .type = OPTION_TEXT,
		.manual = "name of the listener it is for; without it, all of them"},
	{FIELD(route_options, backend), .type = OPTION_TEXT, .mandatory = true,
		.manual = "name of the backend that their mail goes to"},
	{0},
};

static const struct option tls_rows[] = {
	{FIELD(tls_options, certificate), .type = OPTION_TEXTS,
		.manual = "PEM files, each with a certificate of ours and the chain above it; the "
			  "name that a client asks for chooses, the first is for all others; "
			  "without any STARTTLS is not offered"},
	{FIELD(tls_options, key), .type = OPTION_TEXTS,
		.manual = "PEM files with their private keys, in the same order"},
	{FIELD(tls_options, watch), .type = OPTION_DURATION, .preset = "60s", .maximum = 24 * HOUR,
		.manual = "how often certificates, keys and authorities are looked at; a changed "
			  "file is a reload; 0: never"},
	{0},
};

static const struct option smtp_rows[] = {
	{FIELD(smtp_options, strict_pipelining), .type = OPTION_BOOL, .preset = "yes",
		.manual = "yes: who sends commands together that must wait for a reply (RFC 2920) "
			  "hears 554 and is disconnected; relay.networks are exempt"},
	{FIELD(smtp_options, greeting_wait), .type = OPTION_DURATION, .preset = "6s",
		.maximum = 30 * SECOND,
		.manual = "how long a stranger waits for the greeting at his first visit; who "
			  "speaks before it gets no mail in"},
	{FIELD(smtp_options, stress_timeout), .type = OPTION_DURATION, .preset = "10s",
		.minimum = SECOND, .maximum = HOUR,
		.manual = "for the next command while four fifths of limits.connections are in "
			  "use"},
	{FIELD(smtp_options, vrfy), .type = OPTION_BOOL, .preset = "yes",
		.manual = "yes answers 252 to every VRFY, no answers 502; nothing is ever looked "
			  "up"},
	{FIELD(smtp_options, command_timeout), .type = OPTION_DURATION, .preset = "300s",
		.minimum = SECOND, .maximum = HOUR,
		.manual = "silence of a client between commands"},
	{FIELD(smtp_options, data_timeout), .type = OPTION_DURATION, .preset = "300s",
		.minimum = SECOND, .maximum = HOUR, .manual = "silence while a message comes"},
	{FIELD(smtp_options, data_rate), .type = OPTION_NUMBER, .preset = "500", .minimum = 1,
		.maximum = 1000000, .manual = "least bytes a second of a message, on average"},
	{FIELD(smtp_options, judge_timeout), .type = OPTION_DURATION, .preset = "60s",
		.minimum = SECOND, .maximum = 10 * MINUTE,
		.manual = "for learning all facts about one message; then 451"},
	{FIELD(smtp_options, session_timeout), .type = OPTION_DURATION, .preset = "10m",
		.minimum = SECOND, .maximum = 24 * HOUR,
		.manual = "a session without accepted mail; stands still while a message comes"},
	{0},
};

static const struct option process_rows[] = {
	{FIELD(process_options, workers), .type = OPTION_NUMBER, .preset = "0", .maximum = 60,
		.manual = "worker processes; 0 is one for each core"},
	{FIELD(process_options, user), .type = OPTION_TEXT,
		.manual = "user that workers and keeper become when started by root; without it "
			  "\"postern\" where that user exists, else \"nobody\""},
	{FIELD(process_options, drain), .type = OPTION_DURATION, .preset = "10m",
		.maximum = 24 * HOUR,
		.manual = "how long sessions may go on after reload and stop"},
	{FIELD(process_options, spool), .type = OPTION_TEXT,
		.manual = "directory for large messages in flight; without it they stay in "
			  "memory"},
	{0},
};

static const char *const log_targets[] = {"stderr", "syslog", "journal", NULL};
static const char *const log_formats[] = {"key=value", "json", NULL};
static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug", NULL};

static const struct option log_rows[] = {
	{FIELD(log_options, target), .type = OPTION_CHOICE, .preset = "stderr",
		.choices = log_targets, .manual = "where the lines go"},
	{FIELD(log_options, format), .type = OPTION_CHOICE, .preset = "key=value",
		.choices = log_formats, .manual = "how a line looks"},
	{FIELD(log_options, level), .type = OPTION_CHOICE, .preset = "info", .choices = log_levels,
		.manual = "the least important lines that are written"},
	{0},
};

static const struct option control_rows[] = {
	{FIELD(control_options, socket), .type = OPTION_TEXT, .preset = "/run/postern/control",
		.manual = "path of the socket that status, reload, upgrade and stop speak to; mode "
			  "0600"},
	{0},
};

static const struct option store_rows[] = {
	{FIELD(store_options, path), .type = OPTION_TEXT,
		.manual = "directory of what postern remembers; without it nothing is "
			  "remembered"},
	{FIELD(store_options, journal_age), .type = OPTION_DURATION, .preset = "30d",
		.minimum = SECOND, .maximum = YEAR, .manual = "how long verdict records are kept"},
	{FIELD(store_options, journal_size), .type = OPTION_SIZE, .preset = "1G",
		.minimum = MEGABYTE, .maximum = TERABYTE,
		.manual = "how large the file of verdict records may grow; the oldest go first"},
	{FIELD(store_options, record), .type = OPTION_BOOL, .preset = "no",
		.manual = "verdict records have all facts, so that replay can judge the "
			  "transactions again: answers of name servers, subjects and whatever "
			  "else was asked about a message. Without, they have what the log has, "
			  "too"},
	{FIELD(store_options, messages), .type = OPTION_BOOL, .preset = "no",
		.manual = "keeps the messages beside them, so that replay can judge by what no "
			  "rule had asked yet; needs record"},
	{FIELD(store_options, message_size), .type = OPTION_SIZE, .preset = "1M", .minimum = 1024,
		.maximum = 64 * MEGABYTE, .manual = "larger ones are not kept"},
	{FIELD(store_options, messages_size), .type = OPTION_SIZE, .preset = "1G",
		.minimum = 16 * MEGABYTE, .maximum = TERABYTE,
		.manual = "how large the file of messages may grow; the oldest go first, and all "
			  "of them after journal_age. At least 16 times message_size"},
	{FIELD(store_options, memory_size), .type = OPTION_SIZE, .preset = "256M",
		.minimum = 4 * MEGABYTE, .maximum = TERABYTE,
		.manual = "how large the file of what is remembered of clients and senders may "
			  "grow (about 500 bytes each); what would be forgotten first goes first"},
	{FIELD(store_options, redis), .type = OPTION_TEXT,
		.manual = "ADDRESS:PORT of a Redis that remembers clients and senders instead, "
			  "for several gateways together; the network between is to be trusted"},
	{FIELD(store_options, redis_password), .type = OPTION_TEXT,
		.manual = "what Redis is told with AUTH; without it, nothing"},
	{FIELD(store_options, redis_timeout), .type = OPTION_DURATION, .preset = "500ms",
		.minimum = 10, .maximum = 10 * SECOND,
		.manual = "for an answer of Redis; what it does not say by then is not known, and "
			  "mail goes on"},
	{0},
};

static const struct option dns_rows[] = {
	{FIELD(dns_options, servers), .type = OPTION_TEXTS,
		.manual = "name servers to ask, as ADDRESS:PORT; without them those of "
			  "/etc/resolv.conf. One on this machine that does not forward to public "
			  "ones is best: DNS lists refuse those"},
	{FIELD(dns_options, timeout), .type = OPTION_DURATION, .preset = "5s", .minimum = 100,
		.maximum = MINUTE,
		.manual = "for the answer to one question; what was not answered by then is not "
			  "known, and nothing is held against the client"},
	{FIELD(dns_options, in_flight), .type = OPTION_NUMBER, .preset = "1200", .minimum = 10,
		.maximum = 10000,
		.manual = "questions of one worker that the name servers have at a time, each a "
			  "descriptor and up to 16 KB; others wait"},
	{FIELD(dns_options, trust_anchor), .type = OPTION_TEXT,
		.manual = "file of trust anchors (Debian: /usr/share/dns/root.key): answers are "
			  "validated by DNSSEC, and forged ones are none"},
	{0},
};

static const char *const ldap_tls_choices[] = {"off", "required", NULL};

static const struct option ldap_rows[] = {
	{FIELD(ldap_options, url), .type = OPTION_TEXT,
		.manual = "ldaps://HOST, or ldap://HOST with StartTLS; :PORT may follow. For a "
			  "whole forest ask the global catalogue, ldaps://HOST:3269"},
	{FIELD(ldap_options, tls), .type = OPTION_CHOICE, .preset = "required",
		.choices = ldap_tls_choices,
		.manual = "required verifies the certificate; off is for ldap:// on this machine"},
	{FIELD(ldap_options, ca), .type = OPTION_TEXT,
		.manual = "PEM file of the authorities to trust; without it the system's"},
	{FIELD(ldap_options, bind), .type = OPTION_TEXT,
		.manual = "who we are: a DN, or user@domain for Active Directory; without it, "
			  "nobody. An account that may only read is enough"},
	{FIELD(ldap_options, password_file), .type = OPTION_TEXT,
		.manual = "file with its password on the first line, which only root need be able "
			  "to read"},
	{FIELD(ldap_options, base), .type = OPTION_TEXT, .manual = "DN below which is searched"},
	{FIELD(ldap_options, filter), .type = OPTION_TEXT, .preset = "(proxyAddresses=smtp:*)",
		.manual = "which objects are asked for"},
	{FIELD(ldap_options, attribute), .type = OPTION_TEXT, .preset = "proxyAddresses",
		.manual = "their attribute with the addresses: \"smtp:user@domain\" in any case, "
			  "or plain; other kinds (\"x500:\" and the like) are passed over"},
	{FIELD(ldap_options, period), .type = OPTION_DURATION, .preset = "15m", .minimum = SECOND,
		.maximum = 24 * HOUR, .manual = "how often; after a failure sooner"},
	{FIELD(ldap_options, timeout), .type = OPTION_DURATION, .preset = "10s", .minimum = 100,
		.maximum = MINUTE, .manual = "to connect, and for each answer"},
	{FIELD(ldap_options, shrink), .type = OPTION_NUMBER, .preset = "10", .maximum = 100,
		.manual = "percent of its entries that the list may lose at once; what has lost "
			  "more is not taken, and an alarm is raised; 100: anything is taken"},
	{0},
};

static const char *const as_milter_quarantine_choices[] = {"own", "mail_server", NULL};

static const struct option as_milter_rows[] = {
	{FIELD(as_milter_options, group), .type = OPTION_TEXT,
		.manual = "group whose members may connect to a socket unix:/path, besides our own "
			  "user; without it, postfix where this machine has that group"},
	{FIELD(as_milter_options, quarantine), .type = OPTION_CHOICE, .preset = "own",
		.choices = as_milter_quarantine_choices,
		.manual = "where mail to be kept is kept: own is the section quarantine, and the "
			  "mail server drops it; mail_server is its own (Postfix: the queue "
			  "hold; Sendmail: what mailq -qQ lists)"},
	{FIELD(as_milter_options, answer_timeout), .type = OPTION_DURATION, .preset = "20s",
		.minimum = SECOND, .maximum = 5 * MINUTE,
		.manual = "what may be learnt of an event before the end of the message; must be "
			  "less than the mail server's patience with milters (Postfix: "
			  "milter_command_timeout, 30 s; Sendmail: R in T=, 10 s unless set)"},
	{FIELD(as_milter_options, idle), .type = OPTION_DURATION, .preset = "2h", .minimum = MINUTE,
		.maximum = 24 * HOUR,
		.manual = "how long a mail server may say nothing, as while its client is slow"},
	{0},
};

#define SECTION(section, text)                                                                     \
	.name = #section, .size = sizeof(struct section##_options), .options = section##_rows,     \
	.manual = text

const struct section proxy_sections[] = {
	{SECTION(listen, "an address that clients connect to"), .named = true},
	{SECTION(backend, "the mail servers behind"), .named = true},
	{SECTION(route, "mail for some domains goes to another backend than the listener's"),
		.named = true},
	{SECTION(tls, "certificates")},
	{SECTION(smtp, "manners towards clients")},
	{SECTION(process, "processes and who they are")},
	{SECTION(log, "the log")},
	{SECTION(control, "the control socket")},
	{SECTION(store, "what is remembered")},
	{SECTION(dns, "questions to name servers")},
	{SECTION(ldap, "the directory that recipients are pulled from")},
	{SECTION(as_milter,
		"as a milter of Postfix or Sendmail (postern milter); where the section is "
		"written, listen and backend may be missing")},
	{0},
};
