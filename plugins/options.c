/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the settings of milters and plugins. */
#include "plugins/options.h"

#include "plugins/milter_address.h"
#include "plugins/plugin_words.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

#define FIELD(type, field) .name = #field, .offset = offsetof(struct type, field)
#define MILTER_FIELD(field) .name = #field, .offset = offsetof(struct plugin_options, milter.field)

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

static const struct option plugin_rows[] = {
	{FIELD(plugin_options, path), .type = OPTION_TEXT,
		.manual = "the object (.so) to load, which exports postern_plugin; or exec"},
	{FIELD(plugin_options, exec), .type = OPTION_TEXT,
		.manual = "a program that speaks the milter protocol, with its words parted by "
			  "blanks; {socket} in them becomes where it is to listen (fd:3, or what "
			  "socket says)"},
	{FIELD(plugin_options, arguments), .type = OPTION_TEXTS,
		.manual = "of an object: for its postern_plugin_init(); of a program: behind the "
			  "words of exec, each as it is, {socket} replaced"},
	{MILTER_FIELD(socket), .type = OPTION_TEXT,
		.manual = "for a program that cannot take a descriptor: where it listens itself, "
			  "written as in the section milter; without it the gateway listens and "
			  "hands the socket down"},
	{FIELD(plugin_options, user), .type = OPTION_TEXT,
		.manual = "who it runs as; without it process.user"},
	{FIELD(plugin_options, sandbox), .type = OPTION_BOOL, .preset = "on",
		.manual = "on: it reads and runs what its user may, but writes only below "
			  "writable, and has no network unless network says so; off: it may do all "
			  "that its user may"},
	{FIELD(plugin_options, network), .type = OPTION_BOOL, .preset = "off",
		.manual = "on: sockets of the internet in the sandbox"},
	{FIELD(plugin_options, writable), .type = OPTION_TEXTS,
		.manual = "folders below which it may write in the sandbox; they must be there"},
	{MILTER_FIELD(on_failure), .type = OPTION_CHOICE, .preset = "tempfail",
		.choices = on_failure_choices,
		.manual = "when it is dead, too slow, or speaks no milter protocol: as in the "
			  "section milter"},
	{MILTER_FIELD(connect_timeout), .type = OPTION_DURATION, .preset = "30s", .minimum = 100,
		.maximum = 5 * MINUTE,
		.manual = "to connect and to agree on the protocol; while it is started again "
			  "connections wait"},
	{MILTER_FIELD(command_timeout), .type = OPTION_DURATION, .preset = "30s", .minimum = 100,
		.maximum = 5 * MINUTE, .manual = "for the answer to one event"},
	{MILTER_FIELD(message_timeout), .type = OPTION_DURATION, .preset = "60s", .minimum = 100,
		.maximum = 10 * MINUTE,
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
	{"plugin", true, sizeof(struct plugin_options), plugin_rows,
		"A milter that the gateway itself runs, as a process of its own: an object that "
		"is loaded, or a program. It stands in one order with the milters."},
	{0},
};

/* --- milters --- */

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

static void check_name(const struct settings *settings, const struct milter_options *options,
	const char *kind, struct complaints *complaints)
{
	bool is_plain = !strchr(options->name, ',');

	for (const char *c = options->name; *c; c++)
		is_plain &= !iscntrl((unsigned char)*c);
	if (!is_plain)
		complaint_error(complaints, settings_place(settings, options, "socket"),
			"the name of %s \"%s\" may have neither a comma nor a control character",
			kind, options->name);
}

static void check_milter(const struct settings *settings, const struct milter_options *options,
	struct complaints *complaints)
{
	check_name(settings, options, "milter", complaints);
	check_socket(settings, options, complaints);
	check_tls(settings, options, complaints);
}

/* --- plugins --- */

/* What is being looked at. */
struct look {
	const struct settings *settings;
	const struct plugin_options *options;
	struct complaints *complaints;
};

static struct place place_of(const struct look *look, const char *option)
{
	return settings_place(look->settings, look->options, option);
}

static void check_file(const struct look *look, const char *option, const char *path, int access_to)
{
	struct stat status;

	if (path[0] != '/')
		complaint_error(look->complaints, place_of(look, option),
			"\"%s\" is no absolute path", path);
	else if (stat(path, &status) != 0)
		complaint_error(
			look->complaints, place_of(look, option), "%s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode) || access(path, access_to) != 0)
		complaint_error(look->complaints, place_of(look, option), "%s cannot be %s", path,
			access_to == X_OK ? "run" : "read");
}

static void check_object(const struct look *look)
{
	check_file(look, "path", look->options->path, R_OK);
	if (look->options->has_socket)
		complaint_error(look->complaints, place_of(look, "socket"),
			"an object (path) gets its socket from the gateway: only a program (exec) "
			"may have one of its own");
}

static void check_program(const struct look *look)
{
	char *program = plugin_words_program(look->settings, look->options->exec);

	if (!program) {
		complaint_error(look->complaints, place_of(look, "exec"), "there is no program");
		return;
	}
	check_file(look, "exec", program, X_OK);
	talloc_free(program);
	if (look->options->has_socket)
		check_socket(look->settings, &look->options->milter, look->complaints);
	else if (!plugin_words_name_socket(look->options))
		complaint_error(look->complaints, place_of(look, "exec"),
			"nothing tells the program where to listen: one of its words must have %s "
			"in it, or socket must say where it listens by itself",
			plugin_words_placeholder);
}

static void check_what(const struct look *look)
{
	const struct plugin_options *options = look->options;

	if (options->path && options->exec)
		complaint_error(look->complaints, place_of(look, "exec"),
			"plugin \"%s\" has both path and exec: it is an object or a program",
			options->milter.name);
	else if (options->path)
		check_object(look);
	else if (options->exec)
		check_program(look);
	else
		complaint_error(look->complaints, place_of(look, "path"),
			"plugin \"%s\" has neither path nor exec: an object or a program",
			options->milter.name);
}

static void check_sandbox(const struct look *look)
{
	const struct plugin_options *options = look->options;
	struct stat status;

	for (size_t i = 0; i < options->writable.count; i++) {
		const char *folder = options->writable.items[i];
		struct place place = settings_item_place(look->settings, options, "writable", i, 0);
		if (folder[0] != '/')
			complaint_error(
				look->complaints, place, "\"%s\" is no absolute path", folder);
		else if (stat(folder, &status) != 0)
			complaint_error(look->complaints, place, "%s: %s", folder, strerror(errno));
		else if (!S_ISDIR(status.st_mode))
			complaint_error(look->complaints, place, "%s is no folder", folder);
	}
	if (!options->sandbox && (options->writable.count || options->network))
		complaint_warning(look->complaints,
			place_of(look, options->writable.count ? "writable" : "network"),
			"nobody looks at it: sandbox is off for plugin \"%s\"",
			options->milter.name);
}

static void check_user(const struct look *look)
{
	const char *user = look->options->user;

	if (user && !getpwnam(user))
		complaint_error(
			look->complaints, place_of(look, "user"), "there is no user \"%s\"", user);
	else if (user && geteuid() != 0)
		complaint_warning(look->complaints, place_of(look, "user"),
			"only root can run it as somebody else");
}

static void check_plugin(const struct settings *settings, const struct plugin_options *options,
	struct complaints *complaints)
{
	const struct look look = {settings, options, complaints};

	check_name(settings, &options->milter, "plugin", complaints);
	check_what(&look);
	check_sandbox(&look);
	check_user(&look);
}

/* --- both --- */

/* Rules ask for both by name. */
static void check_twice(const struct settings *settings, const struct plugins *plugins,
	size_t index, struct complaints *complaints)
{
	const struct milter_options *milter = plugins->milters[index];

	for (size_t i = 0; i < index; i++) {
		if (strcmp(plugins->milters[i]->name, milter->name) == 0)
			complaint_error(complaints, settings_place(settings, milter, "socket"),
				"a milter and a plugin are both called \"%s\"", milter->name);
	}
}

static void sort_in(struct plugins *plugins, const struct settings *settings,
	const struct milter_options *options)
{
	size_t rank = settings_rank(settings, options), i = plugins->milter_count++;

	for (; i && settings_rank(settings, plugins->milters[i - 1]) > rank; i--)
		plugins->milters[i] = plugins->milters[i - 1];
	plugins->milters[i] = options;
}

static struct plugin_options *take_plugin(const struct settings *settings, size_t index)
{
	struct plugin_options *options =
		(struct plugin_options *)settings_named(settings, "plugin", index);

	options->has_socket = options->milter.socket != NULL;
	if (!options->has_socket)
		options->milter.socket = "the gateway's own";
	return options;
}

static void tell_policy(struct policy *policy, const struct plugins *plugins)
{
	struct milter_policy *told =
		talloc_array(policy, struct milter_policy, plugins->milter_count);

	for (size_t i = 0; i < plugins->milter_count; i++)
		told[i] = (struct milter_policy){plugins->milters[i]->name,
			(enum milter_failure)plugins->milters[i]->on_failure};
	policy->milters = told;
	policy->milter_count = plugins->milter_count;
}

const struct plugins *plugins_read(
	struct policy *policy, const struct settings *settings, struct complaints *complaints)
{
	struct plugins *plugins = talloc_zero(policy, struct plugins);
	size_t milters = settings_count(settings, "milter");

	plugins->plugin_count = settings_count(settings, "plugin");
	plugins->plugins = talloc_array(plugins, struct plugin_options *, plugins->plugin_count);
	plugins->milters = talloc_array(
		plugins, const struct milter_options *, milters + plugins->plugin_count);
	for (size_t i = 0; i < milters; i++) {
		sort_in(plugins, settings, settings_named(settings, "milter", i));
		check_milter(settings, settings_named(settings, "milter", i), complaints);
	}
	for (size_t i = 0; i < plugins->plugin_count; i++) {
		plugins->plugins[i] = take_plugin(settings, i);
		sort_in(plugins, settings, &plugins->plugins[i]->milter);
		check_plugin(settings, plugins->plugins[i], complaints);
	}
	for (size_t i = 0; i < plugins->milter_count; i++)
		check_twice(settings, plugins, i, complaints);
	tell_policy(policy, plugins);
	return plugins;
}
