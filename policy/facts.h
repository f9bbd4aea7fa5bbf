/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts: all that can be known about a client, a session, a transaction, a message. FACTS is the one table that declares them,
 * a line each: name, type, the earliest stage at which it exists, how long it holds, who learns it, and a line of manual. The
 * enum, explain's output and the manual come from it.
 *
 * struct facts is a set of known facts. A transaction's set has its session's as parent: look-ups go on there. A fact is unknown,
 * known, known to be absent (no such header) or failed (could not be learned; the reason is kept).
 * Texts are borrowed: they must live as long as the set.
 *
 * Some facts have an argument, a row's `argument` says what: header(Subject), dns.mx(example.com). Each argument is a question of its
 * own. Where a fact has several, they stand in the one text as they are written, between ", ".
 *
 * A counting fact counts what it is asked about, when it is first needed: once for each recipient, at other stages once. rate and seen
 * are kept apart by stage, and told so: rate(192.0.2.1, 1h, rcpt).
 *
 * Learners: LEARNER_TOLD facts are set by whoever runs the session as they happen; asking for one that was not told gives absent.
 * The others name who can find them out; the functions are handed in with struct learner (see policy/inquiry.h).
 */
#pragma once

#include "policy/stage.h"
#include "rules/vocabulary.h"

/* A fact of the period of recipients is forgotten before the next one. */
enum fact_period { PER_SESSION, PER_TRANSACTION, PER_RECIPIENT };

enum fact_learner {
	LEARNER_TOLD,       /* set as it happens */
	LEARNER_HEADER,     /* taken from the message's header */
	LEARNER_DNS,        /* asked of name servers */
	LEARNER_LISTS,      /* what is known of the lists in the DNS themselves */
	LEARNER_STORE,      /* remembered from earlier mail: policy/store_learner.h */
	LEARNER_RECIPIENTS, /* looked up in the list of recipients */
	LEARNER_CONTENT,    /* found by taking the message apart: policy/scan.h */
	LEARNER_MILTER,     /* said by a milter: plugins/milter_learner.h */
	LEARNER_VIRUS,      /* said by a virus scanner */
	LEARNER_DERIVED,    /* a pure function of other facts: policy/derived.h */
	LEARNERS
};

