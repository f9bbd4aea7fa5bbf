/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: what is read, and every complaint as whole text. */
#include "base/settings.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* A small house of settings. */

struct site {
	const char *hostname;
	int mode;
};

struct limits {
	int64_t size;
	int64_t recipients;
	int64_t hops;
	int64_t idle;
	double score;
	bool strict;
};

struct relay {
	struct texts domains;
	struct cidrs networks;
};

struct listener {
	const char *name;
	const char *address;
	int64_t port;
	const char *backend;
};

static const char *const modes[] = {"enforce", "observe", "key=value", NULL};

// clang-format off
static const struct option site_options[] = {
	{"hostname", OPTION_TEXT, offsetof(struct site, hostname), NULL, 0, 0, NULL, true,
		"What we call ourselves. It stands in the banner."},
	{"mode", OPTION_CHOICE, offsetof(struct site, mode), "observe", 0, 0, modes, false,
		".dots \\ and \"quotes\" are harmless"},
	{0},
};
static const struct option limits_options[] = {
	{"size", OPTION_SIZE, offsetof(struct limits, size), "36M", 1024, INT64_MAX, NULL, false,
		"Largest message."},
	{"recipients", OPTION_NUMBER, offsetof(struct limits, recipients), "200", 1, 1000, NULL, false,
		"Most recipients of a message."},
	{"hops", OPTION_NUMBER, offsetof(struct limits, hops), "-7", INT64_MIN, 100, NULL, false,
		"Most hops."},
	{"idle", OPTION_DURATION, offsetof(struct limits, idle), "5m", 1000, 3600000, NULL, false,
		"Longest silence."},
	{"score", OPTION_SCORE, offsetof(struct limits, score), "2.5", -10, 10, NULL, false,
		"A score."},
	{"strict", OPTION_BOOL, offsetof(struct limits, strict), "yes", 0, 0, NULL, false,
		"Be strict."},
	{0},
};
static const struct option relay_options[] = {
	{"domains", OPTION_TEXTS, offsetof(struct relay, domains), "{\"localhost\", local}", 0, 0, NULL,
		false, "Our domains."},
	{"networks", OPTION_NETWORKS, offsetof(struct relay, networks), "127.0.0.0/8 ::1", 0, 0, NULL,
		false, "Our networks."},
	{0},
};
static const struct option listener_options[] = {
	{"address", OPTION_TEXT, offsetof(struct listener, address), NULL, 0, 0, NULL, true,
		"Where to listen."},
	{"port", OPTION_NUMBER, offsetof(struct listener, port), "25", 0, 65535, NULL, false,
		"The port."},
	{"backend", OPTION_TEXT, offsetof(struct listener, backend), NULL, 0, 0, NULL, false,
		"Which backend."},
	{0},
};
static const struct section first[] = {
	{"", false, sizeof(struct site), site_options, "The site."},
	{"limits", false, sizeof(struct limits), limits_options, "Limits."},
	{0},
};
static const struct section second[] = {
	{"relay", false, sizeof(struct relay), relay_options, "Relaying."},
	{"listen", true, sizeof(struct listener), listener_options, "Listeners."},
	{"backend", true, sizeof(struct listener), listener_options, "Backends."},
	{0},
};
// clang-format on

static const struct section *const tables[] = {first, second, NULL};

static struct complaints *complaints;
static struct settings *settings;

static void read_settings(const char *text)
{
	complaints = complaints_new(NULL);
	settings = settings_read_text(complaints, "f", text, tables, complaints);
}

static void forget(void)
{
	talloc_free(complaints);
}

static void expect_complaints(const char *expected)
{
	ck_assert_str_eq(complaints_text(complaints, complaints), expected);
}

/* What is good. */

