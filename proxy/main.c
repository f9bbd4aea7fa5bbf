/* SPDX-License-Identifier: Apache-2.0 */
/* What users type: postern COMMAND. */
#include "config.h"

#include "proxy/cli.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

const char *argp_program_version = PACKAGE_STRING;

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *manual; /* NULL: not shown */
};

static const struct command commands[] = {
	{"run", cli_run, "the gateway in the foreground"},
	{"milter", cli_milter, "the same policy as a milter of Postfix or Sendmail"},
	{"check", cli_check, "read the configuration, print every complaint"},
	{"fmt", cli_fmt, "print rule files anew in their canonical form"},
	{"test", cli_test, "run the tests in the rule files"},
	{"explain", cli_explain, "judge one message, or tell how a past one was judged"},
	{"replay", cli_replay, "judge past mail again, also against another configuration"},
	{"report", cli_report, "what observe mode and monitored checks would have done"},
	{"quarantine", cli_quarantine, "what was kept, and what becomes of it"},
	{"status", cli_status, "how the running gateway is"},
	{"reload", cli_reload, "have it read its configuration anew"},
	{"upgrade", cli_upgrade, "have it become the program that is installed now"},
	{"forget", cli_forget, "have it forget that a recipient does not exist"},
	{"stop", cli_stop, "have it finish its sessions and end"},
	{"sink", cli_sink, "a small backend that keeps what it is sent, for trying out"},
	{"manual", cli_manual, NULL},
	{"rehearse", cli_rehearse, NULL},
	{0},
};

static const struct command *find(const char *name)
{
	for (const struct command *command = commands; command->name; command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

static void print_commands(FILE *out)
{
	for (const struct command *command = commands; command->name; command++) {
		if (command->manual)
			fprintf(out, "  %-10s %s\n", command->name, command->manual);
	}
}

/* argp asks for the text below the options here. */
static char *describe(int key, const char *text, void *input)
{
	char *all = NULL;
	size_t size;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(size_t)text;
	out = open_memstream(&all, &size);
	fprintf(out, "Commands:\n");
	print_commands(out);
	fprintf(out, "\n`postern COMMAND --help' tells more about one.");
	fclose(out);
	return all;
}

/* The first word that is no option is the command; all behind it is the command's. */
struct choice {
	const struct command *command;
	int first; /* its index in argv */
};

static error_t take_argument(int key, char *value, struct argp_state *state)
{
	struct choice *choice = state->input;

	if (key == ARGP_KEY_END && !choice->command)
		argp_usage(state);
	if (key != ARGP_KEY_ARG)
		return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
	choice->command = find(value);
	choice->first = state->next - 1;
	state->next = state->argc;
	if (!choice->command) {
		fprintf(stderr, "postern: there is no command \"%s\"; there are:\n", value);
		print_commands(stderr);
		exit(EX_USAGE);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct argp argp = {.parser = take_argument,
		.args_doc = "COMMAND [OPTION...]",
		.doc = "An SMTP gateway that judges mail before it reaches the server behind.\v",
		.help_filter = describe};
	struct choice choice = {NULL, 0};
	char name[32];

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	snprintf(name, sizeof name, "postern %s", choice.command->name);
	argv[choice.first] = name;
	return choice.command->run(argc - choice.first, argv + choice.first);
}
