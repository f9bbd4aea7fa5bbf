/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a transaction of the past through all stages. */
#include "policy/replay.h"

#include "policy/facts_file.h"
#include "policy/origin.h"

#include <jansson.h>
#include <talloc.h>

#define NOT_RECORDED "not recorded"
#define HOP_SIZE 4096

/* --- facts of a recipient --- */

static struct facts **add_recipient(struct replay_case *the_case)
{
	the_case->recipients = talloc_realloc(
		the_case, the_case->recipients, struct facts *, the_case->recipient_count + 1);
	return &the_case->recipients[the_case->recipient_count++];
}

static void add_address(struct replay_case *the_case, const char *text)
{
	struct address *address = address_parse(the_case, slice_of(text));

	if (!address)
		return;
	struct facts *facts = facts_new(the_case, NULL);
	facts_set_text(facts, FACT_RECIPIENT, address->text);
	facts_set_text(facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(facts, FACT_RECIPIENT_FORM, address->form);
	*add_recipient(the_case) = facts;
}

/* These follow from others and from the configuration: they are worked out anew. */
static bool is_of_configuration(enum fact fact)
{
	return fact == FACT_SCORE || fact == FACT_HELO_IS_OURS || fact == FACT_SENDER_IS_OURS ||
		fact == FACT_FROM_IS_OURS;
}

/* Answers into one set what another knows, if it is one of those. */
static void copy_facts(struct facts *to, const struct facts *from,
	bool (*is_one)(const struct fact_row *row, enum stage stage), enum stage stage)
{
	size_t count;
	struct question *questions = facts_known(NULL, from, &count);
	struct value value;

	for (size_t i = 0; i < count; i++) {
		enum fact_state state = facts_look_up(from, &questions[i], &value);
		if (!is_of_configuration(questions[i].fact) &&
			is_one(fact_row(questions[i].fact), stage))
			facts_answer(to, &questions[i], state, value);
	}
	talloc_free(questions);
}

static bool is_of_recipient(const struct fact_row *row, enum stage stage)
{
	(void)stage;
	return row->period == PER_RECIPIENT;
}

/* --- a case of a record --- */

static void take_failures(struct facts *facts, const json_t *failed)
{
	struct question question;
	const char *name;
	json_t *reason;

	json_object_foreach((json_t *)(uintptr_t)failed, name, reason)
	{
		if (fact_parse_question(facts, name, &question) && json_is_string(reason))
			facts_answer(facts, &question, FACT_FAILED,
				(struct value){
					.text = talloc_strdup(facts, json_string_value(reason))});
	}
}

static struct facts *take_facts(const void *parent, const json_t *record)
{
	struct complaints *complaints = complaints_new(NULL);
	struct facts *facts =
		facts_file_take(parent, "record", json_object_get(record, "facts"), complaints);

	take_failures(facts, json_object_get(record, "failed"));
	talloc_free(complaints);
	return facts;
}

/* Those before are in the list of recipients already. Without it, those that passed stand in the record together; the last one, when nothing
 * came behind it, stands by itself. */
static void take_recipients(struct replay_case *the_case)
{
	bool has_list = the_case->recipient_count > 0;
	struct value value;

	if (!has_list && facts_get(the_case->told, FACT_RECIPIENTS, &value) == FACT_KNOWN) {
		for (size_t i = 0; i < value.texts.count; i++)
			add_address(the_case, value.texts.items[i]);
	}
	if (facts_get(the_case->told, FACT_RECIPIENT, &value) != FACT_KNOWN)
		return;
	struct facts *facts = facts_new(the_case, NULL);
	copy_facts(facts, the_case->told, is_of_recipient, STAGE_RCPT);
	*add_recipient(the_case) = facts;
}

/* What the backend or the gateway itself refused, the judge had let pass or never seen. */
static const char *judged_verdict(const json_t *record)
{
	static const char *const others[] = {"backend", "gateway", "protocol"};
	const char *by = json_string_value(json_object_get(record, "decided_by"));
	const char *verdict = json_string_value(json_object_get(record, "verdict"));

	if (verdict && strcmp(verdict, "accept") == 0)
		return verdict;
	for (size_t i = 0; by && i < sizeof others / sizeof *others; i++) {
		if (strcmp(by, others[i]) == 0)
			return NULL;
	}
	return verdict;
}

static void take_record(struct replay_case *the_case, const json_t *record)
{
	const json_t *recipients = json_object_get(record, "recipients");
	struct value value;

	the_case->name = talloc_strdup(the_case, json_string_value(json_object_get(record, "id")));
	the_case->recorded = talloc_strdup(the_case, judged_verdict(record));
	the_case->told = take_facts(the_case, record);
	for (size_t i = 0; i < json_array_size(recipients); i++) {
		struct facts *facts = take_facts(the_case, json_array_get(recipients, i));
		if (facts_get(facts, FACT_RECIPIENT, &value) == FACT_KNOWN)
			*add_recipient(the_case) = facts;
		else
			the_case->of_mail = facts;
	}
	take_recipients(the_case);
	the_case->has_message = facts_get(the_case->told, FACT_MESSAGE_SIZE, &value) == FACT_KNOWN;
	the_case->is_session = json_object_get(record, "session") != NULL;
	const char *recorded = json_string_value(json_object_get(record, "recorded"));
	the_case->is_kept = recorded && strcmp(recorded, "message") == 0;
}

struct replay_case *replay_of_record(const void *parent, struct slice json)
{
	json_t *record = json_loadb(json.data, json.size, 0, NULL);
	struct replay_case *the_case = NULL;

	if (json_is_string(json_object_get(record, "id")) &&
		json_is_object(json_object_get(record, "facts"))) {
		the_case = talloc_zero(parent, struct replay_case);
		take_record(the_case, record);
	}
	json_decref(record);
	return the_case;
}

/* --- a case of a message --- */

static struct slice with_whole_lines(const void *parent, struct slice bytes)
{
	char *lines = talloc_array(parent, char, 2 * bytes.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] == '\n' && (i == 0 || bytes.data[i - 1] != '\r'))
			lines[used++] = '\r';
		lines[used++] = bytes.data[i];
	}
	return slice_make(lines, used);
}

