/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that open relays fall for, through the parser and the gate: what is refused by either is refused. */
#include "foreign.h"
#include "judging.h"

#include "policy/mail/address.h"

static struct foreign_deviation deviations[] = {
	{"relay-24",
		"a source route is refused (RFC 5321 §3.6.1 and appendix C let a server decline "
		"it), "
		"though its mailbox is one of ours",
		false},
	{NULL, NULL, false},
};

/* Bytes that are written as \x0d. */
static char *unescape(const void *parent, struct slice text)
{
	char *bytes = slice_keep(parent, text), *out = bytes;

	for (const char *at = bytes; *at;) {
		unsigned byte;
		if (sscanf(at, "\\x%2x", &byte) == 1) {
			*out++ = (char)byte;
			at += strlen("\\x0d");
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
	return bytes;
}

static bool passes_the_gate(const struct chain *chain, const struct address *address)
{
	struct facts *facts = facts_new(address, NULL);
	struct inquiry *inquiry = inquiry_new(facts, chain, facts);

	facts_set_bool(facts, FACT_CLIENT_TRUSTED, false);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, false);
	facts_set_text(facts, FACT_RECIPIENT, address->text);
	facts_set_text(facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(facts, FACT_RECIPIENT_FORM, address->form);
	inquiry->stage = STAGE_RCPT;
	return chain_run(chain, inquiry).kind <= VERDICT_ACCEPT;
}

static bool is_taken(const struct foreign *foreign, const struct chain *chain, struct slice path)
{
	struct slice rest = slice_of(unescape(foreign->scratch, path));
	const char *reason;
	struct address *address = address_parse_path(foreign->scratch, &rest, false, &reason);

	return address && slice_trim(rest).size == 0 && passes_the_gate(chain, address);
}

static const struct chain *make_chain(const struct foreign *foreign, const json_t *root)
{
	const json_t *domains = json_object_get(json_object_get(root, "setup"), "local_domains");

	return judging_chain(foreign->scratch,
		talloc_asprintf(foreign->scratch,
			"hostname = mx.example.com relay { domains = {\"%s\"} }",
			json_string_value(json_array_get(domains, 0))));
}

int main(void)
{
	struct foreign foreign = foreign_begin("smtp/relay", deviations);
	json_t *root = foreign_json(&foreign, "relay-tests.json");
	const json_t *cases = json_object_get(root, "tests");
	const struct chain *chain = make_chain(&foreign, root);

	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *row = json_array_get(cases, i);
		struct slice path = foreign_text(row, "rcpt_to");
		bool expected = slice_starts_nocase(foreign_text(row, "expect"), "2xx");
		foreign_case(&foreign, json_string_value(json_object_get(row, "id")), path,
			is_taken(&foreign, chain, path) == expected);
	}
	json_decref(root);
	return foreign_end(&foreign);
}
