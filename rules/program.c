/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a program of the items of all files. */
#include "rules/program.h"

#include "base/file.h"
#include "rules/builder.h"
#include "rules/fold.h"
#include "rules/resolve.h"
#include "rules/rule.h"

#include <fnmatch.h>
#include <talloc.h>

struct slice program_normal(const void *parent, enum value_type type, struct slice text)
{
	switch (type) {
	case VALUE_DOMAIN:
		return fold_domain(parent, text);
	case VALUE_ADDRESS:
		return fold_address(parent, text);
	case VALUE_NAME:
		return fold_name(parent, text);
	case VALUE_TEXT:
		return fold_text(parent, text);
	default:
		return text;
	}
}

const char *const *program_names(const struct reference *reference)
{
	return reference->field ? reference->field->names : reference->fact->names;
}

enum value_type program_type(const struct reference *reference)
{
	return reference->field ? reference->field->type : reference->fact->type;
}

bool program_is_repeatable(const struct reference *reference)
{
	return reference->field ? reference->field->repeatable : reference->fact->repeatable;
}

/* --- names --- */

/* Remembers the name; false when it is taken. */
static struct builder_name *add_name(struct builder *builder, const struct item *item)
{
	struct builder_name *before = builder_find(builder->names, item->name), *name;

	if (before) {
		complaint_error(builder->complaints, item->place,
			"the name \"%s\" is taken: %s %s is at %s:%u:%u", item->name,
			tree_item_name(before->item->kind), item->name, before->item->place.file,
			before->item->place.line, before->item->place.column);
		return NULL;
	}
	name = talloc_zero(builder, struct builder_name);
	name->item = item;
	builder_add(builder, &builder->names, item->name, name);
	return name;
}

/* --- lists --- */

static void add_list(struct program *program, struct list *list)
{
	size_t count = program->list_count++;

	program->lists = talloc_realloc(program, program->lists, struct list *, count + 1);
	program->lists[count] = list;
}

