/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the settings of milters. */
#include "plugins/options.h"

#include "plugins/milter_address.h"

#include <errno.h>
#include <talloc.h>
#include <unistd.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

#define FIELD(type, field) .name = #field, .offset = offsetof(struct type, field)

static const char *const on_failure_choices[] = {"tempfail", "accept", "reject", NULL};
static const char *const tls_choices[] = {"off", "required", NULL};

static const struct option milter_rows[] = {
	{FIELD(milter_options, socket), .type = OPTION_TEXT, .mandatory = true,
		.manual =
			"where it listens: unix:/path, inet:ADDRESS:PORT or inet6:[ADDRESS]:PORT; "
			"the user of the workers must be allowed to connect"},
	{FIELD(milter_options, on_failure), .type = OPTION_CHOICE, .preset = "tempfail",
		.choices = on_failure_choices,
		.manual = "when it is down, too slow, or speaks no milter protocol: tempfail puts "
			  "off what it was asked about with 451, accept goes on without it, "
			  "reject refuses with 550"},
	{FIELD(milter_options, tls), .type = OPTION_CHOICE, .preset = "off", .choices = tls_choices,
		.manual = "required: TLS from the first byte, with a certificate that is verified"},
	{FIELD(milter_options, tls_ca), .type = OPTION_TEXT,
		.manual = "PEM file of the authorities, or of the milter's own certificate, to "
			  "trust; without it the system's authorities"},
	{FIELD(milter_options, tls_name), .type = OPTION_TEXT,
		.manual = "name that must stand in its certificate; without it any that is "
			  "trusted will do"},
	{FIELD(milter_options, connect_timeout), .type = OPTION_DURATION, .preset = "30s",
		.minimum = 100, .maximum = 5 * MINUTE,
		.manual = "to connect and to agree on the protocol"},
	{FIELD(milter_options, command_timeout), .type = OPTION_DURATION, .preset = "30s",
		.minimum = 100, .maximum = 5 * MINUTE, .manual = "for the answer to one event"},
	{FIELD(milter_options, message_timeout), .type = OPTION_DURATION, .preset = "60s",
		.minimum = 100, .maximum = 10 * MINUTE,
		.manual = "for all of a message, however often it says that it is still busy; "
			  "smtp.judge_timeout is a bound, too"},
	{0},
};

const struct section plugins_sections[] = {
	{"milter", true, sizeof(struct milter_options), milter_rows,
		"A program that is told of each session and message by the milter protocol "
		"(version 6), and may refuse and change them. Milters are asked in the order of "
		"the "
		"file, where the check milter stands in checks.chain."},
	{0},
};

static void check_socket(const struct settings *settings, const struct milter_options *options,
	struct complaints *complaints)
{
	struct milter_address address;
	const char *reason;

	if (options->socket && !milter_address_parse(options->socket, &address, &reason))
		complaint_error(complaints, settings_place(settings, options, "socket"),
			"\"%s\" is no socket of a milter: %s", options->socket, reason);
}

static void check_tls(const struct settings *settings, const struct milter_options *options,
	struct complaints *complaints)
{
	bool is_set = options->tls_ca || options->tls_name;

	if (options->tls == MILTER_TLS_OFF && is_set)
		complaint_warning(complaints,
			settings_place(settings, options, options->tls_ca ? "tls_ca" : "tls_name"),
			"nobody looks at it: tls is off for milter \"%s\"", options->name);
	if (options->tls_ca && access(options->tls_ca, R_OK) != 0)
		complaint_error(complaints, settings_place(settings, options, "tls_ca"),
			"%s cannot be read: %s", options->tls_ca, strerror(errno));
}

static void check(const struct settings *settings, const struct milter_options *options,
	struct complaints *complaints)
{
	if (strchr(options->name, ','))
		complaint_error(complaints, settings_place(settings, options, "socket"),
			"the name of milter \"%s\" may not have a comma", options->name);
	check_socket(settings, options, complaints);
	check_tls(settings, options, complaints);
}

const struct milter_options **plugins_read(struct policy *policy, const struct settings *settings,
	size_t *count, struct complaints *complaints)
{
	const struct milter_options **all;
	struct milter_policy *told;

	*count = settings_count(settings, "milter");
	all = talloc_array(policy, const struct milter_options *, *count);
	told = talloc_array(policy, struct milter_policy, *count);
	for (size_t i = 0; i < *count; i++) {
		all[i] = settings_named(settings, "milter", i);
		told[i] = (struct milter_policy){
			all[i]->name, (enum milter_failure)all[i]->on_failure};
		check(settings, all[i], complaints);
	}
	policy->milters = told;
	policy->milter_count = *count;
	return all;
}
