/* SPDX-License-Identifier: Apache-2.0 */
/* The short commands: run, check, status, reload, stop, sink, manual. */
#include "proxy/cli.h"

#include "proxy/configuration.h"
#include "proxy/control.h"
#include "proxy/master.h"
#include "proxy/sink.h"

#include <argp.h>
#include <stdlib.h>
#include <talloc.h>

/* What these commands may be told. */
struct arguments {
	const char *file;
	const char *socket;
	const char *listen;
	const char *directory;
	bool json;
};

enum { OPTION_KEY_SOCKET = 256, OPTION_KEY_JSON, OPTION_KEY_LISTEN };

static const struct argp_option file_options[] = {
	{"config", 'c', "FILE", 0, "configuration (default " CONFIGURATION_FILE ")", 0}, {0}};

static const struct argp_option control_options[] = {
	{"config", 'c', "FILE", 0, "configuration, for the socket's path", 0},
	{"socket", OPTION_KEY_SOCKET, "PATH", 0, "control socket, without any configuration", 0},
	{0}};

static const struct argp_option status_options[] = {
	{"config", 'c', "FILE", 0, "configuration, for the socket's path", 0},
	{"socket", OPTION_KEY_SOCKET, "PATH", 0, "control socket, without any configuration", 0},
	{"json", OPTION_KEY_JSON, NULL, 0, "answer with one JSON object", 0}, {0}};

static const struct argp_option sink_options[] = {
	{"listen", OPTION_KEY_LISTEN, "ADDRESS:PORT", 0, "where (default 127.0.0.1:2526)", 0}, {0}};

static error_t take_argument(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->file = value;
		return 0;
	case OPTION_KEY_SOCKET:
		arguments->socket = value;
		return 0;
	case OPTION_KEY_JSON:
		arguments->json = true;
		return 0;
	case OPTION_KEY_LISTEN:
		arguments->listen = value;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take_directory(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_ARG && !arguments->directory) {
		arguments->directory = value;
		return 0;
	}
	if (key == ARGP_KEY_END && !arguments->directory)
		argp_usage(state);
	return take_argument(key, value, state);
}

static struct arguments parse(int argc, char **argv, const struct argp_option *options, const char *doc)
{
	const struct argp argp = {.options = options, .parser = take_argument, .doc = doc};
	struct arguments arguments = {.file = CONFIGURATION_FILE};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return arguments;
}

/* --- run and check --- */

int cli_run(int argc, char **argv)
{
	struct arguments arguments =
		parse(argc, argv, file_options, "Runs the gateway in the foreground.");

	return master_run(arguments.file);
}

int cli_check(int argc, char **argv)
{
	struct arguments arguments = parse(argc, argv, file_options,
		"Reads the configuration and prints every complaint about it.");
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);

	configuration_read(all, arguments.file, complaints);
	complaints_print(complaints, stdout);
	int status = complaints_errors(complaints) > 0 ? 1 : 0;
	talloc_free(all);
	return status;
}

/* --- status, reload, stop --- */

/* The socket's path as the configuration has it, whatever else is wrong with that. */
static int ask_configured(const char *file, const char *line)
{
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);
	const struct configuration *configuration = configuration_read(all, file, complaints);
	int status = control_ask(configuration->control->socket, line, stdout);

	talloc_free(all);
	return status;
}

static int ask(const struct arguments *arguments, const char *line)
{
	if (arguments->socket)
		return control_ask(arguments->socket, line, stdout);
	return ask_configured(arguments->file, line);
}

int cli_status(int argc, char **argv)
{
	struct arguments arguments = parse(argc, argv, status_options,
		"Tells how the running gateway is: its processes and all that it counts.");

	return ask(&arguments, arguments.json ? "status --json" : "status");
}

int cli_reload(int argc, char **argv)
{
	struct arguments arguments = parse(argc, argv, control_options,
		"Has the running gateway read its configuration anew; prints why if it does not.");

	return ask(&arguments, "reload");
}

int cli_stop(int argc, char **argv)
{
	struct arguments arguments = parse(argc, argv, control_options,
		"Has the running gateway finish its sessions and end; a second time, at once.");

	return ask(&arguments, "stop");
}

/* --- sink, manual --- */

int cli_sink(int argc, char **argv)
{
	const struct argp argp = {.options = sink_options,
		.parser = take_directory,
		.args_doc = "DIR",
		.doc = "A small backend that keeps what it is sent as a Maildir."};
	struct arguments arguments = {.listen = "127.0.0.1:2526"};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return sink_run(arguments.listen, arguments.directory);
}

int cli_manual(int argc, char **argv)
{
	parse(argc, argv, NULL, "Prints the reference of all options, for postern.conf(5).");
	settings_print_manual(configuration_sections, stdout);
	return 0;
}