START_TEST(fills_in_defaults)
{
	const struct site *site;
	const struct limits *limits;
	const struct relay *relay;

	read_settings("hostname = mx");
	expect_complaints("");
	site = settings_section(settings, "");
	limits = settings_section(settings, "limits");
	relay = settings_section(settings, "relay");
	ck_assert_str_eq(site->hostname, "mx");
	ck_assert_int_eq(site->mode, 1);
	ck_assert_int_eq(limits->size, 36 << 20);
	ck_assert_int_eq(limits->recipients, 200);
	ck_assert_int_eq(limits->hops, -7);
	ck_assert_int_eq(limits->idle, 300000);
	ck_assert_double_eq(limits->score, 2.5);
	ck_assert(limits->strict);
	ck_assert_uint_eq(relay->domains.count, 2);
	ck_assert_str_eq(relay->domains.items[0], "localhost");
	ck_assert_str_eq(relay->domains.items[1], "local");
	ck_assert_uint_eq(relay->networks.count, 2);
	ck_assert_uint_eq(relay->networks.items[1].bits, 128);
	ck_assert_uint_eq(settings_count(settings, "listen"), 0);
}
END_TEST

START_TEST(reads_every_type)
{
	const struct site *site;
	const struct limits *limits;
	const struct relay *relay;

	read_settings("# a comment\nhostname = \"mx \\\"1\\\"\"\nmode = \"key=value\"\n"
		      "limits { size = \"10M\" recipients = 5 hops = -3 idle = 90s score = -1.25\n"
		      "         strict = off }\n"
		      "relay\n{\n domains = {\"a.example\", b.example \"\",}\n"
		      " networks = 2001:db8::/32\n}\n");
	expect_complaints("");
	site = settings_section(settings, "");
	limits = settings_section(settings, "limits");
	relay = settings_section(settings, "relay");
	ck_assert_str_eq(site->hostname, "mx \"1\"");
	ck_assert_int_eq(site->mode, 2);
	ck_assert_int_eq(limits->size, 10 << 20);
	ck_assert_int_eq(limits->recipients, 5);
	ck_assert_int_eq(limits->hops, -3);
	ck_assert_int_eq(limits->idle, 90000);
	ck_assert_double_eq(limits->score, -1.25);
	ck_assert(!limits->strict);
	ck_assert_uint_eq(relay->domains.count, 3);
	ck_assert_str_eq(relay->domains.items[1], "b.example");
	ck_assert_str_eq(relay->domains.items[2], "");
	ck_assert_uint_eq(relay->networks.count, 1);
	ck_assert_uint_eq(relay->networks.items[0].bits, 32);
}
END_TEST

START_TEST(reads_named_sections)
{
	const struct listener *listener;

	read_settings("hostname = mx listen \"in\" { address = \"::1\" backend = \"b\" }\n"
		      "listen out { address = 127.0.0.1 port = 587 }\n"
		      "backend \"in\" { address = x } listen \"last\" { address = y }");
	expect_complaints("");
	ck_assert_uint_lt(settings_rank(settings, settings_named(settings, "listen", 0)),
		settings_rank(settings, settings_named(settings, "listen", 1)));
	ck_assert_uint_lt(settings_rank(settings, settings_named(settings, "listen", 1)),
		settings_rank(settings, settings_named(settings, "backend", 0)));
	ck_assert_uint_lt(settings_rank(settings, settings_named(settings, "backend", 0)),
		settings_rank(settings, settings_named(settings, "listen", 2)));
	ck_assert_uint_eq(settings_count(settings, "listen"), 3);
	ck_assert_uint_eq(settings_count(settings, "backend"), 1);
	listener = settings_named(settings, "listen", 0);
	ck_assert_str_eq(listener->name, "in");
	ck_assert_str_eq(listener->backend, "b");
	ck_assert_int_eq(listener->port, 25);
	listener = settings_named(settings, "listen", 1);
	ck_assert_str_eq(listener->name, "out");
	ck_assert_str_eq(listener->address, "127.0.0.1");
	ck_assert_ptr_null(listener->backend);
	ck_assert_int_eq(listener->port, 587);
}
END_TEST

START_TEST(an_empty_list_is_a_list)
{
	const struct relay *relay;

	read_settings("hostname = mx relay { domains = {} networks = { , } }");
	expect_complaints("");
	relay = settings_section(settings, "relay");
	ck_assert_uint_eq(relay->domains.count, 0);
	ck_assert_uint_eq(relay->networks.count, 0);
}
END_TEST

static void expect_place(const void *section, const char *option, unsigned line, unsigned column)
{
	struct place place = settings_place(settings, section, option);

	ck_assert_str_eq(place.file, "f");
	ck_assert_uint_eq(place.line, line);
	ck_assert_uint_eq(place.column, column);
}

