/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls recipients from a directory: RFC 4511, paged by RFC 2696. */
#include "proxy/directory.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "policy/mail/address.h"
#include "proxy/channel.h"
#include "proxy/process.h"

#include <errno.h>
#include <ldap.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <talloc.h>
#include <unistd.h>

#define PAGE 500          /* Active Directory gives no more than 1000 */
#define PAGES_MOST 100000 /* a directory that gives one cookie after the other ends here */
#define RETRY 60000       /* ms after a failure */
#define PASSWORD_SIZE 1024

struct directory {
	const struct configuration *configuration;
	const struct ldap_options *options;
	const char *file;
	char *password; /* NULL: none */
	struct loop *loop;
	struct channel *channel;
	struct timer next;
	struct pull *pull; /* under way; NULL: none */
};

/* One pull. */
struct pull {
	const struct directory *directory;
	LDAP *ldap;
	FILE *out;
	char *draft; /* the name of out */
	size_t addresses, others;
	unsigned pages;
	struct berval cookie; /* of the next page; empty: there is none */
	const char *trouble;  /* what failed, for the log; NULL: nothing */
	char *detail;         /* and what the library says */
};

/* --- what it says --- */

char *directory_address(const void *parent, struct slice value)
{
	size_t colon = slice_find(value, ':');
	size_t at = slice_find(value, '@');
	struct address *address = NULL;
	char *text = NULL;

	if (colon < at && !slice_starts_nocase(value, "smtp:"))
		return NULL;
	if (colon < at)
		value = slice_from(value, strlen("smtp:"));
	if (value.size && value.data[0] != '@' && value.data[0] != '#' && value.data[0] != '<' &&
		!memchr(value.data, '\n', value.size) && !memchr(value.data, '\0', value.size))
		address = address_parse(NULL, value);
	if (address && address->domain[0])
		text = talloc_strdup(parent, address->text);
	talloc_free(address);
	return text;
}

bool directory_may_shrink(size_t before, size_t now, int64_t percent)
{
	return now > 0 && now * 100 >= before * (size_t)(100 - percent);
}

static void take_value(struct pull *pull, const struct berval *value)
{
	char *address = directory_address(NULL, slice_make(value->bv_val, value->bv_len));

	if (address) {
		fprintf(pull->out, "%s\n", address);
		pull->addresses++;
	} else {
		pull->others++;
	}
	talloc_free(address);
}

static void take_entries(struct pull *pull, LDAPMessage *answer)
{
	const char *attribute = pull->directory->options->attribute;

	for (LDAPMessage *entry = ldap_first_entry(pull->ldap, answer); entry;
		entry = ldap_next_entry(pull->ldap, entry)) {
		struct berval **values = ldap_get_values_len(pull->ldap, entry, attribute);
		for (size_t i = 0; values && values[i]; i++)
			take_value(pull, values[i]);
		ldap_value_free_len(values);
	}
}

/* --- asking --- */