/* Behind the nth Received field; fields above it are looked at through a header of their own. False when there is none. */
static bool cut(struct slice *lines, unsigned hop, struct slice *above, struct field *received)
{
	struct slice rest = *lines;

	while (hop && header_next(&rest, received)) {
		if (slice_equals_nocase(received->name, "Received"))
			hop--;
	}
	*above = slice_make(lines->data, lines->size - rest.size);
	*lines = rest;
	return hop == 0;
}

/* What stands behind a word of the field, as in "for <user@example.com>;". */
static char *behind(const void *parent, const char *text, const char *word)
{
	const char *found = strcasestr(text, word);

	if (!found)
		return NULL;
	found += strlen(word);
	found += strspn(found, " <");
	return talloc_strndup(parent, found, strcspn(found, " <>;()"));
}

static void tell_sender(struct facts *facts, const char *text)
{
	struct address *address = address_parse(facts, slice_of(text));
	bool is_null = !address || address_is_null(address);

	if (!address && *text)
		return;
	facts_set_text(facts, FACT_SENDER, is_null ? "" : address->text);
	facts_set_text(facts, FACT_SENDER_LOCAL, is_null ? "" : address->local);
	facts_set_text(facts, FACT_SENDER_DOMAIN, is_null ? "" : address->domain);
	facts_set_number(facts, FACT_SENDER_FORM, is_null ? 0 : address->form);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, is_null);
}

/* The first of these fields that is there, without angle brackets; NULL when none is. */
static char *first_of(
	const void *parent, const struct header *header, const char *const *names, size_t nth)
{
	for (; *names; names++) {
		const struct field *field = header_find(header, *names, nth);
		if (!field)
			continue;
		char *text = header_unfold(parent, field->value);
		size_t blank = strspn(text, " <");
		return talloc_strndup(parent, text + blank, strcspn(text + blank, " >"));
	}
	return NULL;
}

