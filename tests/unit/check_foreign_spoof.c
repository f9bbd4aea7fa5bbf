/* SPDX-License-Identifier: Apache-2.0 */
/* Senders that two programs may read differently: either they are refused, or SPF is asked of the attacker's own domain, and what we write
 * about it names that one alone. */
#include "foreign.h"
#include "judging.h"

#include "policy/mail/address.h"
#include "policy/spf_facts.h"

#include <dirent.h>

#define VICTIM "legitimate.com"

static struct foreign_deviation deviations[] = {{NULL, NULL, false}};

/* All domains but the victim's allow the attacker. */
static enum fact_state answer(struct inquiry *inquiry, const char *domain)
{
	static const char *const open[] = {"v=spf1 +all"}, *const closed[] = {"v=spf1 -all"};
	bool is_victim = strstr(domain, VICTIM) != NULL;

	facts_answer(inquiry->facts, &(struct question){FACT_DNS_TXT, domain}, FACT_KNOWN,
		(struct value){VALUE_TEXTS, {.texts = {is_victim ? closed : open, 1}}});
	return FACT_KNOWN;
}

static struct inquiry *ask(const struct foreign *foreign, const struct chain *chain,
	const struct address *sender, const char *helo)
{
	struct facts *facts = facts_new(foreign->scratch, NULL);
	struct inquiry *inquiry = inquiry_new(facts, chain, facts);
	struct ip attacker = {4, {192, 0, 2, 66}};

	facts_set_ip(facts, FACT_CLIENT_IP, &attacker);
	facts_set_text(facts, FACT_HELO_NAME, helo);
	facts_set_text(facts, FACT_SENDER, sender->text);
	facts_set_text(facts, FACT_SENDER_LOCAL, sender->local);
	facts_set_text(facts, FACT_SENDER_DOMAIN, sender->domain);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, false);
	inquiry->stage = STAGE_MESSAGE;
	answer(inquiry, sender->domain);
	return inquiry;
}

/* The pairs of the field that name a domain: a reader who looks for "envelope-from" finds the quoted address, whole. */
static bool names_only(const char *received, const struct address *sender)
{
	const char *written =
		talloc_asprintf(sender, "; envelope-from=\"%s\"; helo=", sender->text);

	return received && strstr(received, written) && !strchr(sender->text, '"') &&
		!strchr(sender->text, '(') && !strchr(sender->text, ';');
}

static bool is_safe(const struct foreign *foreign, const struct chain *chain, struct slice path,
	const char *helo)
{
	const char *reason;
	struct address *sender = address_parse_path(foreign->scratch, &path, true, &reason);
	struct inquiry *inquiry;
	struct value result;

	if (!sender || slice_trim(path).size)
		return true; /* 501 */
	if (strstr(sender->domain, VICTIM))
		return false;
	inquiry = ask(foreign, chain, sender, helo);
	return inquiry_ask(inquiry, FACT_SPF_RESULT, &result) == FACT_KNOWN &&
		strcmp(inquiry_text(inquiry, FACT_SPF_DOMAIN, ""), sender->domain) == 0 &&
		names_only(spf_facts_received(sender, inquiry), sender);
}

static int is_envelope(const struct dirent *entry)
{
	return strstr(entry->d_name, ".env.json") != NULL;
}

int main(void)
{
	struct foreign foreign = foreign_begin("smtp/spoof", deviations);
	const struct chain *chain = judging_chain(
		foreign.scratch, "hostname = mx.example.com relay { domains = {example.com} }");
	struct dirent **entries;
	int count = scandir(foreign.directory, &entries, is_envelope, alphasort);

	for (int i = 0; i < count; i++) {
		json_t *envelope = foreign_json(&foreign, entries[i]->d_name);
		struct slice path = foreign_text(envelope, "mail_from");
		foreign_case(&foreign, json_string_value(json_object_get(envelope, "id")), path,
			is_safe(&foreign, chain, path,
				json_string_value(json_object_get(envelope, "helo"))));
		json_decref(envelope);
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
	return count > 0 ? foreign_end(&foreign) : EXIT_FAILURE;
}
