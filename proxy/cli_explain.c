/* SPDX-License-Identifier: Apache-2.0 */
/* `postern explain`: one message judged without being sent, or the record of a past transaction. */
#include "base/utf8.h"
#include "policy/explain.h"
#include "policy/recipient_list.h"
#include "proxy/arguments.h"
#include "proxy/clamd.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/keeper.h"
#include "proxy/recipients.h"
#include "proxy/resolver.h"
#include "proxy/route.h"

#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

static int print_record(
	const struct arguments *arguments, const struct configuration *configuration)
{
	const char *reason;
	const char *record =
		keeper_read_record(arguments, configuration->store, arguments->subject, &reason);

	if (!record) {
		fprintf(stderr, "postern: %s: %s\n", arguments->subject, reason);
		return 1;
	}
	utf8_print_json(slice_of(record), stdout);
	putchar('\n');
	return 0;
}

/* As on the first listener. */
static char *way_of(const void *parent, const void *owner, const char *domain)
{
	const struct configuration *configuration = owner;

	if (!configuration->listen_count || !configuration->backend_count)
		return talloc_strdup(parent, "the mail server that we are a milter of");
	const struct listen_options *listen = configuration->listens[0];
	const struct route_options *route = route_find(configuration, listen, domain);
	const char *backend = route_backend(configuration, listen, domain)->name;

	return route ? talloc_asprintf(parent, "backend %s by route %s", backend, route->name)
		     : talloc_asprintf(parent, "backend %s", backend);
}

static void teach(
	const void *parent, const void *owner, struct loop *loop, struct learner *learners)
{
	const struct configuration *configuration = owner;

	struct recipient_list *list = recipient_list_new(parent);

	resolver_teach(resolver_new(parent, loop, configuration->dns), learners);
	if (recipients_load(configuration, list))
		learners[LEARNER_RECIPIENTS] = recipient_list_learner(list);
	if (configuration->policy->clamd_count)
		learners[LEARNER_VIRUS] =
			clamd_learner(clamd_new(parent, loop, configuration->policy));
}

static int judge(const struct arguments *arguments, const struct configuration *configuration)
{
	struct explain_case the_case = {
		.helo = arguments->helo,
		.sender = arguments->sender,
		.recipients = arguments->recipients,
		.facts_file = arguments->facts,
		.message_file = arguments->subject,
		.way_of = way_of,
		.teach = teach,
		.owner = configuration,
	};

	if (!arguments->client || !ip_parse(slice_of(arguments->client), &the_case.client)) {
		fprintf(stderr, "postern: explain needs --client with an IP address\n");
		return EX_USAGE;
	}
	return explain_print(configuration->chain, &the_case, arguments->json, stdout) ? 0 : 1;
}

static bool is_message(const char *subject)
{
	return strcmp(subject, "-") == 0 || access(subject, F_OK) == 0;
}

static int explain(const struct arguments *arguments)
{
	struct complaints *complaints = complaints_new(arguments);
	const struct configuration *configuration =
		configuration_read(arguments, arguments->file, complaints);

	complaints_print(complaints, stderr);
	if (complaints_errors(complaints) > 0)
		return 1;
	if (arguments->is_id || (!is_message(arguments->subject) && !arguments->client))
		return print_record(arguments, configuration);
	return judge(arguments, configuration);
}

int cli_explain(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	int status = explain(arguments_parse(all, ARGUMENTS_EXPLAIN, argc, argv));

	talloc_free(all);
	return status;
}