static void tell_envelope(
	struct replay_case *the_case, const struct header *header, const char *received)
{
	static const char *const senders[] = {"X-Envelope-From", "Return-Path", NULL};
	static const char *const receivers[] = {
		"X-Envelope-To", "X-Original-To", "Delivered-To", NULL};
	char *sender = behind(the_case, received, "(envelope-from ");
	char *recipient = first_of(the_case, header, receivers, 0);

	if (!sender)
		sender = first_of(the_case, header, senders, 0);
	if (sender)
		tell_sender(the_case->told, sender);
	for (size_t i = 1; recipient; i++) {
		add_address(the_case, recipient);
		recipient = first_of(the_case, header, receivers, i);
	}
	recipient = behind(the_case, received, " for ");
	if (!the_case->recipient_count && recipient)
		add_address(the_case, recipient);
}

static bool tell_hop(struct replay_case *the_case, struct slice above, struct field received)
{
	size_t size = received.value.size < HOP_SIZE ? received.value.size : HOP_SIZE;
	char *text = header_unfold(the_case, slice_make(received.value.data, size));
	struct slice helo;
	struct ip ip;

	if (!origin_read_received(slice_of(text), &ip, &helo))
		return false;
	facts_set_ip(the_case->told, FACT_CLIENT_IP, &ip);
	if (helo.size)
		facts_set_text(the_case->told, FACT_HELO_NAME, slice_keep(the_case, helo));
	tell_envelope(the_case, header_parse(the_case, above), text);
	return true;
}

bool replay_take_message(struct replay_case *the_case, struct slice bytes)
{
	struct spool *spool = talloc_zero(the_case, struct spool);
	struct message *message = message_new(the_case, spool);

	spool->memory_maximum = spool->total_maximum = INT64_MAX;
	if (message_add(message, bytes) != MESSAGE_OK || message_finish(message) != MESSAGE_OK)
		return false;
	the_case->message = message;
	return true;
}

static bool keep_message(struct replay_case *the_case, struct slice lines)
{
	if (!replay_take_message(the_case, lines))
		return false;
	the_case->has_message = true;
	facts_set_number(the_case->told, FACT_MESSAGE_SIZE, message_size(the_case->message));
	facts_set_number(
		the_case->told, FACT_MESSAGE_ANOMALIES, message_anomalies(the_case->message));
	return true;
}

struct replay_case *replay_of_message(
	const void *parent, const char *name, struct slice bytes, unsigned hop)
{
	struct replay_case *the_case = talloc_zero(parent, struct replay_case);
	struct slice lines = with_whole_lines(the_case, bytes), above;
	struct field received;

	the_case->name = talloc_strdup(the_case, name);
	the_case->told = facts_new(the_case, NULL);
	facts_set_bool(the_case->told, FACT_CLIENT_AUTHENTICATED, false);
	bool is_good = !hop ||
		(cut(&lines, hop, &above, &received) && tell_hop(the_case, above, received));
	if (is_good && keep_message(the_case, lines))
		return the_case;
	talloc_free(the_case);
	return NULL;
}

/* --- playing --- */

struct play {
	const struct replay_case *the_case;
	const struct policy *policy;
	struct replay_outcome *outcome;
	struct facts *facts;
	struct inquiry *inquiry;
	size_t passed;
	bool lacks_message;
};

/* These may come from the header, behind a trusted relay; then no earlier stage knew them. */
static bool is_from_header(const struct fact_row *row)
{
	const enum fact facts[] = {FACT_ORIGIN_IP, FACT_ORIGIN_HELO, FACT_SPF_RESULT,
		FACT_SPF_DOMAIN, FACT_SPF_IDENTITY, FACT_SPF_EXPLANATION, FACT_SPF_DETAIL,
		FACT_SPF_SENDS_NO_MAIL, FACT_DNSBL};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		if (row == fact_row(facts[i]))
			return true;
	}
	return false;
}

