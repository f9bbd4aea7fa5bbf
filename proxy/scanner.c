/* SPDX-License-Identifier: Apache-2.0 */
/* The process in which messages are taken apart. */
#include "proxy/scanner.h"

#include "base/loop.h"
#include "base/sandbox.h"
#include "proxy/channel.h"
#include "proxy/configuration.h"
#include "proxy/scan_desk.h"

#include <talloc.h>
#include <unistd.h>

struct scanner {
	const struct child *child;
	struct loop *loop;
	struct channel *channel;
	bool ended;
};

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct scanner *scanner = owner;

	(void)argument;
	if (message != CHANNEL_DRAIN && message != CHANNEL_END)
		return;
	scanner->ended = true;
	loop_stop(scanner->loop);
}

static void on_master_gone(void *owner)
{
	on_message(owner, CHANNEL_END, 0);
}

static bool scanner_start(struct scanner *scanner)
{
	const struct child *child = scanner->child;
	const struct configuration *configuration = child->configuration;
	struct scan_desk *desk;

	if (!child->scans)
		return false;
	scan_ports_keep_scanner(child->scans, child->number);
	scanner->channel = channel_new(scanner, scanner->loop, child->channel,
		(struct channel_events){on_message, on_master_gone, scanner});
	desk = scan_desk_new(scanner, scanner->loop, child->table, child->scans, child->number,
		configuration->policy);
	if (!scan_desk_limit(configuration->policy->scanner) || !sandbox_seal_code() ||
		!sandbox_enter(
			&(struct sandbox){.profile = SANDBOX_SCANNER, .user = configuration->user}))
		return false;
	scan_desk_open(desk);
	return channel_send(scanner->channel, CHANNEL_READY, 0);
}

/* It ends without tidying up: code that was sealed cannot be freed. */
int scanner_run(const struct child *child)
{
	struct scanner *scanner = talloc_zero(NULL, struct scanner);

	scanner->child = child;
	scanner->loop = loop_new(NULL);
	if (scanner_start(scanner))
		loop_run(scanner->loop);
	_exit(scanner->ended ? 0 : 1);
}