START_TEST(remembers_places)
{
	read_settings("hostname = mx\n  listen a {\n\taddress = x\n}\nlisten b { address = y }");
	expect_complaints("");
	expect_place(settings_section(settings, ""), "hostname", 1, 1);
	expect_place(settings_section(settings, ""), "mode", 0, 0);
	expect_place(settings_section(settings, "limits"), "size", 0, 0);
	expect_place(settings_named(settings, "listen", 0), "address", 3, 2);
	expect_place(settings_named(settings, "listen", 0), "port", 2, 3);
	expect_place(settings_named(settings, "listen", 1), "address", 5, 12);
}
END_TEST

/* What is not. Each text is read behind a first line that is good, so that its own lines count from 2. */

static const struct {
	const char *text, *complaints;
} bad[] = {
	/* Names. */
	{"mdoe = observe", "f:2:1: error: unknown key \"mdoe\": did you mean \"mode\"?\n"},
	{"color = red", "f:2:1: error: unknown key \"color\"\n"},
	{"limits { recipiants = {1 2} size = 2k }",
		"f:2:10: error: unknown key \"recipiants\" in section limits: did you mean "
		"\"recipients\"?\n"},
	{"limits { mode = observe }",
		"f:2:10: error: unknown key \"mode\" in section limits: it belongs outside of all "
		"sections\n"},
	{"limits = 5", "f:2:1: error: unknown key \"limits\": it is a section, limits { ... }\n"},
	{"limts { size = huge what { ever } }",
		"f:2:1: error: unknown section \"limts\": did you mean \"limits\"?\n"},
	{"weather \"x\" { rain = yes }", "f:2:1: error: unknown section \"weather\"\n"},
	{"mode { observe }", "f:2:1: error: mode is no section: write mode = ...\n"},
	/* Twice. */
	{"mode = observe\nmode = enforce", "f:3:1: error: mode was already given at f:2:1\n"},
	{"limits { size = 2k }\nlimits { size = 3k hops = 1 }",
		"f:3:1: error: section limits was already given at f:2:1\n"
		"f:3:10: error: size was already given at f:2:10\n"},
	{"listen a { address = x }\nlisten b { address = x }\n listen \"a\" { address = x }",
		"f:4:2: error: section listen \"a\" was already given at f:2:1\n"},
	/* Named or not. */
	{"listen { address = x }",
		"f:2:1: error: section listen needs a name: listen \"name\" { ... }\n"},
	{"limits \"small\" { size = 2k }", "f:2:8: error: section limits takes no name\n"},
	/* Missing. */
	{"listen a { }",
		"f:2:1: error: the mandatory key \"address\" in section listen is missing\n"},
	{"listen a { adress = x }",
		"f:2:12: error: unknown key \"adress\" in section listen: did you mean "
		"\"address\"?\n"},
	{"limits { size = }", "f:2:10: error: size has no value\n"},
	{"limits {\n size =\n hops = 1\n}", "f:3:2: error: size has no value\n"},
	{"mode", "f:2:1: error: \"=\" is missing behind mode\n"},
	{"mode \"observe\"\nlimits { hops 5 size = 2k }",
		"f:2:1: error: \"=\" is missing behind mode\n"
		"f:3:10: error: \"=\" is missing behind hops\n"},
	{"limits\nlisten a address = x",
		"f:2:1: error: \"{\" is missing behind section limits\n"
		"f:3:1: error: \"{\" is missing behind section listen\n"
		"f:3:10: error: unknown key \"address\"\n"},
	/* Types. */
	{"limits { size = 36m }",
		"f:2:17: error: size takes a size, not \"36m\": m is minutes, mebibytes are M\n"},
	{"limits { idle = 5M }",
		"f:2:17: error: idle takes a duration, not \"5M\": M is mebibytes, minutes are "
		"m\n"},
	{"limits { idle = 300 }",
		"f:2:17: error: idle takes a duration, not \"300\": a unit is missing: ms, s, m, h "
		"or d\n"},
	{"limits { recipients = many hops = 5k score = high strict = maybe }",
		"f:2:23: error: recipients takes a number, not \"many\"\n"
		"f:2:35: error: hops takes a number, not \"5k\"\n"
		"f:2:46: error: score takes a score, not \"high\"\n"
		"f:2:60: error: strict takes yes or no, not \"maybe\"\n"},
	{"mode = enforced",
		"f:2:8: error: mode must be one of enforce, observe, key=value, not \"enforced\": "
		"did you mean \"enforce\"?\n"},
	{"mode = blue",
		"f:2:8: error: mode must be one of enforce, observe, key=value, not \"blue\"\n"},
	{"mode = {observe}", "f:2:1: error: mode takes one value, not a list\n"},
	{"relay { networks = {10.0.0.0/8 10.0.0.1/8 10.0.0.0/33, host \"\"} }",
		"f:2:32: error: \"10.0.0.1/8\" is no address or network: there are bits set behind "
		"the prefix\n"
		"f:2:43: error: \"10.0.0.0/33\" is no address or network\n"
		"f:2:56: error: \"host\" is no address or network\n"
		"f:2:61: error: \"\" is no address or network\n"},
	/* Bounds. */
	{"limits { size = 1023 recipients = 1001 hops = 101 idle = 999ms score = 10.1 }",
		"f:2:17: error: size must be at least 1k, not 1023\n"
		"f:2:35: error: recipients must be between 1 and 1000, not 1001\n"
		"f:2:47: error: hops must be at most 100, not 101\n"
		"f:2:58: error: idle must be between 1s and 1h, not 999ms\n"
		"f:2:72: error: score must be between -10 and 10, not 10.1\n"},
	/* Quotes. */
	{"mode = user@example.com\nlimits { size = 2k }",
		"f:2:8: error: put this value of mode in quotes\n"},
	{"mode = key=value\nlimits { hops = 1;}",
		"f:2:8: error: put this value of mode in quotes\n"
		"f:3:17: error: put this value of hops in quotes\n"},
	{"mode = \"observe\nlimits { size = 1 }",
		"f:2:8: error: this string does not end on its line\n"
		"f:3:17: error: size must be at least 1k, not 1\n"},
	{"mode = \"C:\\dir\"",
		"f:2:8: error: a backslash in a string can only stand before \\, \" and n\n"},
	{"relay { domains = {\"a\" \"b\n\"c\"} }",
		"f:2:24: error: this string does not end on its line\n"},
	/* Braces. */
	{"limits {\n size = 2k\nlisten a { address = x }\nmode = blue",
		"f:2:1: error: section limits is not closed: } is missing before line 4\n"
		"f:5:8: error: mode must be one of enforce, observe, key=value, not \"blue\"\n"},
	{"listen a {\n address = x\n backend \"b\" { address = y }",
		"f:2:1: error: section listen is not closed: } is missing before line 4\n"},
	{"limits {\n size = 2k",
		"f:2:1: error: section limits is not closed: } is missing before the end of the "
		"file\n"},
	{"limits { size = 2k } }\nmode = observe", "f:2:22: error: \"}\" is not expected here\n"},
	{"relay {\n domains = {a b\n networks = ::1\n}",
		"f:3:12: error: the list of domains is not closed: } is missing\n"},
	{"relay { domains = {a\nlimits { hops = 1 }",
		"f:2:1: error: section relay is not closed: } is missing before line 3\n"
		"f:2:19: error: the list of domains is not closed: } is missing\n"},
	{"relay { domains = {a {b} = {c}} }", "f:2:22: error: \"{\" is not expected here\n"},
	{"weather {\n rain = {\nlimits { hops = blue }",
		"f:2:1: error: unknown section \"weather\"\n"
		"f:4:17: error: hops takes a number, not \"blue\"\n"},
	{"relay = {{{{{{{{",
		"f:2:1: error: unknown key \"relay\": it is a section, relay { ... }\n"
		"f:2:9: error: the list of relay is not closed: } is missing\n"
		"f:2:10: error: \"{\" is not expected here\n"},
	/* Garbage. */
	{"= = =\n{ } , ;\n\"a\"\nmode = observe",
		"f:2:1: error: \"=\" is not expected here\n"
		"f:3:1: error: \"{\" is not expected here\n"
		"f:4:1: error: \"a\" is not expected here\n"},
	{"\xc3\xa4rger = 5\n\x01",
		"f:2:1: error: byte 0xc3 is not expected here\n"
		"f:2:3: error: unknown key \"rger\"\n"
		"f:3:1: error: byte 0x01 is not expected here\n"},
	{"mode = \"\033[2J\"",
		"f:2:8: error: mode must be one of enforce, observe, key=value, not \"?[2J\"\n"},
};

