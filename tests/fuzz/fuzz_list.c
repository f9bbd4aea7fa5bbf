/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the file of a list: the first byte is its kind. What was taken is found again. */
#include "rules/list.h"

#include "rules/program.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice normal(const void *parent, enum list_kind kind, struct slice text)
{
	static const enum value_type types[] = {[LIST_STRING] = VALUE_STRING,
		[LIST_DOMAIN] = VALUE_DOMAIN,
		[LIST_ADDRESS] = VALUE_ADDRESS,
		[LIST_NAME] = VALUE_NAME,
		[LIST_HASH] = VALUE_TEXT};

	return program_normal(parent, types[kind], text);
}

static void look_up(struct list *list, void *scratch, struct slice line)
{
	enum list_kind kind = list_kind(list);
	struct matcher *matcher;
	struct match_subject subject;
	struct ip ip;

	if (kind == LIST_CIDR) {
		if (ip_parse(line, &ip))
			assert(list_has_ip(list, &ip));
	} else if (kind == LIST_REGEX) {
		matcher = match_matcher_new(scratch);
		matcher->budget = 20000;
		match_subject_init(&subject, line, 1000);
		list_matches(list, scratch, &subject, matcher);
	} else {
		bool is_plain = line.size && line.data[0] != '.' &&
			!memchr(line.data, '#', line.size) && !memchr(line.data, '\r', line.size) &&
			slice_trim(line).size == line.size;

		assert(!is_plain || list_has_text(list, normal(scratch, kind, line)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct slice text = slice_make((const char *)data, size);
	struct list *list;

	if (size) {
		list = list_new(scratch, "list", data[0] % LIST_KINDS, "list");
		text = slice_from(text, 1);
		if (list_read_text(list, text, complaints)) {
			for (int i = 0; i < 20 && text.size; i++)
				look_up(list, scratch, slice_cut(&text, '\n'));
		} else {
			assert(complaints_errors(complaints) && list_count(list) == 0);
		}
	}
	talloc_free(scratch);
	return 0;
}
