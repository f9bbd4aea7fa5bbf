/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the DNS. */
#include "policy/dns_list.h"

#include "policy/mail/domain.h"

#include <math.h>
#include <stdlib.h>
#include <talloc.h>

#define WEIGHT_MAXIMUM 1000

static const char *const kind_names[DNS_LIST_KINDS] = {"dnsbl", "dnswl", "rhsbl"};

const char *dns_list_kind_name(enum dns_list_kind kind)
{
	return kind_names[kind];
}

/* --- codes --- */

static bool read_code(struct slice text, uint32_t *code)
{
	struct ip ip;

	if (!ip_parse(slice_trim(text), &ip) || ip.family != 4)
		return false;
	*code = (uint32_t)ip.bytes[0] << 24 | (uint32_t)ip.bytes[1] << 16 |
		(uint32_t)ip.bytes[2] << 8 | ip.bytes[3];
	return true;
}

static bool is_code(uint32_t code)
{
	return code >> 24 == 127;
}

static bool is_refusal(uint32_t code)
{
	return code >> 8 == 0x7fffff;
}

bool dns_list_is_code(const char *address)
{
	uint32_t code;

	return read_code(slice_of(address), &code) && is_code(code);
}

bool dns_list_is_refusal(const char *address)
{
	uint32_t code;

	return read_code(slice_of(address), &code) && is_refusal(code);
}

/* "FIRST", "FIRST-LAST", each with "=WEIGHT" */
static bool read_codes(const char *text, double preset, struct dns_list_code *code)
{
	struct slice rest = slice_of(text);
	struct slice range = slice_cut(&rest, '=');
	bool has_last = slice_find(range, '-') != SIZE_MAX;
	struct slice first = slice_cut(&range, '-');
	const char *weight = strchr(text, '=');
	char *end = NULL;

	code->weight = weight ? strtod(weight + 1, &end) : preset;
	if (weight && (end == weight + 1 || *end || !isfinite(code->weight)))
		return false;
	if (!read_code(first, &code->first) || !is_code(code->first))
		return false;
	code->last = code->first;
	if (has_last && !read_code(range, &code->last))
		return false;
	return is_code(code->last) && code->first <= code->last && code->weight >= 0 &&
		code->weight <= WEIGHT_MAXIMUM;
}

static void read_list(struct dns_list *list, const void *parent, const struct settings *settings,
	struct complaints *complaints)
{
	const struct dns_list_options *options = list->options;
	char *zone = domain_is_valid(slice_of(options->name), true)
		? domain_to_ascii(parent, options->name)
		: NULL;

	if (!zone)
		complaint_error(complaints, settings_place(settings, options, "codes"),
			"\"%s\" is no zone of the DNS", options->name);
	list->zone = zone ? zone : options->name;
	list->codes = talloc_array(parent, struct dns_list_code, options->codes.count + 1);
	for (size_t i = 0; i < options->codes.count; i++) {
		if (read_codes(options->codes.items[i], options->weight, &list->codes[list->count]))
			list->count++;
		else
			complaint_error(complaints, settings_place(settings, options, "codes"),
				"\"%s\" is no code: they are written 127.0.0.2, "
				"127.0.0.4-127.0.0.7, or with a weight, 127.0.0.10=1.5",
				options->codes.items[i]);
	}
	if (!options->codes.count)
		list->codes[list->count++] =
			(struct dns_list_code){0x7f000000, 0x7fffffff, options->weight};
}

struct dns_lists dns_lists_read(
	const void *parent, const struct settings *settings, struct complaints *complaints)
{
	struct dns_lists lists = {NULL, 0};

	for (enum dns_list_kind kind = 0; kind < DNS_LIST_KINDS; kind++) {
		size_t count = settings_count(settings, kind_names[kind]);
		lists.items =
			talloc_realloc(parent, lists.items, struct dns_list, lists.count + count);
		for (size_t i = 0; i < count; i++) {
			struct dns_list *list = &lists.items[lists.count++];
			*list = (struct dns_list){.kind = kind,
				.options = settings_named(settings, kind_names[kind], i)};
			read_list(list, parent, settings, complaints);
		}
	}
	return lists;
}

/* --- hits --- */

/* The first range that has it counts. */
static const struct dns_list_code *range_of(const struct dns_list *list, uint32_t code)
{
	for (size_t i = 0; i < list->count; i++) {
		if (code >= list->codes[i].first && code <= list->codes[i].last)
			return &list->codes[i];
	}
	return NULL;
}

bool dns_list_matches(
	const struct dns_list *list, const struct value_texts *codes, struct dns_list_hit *hit)
{
	bool matches = false;

	for (size_t i = 0; i < codes->count; i++) {
		uint32_t code;
		if (!read_code(slice_of(codes->items[i]), &code) || is_refusal(code))
			continue;
		const struct dns_list_code *range = range_of(list, code);
		if (!range || (matches && range->weight <= fabs(hit->weight)))
			continue;
		*hit = (struct dns_list_hit){
			list->kind == DNSWL ? -range->weight : range->weight, codes->items[i]};
		matches = true;
	}
	return matches;
}