/* What is told about a recipient is told with him. */
static bool exists_at(const struct fact_row *row, enum stage stage)
{
	bool is_of_one =
		row->period == PER_RECIPIENT && (row->stage == STAGE_RCPT || stage == STAGE_RCPT);

	return row->stage <= stage && !is_of_one;
}

/* The message is looked at again. */
static bool exists_without_message_at(const struct fact_row *row, enum stage stage)
{
	return exists_at(row, stage) && row->learner != LEARNER_HEADER &&
		row->learner != LEARNER_CONTENT;
}

static bool exists_behind_relay_at(const struct fact_row *row, enum stage stage)
{
	return exists_at(row, stage) && !is_from_header(row);
}

/* A relay's mail came with XFORWARD, perhaps: then its origin was known early. */
static bool is_origin_late(const struct play *play, const struct ip *client)
{
	struct value value;

	return cidrs_contain(&play->policy->site->trusted_relays, client) &&
		facts_get(play->the_case->told, FACT_FORWARDED_IP, &value) != FACT_KNOWN;
}

/* Nobody has authenticated when he connects. */
static void tell_login(struct play *play, enum stage stage)
{
	if (stage > STAGE_AUTH)
		return;
	facts_set_bool(play->facts, FACT_CLIENT_AUTHENTICATED, false);
	facts_forget(play->facts, FACT_CLIENT_USER);
}

static void tell(struct play *play, enum stage stage)
{
	const struct replay_case *the_case = play->the_case;
	struct value value = {0};
	bool has_client = facts_get(the_case->told, FACT_CLIENT_IP, &value) == FACT_KNOWN;
	bool is_late = has_client && is_origin_late(play, &value.ip);

	if (is_late && stage < STAGE_MESSAGE)
		copy_facts(play->facts, the_case->told, exists_behind_relay_at, stage);
	else
		copy_facts(play->facts, the_case->told,
			the_case->message ? exists_without_message_at : exists_at, stage);
	tell_login(play, stage);
	if (stage == STAGE_MAIL && the_case->of_mail)
		facts_take_over(play->facts, the_case->of_mail);
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED,
		has_client && cidrs_contain(&play->policy->relay->networks, &value.ip));
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED_RELAY,
		has_client && cidrs_contain(&play->policy->site->trusted_relays, &value.ip));
	facts_set_number(play->facts, FACT_RECIPIENT_COUNT, (int64_t)play->passed);
}

/* Nobody answers later than at once: there is nothing to wait for. */
static bool judge(struct play *play, enum stage stage)
{
	struct await await;

	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(play->inquiry, stage, NULL, AWAIT_FOR_EVER, &await);
	play->outcome->verdict = play->inquiry->verdict;
	return play->inquiry->verdict.kind <= VERDICT_ACCEPT;
}

/* A stage that the case knows nothing of is passed over. */
static bool play_stage(struct play *play, enum stage stage, enum fact needed)
{
	struct value value;

	tell(play, stage);
	return facts_get(play->facts, needed, &value) != FACT_KNOWN || judge(play, stage);
}

static bool play_login(struct play *play)
{
	struct value value;
	bool has_logged_in =
		facts_get(play->the_case->told, FACT_CLIENT_AUTHENTICATED, &value) == FACT_KNOWN &&
		value.boolean;

	tell(play, STAGE_AUTH);
	return !has_logged_in || judge(play, STAGE_AUTH);
}

/* What a session would have done that would not be refused any more, nobody knows. */
static bool has_transaction(struct play *play)
{
	play->lacks_message |= play->the_case->is_session;
	return !play->the_case->is_session;
}

