/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the commands. */
#include "proxy/arguments.h"

#include <argp.h>
#include <stdint.h>
#include <string.h>
#include <talloc.h>

#define DEFAULT_FILE "/etc/postern/postern.conf"

enum { KEY_JSON = 256, KEY_LIVE, KEY_ID, KEY_CHECK, KEY_RECIPIENT, KEY_FORCE, KEY_TO, KEY_TEXTS };
/* Options that fill a text: their key says which. */
#define KEY_OF(field) (KEY_TEXTS + (int)offsetof(struct arguments, field))

#define CONFIG_ROW                                                                                 \
	{                                                                                          \
		"config", 'c', "FILE", 0, "configuration (default " DEFAULT_FILE ")", 0            \
	}
#define SOCKET_ROW                                                                                 \
	{                                                                                          \
		"socket", KEY_OF(socket), "PATH", 0, "control socket, without any configuration",  \
			0                                                                          \
	}
#define JSON_ROW                                                                                   \
	{                                                                                          \
		"json", KEY_JSON, NULL, 0, "one JSON object instead of a text", 0                  \
	}

static const struct argp_option no_rows[] = {{0}};
static const struct argp_option file_rows[] = {CONFIG_ROW, {0}};
static const struct argp_option check_rows[] = {CONFIG_ROW,
	{"live", KEY_LIVE, NULL, 0, "asks the servers of all backends, too; no mail is sent", 0},
	{0}};
static const struct argp_option control_rows[] = {CONFIG_ROW, SOCKET_ROW, {0}};
static const struct argp_option status_rows[] = {CONFIG_ROW, SOCKET_ROW, JSON_ROW, {0}};

static const struct argp_option sink_rows[] = {
	{"listen", KEY_OF(listen), "ADDRESS:PORT", 0, "where (default 127.0.0.1:2526)", 0}, {0}};

static const struct argp_option explain_rows[] = {CONFIG_ROW, JSON_ROW,
	{"client", KEY_OF(client), "IP", 0, "address of the client", 0},
	{"helo", KEY_OF(helo), "NAME", 0, "what the client calls itself", 0},
	{"sender", KEY_OF(sender), "ADDRESS", 0, "envelope sender; empty for the null sender", 0},
	{"recipient", KEY_RECIPIENT, "ADDRESS", 0, "a recipient; may be repeated", 0},
	{"facts", KEY_OF(facts), "FILE", 0, "facts as a flat JSON object, in place of look-ups", 0},
	{"id", KEY_ID, NULL, 0, "what follows is the id of a transaction, not a file", 0}, {0}};

static const struct argp_option replay_rows[] = {CONFIG_ROW,
	{"against", KEY_OF(against), "FILE", 0,
		"another configuration: names each transaction whose verdict is not the same", 0},
	{"client-from-received", KEY_OF(hop), "N", 0,
		"of messages: client, HELO and envelope from their Nth Received field", 0},
	{0}};

static const struct argp_option quarantine_rows[] = {CONFIG_ROW, JSON_ROW,
	{"force", KEY_FORCE, NULL, 0,
		"releases also what may have been released before, when nobody knows", 0},
	{"to", KEY_TO, "RECIPIENT", 0,
		"releases to this one of its recipients only; may be repeated", 0},
	{0}};

static const struct argp_option report_rows[] = {CONFIG_ROW, JSON_ROW,
	{"since", KEY_OF(since), "PERIOD", 0, "how far back (default 7d)", 0}, {0}};

static const struct argp_option fmt_rows[] = {
	{"check", KEY_CHECK, NULL, 0, "name the files that are not in this form, and change none",
		0},
	{0}};

