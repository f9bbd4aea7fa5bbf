/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a message: our own, others', those of rules. */
#include "policy/amendment.h"

#include "policy/dkim_damage.h"
#include "policy/header_learner.h"
#include "policy/hygiene.h"
#include "policy/mail/revision.h"
#include "policy/mail/trace.h"
#include "policy/ruling.h"
#include "policy/spf_facts.h"

#include <assert.h>
#include <talloc.h>

/* --- our own --- */

static int64_t header_anomalies(struct inquiry *inquiry)
{
	struct value value;

	if (facts_get(inquiry->facts, FACT_HEADER_ANOMALIES, &value) == FACT_UNKNOWN)
		header_learner_learn(inquiry);
	return inquiry_number(inquiry, FACT_HEADER_ANOMALIES, 0);
}

/* What our own clients left out. */
static unsigned missing_fields(struct inquiry *inquiry)
{
	if (inquiry_is_stranger(inquiry))
		return 0;
	return (unsigned)header_anomalies(inquiry) &
		(HEADER_MISSING_DATE | HEADER_MISSING_MESSAGE_ID);
}

static void add(struct edits *edits, const char *name, char *value)
{
	bool added = edits_add(edits, EDIT_TOP, name, value, EDIT_TEXT);

	assert(added);
	talloc_free(value);
}

static struct edits *new_edits(struct inquiry *inquiry)
{
	struct slice message = inquiry->message ? message_bytes(inquiry->message) : slice_of("");

	if (!inquiry->header)
		inquiry->header = header_parse(inquiry->facts, message);
	return edits_new(inquiry, inquiry->header, message);
}

static void add_received_spf(struct inquiry *inquiry, struct edits *edits)
{
	char *value = inquiry->policy->spf->add_received ? spf_facts_received(NULL, inquiry) : NULL;

	if (value && !edits_add(edits, EDIT_ABOVE_TRACE, "Received-SPF", value, EDIT_TEXT))
		assert(!"a field name of ours");
	talloc_free(value);
}

static void tag(const struct inquiry *inquiry, struct edits *edits)
{
	if (inquiry->tagged)
		add(edits, "X-Postern-Tag", talloc_asprintf(NULL, "score=%.1f", inquiry->score));
}

/* What the judge wants to be changed. */
static struct edits *own_edits(struct inquiry *inquiry, const char *id, int64_t seconds)
{
	unsigned missing = missing_fields(inquiry);
	struct edits *edits = new_edits(inquiry);

	TALLOC_FREE(inquiry->envelope_edits.items);
	inquiry->envelope_edits.count = 0;
	if (missing & HEADER_MISSING_DATE)
		add(edits, "Date", trace_date(NULL, seconds));
	if (missing & HEADER_MISSING_MESSAGE_ID)
		add(edits, "Message-ID",
			talloc_asprintf(NULL, "<%s@%s>", id, inquiry->policy->site->hostname));
	tag(inquiry, edits);
	add_received_spf(inquiry, edits);
	ruling_edit(inquiry, edits);
	hygiene_clean(inquiry, edits);
	return edits;
}

/* --- signatures --- */

/* The domains whose signatures were broken before, with those whose signatures these edits break. */
static const char *add_damage(
	const struct inquiry *inquiry, const char *before, const struct edits *edits)
{
	const char *now = dkim_damage_domains(inquiry, edits);

	if (!before || !now)
		return before ? before : now;
	return strstr(before, now) ? before : talloc_asprintf(inquiry, "%s, %s", before, now);
}

/* --- those of others --- */

/* Edits that strip adds must find what it removes where rules have seen it. */
static void strip(struct inquiry *inquiry, struct edits *edits)
{
	const struct inquiry_mail *mail = inquiry->mail;
	const struct message *message = inquiry_looked_at(inquiry);
	bool is_there = message && edits->message.data == message_bytes(message).data &&
		!(mail && mail->revision && revision_has_new_body(mail->revision));

	ruling_strip_edit(inquiry, edits, is_there);
}