START_TEST(complains)
{
	char *text = talloc_asprintf(NULL, "hostname = mx\n%s", bad[_i].text);

	read_settings(text);
	expect_complaints(bad[_i].complaints);
	talloc_free(text);
}
END_TEST

/* Many mistakes in one file, and all of them told in one run. */
static const char broken[] = "hostnam = mx.example.com\n"
			     "mode = enfroce\n"
			     "mode = observe\n"
			     "limits {\n"
			     "\tsize = 36m\n"
			     "\tidle = 5M  recipients = 0\n"
			     "\thops 5\n"
			     "listen \"in\" { address = user@example.com port = 66000 }\n"
			     "relay {\n"
			     "\tdomains = {\"a\" \"b\n"
			     "\tnetworks = {10.0.0.1/8, 10.0.0.0/8}\n"
			     "}\n"
			     "lisen \"out\" {\n"
			     "\taddress = {\n"
			     "}\n"
			     "backend \"b\" { address = x }\n"
			     "backend \"b\" { adress = y }\n"
			     "}\n";

static const char all_told[] =
	"f:1:1: error: unknown key \"hostnam\": did you mean \"hostname\"?\n"
	"f:2:8: error: mode must be one of enforce, observe, key=value, not \"enfroce\": did you "
	"mean \"enforce\"?\n"
	"f:3:1: error: mode was already given at f:2:1\n"
	"f:4:1: error: section limits is not closed: } is missing before line 8\n"
	"f:5:9: error: size takes a size, not \"36m\": m is minutes, mebibytes are M\n"
	"f:6:9: error: idle takes a duration, not \"5M\": M is mebibytes, minutes are m\n"
	"f:6:26: error: recipients must be between 1 and 1000, not 0\n"
	"f:7:2: error: \"=\" is missing behind hops\n"
	"f:8:25: error: put this value of address in quotes\n"
	"f:8:49: error: port must be between 0 and 65535, not 66000\n"
	"f:10:12: error: the list of domains is not closed: } is missing\n"
	"f:10:17: error: this string does not end on its line\n"
	"f:11:14: error: \"10.0.0.1/8\" is no address or network: there are bits set behind the "
	"prefix\n"
	"f:13:1: error: unknown section \"lisen\": did you mean \"listen\"?\n"
	"f:17:1: error: section backend \"b\" was already given at f:16:1\n"
	"f:17:15: error: unknown key \"adress\" in section backend: did you mean \"address\"?\n"
	"f:18:1: error: \"}\" is not expected here\n";