static bool play_recipients(struct play *play)
{
	const struct replay_case *the_case = play->the_case;

	for (size_t i = 0; i < the_case->recipient_count; i++) {
		facts_forget_recipient(play->facts);
		tell(play, STAGE_RCPT);
		facts_take_over(play->facts, the_case->recipients[i]);
		play->passed += judge(play, STAGE_RCPT);
		play->outcome->recipients[i] = play->inquiry->verdict;
	}
	return play->passed || !the_case->recipient_count;
}

static void tell_recipients(struct play *play)
{
	const struct replay_case *the_case = play->the_case;
	const char **passed =
		talloc_array(play->outcome, const char *, the_case->recipient_count + 1);
	size_t count = 0;
	struct value value;

	for (size_t i = 0; i < the_case->recipient_count; i++) {
		if (play->outcome->recipients[i].kind <= VERDICT_ACCEPT &&
			facts_get(the_case->recipients[i], FACT_RECIPIENT, &value) == FACT_KNOWN)
			passed[count++] = value.text;
	}
	facts_forget_recipient(play->facts);
	facts_set_texts(play->facts, FACT_RECIPIENTS, passed, count);
}

static void play_message(struct play *play)
{
	tell(play, STAGE_DATA);
	tell_recipients(play);
	if (!judge(play, STAGE_DATA))
		return;
	if (!play->the_case->has_message) {
		play->lacks_message = true;
		return;
	}
	tell(play, STAGE_MESSAGE);
	tell_recipients(play);
	play->inquiry->message = play->the_case->message;
	judge(play, STAGE_MESSAGE);
}

static void play_all(struct play *play)
{
	if (play_stage(play, STAGE_CONNECT, FACT_CLIENT_IP) &&
		play_stage(play, STAGE_HELO, FACT_HELO_NAME) && play_login(play) &&
		has_transaction(play) && play_stage(play, STAGE_MAIL, FACT_SENDER) &&
		play_recipients(play))
		play_message(play);
}

static void miss(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct play *play = owner;

	if (play->outcome->missing == FACT_COUNT)
		play->outcome->missing = question->fact;
	facts_answer(inquiry->facts, question, FACT_FAILED, (struct value){.text = NOT_RECORDED});
	await_skip(await, OUTCOME_DONE);
}

/* Scanners know other viruses today than then: what was not recorded has none. */
static void find_nothing(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	(void)owner;
	facts_answer(inquiry->facts, question, FACT_ABSENT, (struct value){0});
	await_skip(await, OUTCOME_DONE);
}

static const struct chain *without_teachers(struct play *play, const struct chain *chain)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	for (size_t i = 0; i < LEARNERS; i++)
		learners[i] = (struct learner){miss, play};
	learners[LEARNER_VIRUS] = (struct learner){find_nothing, NULL};
	if (play->the_case->message) {
		learners[LEARNER_HEADER] = *chain_learner(chain, LEARNER_HEADER);
		learners[LEARNER_CONTENT] = *chain_learner(chain, LEARNER_CONTENT);
	}
	return chain_with_learners(play->outcome, chain, learners);
}

static bool is_of_score(const struct verdict *verdict)
{
	return strncmp(verdict->decided_by, "threshold ", strlen("threshold ")) == 0;
}

/* A rule whose facts had failed may decide for that alone. */
static bool has_failed(const struct inquiry *inquiry, const char *decided_by)
{
	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (strcmp(entry->check, decided_by) == 0 && strcmp(entry->result, "failed") == 0)
			return true;
	}
	return false;
}

/* Who let it pass without a word, or by the sum of all words, lacked one. A refusal stands by itself, unless the sender may be in the
 * allow-list and nobody can say whether it was he. */
static bool is_undecided(const struct play *play)
{
	const struct verdict *verdict = &play->outcome->verdict;
	struct value value;

	if (play->lacks_message)
		return true;
	if (play->outcome->missing == FACT_COUNT)
		return false;
	if (!verdict->decided_by || is_of_score(verdict) ||
		has_failed(play->inquiry, verdict->decided_by))
		return true;
	return verdict->kind > VERDICT_ACCEPT && play->policy->allows_senders &&
		facts_get(play->the_case->told, FACT_SPF_RESULT, &value) == FACT_UNKNOWN;
}

