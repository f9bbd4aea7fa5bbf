/* SPDX-License-Identifier: Apache-2.0
 *
 * What every harness that takes a container apart does, and what must hold of anything that comes out.
 */
#pragma once

#include "base/utf8.h"
#include "policy/content/unpack.h"

#include <assert.h>
#include <talloc.h>

#define UNPACKING_BYTES (4U << 20)
#define UNPACKING_ENTRIES 500

/* libarchive asks for as much memory as a header announces, and can do without. */
const char *__asan_default_options(void); // NOLINT(readability-identifier-naming)
const char *__asan_default_options(void)  // NOLINT(readability-identifier-naming)
{
	return "allocator_may_return_null=1";
}

static inline void unpacking_check_name(const char *name)
{
	struct slice s = slice_of(name);

	assert(s.size <= UNPACKED_NAME_SIZE && utf8_is_valid(s));
	for (size_t i = 0; i < s.size; i++)
		assert((uint8_t)name[i] >= ' ' && name[i] != 0x7f && name[i] != '\\');
}

/* Every byte of every member can be read, and is of some type. */
static inline void unpacking_check_member(const struct member *member, const struct unpacked *out)
{
	size_t where;
	enum file_type type = file_type_of_file(member->bytes, slice_of(member->name));

	assert(type < FILE_TYPES_COUNT);
	assert((member->findings & ~out->findings) == 0);
	assert(file_type_also(member->bytes, type, &where) < FILE_TYPES_COUNT);
	(void)file_type_is_disguised(type, slice_of(member->name));
	unpacking_check_name(member->name);
	if (member->other_name)
		unpacking_check_name(member->other_name);
}

static inline void unpacking_run(enum file_type type, struct slice bytes)
{
	static const struct budget_limits limits = {
		.bytes = UNPACKING_BYTES, .ratio = 100, .entries = UNPACKING_ENTRIES, .depth = 5};
	void *scratch = talloc_new(NULL);
	char *exact = talloc_memdup(scratch, bytes.data, bytes.size ? bytes.size : 1);
	struct budget budget;
	struct unpacked out;

	budget_begin(&budget, &limits, bytes.size, NULL, NULL);
	unpack(scratch, type, slice_make(exact, bytes.size), &budget, &out);
	assert(budget.bytes <= budget.allowance && budget.entries <= UNPACKING_ENTRIES);
	assert(out.count <= UNPACKING_ENTRIES && out.target_count <= UNPACKED_TARGETS_MOST);
	assert(budget.hit == BUDGET_NONE || out.findings & FINDING_OVER_LIMITS);
	for (size_t i = 0; i < out.count; i++)
		unpacking_check_member(&out.members[i], &out);
	for (size_t i = 0; i < out.target_count; i++)
		assert(utf8_is_valid(slice_of(out.targets[i])));
	talloc_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
