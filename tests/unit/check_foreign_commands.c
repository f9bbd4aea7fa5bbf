/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines as the smtp-proto library sees them. */
#include "foreign.h"

#include "proxy/verbs.h"

#define NULL_RECIPIENT "RFC 5321 §4.1.1.3: a Forward-path is never null"
#define COLON "RFC 5321 §3.3: no blank stands around the colon; one behind it is taken"
#define UNREAD "RFC 5321 §7.3, §4.2.4: the answer is 252 or 502 to all, whatever the argument is"

static struct foreign_deviation deviations[] = {
	{"sp-008", "RFC 5321 §2.3.8: a CR is never part of a line", false},
	{"sp-009", UNREAD, false},
	{"sp-013", UNREAD, false},
	{"sp-033", "RFC 4954 §4: an initial response is base64, and five letters are none", false},
	{"sp-037", UNREAD, false},
	{"sp-051", COLON, false},
	{"sp-052", COLON, false},
	{"sp-064", NULL_RECIPIENT, false},
	{"sp-077", NULL_RECIPIENT, false},
	{"sp-102", NULL_RECIPIENT, false},
	{"sp-108", NULL_RECIPIENT, false},
	{"sp-109", NULL_RECIPIENT, false},
	{"sp-114", "a parameter that is given twice says two things", false},
	{"sp-141", NULL_RECIPIENT, false},
	{"sp-142", NULL_RECIPIENT, false},
	{NULL, NULL, false},
};

enum treatment { TAKEN, REFUSED, NOT_OFFERED };

static bool is_broken(struct slice line)
{
	return slice_find(line, '\r') != SIZE_MAX || slice_find(line, '\n') != SIZE_MAX ||
		slice_find(line, '\0') != SIZE_MAX;
}

static enum treatment treat(const void *scratch, struct slice line)
{
	struct command command;

	if (is_broken(line))
		return REFUSED;
	command_split(&command, line);
	const struct verb *verb = verb_find(command.verb);
	if (!verb)
		return NOT_OFFERED;
	const struct reply *bad = verb->parse(scratch, &command);
	if (!bad)
		return TAKEN;
	return bad->code == 555 ? NOT_OFFERED : REFUSED;
}

int main(void)
{
	struct foreign foreign = foreign_begin("smtp/command", deviations);
	json_t *root = foreign_json(&foreign, "smtp-proto-lines.json");
	const json_t *cases = json_object_get(root, "cases");

	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *row = json_array_get(cases, i);
		struct slice line = foreign_text(row, "line");
		bool expected = json_is_true(json_object_get(row, "ok"));
		enum treatment treatment = treat(foreign.scratch, line);
		foreign_case(&foreign, json_string_value(json_object_get(row, "id")), line,
			treatment == NOT_OFFERED || (treatment == TAKEN) == expected);
	}
	json_decref(root);
	return foreign_end(&foreign);
}
