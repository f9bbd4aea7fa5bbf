/* SPDX-License-Identifier: Apache-2.0 */
/* check_host() of RFC 7208 §4. */
#include "policy/spf.h"

#include "policy/spf_macro.h"

#include <ctype.h>
#include <inttypes.h>
#include <talloc.h>

enum {
	LOOKUPS_MAXIMUM = 10,
	VOIDS_MAXIMUM = 2,
	NAMES_MAXIMUM = 10, /* of one mx or ptr */
	LABEL_SIZE = 63
};

/* One evaluation. */
struct run {
	const struct spf_query *query;
	const struct spf_source *source;
	void *memory; /* all of the run's */
	unsigned lookups, voids;
	bool is_unknown;
	const char *problem;
	const char *mechanism; /* that matched, outside of includes */
};

/* A record being evaluated. */
struct host {
	struct run *run;
	const char *domain;
	struct spf_record *record;
	bool is_included;
};

/* What became of one term. */
enum match { MATCHES, MATCHES_NOT, TEMPORARY, PERMANENT };

const char *const spf_result_names[] = {
	"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror", NULL};

const char *spf_result_name(enum spf_result result)
{
	return spf_result_names[result];
}

static enum spf_result check_host(
	struct run *run, const char *domain, bool is_included, const char **explanation);

/* --- names --- */

static bool is_visible(char byte)
{
	return byte >= ' ' && byte < 0x7f;
}

/* A name of at least two labels that a name server can be asked for. */
static bool is_askable(const char *name)
{
	size_t size = strlen(name), label = 0, labels = 1;

	for (size_t i = 0; i < size; i++) {
		if (name[i] != '.') {
			label++;
		} else {
			if (label == 0)
				return false;
			label = 0;
			labels++;
		}
		if (label > LABEL_SIZE || !is_visible(name[i]))
			return false;
	}
	return label > 0 && labels > 1 && size <= SPF_NAME_MAXIMUM;
}

/* In small letters, without the last dot. */
static char *canonical(const void *parent, const char *name)
{
	char *copy = talloc_strdup(parent, name);
	size_t size = strlen(copy);

	if (size && copy[size - 1] == '.')
		copy[size - 1] = '\0';
	for (char *at = copy; *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	}
	return copy;
}

/* Whether name is the domain or below it. */
static bool is_within(const char *name, const char *domain)
{
	size_t size = strlen(name), tail = strlen(domain);

	return size >= tail && strcmp(name + size - tail, domain) == 0 &&
		(size == tail || name[size - tail - 1] == '.');
}

/* --- asking --- */

static enum fact_state ask(
	struct run *run, enum spf_dns kind, const char *name, struct value_texts *answer)
{
	enum fact_state state = run->source->ask(run->source->owner, kind, name, answer);

	if (state != FACT_KNOWN)
		answer->count = 0;
	run->is_unknown = run->is_unknown || state == FACT_UNKNOWN;
	return state;
}

static enum spf_dns address_kind(const struct run *run)
{
	return run->query->ip.family == 4 ? SPF_DNS_A : SPF_DNS_AAAA;
}

static enum match fail_for_now(struct run *run, const char *name)
{
	run->problem = talloc_asprintf(run->memory, "no answer about %s", name);
	return TEMPORARY;
}

static enum match fail_for_good(struct run *run, const char *problem)
{
	run->problem = problem;
	return PERMANENT;
}

/* A look-up that found nothing. */
static enum match count_void(struct run *run)
{
	return ++run->voids > VOIDS_MAXIMUM
		? fail_for_good(run, "too many look-ups that find nothing")
		: MATCHES_NOT;
}

static bool has_client(
	const struct run *run, const struct value_texts *addresses, const struct spf_term *term)
{
	struct cidr network = {.bits = run->query->ip.family == 4 ? term->bits4 : term->bits6};

	for (size_t i = 0; i < addresses->count; i++) {
		if (!ip_parse(slice_of(addresses->items[i]), &network.ip) ||
			network.ip.family != run->query->ip.family)
			continue;
		if (cidr_contains(&network, &run->query->ip))
			return true;
	}
	return false;
}