static void read_list(struct builder *builder, const struct item *item)
{
	struct builder_name *name = add_name(builder, item);
	enum list_kind kind = item->list_kind ? list_kind_named(item->list_kind) : LIST_KINDS;
	const char *meant, *path = NULL;

	if (!name || !item->list_kind)
		return;
	if (kind == LIST_KINDS) {
		meant = vocabulary_suggest(list_kind_names(), item->list_kind);
		complaint_error(builder->complaints, item->kind_place,
			"there is no kind of list \"%s\"%s%s%s", item->list_kind,
			meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
		return;
	}
	if (item->text)
		path = file_beside(builder, item->place.file, item->text);
	name->list = list_new(builder->program, item->name, kind, path);
	add_list(builder->program, name->list);
	if (!item->text)
		list_fill(name->list, &item->literals, builder->complaints);
	else if (!list_read(name->list, item->text_place, builder->complaints))
		return; /* it was complained about */
}

/* --- lets and rules --- */

static void read_let(struct builder *builder, const struct item *item)
{
	struct builder_name *name;

	builder->latest = builder->ending = NULL;
	builder->has_stage = false;
	struct node *node = item->expr ? resolve_condition(builder, item->expr) : NULL;

	if (vocabulary_fact(builder->program->vocabulary, slice_of(item->name)) ||
		vocabulary_records(builder->program->vocabulary, slice_of(item->name))) {
		complaint_error(builder->complaints, item->place,
			"\"%s\" is the name of a fact and cannot be that of a let", item->name);
		return;
	}
	name = add_name(builder, item);
	if (!name)
		return;
	name->node = node;
	name->latest = builder->latest;
	name->ending = builder->ending;
}

static bool is_monitored(const char *const *patterns, const char *path)
{
	for (; patterns && *patterns; patterns++) {
		if (fnmatch(*patterns, path, 0) == 0)
			return true;
	}
	return false;
}

static void add_rule(struct program *program, struct rule *rule)
{
	unsigned stage = rule->stage;
	size_t room = talloc_array_length(program->rules);
	size_t stage_room = talloc_array_length(program->at_stage[stage]);

	if (program->rule_count == room)
		program->rules = talloc_realloc(
			program, program->rules, const struct rule *, room ? 2 * room : 64);
	if (program->at_stage_count[stage] == stage_room)
		program->at_stage[stage] = talloc_realloc(program, program->at_stage[stage],
			const struct rule *, stage_room ? 2 * stage_room : 64);
	rule->index = program->rule_count;
	program->rules[program->rule_count++] = rule;
	program->at_stage[stage][program->at_stage_count[stage]++] = rule;
}

static void read_rule(
	struct builder *builder, const struct item *item, const char *const *monitored_files)
{
	bool is_new = add_name(builder, item);
	struct rule *rule = rule_new(builder, item);

	if (!rule || !is_new)
		return;
	rule->monitored = rule->monitored || is_monitored(monitored_files, item->place.file);
	add_rule(builder->program, rule);
}

/* --- all together --- */

static void finish_sets(struct program *program)
{
	for (size_t i = 0; i < program->reference_count; i++) {
		if (program->references[i]->set)
			match_set_finish(program->references[i]->set);
	}
}

static void note_unused(struct builder *builder)
{
	struct program *program = builder->program;

	for (struct builder_entry *entry = builder->names; entry; entry = entry->hh.next) {
		const struct builder_name *name = entry->content;
		size_t count = program->unused_count;

		if (name->item->kind == ITEM_RULE || name->used)
			continue;
		program->unused =
			talloc_realloc(program, program->unused, const struct item *, count + 1);
		program->unused[program->unused_count++] = name->item;
	}
}

/* --- where it lies --- */

/* Each walk looks at many nodes, mostly in the order of their rules: they come to stand one behind the other, as do their operands. */
static void pack_operands(struct program *program, struct node *packed)
{
	size_t count = 0;
	struct node **operands;

	for (size_t i = 0; i < program->node_count; i++)
		count += packed[i].count;
	operands = talloc_array(packed, struct node *, count);
	for (size_t i = 0; i < program->node_count; i++) {
		for (size_t k = 0; k < packed[i].count; k++)
			operands[k] = &packed[packed[i].operands[k]->id];
		packed[i].operands = operands;
		operands += packed[i].count;
	}
}

static void pack_nodes(struct program *program)
{
	struct node *packed = talloc_array(program, struct node, program->node_count);

	for (size_t i = 0; i < program->node_count; i++)
		packed[i] = *program->nodes[i];
	pack_operands(program, packed);
	for (size_t i = 0; i < program->rule_count; i++) {
		struct rule *rule = (struct rule *)(uintptr_t)program->rules[i];
		rule->condition = &packed[rule->condition->id];
	}
	for (size_t i = 0; i < program->node_count; i++) {
		talloc_free(program->nodes[i]);
		program->nodes[i] = &packed[i];
	}
}

struct program *program_new(const void *parent, const struct vocabulary *vocabulary,
	const struct item *const *items, size_t count, const char *const *monitored_files,
	struct complaints *complaints)
{
	struct program *program = talloc_zero(parent, struct program);
	struct builder *builder = talloc_zero(program, struct builder);

	program->vocabulary = vocabulary;
	program->has_jit = true;
	builder->program = program;
	builder->complaints = complaints;
	for (size_t i = 0; i < count; i++) {
		if (items[i]->kind == ITEM_LIST)
			read_list(builder, items[i]);
		else if (items[i]->kind == ITEM_LET)
			read_let(builder, items[i]);
		else if (items[i]->kind == ITEM_RULE)
			read_rule(builder, items[i], monitored_files);
	}
	program->items = talloc_memdup(program, items, count * sizeof *items);
	program->item_count = count;
	finish_sets(program);
	note_unused(builder);
	builder_forget(builder);
	talloc_free(builder);
	pack_nodes(program);
	return program;
}

struct list *program_list_of_file(const struct program *program, const char *path, size_t *cursor)
{
	while (*cursor < program->list_count) {
		struct list *list = program->lists[(*cursor)++];

		if (list_path(list) && strcmp(list_path(list), path) == 0)
			return list;
	}
	return NULL;
}