/* clang-format off */
/*        id                 name               type           stage          period           learner         manual */
#define FACTS(FACT) \
	FACT(CLIENT_IP,          "client.ip",            VALUE_IP,      STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "address of the client") \
	FACT(CLIENT_PORT,        "client.port",          VALUE_INT,     STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "port of the client") \
	FACT(CLIENT_PROXY,       "client.proxy",         VALUE_IP,      STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "address of who connected and announced the client; absent when he did so himself") \
	FACT(CLIENT_ANNOUNCED_NAME, "client.announced_name", VALUE_DOMAIN, STAGE_CONNECT, PER_SESSION, LEARNER_TOLD,  "name of the client's host as XCLIENT told it") \
	FACT(CLIENT_TRUSTED,     "client.in_networks",   VALUE_BOOL,    STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether the client is in relay.networks") \
	FACT(CLIENT_TRUSTED_RELAY, "client.is_trusted_relay", VALUE_BOOL, STAGE_CONNECT, PER_SESSION,   LEARNER_TOLD,   "whether the client is in trusted_relays") \
	FACT(CLIENT_AUTHENTICATED, "client.authenticated", VALUE_BOOL,  STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether the client has authenticated") \
	FACT(CLIENT_USER,        "client.user",          VALUE_STRING,  STAGE_AUTH,    PER_SESSION,     LEARNER_TOLD,   "who has authenticated, as far as the mechanism tells") \
	FACT(CLIENT_TLS,         "client.tls",           VALUE_BOOL,    STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether the session is encrypted") \
	FACT(CLIENT_TLS_VERSION, "client.tls_version",   VALUE_STRING,  STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "TLS version, as TLSv1.3") \
	FACT(CLIENT_TLS_CIPHER,  "client.tls_cipher",    VALUE_STRING,  STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "TLS cipher suite") \
	FACT(CLIENT_TLS_RESUMED, "client.tls_resumed",   VALUE_BOOL,    STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether the TLS session goes on from an earlier one") \
	FACT(CLIENT_CERTIFICATE_SUBJECT, "client.certificate.subject", VALUE_STRING, STAGE_CONNECT, PER_SESSION, LEARNER_TOLD, "subject of the client's certificate") \
	FACT(CLIENT_CERTIFICATE_ISSUER, "client.certificate.issuer", VALUE_STRING, STAGE_CONNECT, PER_SESSION, LEARNER_TOLD, "who issued the client's certificate") \
	FACT(CLIENT_CERTIFICATE_FINGERPRINT, "client.certificate.fingerprint", VALUE_STRING, STAGE_CONNECT, PER_SESSION, LEARNER_TOLD, "SHA-256 of the client's certificate, in small hexadecimal digits") \
	FACT(CLIENT_CERTIFICATE_VERIFIED, "client.certificate.verified", VALUE_BOOL, STAGE_CONNECT, PER_SESSION, LEARNER_TOLD, "whether listen.client_ca vouches for the client's certificate") \
	FACT(CLIENT_PREGREET,    "client.pregreet",      VALUE_BOOL,    STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether the client spoke before it was greeted") \
	FACT(CLIENT_PTR,         "client.ptr",           VALUE_TEXTS,   STAGE_CONNECT, PER_SESSION,     LEARNER_DERIVED, "names that the client's address has in the DNS; absent when it has none") \
	FACT(CLIENT_NAME,        "client.name",          VALUE_DOMAIN,  STAGE_CONNECT, PER_SESSION,     LEARNER_DERIVED, "the first of these that has the client's address in turn; absent when none has") \
	FACT(CLIENT_KNOWN_GOOD,  "client.known_good",    VALUE_BOOL,    STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "whether good mail has come from the client before; absent as long as nobody remembers") \
	FACT(LISTENER,           "listener",             VALUE_STRING,  STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "name of the listener") \
	FACT(SERVER_IP,          "server.ip",            VALUE_IP,      STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "address of ours that the client connected to") \
	FACT(HELO_NAME,          "helo.name",            VALUE_STRING,  STAGE_HELO,    PER_SESSION,     LEARNER_TOLD,   "what the client calls itself") \
	FACT(HELO_IS_OURS,       "helo.is_ours",         VALUE_BOOL,    STAGE_HELO,    PER_TRANSACTION, LEARNER_DERIVED, "whether the client calls itself by our hostname or a domain of relay.domains") \
	FACT(SENDER,             "sender",               VALUE_ADDRESS, STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "address of MAIL FROM, empty for the null sender") \
	FACT(SENDER_LOCAL,       "sender.local",         VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "local part of the sender") \
	FACT(SENDER_DOMAIN,      "sender.domain",        VALUE_DOMAIN,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "domain of the sender") \
	FACT(SENDER_IS_OURS,     "sender.is_ours",       VALUE_BOOL,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "whether the sender's domain is in relay.domains") \
	FACT(SENDER_FORM,        "sender.form",          VALUE_FLAGS,   STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "unusual forms seen in the sender") \
	FACT(SENDER_KNOWN_GOOD,  "sender.known_good",    VALUE_BOOL,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "whether good mail has come from the sender's domain before, and SPF says that this comes from there") \
	FACT(SENDER_IS_NULL,     "sender.is_null",       VALUE_BOOL,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "whether the sender is <>") \
	FACT(NOW,                "now",                  VALUE_INT,     STAGE_CONNECT, PER_SESSION,     LEARNER_TOLD,   "when the client came, of a transaction when MAIL did; in seconds since 1970") \
	FACT(NOW_HOUR,           "now.hour",             VALUE_INT,     STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "hour of now, 0 to 23, UTC") \
	FACT(NOW_WEEKDAY,        "now.weekday",          VALUE_ENUM,    STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "day of now, UTC") \
	FACT(ORIGIN_IP,          "origin.ip",            VALUE_IP,      STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "address that the mail came to us from: the client's, behind a trusted relay that of the first hop before our own") \
	FACT(ORIGIN_HELO,        "origin.helo",          VALUE_STRING,  STAGE_HELO,    PER_TRANSACTION, LEARNER_DERIVED, "what it called itself") \
	FACT(SPF_RESULT,         "spf.result",           VALUE_ENUM,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "what SPF says of the sender; absent for our own clients") \
	FACT(SPF_DOMAIN,         "spf.domain",           VALUE_DOMAIN,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "whose record it was: the sender's domain, for the null sender the HELO name") \
	FACT(SPF_IDENTITY,       "spf.identity",         VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "mailfrom or helo") \
	FACT(SPF_EXPLANATION,    "spf.explanation",      VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "what the domain says about a fail") \
	FACT(SPF_DETAIL,         "spf.detail",           VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "the mechanism that matched, or what is wrong") \
	FACT(SPF_SENDS_NO_MAIL,  "spf.sends_no_mail",    VALUE_BOOL,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_DERIVED, "whether the domain says that no mail at all comes from it, and this does") \
	FACT(SIZE,               "size",                 VALUE_SIZE,    STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "size declared with MAIL; absent when none was") \
	FACT(FORWARDED_IP,       "forwarded.ip",         VALUE_IP,      STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "address that the mail came from, as XFORWARD told it") \
	FACT(FORWARDED_PORT,     "forwarded.port",       VALUE_INT,     STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "its port") \
	FACT(FORWARDED_NAME,     "forwarded.name",       VALUE_DOMAIN,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "its host's name") \
	FACT(FORWARDED_HELO,     "forwarded.helo",       VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "what it called itself") \
	FACT(FORWARDED_PROTOCOL, "forwarded.protocol",   VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "SMTP or ESMTP") \
	FACT(FORWARDED_IDENT,    "forwarded.ident",      VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "id of the mail there") \
	FACT(FORWARDED_SOURCE,   "forwarded.source",     VALUE_STRING,  STAGE_MAIL,    PER_TRANSACTION, LEARNER_TOLD,   "LOCAL or REMOTE: whether it came from outside there") \
	FACT(RECIPIENT,          "recipient",            VALUE_ADDRESS, STAGE_RCPT,    PER_RECIPIENT,   LEARNER_TOLD,   "address of this RCPT TO") \
	FACT(RECIPIENT_LOCAL,    "recipient.local",      VALUE_STRING,  STAGE_RCPT,    PER_RECIPIENT,   LEARNER_TOLD,   "local part of this recipient") \
	FACT(RECIPIENT_DOMAIN,   "recipient.domain",     VALUE_DOMAIN,  STAGE_RCPT,    PER_RECIPIENT,   LEARNER_TOLD,   "domain of this recipient") \
	FACT(RECIPIENT_FORM,     "recipient.form",       VALUE_FLAGS,   STAGE_RCPT,    PER_RECIPIENT,   LEARNER_TOLD,   "unusual forms seen in this recipient") \
	FACT(RECIPIENT_KNOWN,    "recipient.known",      VALUE_BOOL,    STAGE_RCPT,    PER_RECIPIENT,   LEARNER_RECIPIENTS, "whether the list of recipients has this one; absent as long as none is loaded") \
	FACT(RECIPIENT_REFUSED_BEFORE, "recipient.refused_before", VALUE_BOOL, STAGE_RCPT, PER_RECIPIENT, LEARNER_TOLD, "whether the backend has said lately that this one does not exist; told of clients that exceed recipients.unknown_rate") \
	FACT(CLIENT_UNKNOWN_RECIPIENTS, "client.unknown_recipients", VALUE_INT, STAGE_RCPT, PER_RECIPIENT, LEARNER_TOLD, "how many recipients that do not exist the client has tried within a minute") \
	FACT(RECIPIENTS,         "recipients",           VALUE_TEXTS,   STAGE_DATA,    PER_TRANSACTION, LEARNER_TOLD,   "all recipients that passed") \
	FACT(RECIPIENT_COUNT,    "recipients.count",     VALUE_INT,     STAGE_RCPT,    PER_TRANSACTION, LEARNER_TOLD,   "how many recipients passed before this one") \
	FACT(MESSAGE_SIZE,       "message.size",         VALUE_SIZE,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_TOLD,   "size of the message as it came") \
	FACT(MESSAGE_ANOMALIES,  "message.anomalies",    VALUE_FLAGS,   STAGE_MESSAGE, PER_TRANSACTION, LEARNER_TOLD,   "what was odd about its lines") \
	FACT(HEADER_ANOMALIES,   "header.anomalies",     VALUE_FLAGS,   STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "what is wrong with its header") \
	FACT(RECEIVED_COUNT,     "received.count",       VALUE_INT,     STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "how many Received fields it has") \
	FACT(FROM_ADDRESS,       "from.address",         VALUE_ADDRESS, STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "address of From; absent when unreadable") \
	FACT(FROM_DOMAIN,        "from.domain",          VALUE_DOMAIN,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "domain of From") \
	FACT(FROM_IS_OURS,       "from.is_ours",         VALUE_BOOL,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_DERIVED, "whether the domain of From is in relay.domains") \
	FACT(FROM_NAME,          "from.name",            VALUE_NAME,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "display name of From, decoded") \
	FACT(REPLY_TO_ADDRESS,   "reply_to.address",     VALUE_ADDRESS, STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "address of Reply-To; absent when unreadable") \
	FACT(REPLY_TO_DOMAIN,    "reply_to.domain",      VALUE_DOMAIN,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "domain of Reply-To") \
	FACT(REPLY_TO_NAME,      "reply_to.name",        VALUE_NAME,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "display name of Reply-To, decoded") \
	FACT(REPLY_TO_DIFFERS,   "reply_to.differs",     VALUE_BOOL,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_DERIVED, "whether the domain of Reply-To is another than that of From, neither above nor below it") \
	FACT(HEADER,             "header",               VALUE_TEXTS,   STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "values of all header fields of that name, unfolded and decoded (Received is not decoded); absent when there is none") \
	FACT(SUBJECT,            "subject",              VALUE_TEXT,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "subject, unfolded and decoded") \
	FACT(MESSAGE_ID,         "message_id",           VALUE_STRING,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_HEADER, "Message-ID") \
	FACT(MESSAGE_HASH,       "message.hash",         VALUE_STRING,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_DERIVED, "SHA-256 of the message as it came, in small hexadecimal digits") \
	FACT(MIME_ANOMALIES,     "mime.anomalies",       VALUE_FLAGS,   STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "what mail programs could read differently in the structure of the message, and what was not looked at") \
	FACT(MIME_PARTS,         "mime.parts",           VALUE_INT,     STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "how many parts the message has") \
	FACT(BODY_TEXT,          "body.text",            VALUE_TEXT,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "what a reader sees: plain text, and the visible text of HTML, decoded") \
	FACT(BODY_HTML,          "body.html",            VALUE_TEXT,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "the source of HTML, decoded; absent when there is none") \
	FACT(BODY_RAW,           "body.raw",             VALUE_STRING,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "the message behind its header, as it came") \
	FACT(BODY_HIDDEN,        "body.hidden",          VALUE_TEXT,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "text of HTML that a reader does not see, and text between the parts of the message; absent when there is none") \
	FACT(BODY_SCRIPT,        "body.script",          VALUE_TEXT,    STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "scripts and styles of HTML; absent when there are none") \
	FACT(BODY_FLAGS,         "body.flags",           VALUE_FLAGS,   STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "what is strange about HTML, in the text or attached") \
	FACT(ATTACHMENT,         "attachment",           VALUE_RECORDS, STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "files attached to the message and all that is in them, in every reading") \
	FACT(URL,                "url",                  VALUE_RECORDS, STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "addresses on the web that the text, the HTML or a file points to") \
	FACT(VIRUS_NAME,         "virus.name",           VALUE_STRING,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_VIRUS,  "name of the virus that a virus scanner has found; absent when it has found none; without a section clamd it cannot be told") \
	FACT(YARA,               "yara",                 VALUE_RECORDS, STAGE_MESSAGE, PER_TRANSACTION, LEARNER_CONTENT, "rules of scanner.yara_rules that match: in the message as it came, in a text of it, or in an attachment, at any depth") \
	FACT(SCANNER_FAILED,     "scanner.failed",       VALUE_STRING,  STAGE_MESSAGE, PER_TRANSACTION, LEARNER_TOLD,   "why the message could not be taken apart; absent when it could, or nobody asked") \
	FACT(SCANNER_DEATHS,     "scanner.deaths",       VALUE_INT,     STAGE_MESSAGE, PER_TRANSACTION, LEARNER_TOLD,   "how many scanners have died over this message within a day; absent when none has lately") \
	FACT(RESOLVES,           "resolves",             VALUE_BOOL,    STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "whether that name has an address in the DNS; absent for what can be no name") \
	FACT(MX,                 "mx",                   VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "mail servers of that domain; absent when it has none, or says that it takes no mail") \
	FACT(DNS_A,              "dns.a",                VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DNS,    "IPv4 addresses of that name; absent when there is no such name, empty when it has none") \
	FACT(DNS_AAAA,           "dns.aaaa",             VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DNS,    "IPv6 addresses of that name") \
	FACT(DNS_MX,             "dns.mx",               VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DNS,    "mail servers of that name, as \"10 mx.example.com\"; \"0 .\" says that it takes no mail") \
	FACT(DNS_TXT,            "dns.txt",              VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DNS,    "texts of that name, byte for byte, a NUL as DEL") \
	FACT(DNS_PTR,            "dns.ptr",              VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DNS,    "names of that address") \
	FACT(DNSBL,              "dnsbl",                VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "codes that a list in the DNS has for origin.ip; absent when it is not listed, failed when the list does not answer or is suspended") \
	FACT(RHSBL,              "rhsbl",                VALUE_TEXTS,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_DERIVED, "codes that a list in the DNS has for a domain") \
	FACT(DNSBL_SUSPENDED,    "dnsbl.suspended",      VALUE_STRING,  STAGE_CONNECT, PER_SESSION,     LEARNER_LISTS,  "why a list in the DNS is suspended; absent when it is not") \
	FACT(KNOWN_GOOD,         "known_good",           VALUE_BOOL,    STAGE_CONNECT, PER_TRANSACTION, LEARNER_STORE,  "whether good mail has come from that address or domain") \
	FACT(GREYLIST_PASSED,    "greylist.passed",      VALUE_BOOL,    STAGE_RCPT,    PER_TRANSACTION, LEARNER_STORE,  "whether mail of that domain was accepted from that client") \
	FACT(GREYLIST_AGE,       "greylist.age",         VALUE_DURATION, STAGE_RCPT,   PER_RECIPIENT,   LEARNER_STORE,  "how long ago that client, sender and recipient came for the first time; 0: now") \
	FACT(GREYLIST_YOUNG,     "greylist.young",       VALUE_BOOL,    STAGE_RCPT,    PER_RECIPIENT,   LEARNER_DERIVED, "whether that client, sender and recipient came for the first time less than that age ago, and no mail of them was accepted before; absent when nobody remembers") \
	FACT(RATE,               "rate",                 VALUE_INT,     STAGE_CONNECT, PER_RECIPIENT,   LEARNER_STORE,  "how often that key was counted at this stage within the last period, with this; older periods count by their share") \
	FACT(SEEN,               "seen",                 VALUE_BOOL,    STAGE_CONNECT, PER_RECIPIENT,   LEARNER_STORE,  "whether that key was counted at this stage before, no longer ago than the period") \
	FACT(USAGE,              "usage",                VALUE_INT,     STAGE_CONNECT, PER_RECIPIENT,   LEARNER_STORE,  "how much of a section rate that key has used up within its period, with the amount") \
	FACT(MILTER,             "milter",               VALUE_ENUM,    STAGE_CONNECT, PER_RECIPIENT,   LEARNER_MILTER, "what that milter says at this stage; absent when it is not asked") \
	FACT(MILTER_REPLY,       "milter.reply",         VALUE_STRING,  STAGE_CONNECT, PER_RECIPIENT,   LEARNER_MILTER, "what it wants the client to hear, or why it wants the message kept; absent when it says nothing") \
	FACT(SCORE,              "score",                VALUE_SCORE,   STAGE_CONNECT, PER_TRANSACTION, LEARNER_TOLD,   "sum of all scores so far")
/* clang-format on */

#define FACT_ENUM(id, ...) FACT_##id,
enum fact { FACTS(FACT_ENUM) FACT_COUNT };
#undef FACT_ENUM

struct fact_kind;

/* A row of the table. */
struct fact_row {
	const char *name;
	enum value_type type;
	enum stage stage;
	enum fact_period period;
	enum fact_learner learner;
	const char *const *
		flags; /* names of the bits of a VALUE_FLAGS fact, of the values of a VALUE_ENUM; NULL-ended */
	const char *argument;          /* what it is asked with; NULL: nothing */
	const struct fact_kind *rules; /* what rules know of it besides; NULL: nothing more */
	const char *const *
		missing; /* points to the option of configure that brings it; to NULL: it is there; NULL: always */
	bool staged; /* each stage counts for itself: the learner is told it behind the argument */
	bool bulky;  /* too large to be told from process to process */
	bool counting; /* asking counts: it is never asked ahead, and once a recipient or stage */
	const char *manual;
};

/* In rules, what is asked with the one text of an argument is written apart: rhsbl("zone", sender.domain). */
struct fact_kind {
	enum value_type each; /* of a VALUE_TEXTS fact: what its texts are */
	bool keyed;           /* its argument stands in brackets: header["Subject"] */
	const struct vocabulary_field *fields; /* of a VALUE_RECORDS fact */
	const struct vocabulary_argument *arguments;
	size_t argument_count;
};

const struct fact_row *fact_row(enum fact fact);
/* The fact of that name, or FACT_COUNT. */
enum fact fact_named(struct slice name);

/* A fact, with what it is asked with. */
struct question {
	enum fact fact;
	const char *argument; /* NULL for facts that have none */
};

/* "header(Subject)", and back; false when there is no such fact, or it lacks an argument or has none. */
char *fact_print_question(const void *parent, const struct question *question);
bool fact_parse_question(const void *parent, const char *text, struct question *question)
	__attribute__((warn_unused_result));

struct facts;

/* under may be NULL. */
struct facts *facts_new(const void *parent, struct facts *under);

/* Each replaces what the set itself holds. */
void facts_set_bool(struct facts *facts, enum fact fact, bool value);
void facts_set_number(struct facts *facts, enum fact fact, int64_t value);
void facts_set_score(struct facts *facts, enum fact fact, double value);
void facts_set_ip(struct facts *facts, enum fact fact, const struct ip *ip);
void facts_set_text(struct facts *facts, enum fact fact, const char *text); /* NULL: absent */
void facts_set_texts(struct facts *facts, enum fact fact, const char *const *items, size_t count);
void facts_set_absent(struct facts *facts, enum fact fact);
void facts_set_failed(struct facts *facts, enum fact fact, const char *reason);
/* The same for any question: the value's type must be the row's; of a failed fact its text is the reason, of an absent one it does not
 * matter. The argument is copied. */
void facts_answer(struct facts *facts, const struct question *question, enum fact_state state,
	struct value value);
void facts_forget(struct facts *facts, enum fact fact); /* with all arguments */
/* Before the next recipient. */
void facts_forget_recipient(struct facts *facts);
/* Takes over everything that the other set knows. */
void facts_take_over(struct facts *facts, const struct facts *other);

enum fact_state facts_get(const struct facts *facts, enum fact fact, struct value *value);
enum fact_state facts_look_up(
	const struct facts *facts, const struct question *question, struct value *value);

/* The set in which a fact of its period is kept: the session's for those of the session. What its text borrows from must live as long. */
struct facts *facts_keeper(struct facts *facts, enum fact fact);

/* All questions that are not unknown, in the order of the table; under the parent. */
struct question *facts_known(const void *parent, const struct facts *facts, size_t *count);

/* The value as people and explain print it; "absent", "failed: reason" and "unknown" for the others. */
char *facts_print(const void *parent, const struct facts *facts, enum fact fact);
char *facts_print_answer(
	const void *parent, const struct facts *facts, const struct question *question);
