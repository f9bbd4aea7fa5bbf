/* SPDX-License-Identifier: Apache-2.0 */
/* libspf2 on a layer of name service that answers from facts. */
#include "policy/spf_libspf2.h"

#include <arpa/inet.h>
#include <sys/types.h>

/* libspf2's headers need those above before them. */
#include <arpa/nameser.h>
#include <netdb.h>
#include <spf2/spf.h>
#include <spf2/spf_dns.h>
#include <stdlib.h>
#include <talloc.h>

#define NO_EXPLANATION "none"
#define TTL 300

struct layer {
	SPF_dns_server_t server;
	const struct spf_source *source;
	void *memory;
	bool is_unknown;
};

/* --- names --- */

/* The number before the next dot. */
static bool take_label(const char **name, int base, unsigned most, unsigned *number)
{
	char *end;
	unsigned long value = strtoul(*name, &end, base);

	if (end == *name || *end != '.' || value > most)
		return false;
	*number = (unsigned)value;
	*name = end + 1;
	return true;
}

static bool read_reverse4(const char *name, struct ip *ip)
{
	unsigned number;

	ip->family = 4;
	for (size_t i = 4; i > 0; i--) {
		if (!take_label(&name, 10, UINT8_MAX, &number))
			return false;
		ip->bytes[i - 1] = (uint8_t)number;
	}
	return true;
}

static bool read_reverse6(const char *name, struct ip *ip)
{
	unsigned low, high;

	ip->family = 6;
	for (size_t i = 16; i > 0; i--) {
		if (!take_label(&name, 16, 0xf, &low) || !take_label(&name, 16, 0xf, &high))
			return false;
		ip->bytes[i - 1] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The address whose names are asked for: "1.2.0.192.in-addr.arpa". */
static const char *address_of(const struct layer *layer, const char *name)
{
	struct ip ip = {0};
	char text[IP_TEXT_SIZE];
	bool is_read = strstr(name, "ip6") ? read_reverse6(name, &ip) : read_reverse4(name, &ip);

	return is_read ? talloc_strdup(layer->memory, ip_print(&ip, text)) : NULL;
}

/* --- answers --- */

static bool add_text(SPF_dns_rr_t *answer, const char *text)
{
	size_t size = strlen(text) + 1;
	int number = answer->num_rr;

	if (SPF_dns_rr_buf_realloc(answer, number, size) != SPF_E_SUCCESS)
		return false;
	memcpy(answer->rr[number]->txt, text, size);
	return true;
}

static bool add_mx(SPF_dns_rr_t *answer, const char *text)
{
	const char *name = strchr(text, ' ');

	return name && add_text(answer, name + 1);
}

static bool add_address(SPF_dns_rr_t *answer, const char *text)
{
	int family = answer->rr_type == ns_t_a ? AF_INET : AF_INET6;
	int number = answer->num_rr;

	return SPF_dns_rr_buf_realloc(answer, number, sizeof(SPF_dns_rr_data_t)) == SPF_E_SUCCESS &&
		inet_pton(family, text, answer->rr[number]) == 1;
}

static const struct type {
	ns_type type;
	enum spf_dns kind;
	bool (*add)(SPF_dns_rr_t *answer, const char *text);
} types[] = {
	{ns_t_a, SPF_DNS_A, add_address},
	{ns_t_aaaa, SPF_DNS_AAAA, add_address},
	{ns_t_mx, SPF_DNS_MX, add_mx},
	{ns_t_txt, SPF_DNS_TXT, add_text},
	{ns_t_ptr, SPF_DNS_PTR, add_text},
};

static const struct type *type_of(ns_type wanted)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (types[i].type == wanted)
			return &types[i];
	}
	return NULL;
}

static SPF_dns_rr_t *print_answer(struct layer *layer, const char *name, const struct type *type,
	const struct value_texts *texts)
{
	SPF_dns_rr_t *answer = SPF_dns_rr_new_init(
		&layer->server, name, type->type, TTL, texts->count ? NETDB_SUCCESS : NO_DATA);

	for (size_t i = 0; answer && i < texts->count; i++) {
		if (type->add(answer, texts->items[i]))
			answer->num_rr++;
	}
	return answer;
}