static bool fail(struct pull *pull, const char *trouble, int code)
{
	char *detail = NULL;

	if (pull->ldap)
		ldap_get_option(pull->ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
	pull->trouble = trouble;
	pull->detail = talloc_asprintf(pull, "%s%s%s", ldap_err2string(code),
		detail && detail[0] ? ": " : "", detail ? detail : "");
	ldap_memfree(detail);
	return false;
}

static bool set_up(struct pull *pull)
{
	const struct ldap_options *options = pull->directory->options;
	const struct timeval timeout = {options->timeout / 1000, options->timeout % 1000 * 1000};
	const int version = LDAP_VERSION3, server = 0;
	const int demand =
		options->tls == LDAP_TLS_OFF ? LDAP_OPT_X_TLS_ALLOW : LDAP_OPT_X_TLS_DEMAND;
	int code = ldap_initialize(&pull->ldap, options->url);

	if (code != LDAP_SUCCESS)
		return fail(pull, "ldap.url", code);
	ldap_set_option(pull->ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(pull->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(pull->ldap, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
	ldap_set_option(pull->ldap, LDAP_OPT_TIMEOUT, &timeout);
	ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	if (options->ca)
		ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_CACERTFILE, options->ca);
	code = ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_NEWCTX, &server);
	return code == LDAP_SUCCESS || fail(pull, "ldap.ca", code);
}

static bool connect_and_bind(struct pull *pull)
{
	const struct directory *directory = pull->directory;
	const struct ldap_options *options = directory->options;
	char *password = directory->password;
	struct berval secret = {password ? strlen(password) : 0, password};
	bool is_plain = !slice_starts_nocase(slice_of(options->url), "ldaps://");
	int code = LDAP_SUCCESS;

	if (is_plain && options->tls == LDAP_TLS_REQUIRED)
		code = ldap_start_tls_s(pull->ldap, NULL, NULL);
	if (code != LDAP_SUCCESS)
		return fail(pull, "TLS", code);
	code = ldap_sasl_bind_s(
		pull->ldap, options->bind, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
	return code == LDAP_SUCCESS || fail(pull, "bind", code);
}

/* The cookie that the next page is asked with, instead of the one before. False when it is no page. */
static bool take_cookie(struct pull *pull, LDAPMessage *answer)
{
	LDAPControl **controls = NULL;
	ber_int_t estimate;
	int code = LDAP_SUCCESS, parsed;

	ber_memfree(pull->cookie.bv_val);
	pull->cookie = (struct berval){0};
	parsed = ldap_parse_result(pull->ldap, answer, &code, NULL, NULL, NULL, &controls, 0);
	LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	if (page)
		ldap_parse_pageresponse_control(pull->ldap, page, &estimate, &pull->cookie);
	ldap_controls_free(controls);
	if (parsed == LDAP_SUCCESS && code == LDAP_SUCCESS)
		return true;
	return fail(pull, "search", parsed == LDAP_SUCCESS ? code : parsed);
}

static bool search_page(struct pull *pull)
{
	const struct ldap_options *options = pull->directory->options;
	char *attributes[] = {(char *)(size_t)options->attribute, NULL};
	struct timeval timeout = {options->timeout / 1000, options->timeout % 1000 * 1000};
	LDAPControl *page = NULL, *controls[] = {NULL, NULL};
	LDAPMessage *answer = NULL;

	int code = ldap_create_page_control(pull->ldap, PAGE, &pull->cookie, 0, &page);
	if (code != LDAP_SUCCESS)
		return fail(pull, "search", code);
	controls[0] = page;
	code = ldap_search_ext_s(pull->ldap, options->base, LDAP_SCOPE_SUBTREE, options->filter,
		attributes, 0, controls, NULL, &timeout, LDAP_NO_LIMIT, &answer);
	ldap_control_free(page);
	bool good = code == LDAP_SUCCESS ? take_cookie(pull, answer) : fail(pull, "search", code);
	if (good)
		take_entries(pull, answer);
	ldap_msgfree(answer);
	return good;
}

/* --- the file --- */

static size_t count_entries(const char *path)
{
	FILE *in = fopen(path, "r");
	char line[2048];
	size_t count = 0;

	while (in && fgets(line, sizeof line, in))
		count += line[0] != '#' && line[0] != '\n';
	if (in)
		fclose(in);
	return count;
}

static bool fail_to_write(struct pull *pull)
{
	pull->trouble = "write";
	pull->detail = talloc_asprintf(pull, "%s: %s", pull->draft, strerror(errno));
	return false;
}

static bool open_draft(struct pull *pull)
{
	pull->draft = talloc_asprintf(pull, "%s.new", pull->directory->file);
	pull->out = fopen(pull->draft, "we");
	if (!pull->out)
		return fail_to_write(pull);
	fprintf(pull->out, "# Made by postern from %s; it is written anew again and again.\n",
		pull->directory->options->url);
	return true;
}

static bool close_draft(struct pull *pull)
{
	FILE *out = pull->out;
	bool good = !ferror(out) && fflush(out) == 0 && fsync(fileno(out)) == 0;

	pull->out = NULL;
	return (fclose(out) == 0 && good) || fail_to_write(pull);
}

static bool is_plausible(struct pull *pull)
{
	const struct directory *directory = pull->directory;
	size_t before = count_entries(directory->file);

	if (directory_may_shrink(before, pull->addresses, directory->options->shrink))
		return true;
	pull->trouble = "shrunk";
	pull->detail = talloc_asprintf(pull,
		"%zu addresses came, and the list has %zu: more than ldap.shrink (%d %%) would be "
		"lost",
		pull->addresses, before, (int)directory->options->shrink);
	return false;
}

static bool replace(struct pull *pull)
{
	if (rename(pull->draft, pull->directory->file) != 0)
		return fail_to_write(pull);
	talloc_free(pull->draft);
	pull->draft = NULL;
	return true;
}

/* --- a pull --- */

static int pull_close(struct pull *pull)
{
	if (pull->out)
		fclose(pull->out);
	if (pull->draft)
		unlink(pull->draft);
	ber_memfree(pull->cookie.bv_val);
	if (pull->ldap)
		ldap_unbind_ext_s(pull->ldap, NULL, NULL);
	return 0;
}

static void tell(const struct pull *pull)
{
	struct log_line line;

	log_begin(&line, pull->trouble ? LEVEL_ERROR : LEVEL_INFO,
		pull->trouble ? "directory_failed" : "directory_pulled");
	log_text(&line, "url", pull->directory->options->url);
	log_text(&line, "what", pull->trouble);
	log_text(&line, "reason", pull->detail);
	log_number(&line, "addresses", (int64_t)pull->addresses);
	log_number(&line, "others", (int64_t)pull->others);
	if (pull->trouble)
		log_text(&line, "text", "the list of recipients stays as it is");
	log_end(&line);
}

static bool begin_pull(struct directory *directory)
{
	struct pull *pull = talloc_zero(directory, struct pull);

	directory->pull = pull;
	pull->directory = directory;
	talloc_set_destructor(pull, pull_close);
	return set_up(pull) && connect_and_bind(pull) && open_draft(pull);
}

static bool end_pull(struct pull *pull)
{
	return close_draft(pull) && is_plausible(pull) && replace(pull);
}

static void rest(struct directory *directory)
{
	uint64_t period = (uint64_t)directory->options->period;
	bool good = !directory->pull->trouble;

	tell(directory->pull);
	TALLOC_FREE(directory->pull);
	timer_start(
		&directory->next, directory->loop->clock, good || period < RETRY ? period : RETRY);
}

/* A page a turn: between them the master is listened to. */
static void on_next(void *owner)
{
	struct directory *directory = owner;
	bool good = directory->pull || begin_pull(directory);
	struct pull *pull = directory->pull;

	good = good && search_page(pull);
	if (good && ++pull->pages > PAGES_MOST)
		good = fail(pull, "search", LDAP_SIZELIMIT_EXCEEDED);
	if (good && pull->cookie.bv_len) {
		timer_start(&directory->next, directory->loop->clock, 0);
		return;
	}
	if (good)
		end_pull(pull);
	rest(directory);
}

/* --- life --- */

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct directory *directory = owner;

	(void)argument;
	if (message == CHANNEL_DRAIN || message == CHANNEL_END)
		loop_stop(directory->loop);
}

static void on_master_gone(void *owner)
{
	struct directory *directory = owner;

	loop_stop(directory->loop);
}

/* While it may be read. */
static char *read_password(const struct directory *directory)
{
	const char *path = directory->options->password_file;
	char line[PASSWORD_SIZE] = "";
	FILE *in = path ? fopen(path, "re") : NULL;

	if (!in)
		return NULL;
	char *got = fgets(line, sizeof line, in);
	fclose(in);
	line[strcspn(line, "\r\n")] = '\0';
	return got ? talloc_strdup(directory, line) : NULL;
}

static bool enter_sandbox(const struct directory *directory)
{
	const char *ca = directory->options->ca;
	const char *read[] = {"/etc", "/usr/share", "/usr/lib", "/dev", "/proc/self",
		ca ? dirname(talloc_strdup(directory, ca)) : NULL, NULL};
	const char *write[] = {dirname(talloc_strdup(directory, directory->file)), NULL};

	return sandbox_enter(&(struct sandbox){.profile = SANDBOX_WORKER,
		.user = directory->configuration->user,
		.read_below = read,
		.write_below = write});
}

static bool start(struct directory *directory, int channel)
{
	directory->password = read_password(directory);
	if (!enter_sandbox(directory))
		return false;
	directory->channel = channel_new(directory, directory->loop, channel,
		(struct channel_events){on_message, on_master_gone, directory});
	return channel_send(directory->channel, CHANNEL_READY, 0);
}

int directory_run(const struct configuration *configuration, int channel, bool rehearsal)
{
	struct loop *loop = loop_new(NULL);
	struct directory *directory = talloc_zero(NULL, struct directory);

	umask(S_IRWXG | S_IRWXO); /* who works here is nobody else's business */
	directory->configuration = configuration;
	directory->options = configuration->ldap;
	directory->file = configuration->recipients_file;
	directory->loop = loop;
	directory->next = (struct timer){.on_due = on_next, .owner = directory};
	bool good = start(directory, channel);
	if (good) {
		if (!rehearsal)
			timer_start(&directory->next, loop->clock, 0);
		loop_watch(loop, PROCESS_TURN_SECONDS);
		loop_run(loop);
	}
	timer_stop(&directory->next);
	talloc_free(directory);
	talloc_free(loop);
	return good ? 0 : 1;
}