/* --- macros --- */

/* Names of the client that lead back to it (§5.5). NULL-ended; an unknown answer ends it early. */
static const char **validated_names(struct run *run)
{
	char address[IP_TEXT_SIZE];
	struct value_texts names, addresses;
	const struct spf_term exactly = {.bits4 = 32, .bits6 = 128};
	const char **valid = talloc_zero_array(run->memory, const char *, NAMES_MAXIMUM + 1);
	size_t count = 0;

	ask(run, SPF_DNS_PTR, ip_print(&run->query->ip, address), &names);
	for (size_t i = 0; i < names.count && i < NAMES_MAXIMUM; i++) {
		char *name = canonical(run->memory, names.items[i]);
		if (!is_askable(name))
			continue;
		ask(run, address_kind(run), name, &addresses);
		if (has_client(run, &addresses, &exactly))
			valid[count++] = name;
	}
	return valid;
}

/* The "p" macro: a name in the domain is best, one below it the next best. */
static const char *name_of_client(struct run *run, const char *domain)
{
	const char **names = validated_names(run);

	for (size_t i = 0; names[i]; i++) {
		if (strcmp(names[i], domain) == 0)
			return names[i];
	}
	for (size_t i = 0; names[i]; i++) {
		if (is_within(names[i], domain))
			return names[i];
	}
	return names[0] ? names[0] : "unknown";
}

/* The "i" macro: IPv6 as nibbles. */
static const char *dotted_address(struct run *run)
{
	const struct ip *ip = &run->query->ip;
	char text[IP_TEXT_SIZE], *nibbles;

	if (ip->family == 4)
		return talloc_strdup(run->memory, ip_print(ip, text));
	nibbles = talloc_strdup(run->memory, "");
	for (size_t i = 0; i < 16; i++)
		nibbles = talloc_asprintf_append_buffer(
			nibbles, "%s%X.%X", i ? "." : "", ip->bytes[i] >> 4, ip->bytes[i] & 0xf);
	return nibbles;
}

static char *expand(struct run *run, struct slice text, const char *domain)
{
	const struct spf_query *query = run->query;
	char readable[IP_TEXT_SIZE];
	struct spf_macros macros = {{0}};

	if (spf_macro_is_plain(text))
		return slice_keep(run->memory, text);
	macros.values['s' - 'a'] =
		talloc_asprintf(run->memory, "%s@%s", query->local, query->domain);
	macros.values['l' - 'a'] = query->local;
	macros.values['o' - 'a'] = query->domain;
	macros.values['d' - 'a'] = domain;
	macros.values['i' - 'a'] = dotted_address(run);
	macros.values['v' - 'a'] = query->ip.family == 4 ? "in-addr" : "ip6";
	macros.values['h' - 'a'] = query->helo;
	macros.values['c' - 'a'] = ip_print(&query->ip, readable);
	macros.values['r' - 'a'] = query->receiver;
	macros.values['t' - 'a'] = talloc_asprintf(run->memory, "%" PRId64, query->seconds);
	if (spf_macro_has(text, 'p'))
		macros.values['p' - 'a'] = name_of_client(run, domain);
	return spf_macro_expand(run->memory, text, &macros);
}

/* A name that is too long loses labels on its left (§7.3). */
static char *expand_name(struct run *run, struct slice text, const char *domain)
{
	char *name = canonical(run->memory, expand(run, text, domain));

	while (strlen(name) > SPF_NAME_MAXIMUM && strchr(name, '.'))
		name = strchr(name, '.') + 1;
	return name;
}

static const char *target(const struct host *host, const struct spf_term *term)
{
	return term->domain.size ? expand_name(host->run, term->domain, host->domain)
				 : host->domain;
}

/* --- mechanisms (§5) --- */