static SPF_dns_rr_t *look_up(
	SPF_dns_server_t *server, const char *domain, ns_type wanted, int should_cache)
{
	struct layer *layer = server->hook;
	const struct type *type = type_of(wanted);
	const char *name = wanted == ns_t_ptr ? address_of(layer, domain) : domain;
	struct value_texts texts = {NULL, 0};
	enum fact_state state;

	(void)should_cache;
	if (!type || !name || !*name || strlen(name) > SPF_NAME_MAXIMUM)
		return SPF_dns_rr_new_init(server, domain, wanted, TTL, NO_DATA);
	state = layer->source->ask(layer->source->owner, type->kind, name, &texts);
	layer->is_unknown = layer->is_unknown || state == FACT_UNKNOWN;
	if (state == FACT_ABSENT)
		return SPF_dns_rr_new_init(server, domain, wanted, TTL, HOST_NOT_FOUND);
	if (state != FACT_KNOWN)
		return SPF_dns_rr_new_init(server, domain, wanted, TTL, TRY_AGAIN);
	return print_answer(layer, domain, type, &texts);
}

/* --- evaluating --- */

/* A record that cannot be read leaves no result, only errors. */
static enum spf_result result_of_errors(SPF_response_t *response, SPF_errcode_t error)
{
	for (int i = 0; response && i < SPF_response_messages(response); i++) {
		SPF_error_t *message = SPF_response_message(response, i);
		if (SPF_error_errorp(message) && SPF_error_code(message) != SPF_E_NOT_SPF)
			error = SPF_error_code(message);
	}
	if (error == SPF_E_SUCCESS || error == SPF_E_NOT_SPF)
		return SPF_NONE;
	return error == SPF_E_DNS_ERROR ? SPF_TEMPERROR : SPF_PERMERROR;
}

static enum spf_result result_of(SPF_response_t *response, SPF_errcode_t error)
{
	static const enum spf_result results[] = {[SPF_RESULT_NEUTRAL] = SPF_NEUTRAL,
		[SPF_RESULT_PASS] = SPF_PASS,
		[SPF_RESULT_FAIL] = SPF_FAIL,
		[SPF_RESULT_SOFTFAIL] = SPF_SOFTFAIL,
		[SPF_RESULT_TEMPERROR] = SPF_TEMPERROR,
		[SPF_RESULT_PERMERROR] = SPF_PERMERROR};
	SPF_result_t result = response ? SPF_response_result(response) : SPF_RESULT_INVALID;

	return result == SPF_RESULT_INVALID || result == SPF_RESULT_NONE
		? result_of_errors(response, error)
		: results[result];
}

static void tell_query(
	SPF_request_t *request, const struct spf_query *query, const struct layer *layer)
{
	char text[IP_TEXT_SIZE];

	ip_print(&query->ip, text);
	if (query->ip.family == 4)
		SPF_request_set_ipv4_str(request, text);
	else
		SPF_request_set_ipv6_str(request, text);
	SPF_request_set_helo_dom(request, query->helo);
	SPF_request_set_env_from(
		request, talloc_asprintf(layer->memory, "%s@%s", query->local, query->domain));
}

static const char *explanation_of(const struct layer *layer, SPF_response_t *response)
{
	const char *text = SPF_response_get_explanation(response);

	if (!text || strcmp(text, NO_EXPLANATION) == 0)
		return NULL;
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at >= 0x7f)
			return NULL;
	}
	return talloc_strdup(layer->memory, text);
}

static struct spf_outcome query_server(
	SPF_server_t *server, const struct spf_query *query, struct layer *layer)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	struct spf_outcome outcome = {0};
	SPF_errcode_t error;

	tell_query(request, query, layer);
	error = SPF_request_query_mailfrom(request, &response);
	outcome.result = result_of(response, error);
	if (response && outcome.result == SPF_FAIL)
		outcome.explanation = explanation_of(layer, response);
	outcome.is_unknown = layer->is_unknown;
	SPF_response_free(response);
	SPF_request_free(request);
	return outcome;
}

struct spf_outcome spf_libspf2_evaluate(
	const void *parent, const struct spf_query *query, const struct spf_source *source)
{
	struct layer layer = {.server = {.lookup = look_up, .name = "facts"},
		.source = source,
		.memory = talloc_new(parent)};
	SPF_response_t *response = NULL;
	SPF_server_t *server;
	struct spf_outcome outcome;

	SPF_warning_handler = NULL;
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
	layer.server.hook = &layer;
	server = SPF_server_new_dns(&layer.server, 0);
	SPF_server_set_sanitize(server, 0);
	SPF_server_set_rec_dom(server, query->receiver);
	SPF_server_set_explanation(server, NO_EXPLANATION, &response);
	SPF_response_free(response);
	outcome = query_server(server, query, &layer);
	SPF_server_free(server);
	return outcome;
}
