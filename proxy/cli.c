/* SPDX-License-Identifier: Apache-2.0 */
/* The short commands: run, milter, check, status, reload, upgrade, stop, forget, sink, manual. */
#include "proxy/cli.h"

#include "policy/language.h"
#include "policy/rulebook.h"
#include "proxy/arguments.h"
#include "proxy/configuration.h"
#include "proxy/control.h"
#include "proxy/live_check.h"
#include "proxy/live_milters.h"
#include "proxy/master.h"
#include "proxy/recipients.h"
#include "proxy/sink.h"

#include <sysexits.h>
#include <talloc.h>

/* --- run and check --- */

/* The arguments go before the master forks: its children would carry them for ever. */
static int run(enum arguments_command command, int argc, char **argv,
	int (*begin)(const struct master_task *task))
{
	void *all = talloc_new(NULL);
	const struct arguments *arguments = arguments_parse(all, command, argc, argv);
	const struct master_task task = {arguments->file, arguments->subject};

	talloc_free(all);
	return begin(&task);
}

int cli_run(int argc, char **argv)
{
	return run(ARGUMENTS_RUN, argc, argv, master_run);
}

int cli_milter(int argc, char **argv)
{
	return run(ARGUMENTS_MILTER, argc, argv, master_run);
}

/* What a running master asks of the program that is to take its place. */
int cli_rehearse(int argc, char **argv)
{
	return run(ARGUMENTS_REHEARSE, argc, argv, master_rehearse);
}

int cli_check(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);

	const struct arguments *arguments = arguments_parse(all, ARGUMENTS_CHECK, argc, argv);
	const struct configuration *configuration =
		configuration_read(all, arguments->file, complaints);

	recipients_examine(configuration, complaints);
	rulebook_lint(configuration->policy, complaints);
	complaints_print(complaints, stdout);
	int status = complaints_errors(complaints) > 0 ? 1 : 0;
	if (status == 0 && arguments->live)
		status = live_check_run(configuration, stdout) |
			!live_milters_tell(configuration, stdout);
	talloc_free(all);
	return status;
}

/* --- status, reload, upgrade, stop, forget --- */

/* The socket's path as the configuration has it, whatever else is wrong with that. */
static const char *socket_path(void *all, const struct arguments *arguments)
{
	if (arguments->socket)
		return arguments->socket;
	return configuration_read(all, arguments->file, complaints_new(all))->control->socket;
}

static int ask(enum arguments_command command, int argc, char **argv, const char *line)
{
	void *all = talloc_new(NULL);
	const struct arguments *arguments = arguments_parse(all, command, argc, argv);
	const char *request = talloc_asprintf(all, "%s%s", line, arguments->json ? " --json" : "");
	int status = control_ask(socket_path(all, arguments), request, stdout);

	talloc_free(all);
	return status;
}

int cli_status(int argc, char **argv)
{
	return ask(ARGUMENTS_STATUS, argc, argv, "status");
}

int cli_reload(int argc, char **argv)
{
	return ask(ARGUMENTS_RELOAD, argc, argv, "reload");
}

int cli_upgrade(int argc, char **argv)
{
	return ask(ARGUMENTS_UPGRADE, argc, argv, "upgrade");
}

int cli_stop(int argc, char **argv)
{
	return ask(ARGUMENTS_STOP, argc, argv, "stop");
}

int cli_forget(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	const struct arguments *arguments = arguments_parse(all, ARGUMENTS_FORGET, argc, argv);
	const char *request = talloc_asprintf(all, "forget %s", arguments->subject);
	int status = control_ask(socket_path(all, arguments), request, stdout);

	talloc_free(all);
	return status;
}

/* --- sink, manual --- */

int cli_sink(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	const struct arguments *arguments = arguments_parse(all, ARGUMENTS_SINK, argc, argv);
	int status = sink_run(arguments->listen, arguments->subject);

	talloc_free(all);
	return status;
}

int cli_manual(int argc, char **argv)
{
	void *all = talloc_new(NULL);

	const char *subject = arguments_parse(all, ARGUMENTS_MANUAL, argc, argv)->subject;
	int status = 0;

	if (!subject) {
		settings_print_manual(configuration_sections, stdout);
	} else if (strcmp(subject, "rules") == 0) {
		language_print_manual(stdout);
	} else {
		fprintf(stderr, "postern: there is no manual of \"%s\"\n", subject);
		status = EX_USAGE;
	}
	talloc_free(all);
	return status;
}