struct replay_outcome *replay_judge(
	const void *parent, const struct chain *chain, const struct replay_case *the_case)
{
	struct replay_outcome *outcome = talloc_zero(parent, struct replay_outcome);
	struct play play = {
		.the_case = the_case, .policy = chain_policy(chain), .outcome = outcome};

	outcome->missing = FACT_COUNT;
	outcome->recipients = talloc_zero_array(outcome, struct verdict, the_case->recipient_count);
	play.facts = facts_new(outcome, NULL);
	play.inquiry = outcome->inquiry =
		inquiry_new(outcome, without_teachers(&play, chain), play.facts);
	play.inquiry->without_shadow = true;
	play_all(&play);
	outcome->is_undecided = is_undecided(&play);
	return outcome;
}

/* --- comparing --- */

static bool are_verdicts_different(const struct verdict *a, const struct verdict *b)
{
	bool is_passed = a->kind <= VERDICT_ACCEPT && b->kind <= VERDICT_ACCEPT;

	return !is_passed && (a->kind != b->kind || a->code != b->code);
}

/* The first recipient whose verdict has changed, else the transaction's own. */
static void find_change(const struct replay_outcome *before, const struct replay_outcome *after,
	const struct verdict **was, const struct verdict **is)
{
	size_t count = talloc_array_length(before->recipients);

	*was = &before->verdict;
	*is = &after->verdict;
	for (size_t i = 0; i < count && !are_verdicts_different(*was, *is); i++) {
		*was = &before->recipients[i];
		*is = &after->recipients[i];
	}
}

bool replay_differs(const struct replay_outcome *before, const struct replay_outcome *after)
{
	const struct verdict *was, *is;

	find_change(before, after, &was, &is);
	return are_verdicts_different(was, is) || before->inquiry->tagged != after->inquiry->tagged;
}

static double score_of(const struct inquiry *inquiry, const char *check)
{
	double score = 0;

	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (entry->counted && strcmp(entry->check, check) == 0)
			score += entry->score;
	}
	return score;
}

/* Who has scored in one of them otherwise than in the other; NULL: nobody. */
static const char *find_scorer(const struct inquiry *in, const struct inquiry *other)
{
	for (size_t i = 0; i < in->trace_count; i++) {
		const struct trace_entry *entry = &in->trace[i];
		if (entry->counted && score_of(in, entry->check) != score_of(other, entry->check))
			return entry->check;
	}
	return NULL;
}

static char *name_scorer(const void *parent, const struct replay_outcome *before,
	const struct replay_outcome *after, const char *threshold)
{
	const char *scorer = find_scorer(after->inquiry, before->inquiry);

	if (!scorer)
		scorer = find_scorer(before->inquiry, after->inquiry);
	const char *kind = scorer && strncmp(scorer, "rule ", strlen("rule ")) == 0 ? "" : "check ";
	return scorer ? talloc_asprintf(parent, "%s%s (score %.1f, was %.1f)", kind, scorer,
				score_of(after->inquiry, scorer), score_of(before->inquiry, scorer))
		      : talloc_strdup(parent, threshold);
}

char *replay_culprit(
	const void *parent, const struct replay_outcome *before, const struct replay_outcome *after)
{
	const struct verdict *was, *is, *refusal;

	find_change(before, after, &was, &is);
	if (!are_verdicts_different(was, is))
		return name_scorer(parent, before, after, "threshold tag");
	/* Who exempts it now has changed it, not who would still refuse it. */
	bool is_exempted = is->kind == VERDICT_ACCEPT && is->decided_by;
	refusal = is->kind > VERDICT_ACCEPT || is_exempted ? is : was;
	if (!refusal->decided_by)
		return talloc_strdup(parent, "nobody");
	if (is_of_score(refusal))
		return name_scorer(parent, before, after, refusal->decided_by);
	return talloc_strdup(parent, refusal->decided_by);
}
