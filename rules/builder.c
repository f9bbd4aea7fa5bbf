/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one of each: names, references, nodes. */
#include "rules/builder.h"

#include <assert.h>
#include <talloc.h>

bool builder_complain(struct builder *builder, struct place place, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = talloc_vasprintf(NULL, format, arguments);
	va_end(arguments);
	complaint_error(builder->complaints, place, "%s", text);
	talloc_free(text);
	return false;
}

void *builder_find(struct builder_entry *entries, const char *key)
{
	struct builder_entry *entry;

	HASH_FIND_STR(entries, key, entry);
	return entry ? entry->content : NULL;
}

void builder_add(
	struct builder *builder, struct builder_entry **entries, const char *key, void *content)
{
	struct builder_entry *entry = talloc_zero(builder, struct builder_entry);

	entry->key = talloc_strdup(entry, key);
	entry->content = content;
	HASH_ADD_KEYPTR(hh, *entries, entry->key, strlen(entry->key), entry);
}

void builder_forget(struct builder *builder)
{
	HASH_CLEAR(hh, builder->names);
	HASH_CLEAR(hh, builder->nodes);
	HASH_CLEAR(hh, builder->references);
}

struct reference *builder_reference(struct builder *builder, const struct reference *like)
{
	struct program *program = builder->program;
	/* Records have the name of a fact now and then, and a field that of another list's. */
	char *key = talloc_asprintf(NULL, "%p %s", (const void *)like->fact, like->text);
	struct reference *reference = builder_find(builder->references, key);

	if (!reference) {
		reference = talloc(program, struct reference);
		*reference = *like;
		reference->text = talloc_strdup(reference, like->text);
		reference->id = program->reference_count;
		program->references = talloc_realloc(program, program->references,
			struct reference *, program->reference_count + 1);
		program->references[program->reference_count++] = reference;
		builder_add(builder, &builder->references, key, reference);
	}
	talloc_free(key);
	return reference;
}

static void add_node(struct program *program, struct node *node)
{
	size_t room = talloc_array_length(program->nodes);

	if (program->node_count == room)
		program->nodes = talloc_realloc(
			program, program->nodes, struct node *, room ? 2 * room : 64);
	node->id = program->node_count;
	program->nodes[program->node_count++] = node;
}

struct node *builder_node(struct builder *builder, const struct node *like, const char *key)
{
	struct node *node = builder_find(builder->nodes, key);

	if (!node) {
		node = talloc(builder->program, struct node);
		*node = *like;
		add_node(builder->program, node);
		builder_add(builder, &builder->nodes, key, node);
	}
	return node;
}

static bool complain_stage(struct builder *builder, struct place place, const char *let,
	const struct reference *reference, const char *when)
{
	const struct vocabulary *vocabulary = builder->program->vocabulary;

	complaint_error(builder->complaints, place, "%s%s%s %s; this rule is of stage %s",
		let ? let : "", let ? " uses " : "",
		let ? talloc_asprintf(builder, "%s, which", reference->text) : reference->text,
		when, vocabulary->stages[builder->stage]);
	return false;
}

bool builder_check_stage(struct builder *builder, const struct reference *reference,
	struct place place, const char *let)
{
	const struct vocabulary_fact *fact = reference->fact;
	const char *const *stages = builder->program->vocabulary->stages;

	if (!builder->latest || fact->stage > builder->latest->fact->stage)
		builder->latest = reference;
	if (fact->stages_end &&
		(!builder->ending || fact->stages_end < builder->ending->fact->stages_end))
		builder->ending = reference;
	if (!builder->has_stage)
		return true;
	if (builder->stage < fact->stage)
		return complain_stage(builder, place, let, reference,
			talloc_asprintf(builder, "exists from stage %s on", stages[fact->stage]));
	if (fact->stages_end && builder->stage >= fact->stages_end)
		return complain_stage(builder, place, let, reference,
			talloc_asprintf(builder, "exists up to stage %s only",
				stages[fact->stages_end - 1]));
	return true;
}
