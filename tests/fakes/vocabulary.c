/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary to try the rule language with. */
#include "tests/fakes/vocabulary.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

enum { CONNECT, HELO, AUTH, MAIL, RCPT, DATA, MESSAGE };

static const char *const stages[] = {
	"connect", "helo", "auth", "mail", "rcpt", "data", "message", NULL};
static const char *const results[] = {
	"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror", NULL};
static const char *const types[] = {"unknown", "text", "pe", "elf", "lnk", "zip", "pdf", NULL};
static const char *const flags[] = {"encrypted", "macros", "truncated", NULL};
static const char *const anomalies[] = {"bare_lf", "nul", "long_line", NULL};

static const struct vocabulary_argument zone[] = {{"zone", VALUE_STRING, false}};
static const struct vocabulary_argument zone_and_domain[] = {
	{"zone", VALUE_STRING, false}, {"domain", VALUE_DOMAIN, false}};
static const struct vocabulary_argument key_and_period[] = {
	{"key", VALUE_STRING, true}, {"period", VALUE_DURATION, false}};
static const struct vocabulary_argument age[] = {{"age", VALUE_DURATION, false}};

/* clang-format off */
static const struct vocabulary_field attachment_fields[] = {
	{.name = "name",      .type = VALUE_TEXT},
	{.name = "extension", .type = VALUE_STRING},
	{.name = "type",      .type = VALUE_ENUM, .names = types},
	{.name = "size",      .type = VALUE_SIZE},
	{.name = "depth",     .type = VALUE_INT},
	{.name = "path",      .type = VALUE_TEXT},
	{.name = "encrypted", .type = VALUE_BOOL},
	{.name = "sha256",    .type = VALUE_STRING},
	{.name = "flags",     .type = VALUE_FLAGS, .names = flags},
	{0},
};
static const struct vocabulary_field url_fields[] = {
	{.name = "host",   .type = VALUE_DOMAIN},
	{.name = "path",   .type = VALUE_TEXT},
	{.name = "scheme", .type = VALUE_STRING},
	{0},
};
static const struct vocabulary_field recipient_fields[] = {
	{.name = "address", .type = VALUE_ADDRESS},
	{.name = "domain",  .type = VALUE_DOMAIN},
	{0},
};

static const struct vocabulary_fact facts[] = {
	{.name = "client.ip",            .type = VALUE_IP,       .stage = CONNECT},
	{.name = "client.port",          .type = VALUE_INT,      .stage = CONNECT},
	{.name = "client.name",          .type = VALUE_DOMAIN,   .stage = CONNECT},
	{.name = "client.authenticated", .type = VALUE_BOOL,     .stage = CONNECT},
	{.name = "client.tls",           .type = VALUE_BOOL,     .stage = CONNECT},
	{.name = "client.country",       .type = VALUE_STRING,   .stage = CONNECT, .missing = "--with-maxminddb"},
	{.name = "listener",             .type = VALUE_STRING,   .stage = CONNECT},
	{.name = "helo.name",            .type = VALUE_STRING,   .stage = HELO},
	{.name = "sender",               .type = VALUE_ADDRESS,  .stage = MAIL},
	{.name = "sender.domain",        .type = VALUE_DOMAIN,   .stage = MAIL},
	{.name = "sender.is_null",       .type = VALUE_BOOL,     .stage = MAIL},
	{.name = "size",                 .type = VALUE_SIZE,     .stage = MAIL},
	{.name = "recipient",            .type = VALUE_ADDRESS,  .stage = RCPT, .stages_end = DATA},
	{.name = "recipient",            .type = VALUE_RECORDS,  .stage = DATA, .fields = recipient_fields},
	{.name = "recipients",           .type = VALUE_ADDRESS,  .stage = DATA, .repeatable = true},
	{.name = "spf.result",           .type = VALUE_ENUM,     .stage = MAIL, .names = results},
	{.name = "dmarc.result",         .type = VALUE_ENUM,     .stage = MESSAGE, .names = results},
	{.name = "dkim.domains",         .type = VALUE_DOMAIN,   .stage = MESSAGE, .repeatable = true},
	{.name = "dnsbl",                .type = VALUE_IP,       .stage = CONNECT, .arguments = zone, .argument_count = 1},
	{.name = "rhsbl",                .type = VALUE_IP,       .stage = CONNECT, .arguments = zone_and_domain, .argument_count = 2},
	{.name = "rate",                 .type = VALUE_INT,      .stage = CONNECT, .counting = true,
		.arguments = key_and_period, .argument_count = 2},
	{.name = "greylist.young",       .type = VALUE_BOOL,     .stage = RCPT, .counting = true, .arguments = age, .argument_count = 1},
	{.name = "score",                .type = VALUE_SCORE,    .stage = CONNECT},
	{.name = "idle",                 .type = VALUE_DURATION, .stage = CONNECT},
	{.name = "certificate.expires",  .type = VALUE_DATE,     .stage = CONNECT},
	{.name = "header",               .type = VALUE_TEXT,     .stage = MESSAGE, .keyed = true, .repeatable = true},
	{.name = "subject",              .type = VALUE_TEXT,     .stage = MESSAGE},
	{.name = "from.address",         .type = VALUE_ADDRESS,  .stage = MESSAGE},
	{.name = "from.domain",          .type = VALUE_DOMAIN,   .stage = MESSAGE},
	{.name = "from.name",            .type = VALUE_NAME,     .stage = MESSAGE},
	{.name = "body.text",            .type = VALUE_TEXT,     .stage = MESSAGE, .longest = 64 * 1024},
	{.name = "message.hash",         .type = VALUE_STRING,   .stage = MESSAGE},
	{.name = "mime.anomalies",       .type = VALUE_FLAGS,    .stage = MESSAGE, .names = anomalies},
	{.name = "attachment",           .type = VALUE_RECORDS,  .stage = MESSAGE, .fields = attachment_fields},
	{.name = "url",                  .type = VALUE_RECORDS,  .stage = MESSAGE, .fields = url_fields},
};