START_TEST(tells_all_in_one_run)
{
	read_settings(broken);
	expect_complaints(all_told);
	ck_assert_uint_eq(settings_count(settings, "listen"), 1);
}
END_TEST

START_TEST(misses_mandatory_keys)
{
	read_settings("");
	expect_complaints("f: error: the mandatory key \"hostname\" is missing\n");
	forget();
	read_settings("hostnaem = x"); /* one complaint for one mistake */
	expect_complaints("f:1:1: error: unknown key \"hostnaem\": did you mean \"hostname\"?\n");
}
END_TEST

START_TEST(keeps_defaults_behind_complaints)
{
	read_settings("hostname = mx limits { recipients = 0 hops = 9 }");
	ck_assert_uint_eq(complaints_errors(complaints), 1);
	ck_assert_int_eq(
		((const struct limits *)settings_section(settings, "limits"))->recipients, 200);
	ck_assert_int_eq(((const struct limits *)settings_section(settings, "limits"))->hops, 9);
}
END_TEST

START_TEST(survives_deep_nesting)
{
	char *text = talloc_array(NULL, char, 1000001);

	for (size_t i = 0; i < 1000000; i++)
		text[i] = "a{="[i % (_i + 1)];
	text[1000000] = '\0';
	read_settings(text);
	ck_assert_uint_gt(complaints_errors(complaints), 0);
	talloc_free(text);
}
END_TEST