static const struct {
	const struct argp_option *options;
	const char *subject; /* NULL: none is taken; "[x]": or none; "x...": or several */
	const char *manual;
} rows[] = {
	[ARGUMENTS_RUN] = {file_rows, NULL, "Runs the gateway in the foreground."},
	[ARGUMENTS_MILTER] = {file_rows, "SOCKET",
		"Runs as a milter of Postfix or Sendmail in the foreground. SOCKET is unix:/path, "
		"inet:PORT@ADDRESS or inet:ADDRESS:PORT."},
	[ARGUMENTS_REHEARSE] = {file_rows, "[SOCKET]", "Tries whether a gateway would come up."},
	[ARGUMENTS_CHECK] = {check_rows, NULL,
		"Reads the configuration and prints every complaint about it."},
	[ARGUMENTS_EXPLAIN] = {explain_rows, "MESSAGE\nID",
		"Judges one message without sending it and tells why (\"-\" is standard input); or "
		"tells how a past transaction was judged."},
	[ARGUMENTS_REPLAY] = {replay_rows, "[PATH|ID...]",
		"Judges mail of the past again, without asking anybody anything: recorded "
		"transactions (all, or those of these ids), Maildirs, mboxes, messages. With "
		"--against the status is 1 when a verdict has changed."},
	[ARGUMENTS_REPORT] = {report_rows, NULL,
		"Tells what observe mode and monitored checks would have refused, senders "
		"known as good first."},
	[ARGUMENTS_STATUS] = {status_rows, NULL,
		"Tells how the running gateway is: its processes and all that it counts."},
	[ARGUMENTS_RELOAD] = {control_rows, NULL,
		"Has the running gateway read its configuration anew; prints why if it does not."},
	[ARGUMENTS_UPGRADE] = {control_rows, NULL,
		"Has the running gateway become the program that is installed now, without "
		"losing a connection; prints why if it does not."},
	[ARGUMENTS_STOP] = {control_rows, NULL,
		"Has the running gateway finish its sessions and end; a second time, at once."},
	[ARGUMENTS_FORGET] = {control_rows, "ADDRESS",
		"Has the running gateway forget that the backend does not know a recipient, as "
		"after "
		"its mailbox was made."},
	[ARGUMENTS_SINK] = {sink_rows, "DIR",
		"A small backend that keeps what it is sent as a Maildir."},
	[ARGUMENTS_QUARANTINE] = {quarantine_rows,
		"list [ID...]\nshow ID...\nexplain ID...\nrelease ID...\ndelete ID...\nexpire",
		"What was kept because it was not to go on: tells of it, sends it on after all, or "
		"removes it."},
	[ARGUMENTS_FMT] = {fmt_rows, "FILE...", "Prints rule files anew in their canonical form."},
	[ARGUMENTS_TEST] = {file_rows, NULL,
		"Runs the tests that stand in the rule files; the output is TAP."},
	[ARGUMENTS_MANUAL] = {no_rows, "[rules]",
		"Prints the reference of all options, for postern.conf(5), or what rules can ask "
		"and do, for postern-rules(5)."},
};

struct parsing {
	struct arguments *arguments;
	bool takes_subject;
	size_t most;
	bool is_optional;
};

static error_t take_subject(struct parsing *parsing, char *value)
{
	struct arguments *arguments = parsing->arguments;

	if (!parsing->takes_subject || arguments->subject_count == parsing->most)
		return ARGP_ERR_UNKNOWN;
	arguments->subjects[arguments->subject_count++] = value;
	arguments->subject = arguments->subjects[0];
	return 0;
}

static error_t take(int key, char *value, struct argp_state *state)
{
	struct parsing *parsing = state->input;
	struct arguments *arguments = parsing->arguments;

	if (key >= KEY_TEXTS && key < KEY_TEXTS + (int)sizeof *arguments)
		*(const char **)((char *)arguments + (key - KEY_TEXTS)) = value;
	else if (key == 'c')
		arguments->file = value;
	else if (key == KEY_JSON)
		arguments->json = true;
	else if (key == KEY_LIVE)
		arguments->live = true;
	else if (key == KEY_ID)
		arguments->is_id = true;
	else if (key == KEY_FORCE)
		arguments->force = true;
	else if (key == KEY_CHECK)
		arguments->only_check = true;
	else if (key == KEY_RECIPIENT)
		arguments->recipients[arguments->recipient_count++] = value;
	else if (key == KEY_TO)
		arguments->to[arguments->to_count++] = value;
	else if (key == ARGP_KEY_ARG)
		return take_subject(parsing, value);
	else if (key == ARGP_KEY_END && parsing->takes_subject && !parsing->is_optional &&
		!arguments->subject)
		argp_usage(state);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

struct arguments *arguments_parse(
	const void *parent, enum arguments_command command, int argc, char **argv)
{
	struct arguments *arguments = talloc_zero(parent, struct arguments);
	const char *subject = rows[command].subject ? rows[command].subject : "";
	struct parsing parsing = {arguments, *subject != '\0',
		strstr(subject, "...") ? SIZE_MAX : 1, *subject == '['};
	const struct argp argp = {.options = rows[command].options,
		.parser = take,
		.args_doc = rows[command].subject,
		.doc = rows[command].manual};

	arguments->file = DEFAULT_FILE;
	arguments->listen = "127.0.0.1:2526";
	arguments->sender = "";
	arguments->since = "7d";
	arguments->subjects = talloc_zero_array(arguments, const char *, (size_t)argc + 1);
	arguments->to = talloc_zero_array(arguments, const char *, (size_t)argc + 1);
	arguments->recipients = talloc_zero_array(arguments, const char *, (size_t)argc + 1);
	argp_parse(&argp, argc, argv, 0, NULL, &parsing);
	return arguments;
}