static const struct vocabulary_slot accept_slots[] = {{.name = "session", .shape = SHAPE_WORD}};
static const struct vocabulary_slot reject_slots[] = {
	{.name = "code",   .shape = SHAPE_CODE,   .preset = "550", .minimum = 500, .maximum = 599},
	{.name = "status", .shape = SHAPE_STATUS, .preset = "5.7.1"},
	{.name = "text",   .shape = SHAPE_TEXT,   .preset = "we do not accept this message"},
};
static const struct vocabulary_slot tempfail_slots[] = {
	{.name = "code",   .shape = SHAPE_CODE,   .preset = "451", .minimum = 400, .maximum = 499},
	{.name = "status", .shape = SHAPE_STATUS, .preset = "4.7.1"},
	{.name = "text",   .shape = SHAPE_TEXT,   .preset = "please try again later"},
};
static const struct vocabulary_slot quarantine_slots[] = {{.name = "reason", .shape = SHAPE_TEXT}};
static const struct vocabulary_slot score_slots[] = {
	{.name = "points", .shape = SHAPE_NUMBER, .mandatory = true, .minimum = -100, .maximum = 100}};
static const struct vocabulary_slot header_slots[] = {
	{.name = "name",  .shape = SHAPE_FIELD, .mandatory = true},
	{.name = "value", .shape = SHAPE_TEXT,  .mandatory = true, .longest = 900},
};
static const struct vocabulary_slot remove_slots[] = {{.name = "name", .shape = SHAPE_FIELD, .mandatory = true}};
static const struct vocabulary_slot text_slots[] = {{.name = "text", .shape = SHAPE_TEXT, .mandatory = true}};
static const struct vocabulary_slot address_slots[] = {{.name = "address", .shape = SHAPE_ADDRESS, .mandatory = true}};
static const struct vocabulary_slot greylist_slots[] = {
	{.name = "age", .shape = SHAPE_DURATION, .mandatory = true, .minimum = 1000, .maximum = 86400000}};
static const struct vocabulary_slot delay_slots[] = {
	{.name = "time", .shape = SHAPE_DURATION, .mandatory = true, .minimum = 0, .maximum = 60000}};

#define ANY_STAGE 0x7f
#define AT(stage) (1u << (stage))
static const struct vocabulary_action actions[] = {
	{.name = "accept",        .stages = ANY_STAGE,  .final = true, .slots = accept_slots, .slot_count = COUNT(accept_slots)},
	{.name = "reject",        .stages = ANY_STAGE,  .final = true, .slots = reject_slots, .slot_count = COUNT(reject_slots)},
	{.name = "tempfail",      .stages = ANY_STAGE,  .final = true, .slots = tempfail_slots, .slot_count = COUNT(tempfail_slots)},
	{.name = "discard",       .stages = AT(MESSAGE), .final = true},
	{.name = "quarantine",    .stages = AT(MESSAGE), .final = true, .slots = quarantine_slots, .slot_count = COUNT(quarantine_slots)},
	{.name = "disconnect",    .stages = ANY_STAGE,  .final = true},
	{.name = "score",         .stages = ANY_STAGE,  .slots = score_slots, .slot_count = COUNT(score_slots)},
	{.name = "header",        .stages = AT(MESSAGE), .slots = header_slots, .slot_count = COUNT(header_slots)},
	{.name = "remove_header", .stages = AT(MESSAGE), .slots = remove_slots, .slot_count = COUNT(remove_slots)},
	{.name = "subject_prefix", .stages = AT(MESSAGE), .slots = text_slots, .slot_count = COUNT(text_slots)},
	{.name = "strip",         .stages = AT(MESSAGE), .missing = "--with-archives"},
	{.name = "redirect",      .stages = AT(RCPT) | AT(MESSAGE), .slots = address_slots, .slot_count = COUNT(address_slots)},
	{.name = "add_recipient", .stages = AT(MESSAGE), .slots = address_slots, .slot_count = COUNT(address_slots)},
	{.name = "greylist",      .stages = AT(RCPT) | AT(DATA), .final = true, .asks = "greylist.young",
		.slots = greylist_slots, .slot_count = COUNT(greylist_slots)},
	{.name = "delay",         .stages = ANY_STAGE,  .slots = delay_slots, .slot_count = COUNT(delay_slots)},
	{.name = "log",           .stages = ANY_STAGE,  .slots = text_slots, .slot_count = COUNT(text_slots)},
};
/* clang-format on */

const struct vocabulary fake_vocabulary = {
	.stages = stages,
	.facts = facts,
	.fact_count = COUNT(facts),
	.actions = actions,
	.action_count = COUNT(actions),
};