/* A good text, ended and broken everywhere: never a crash, always as many lines as complaints. */
START_TEST(survives_every_cut)
{
	static const char good[] = "hostname = \"mx\\n\" mode = observe\n"
				   "listen \"a\" { address = {x} port = 5 }\n"
				   "relay { domains = {a, \"b\"} }";

	for (size_t at = 0; at < sizeof good - 1; at++) {
		char *text = talloc_strdup(NULL, good);

		text[at] = "\0{}=\"\\\n,@"[_i];
		read_settings(text);
		ck_assert_ptr_nonnull(settings_section(settings, ""));
		ck_assert_ptr_nonnull(complaints_text(complaints, complaints));
		forget();
		talloc_free(text);
	}
	read_settings("");
}
END_TEST

/* Files. */

static void read_file_of(const char *bytes, size_t size)
{
	char name[] = "/tmp/check_settings.XXXXXX";
	int file = mkstemp(name);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
	close(file);
	complaints = complaints_new(NULL);
	settings = settings_read(complaints, name, tables, complaints);
	unlink(name);
}

static void expect_file_complaint(const char *expected)
{
	char *text = complaints_text(complaints, complaints);

	ck_assert_str_eq(text + strlen("/tmp/check_settings.XXXXXX"), expected);
}

START_TEST(reads_a_file)
{
	read_file_of("hostname = mx\r\nmode = x\r\n", 25);
	expect_file_complaint(
		":2:8: error: mode must be one of enforce, observe, key=value, not \"x\"\n"
		"    mode = x\n"
		"           ^\n");
}
END_TEST

START_TEST(refuses_binary_files)
{
	read_file_of("hostname = mx\nmo\0de", 19);
	expect_file_complaint(":2:3: error: there is a NUL byte here: this is not a text file\n");
}
END_TEST

static const struct {
	const char *file, *complaint;
} unreadable[] = {
	{"/nonexistent/postern.conf",
		"/nonexistent/postern.conf: error: cannot be read: No such file or directory\n"},
	{"/", "/: error: cannot be read: Is a directory\n"},
	{"/dev/zero", "/dev/zero: error: cannot be read: File too large\n"},
};

START_TEST(says_why_a_file_cannot_be_read)
{
	complaints = complaints_new(NULL);
	settings = settings_read(complaints, unreadable[_i].file, tables, complaints);
	expect_complaints(unreadable[_i].complaint);
	ck_assert_ptr_nonnull(settings_section(settings, "limits"));
}
END_TEST

/* The manual. */

static const char manual[] = ".Ss Outside of all sections\n"
			     "The site.\n"
			     ".Bl -tag -width Ds\n"
			     ".It Ic hostname No = Ar text\n"
			     "What we call ourselves.\n"
			     "It stands in the banner.\n"
			     "It must be given.\n"
			     ".It Ic mode No = Cm enforce | Cm observe | Cm key=value\n"
			     "\\&.dots \\e and \\(dqquotes\\(dq are harmless.\n"
			     "The default is\n"
			     ".Cm observe .\n"
			     ".El\n"
			     ".Ss Section limits\n"
			     "Limits.\n"
			     ".Bl -tag -width Ds\n"
			     ".It Ic size No = Ar size\n"
			     "Largest message.\n"
			     "It is at least 1k.\n"
			     "The default is\n"
			     ".Cm 36M .\n"
			     ".It Ic recipients No = Ar number\n"
			     "Most recipients of a message.\n"
			     "It is between 1 and 1000.\n";

START_TEST(prints_the_manual)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	settings_print_manual(tables, out);
	fclose(out);
	ck_assert_uint_gt(size, sizeof manual);
	ck_assert_ptr_nonnull(strstr(text, "\n.Ic listen Qo Ar name Qc Brq ... .\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n.Cm {\\(dqlocalhost\\(dq, local} .\n"));
	text[sizeof manual - 1] = '\0';
	ck_assert_str_eq(text, manual);
	free(text);
}
END_TEST

/* Other tables. */