static enum match match_all(const struct host *host, const struct spf_term *term)
{
	(void)host;
	(void)term;
	return MATCHES;
}

static enum match match_include(const struct host *host, const struct spf_term *term)
{
	static const enum match matches[] = {[SPF_NONE] = PERMANENT,
		[SPF_NEUTRAL] = MATCHES_NOT,
		[SPF_PASS] = MATCHES,
		[SPF_FAIL] = MATCHES_NOT,
		[SPF_SOFTFAIL] = MATCHES_NOT,
		[SPF_TEMPERROR] = TEMPORARY,
		[SPF_PERMERROR] = PERMANENT};
	const char *name = target(host, term);
	enum spf_result result;

	if (host->run->is_unknown)
		return MATCHES_NOT;
	result = check_host(host->run, name, true, NULL);
	if (result == SPF_NONE)
		host->run->problem =
			talloc_asprintf(host->run->memory, "%s, included, has no record", name);
	return matches[result];
}

static enum match match_a(const struct host *host, const struct spf_term *term)
{
	struct run *run = host->run;
	const char *name = target(host, term);
	struct value_texts addresses;

	if (run->is_unknown || !is_askable(name))
		return MATCHES_NOT;
	if (ask(run, address_kind(run), name, &addresses) == FACT_FAILED)
		return fail_for_now(run, name);
	if (!addresses.count)
		return count_void(run);
	return has_client(run, &addresses, term) ? MATCHES : MATCHES_NOT;
}

/* The name behind the preference; NULL when there is none that can be asked for, as in a null MX. */
static const char *name_of_mx(struct run *run, const char *mx)
{
	const char *name = strchr(mx, ' ');
	char *host = name ? canonical(run->memory, name + 1) : NULL;

	return host && is_askable(host) ? host : NULL;
}

/* The addresses of all exchangers are asked for before any of them is looked at. */
static enum match match_exchangers(
	struct run *run, const struct value_texts *exchangers, const struct spf_term *term)
{
	enum match match = MATCHES_NOT;
	struct value_texts addresses;
	bool found = false;

	for (size_t i = 0; i < exchangers->count; i++) {
		const char *name = name_of_mx(run, exchangers->items[i]);
		enum fact_state state =
			name ? ask(run, address_kind(run), name, &addresses) : FACT_ABSENT;
		if (match != MATCHES_NOT || !name)
			continue;
		if (state == FACT_FAILED)
			match = fail_for_now(run, name);
		else if (has_client(run, &addresses, term))
			match = MATCHES;
		found = found || addresses.count;
	}
	return match == MATCHES_NOT && !found ? count_void(run) : match;
}

static enum match match_mx(const struct host *host, const struct spf_term *term)
{
	struct run *run = host->run;
	const char *name = target(host, term);
	struct value_texts exchangers;

	if (run->is_unknown || !is_askable(name))
		return MATCHES_NOT;
	if (ask(run, SPF_DNS_MX, name, &exchangers) == FACT_FAILED)
		return fail_for_now(run, name);
	if (exchangers.count > NAMES_MAXIMUM)
		return fail_for_good(run, "a domain with more than 10 mail servers");
	return exchangers.count ? match_exchangers(run, &exchangers, term) : count_void(run);
}

static enum match match_ptr(const struct host *host, const struct spf_term *term)
{
	const char *domain = canonical(host->run->memory, target(host, term));
	const char **names = validated_names(host->run);

	for (size_t i = 0; names[i]; i++) {
		if (is_within(names[i], domain))
			return MATCHES;
	}
	return MATCHES_NOT;
}

static enum match match_network(const struct host *host, const struct spf_term *term)
{
	const struct ip *client = &host->run->query->ip;

	return client->family == term->network.ip.family && cidr_contains(&term->network, client)
		? MATCHES
		: MATCHES_NOT;
}

static enum match match_exists(const struct host *host, const struct spf_term *term)
{
	struct run *run = host->run;
	const char *name = target(host, term);
	struct value_texts addresses;