struct revision *amendment_revision(struct inquiry *inquiry)
{
	struct inquiry_mail *mail = inquiry->mail;
	int64_t seconds = inquiry_number(inquiry, FACT_NOW, 0);
	struct edits *edits;

	if (mail->revision)
		return mail->revision;
	inquiry->tagged = false;
	mail->has_rules = ruling_has_spoken(inquiry);
	edits = own_edits(inquiry, mail->id, seconds);
	strip(inquiry, edits);
	mail->damage = add_damage(inquiry, NULL, edits);
	mail->revision = revision_new(inquiry, edits);
	return mail->revision;
}

/* The message with all that others have made of it; what stands above our trace field stays apart. */
static struct message *lay_down(
	struct inquiry *inquiry, const struct edits *made, struct edits **above)
{
	struct edits *below = edits_new(inquiry, made->header, made->message);
	struct edit_plan *plan;
	struct message *message;

	for (size_t i = 0; i < made->count; i++) {
		if (!made->items[i].is_above_trace)
			edits_take_over(below, &made->items[i]);
	}
	plan = edit_plan_new(below, below, slice_of(""));
	message = message_copy(inquiry, inquiry->message, plan->slices, plan->count);
	talloc_free(below);
	if (!message)
		return NULL;
	*above = edits_new(
		inquiry, header_parse(inquiry, message_bytes(message)), message_bytes(message));
	for (size_t i = 0; i < made->count; i++) {
		if (made->items[i].is_above_trace)
			edits_take_over(*above, &made->items[i]);
	}
	return message;
}

struct message *amendment_message(struct inquiry *inquiry)
{
	struct inquiry_mail *mail = inquiry->mail;
	struct message *message;
	struct edits *made, *above;

	if (!mail || !mail->revision || !inquiry->message)
		return inquiry->message;
	if (!revision_is_changed(mail->revision))
		return mail->message ? mail->message : inquiry->message;
	made = revision_edits(inquiry, mail->revision);
	message = lay_down(inquiry, made, &above);
	if (!message)
		return NULL;
	inquiry->scan_id = 0;
	mail->damage = add_damage(inquiry, mail->damage, made);
	mail->message = message;
	mail->revision = revision_new(inquiry, above);
	return message;
}

/* Those that others have made of ours, with what came too late for them to see; NULL when they have changed nothing. */
static struct edits *revised(struct inquiry *inquiry)
{
	const struct inquiry_mail *mail = inquiry->mail;
	struct edits *edits;

	if (!mail || !mail->revision || !(mail->message || revision_is_changed(mail->revision)))
		return NULL;
	edits = revision_edits(inquiry, mail->revision);
	tag(inquiry, edits);
	if (!mail->has_rules) {
		ruling_edit(inquiry, edits);
		strip(inquiry, edits);
	}
	return edits;
}

/* --- all together --- */

/* Whoever verifies behind us finds the signature wrong, and shall know by whose hand. */
static void tell_damage(struct inquiry *inquiry, struct edits *edits)
{
	inquiry->breaks_dkim =
		add_damage(inquiry, inquiry->mail ? inquiry->mail->damage : NULL, edits);
	if (!inquiry->breaks_dkim)
		return;
	add(edits, "Authentication-Results",
		talloc_asprintf(NULL,
			"%s; dkim=policy reason=\"broken by an edit of this gateway: %s\"",
			inquiry->policy->site->authserv_id, inquiry->breaks_dkim));
}

void amendment_edit(struct inquiry *inquiry, const char *id, int64_t seconds)
{
	struct edits *own = own_edits(inquiry, id, seconds);
	struct edits *edits = revised(inquiry);

	if (!edits) {
		edits = own;
		strip(inquiry, edits);
	}
	if (inquiry->mail)
		envelope_edits_append(
			&inquiry->envelope_edits, inquiry, &inquiry->mail->envelope_edits);
	tell_damage(inquiry, edits);
	if (edits != own)
		talloc_free(own);
	talloc_free(inquiry->edits);
	inquiry->edits = edits;
}