/* Defaults: bare, in quotes, empty; and lists in every way they may be written. */
static const struct preset {
	enum option_type type;
	const char *preset;
	size_t count; /* of a list */
	const char *text, *last;
} presets[] = {
	{OPTION_TEXT, "bare", 0, "bare", NULL},
	{OPTION_TEXT, "two words = one", 0, "two words = one", NULL},
	{OPTION_TEXT, "\"in \\\"quotes\\\"\"", 0, "in \"quotes\"", NULL},
	{OPTION_TEXT, "", 0, "", NULL},
	{OPTION_TEXT, NULL, 0, NULL, NULL},
	{OPTION_TEXTS, NULL, 0, NULL, NULL},
	{OPTION_TEXTS, "", 0, NULL, NULL},
	{OPTION_TEXTS, "{}", 0, NULL, NULL},
	{OPTION_TEXTS, "one", 1, NULL, "one"},
	{OPTION_TEXTS, "one two", 2, NULL, "two"},
	{OPTION_TEXTS, "{\"one\", \"two\" three}", 3, NULL, "three"},
};

START_TEST(understands_presets)
{
	const struct preset *row = &presets[_i];
	const struct option options[] = {
		{"o", row->type, 0, row->preset, 0, 0, NULL, false, "O."}, {0}};
	const struct section sections[] = {{"s", false, sizeof(struct texts), options, "S."}, {0}};
	const struct section *const others[] = {sections, NULL};
	const struct texts *texts;

	complaints = complaints_new(NULL);
	settings = settings_read_text(complaints, "f", "", others, complaints);
	expect_complaints("");
	if (row->type == OPTION_TEXT) {
		ck_assert_pstr_eq(*(const char *const *)settings_section(settings, "s"), row->text);
		return;
	}
	texts = settings_section(settings, "s");
	ck_assert_uint_eq(texts->count, row->count);
	if (row->count)
		ck_assert_str_eq(texts->items[row->count - 1], row->last);
}
END_TEST

START_TEST(needs_no_top_level)
{
	const struct section *const others[] = {second, NULL};

	complaints = complaints_new(NULL);
	settings = settings_read_text(
		complaints, "f", "hostname = mx\nrelay { domains = a }\nmode", others, complaints);
	expect_complaints("f:1:1: error: unknown key \"hostname\"\n"
			  "f:3:1: error: \"mode\" is neither a key nor a section\n");
	ck_assert_uint_eq(
		((const struct relay *)settings_section(settings, "relay"))->domains.count, 1);
}
END_TEST

/* What only a fault of ours can bring about. */

START_TEST(asserts_its_own_defaults)
{
	static const struct option options[] = {
		{"n", OPTION_NUMBER, 0, "none", 0, 0, NULL, false, "N."}, {0}};
	static const struct section sections[] = {
		{"s", false, sizeof(int64_t), options, "S."}, {0}};
	const struct section *const wrong[] = {sections, NULL};

	complaints = complaints_new(NULL);
	settings_read_text(NULL, "f", "", wrong, complaints);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *cases = tcase_create("settings");
	TCase *others = tcase_create("others");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, NULL, forget);
	tcase_add_test(cases, fills_in_defaults);
	tcase_add_test(cases, reads_every_type);
	tcase_add_test(cases, reads_named_sections);
	tcase_add_test(cases, an_empty_list_is_a_list);
	tcase_add_test(cases, remembers_places);
	tcase_add_loop_test(cases, complains, 0, COUNT(bad));
	tcase_add_test(cases, tells_all_in_one_run);
	tcase_add_test(cases, misses_mandatory_keys);
	tcase_add_test(cases, keeps_defaults_behind_complaints);
	tcase_add_loop_test(cases, survives_deep_nesting, 0, 3);
	tcase_add_loop_test(cases, survives_every_cut, 0, 9);
	tcase_add_loop_test(cases, understands_presets, 0, COUNT(presets));
	tcase_add_test(cases, needs_no_top_level);
	tcase_add_test(cases, reads_a_file);
	tcase_add_test(cases, refuses_binary_files);
	tcase_add_loop_test(cases, says_why_a_file_cannot_be_read, 0, COUNT(unreadable));
	tcase_add_test(others, prints_the_manual);
	tcase_add_test_raise_signal(others, asserts_its_own_defaults, SIGABRT);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, others);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