	if (run->is_unknown || !is_askable(name))
		return MATCHES_NOT;
	if (ask(run, SPF_DNS_A, name, &addresses) == FACT_FAILED)
		return fail_for_now(run, name);
	return addresses.count ? MATCHES : count_void(run);
}

static const struct mechanism {
	enum match (*match)(const struct host *host, const struct spf_term *term);
	bool looks_up;
} mechanisms[] = {
	[SPF_ALL] = {match_all, false},
	[SPF_INCLUDE] = {match_include, true},
	[SPF_A] = {match_a, true},
	[SPF_MX] = {match_mx, true},
	[SPF_PTR] = {match_ptr, true},
	[SPF_IP4] = {match_network, false},
	[SPF_IP6] = {match_network, false},
	[SPF_EXISTS] = {match_exists, true},
};

/* --- asking ahead --- */

static void ask_ahead_of_term(const struct host *host, const struct spf_term *term)
{
	struct run *run = host->run;
	char address[IP_TEXT_SIZE];
	const char *name = host->domain;
	struct value_texts unused;
	const enum spf_dns kinds[] = {[SPF_INCLUDE] = SPF_DNS_TXT,
		[SPF_A] = address_kind(run),
		[SPF_MX] = SPF_DNS_MX,
		[SPF_PTR] = SPF_DNS_PTR,
		[SPF_EXISTS] = SPF_DNS_A};

	if (term->mechanism == SPF_PTR)
		name = ip_print(&run->query->ip, address);
	else if (term->domain.size)
		name = canonical(run->memory, slice_keep(run->memory, term->domain));
	if (term->mechanism == SPF_PTR || is_askable(name))
		ask(run, kinds[term->mechanism], name, &unused);
}

/* What the rest of the record will ask for, as far as it can be told, from the term on that went without its answer. */
static void ask_ahead(const struct host *host, size_t from)
{
	const struct spf_record *record = host->record;
	unsigned lookups = host->run->lookups - 1;

	for (size_t i = from; i < record->count && lookups < LOOKUPS_MAXIMUM; i++) {
		const struct spf_term *term = &record->terms[i];
		if (term->mechanism == SPF_ALL)
			return;
		if (!mechanisms[term->mechanism].looks_up)
			continue;
		lookups++;
		if (spf_macro_is_plain(term->domain))
			ask_ahead_of_term(host, term);
	}
	if (record->redirect.size && spf_macro_is_plain(record->redirect)) {
		const struct spf_term redirect = {
			.mechanism = SPF_INCLUDE, .domain = record->redirect};
		ask_ahead_of_term(host, &redirect);
	}
}

/* --- a record (§4.6) --- */

/* False when there were too many. */
static bool count_lookup(struct run *run)
{
	if (++run->lookups <= LOOKUPS_MAXIMUM)
		return true;
	run->problem = "more than 10 look-ups";
	return false;
}

static enum match match_term(const struct host *host, const struct spf_term *term)
{
	const struct mechanism *mechanism = &mechanisms[term->mechanism];

	if (mechanism->looks_up && !count_lookup(host->run))
		return PERMANENT;
	return mechanism->match(host, term);
}

static void note_mechanism(const struct host *host, const char *mechanism)
{
	if (!host->is_included)
		host->run->mechanism = mechanism;
}

/* What the domain says about a fail (§6.2); its mistakes are nobody's business. */
static const char *explain(const struct host *host)
{
	struct run *run = host->run;
	struct slice text = host->record->explanation;
	struct value_texts answer;
	const char *name;
	char *explanation;

	name = expand_name(run, text, host->domain);
	if (run->is_unknown || !is_askable(name))
		return NULL;
	if (ask(run, SPF_DNS_TXT, name, &answer) != FACT_KNOWN || answer.count != 1)
		return NULL;
	text = slice_of(answer.items[0]);
	if (!spf_macro_is_valid(text, SPF_TEXT_EXPLANATION))
		return NULL;
	explanation = expand(run, text, host->domain);
	for (char *at = explanation; *at; at++) {
		if (!is_visible(*at))
			return NULL;
	}
	return explanation;
}

