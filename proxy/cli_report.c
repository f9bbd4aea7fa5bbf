/* SPDX-License-Identifier: Apache-2.0 */
/* `postern report`: what observe mode and monitored checks would have refused. */
#include "policy/report.h"

#include "base/quantity.h"
#include "policy/checks/table.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "proxy/records.h"

#include <sysexits.h>
#include <talloc.h>
#include <time.h>

static bool take_record(void *owner, struct slice json)
{
	report_add(owner, json);
	return true;
}

static int print_report(const struct arguments *arguments, const char *store, uint64_t since)
{
	struct report *report = report_new(arguments, checks_table);
	const char *why = store
		? records_read_all(store, since, (uint64_t)time(NULL) * 1000, take_record, report)
		: "the configuration names no store: nothing is remembered";

	if (why) {
		fprintf(stderr, "postern: %s: %s\n", store ? store : arguments->file, why);
		return 1;
	}
	report_print(report, arguments->since, arguments->json, stdout);
	return 0;
}

static int report(const struct arguments *arguments)
{
	struct complaints *complaints = complaints_new(arguments);
	int64_t since;

	if (!quantity_parse(QUANTITY_DURATION, slice_of(arguments->since), &since) || since <= 0) {
		fprintf(stderr, "postern: --since takes a duration, as 7d or 12h\n");
		return EX_USAGE;
	}
	const struct configuration *configuration =
		configuration_read(arguments, arguments->file, complaints);
	complaints_print(complaints, stderr);
	if (complaints_errors(complaints) > 0)
		return 1;
	return print_report(arguments, configuration->store->path, (uint64_t)since);
}

int cli_report(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	int status = report(arguments_parse(all, ARGUMENTS_REPORT, argc, argv));

	talloc_free(all);
	return status;
}
