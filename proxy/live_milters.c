/* SPDX-License-Identifier: Apache-2.0 */
/* Asks milters and plugins what they are like. */
#include "proxy/live_milters.h"

#include "base/log.h"
#include "base/loop.h"
#include "plugins/milter_talk.h"
#include "proxy/milter_tls.h"
#include "proxy/plugin_command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define SAID_MOST 4096
#define PATIENCE 10000 /* milliseconds that an object may be silent */

/* --- milters --- */

static void on_probed(void *owner)
{
	loop_stop(owner);
}

static bool tell_milter(const struct milter_options *options, SSL_CTX *tls, FILE *out)
{
	struct loop *loop = loop_new(NULL);
	struct milter_peer peer = {.options = options, .tls = tls};
	struct milter_talk *talk = milter_talk_new(NULL, loop, &peer);
	struct await probed;
	const char *reason;

	await_init(&probed, loop->clock, on_probed, loop);
	bool good = milter_address_parse(options->socket, &peer.address, &reason);
	if (good)
		milter_talk_begin_probe(talk, &probed);
	if (good && probed.pending)
		loop_run(loop);
	good = good && probed.outcome == OUTCOME_DONE;
	fprintf(out, "milter \"%s\", %s: %s%s\n", options->name, options->socket,
		good ? "" : "cannot be used: ",
		good ? milter_talk_offer(talk, talk) : milter_talk_failure(talk));
	talloc_free(talk);
	talloc_free(loop);
	return good;
}

/* --- plugins --- */

/* Until it has closed its output, or has been silent for too long. */
static void hear(int descriptor, char said[static SAID_MOST])
{
	struct pollfd output = {.fd = descriptor, .events = POLLIN};
	size_t used = 0;
	ssize_t size = 1;

	while (size > 0 && used < SAID_MOST - 1 && poll(&output, 1, PATIENCE) > 0) {
		size = read(descriptor, said + used, SAID_MOST - 1 - used);
		used += size > 0 ? (size_t)size : 0;
	}
	while (used && said[used - 1] == '\n')
		used--;
	said[used] = '\0';
}

/* One line, whatever it has said. */
static void tame(char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			*text = *text == '\n' ? ';' : '?';
	}
}

/* Its status of waitpid(). It is killed when it has closed its output and lives, and when it has not. */
static int try_object(const struct plugin_command *command, char said[static SAID_MOST])
{
	int ends[2], status = -1;
	pid_t pid;

	said[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = plugin_command_start(command, -1, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		hear(ends[0], said);
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	close(ends[0]);
	return status;
}

static bool tell_object(const struct plugin_options *options, const char *user, FILE *out)
{
	struct plugin_command *command = plugin_command_new(NULL, options, user, true);
	char said[SAID_MOST];
	bool good = try_object(command, said) == 0;

	tame(said);
	fprintf(out, "plugin \"%s\", %s: %s%s\n", options->milter.name, options->path,
		good ? "" : "cannot be used: ", *said ? said : "it died without a word");
	talloc_free(command);
	return good;
}

static bool tell_plugin(const struct plugin_options *options, const char *user, FILE *out)
{
	if (options->path)
		return tell_object(options, user, out);
	fprintf(out,
		"plugin \"%s\", %s: a program, which is not started a second time here; `postern "
		"status` tells whether it runs\n",
		options->milter.name, options->exec);
	return true;
}

/* --- both --- */

static const struct plugin_options *plugin_of(
	const struct plugins *plugins, const struct milter_options *milter)
{
	for (size_t i = 0; i < plugins->plugin_count; i++) {
		if (&plugins->plugins[i]->milter == milter)
			return plugins->plugins[i];
	}
	return NULL;
}

bool live_milters_tell(const struct configuration *configuration, FILE *out)
{
	SSL_CTX *const *tls = milter_tls_contexts(configuration->milter_tls);
	bool good = true;

	for (size_t i = 0; i < configuration->plugins->milter_count; i++) {
		const struct milter_options *milter = configuration->plugins->milters[i];
		const struct plugin_options *plugin = plugin_of(configuration->plugins, milter);

		fflush(out);
		good &= plugin ? tell_plugin(plugin, configuration->user, out)
			       : tell_milter(milter, tls[i], out);
	}
	return good;
}
