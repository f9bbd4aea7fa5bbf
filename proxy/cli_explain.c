/* SPDX-License-Identifier: Apache-2.0 */
/* `postern explain`: one message judged without being sent, or the record of a past transaction. */
#include "policy/explain.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/keeper.h"

#include <argp.h>
#include <talloc.h>
#include <unistd.h>

enum {
	KEY_JSON = 256,
	KEY_CLIENT,
	KEY_HELO,
	KEY_SENDER,
	KEY_RECIPIENT,
	KEY_FACTS,
	KEY_ID
};

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "configuration (default " CONFIGURATION_FILE ")", 0},
	{"json", KEY_JSON, NULL, 0, "one JSON object instead of a text", 0},
	{"client", KEY_CLIENT, "IP", 0, "address of the client", 0},
	{"helo", KEY_HELO, "NAME", 0, "what the client calls itself", 0},
	{"sender", KEY_SENDER, "ADDRESS", 0, "envelope sender; empty for the null sender", 0},
	{"recipient", KEY_RECIPIENT, "ADDRESS", 0, "a recipient; may be repeated", 0},
	{"facts", KEY_FACTS, "FILE", 0, "facts as a flat JSON object, in place of look-ups", 0},
	{"id", KEY_ID, NULL, 0, "what follows is the id of a transaction, not a file", 0},
	{0},
};

struct arguments {
	void *all; /* talloc */
	const char *file;
	const char *client;
	const char *subject; /* a message's file or an id */
	const char **recipients;
	size_t recipient_count;
	struct explain_case the_case;
	bool json;
	bool is_id;
};

static void add_recipient(struct arguments *arguments, const char *recipient)
{
	arguments->recipients = talloc_realloc(arguments->all, arguments->recipients, const char *,
		arguments->recipient_count + 2);
	arguments->recipients[arguments->recipient_count++] = recipient;
	arguments->recipients[arguments->recipient_count] = NULL;
}

static error_t take_subject(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_ARG && !arguments->subject) {
		arguments->subject = value;
		return 0;
	}
	if (key == ARGP_KEY_END && !arguments->subject)
		argp_usage(state);
	return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

static error_t take_argument(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->file = value;
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_CLIENT:
		arguments->client = value;
		return 0;
	case KEY_HELO:
		arguments->the_case.helo = value;
		return 0;
	case KEY_SENDER:
		arguments->the_case.sender = value;
		return 0;
	case KEY_RECIPIENT:
		add_recipient(arguments, value);
		return 0;
	case KEY_FACTS:
		arguments->the_case.facts_file = value;
		return 0;
	case KEY_ID:
		arguments->is_id = true;
		return 0;
	default:
		return take_subject(key, value, state);
	}
}

static int print_record(struct arguments *arguments, const struct configuration *configuration)
{
	const char *reason;
	const char *record = keeper_read_record(
		arguments->all, configuration->store, arguments->subject, &reason);

	if (!record) {
		fprintf(stderr, "postern: %s: %s\n", arguments->subject, reason);
		return 1;
	}
	printf("%s\n", record);
	return 0;
}

static int judge(struct arguments *arguments, const struct configuration *configuration)
{
	struct explain_case *the_case = &arguments->the_case;

	if (!arguments->client || !ip_parse(slice_of(arguments->client), &the_case->client)) {
		fprintf(stderr, "postern: explain needs --client with an IP address\n");
		return 64;
	}
	the_case->recipients = arguments->recipients;
	the_case->message_file = arguments->subject;
	return explain_print(configuration->chain, the_case, arguments->json, stdout) ? 0 : 1;
}

static bool is_message(const char *subject)
{
	return strcmp(subject, "-") == 0 || access(subject, F_OK) == 0;
}

static int explain(struct arguments *arguments)
{
	struct complaints *complaints = complaints_new(arguments->all);
	const struct configuration *configuration =
		configuration_read(arguments->all, arguments->file, complaints);

	complaints_print(complaints, stderr);
	if (complaints_errors(complaints) > 0)
		return 1;
	if (arguments->is_id || (!is_message(arguments->subject) && !arguments->client))
		return print_record(arguments, configuration);
	return judge(arguments, configuration);
}

int cli_explain(int argc, char **argv)
{
	const struct argp argp = {.options = options,
		.parser = take_argument,
		.args_doc = "MESSAGE\nID",
		.doc = "Judges one message without sending it and tells why (\"-\" is standard "
		       "input); or tells how a past transaction was judged."};
	struct arguments arguments = {.all = talloc_new(NULL), .file = CONFIGURATION_FILE};

	arguments.recipients = talloc_zero_array(arguments.all, const char *, 1);
	arguments.the_case.sender = "";
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int status = explain(&arguments);
	talloc_free(arguments.all);
	return status;
}