static enum spf_result conclude(
	const struct host *host, const struct spf_term *term, const char **explanation)
{
	note_mechanism(host, slice_keep(host->run->memory, term->text));
	if (term->result == SPF_FAIL && explanation && host->record->explanation.size)
		*explanation = explain(host);
	return term->result;
}

static enum spf_result follow(const struct host *host, const char **explanation)
{
	struct run *run = host->run;
	const char *name;
	enum spf_result result;

	if (!count_lookup(run))
		return SPF_PERMERROR;
	name = expand_name(run, host->record->redirect, host->domain);
	if (run->is_unknown)
		return SPF_NONE;
	result = check_host(run, name, host->is_included, explanation);
	if (result != SPF_NONE)
		return result;
	run->problem = talloc_asprintf(run->memory, "%s, redirected to, has no record", name);
	return SPF_PERMERROR;
}

static enum spf_result evaluate(const struct host *host, const char **explanation)
{
	const struct spf_record *record = host->record;

	for (size_t i = 0; i < record->count; i++) {
		enum match match = match_term(host, &record->terms[i]);
		if (host->run->is_unknown) {
			ask_ahead(host, i);
			return SPF_NONE;
		}
		if (match == MATCHES)
			return conclude(host, &record->terms[i], explanation);
		if (match != MATCHES_NOT)
			return match == TEMPORARY ? SPF_TEMPERROR : SPF_PERMERROR;
	}
	if (record->redirect.size)
		return follow(host, explanation);
	note_mechanism(host, "default");
	return SPF_NEUTRAL;
}

/* The one SPF record among the texts (§4.5); NULL: none, or several. */
static const char *select_record(const struct value_texts *texts, size_t *count)
{
	const char *record = NULL;

	*count = 0;
	for (size_t i = 0; i < texts->count; i++) {
		if (!spf_record_is_one(texts->items[i]))
			continue;
		record = texts->items[i];
		++*count;
	}
	return *count == 1 ? record : NULL;
}

static enum spf_result check_host(
	struct run *run, const char *domain, bool is_included, const char **explanation)
{
	struct host host = {.run = run, .domain = domain, .is_included = is_included};
	struct value_texts texts;
	const char *record;
	size_t count;

	if (!is_askable(domain))
		return SPF_NONE;
	if (ask(run, SPF_DNS_TXT, domain, &texts) == FACT_FAILED) {
		fail_for_now(run, domain);
		return SPF_TEMPERROR;
	}
	record = select_record(&texts, &count);
	if (count > 1)
		run->problem = talloc_asprintf(run->memory, "%s has several records", domain);
	if (!record)
		return count ? SPF_PERMERROR : SPF_NONE;
	host.record = spf_record_parse(run->memory, record, &run->problem);
	return host.record ? evaluate(&host, explanation) : SPF_PERMERROR;
}

/* Names of strangers stand in it. */
static const char *clean(const void *parent, const char *problem)
{
	char *copy = talloc_strdup(parent, problem);

	for (char *at = copy; at && *at; at++)
		*at = is_visible(*at) ? *at : '?';
	return copy;
}

struct spf_outcome spf_evaluate(
	const void *parent, const struct spf_query *query, const struct spf_source *source)
{
	struct run run = {.query = query, .source = source, .memory = talloc_new(parent)};
	struct spf_outcome outcome = {0};
	bool is_error;

	outcome.result =
		check_host(&run, canonical(run.memory, query->domain), false, &outcome.explanation);
	is_error = outcome.result == SPF_TEMPERROR || outcome.result == SPF_PERMERROR;
	outcome.is_unknown = run.is_unknown;
	outcome.mechanism = run.mechanism;
	outcome.problem = is_error ? clean(run.memory, run.problem) : NULL;
	return outcome;
}
