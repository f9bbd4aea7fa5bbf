/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: types checked, equal ones made one. */
#include "rules/resolve.h"

#include "rules/constant.h"
#include "rules/fold.h"
#include "rules/print.h"

#include <talloc.h>

#define DEPTH_MAXIMUM 500

/* --- nodes --- */

static bool is_counting(const struct reference *reference)
{
	if (reference->fact->counting && !reference->field)
		return true;
	for (size_t i = 0; i < reference->argument_count; i++) {
		if (reference->arguments[i].reference &&
			is_counting(reference->arguments[i].reference))
			return true;
	}
	return false;
}

static struct node *node_of_operands(struct builder *builder, enum node_kind kind,
	struct node **operands, size_t count, const char *text)
{
	struct node like = {.kind = kind, .operands = operands, .count = count, .text = text};
	char *key = talloc_asprintf(NULL, "%d", kind);
	struct node *node;

	for (size_t i = 0; i < count; i++) {
		like.open |= operands[i]->open;
		like.depth = operands[i]->depth >= like.depth ? operands[i]->depth + 1 : like.depth;
		like.is_counting = like.is_counting || operands[i]->is_counting;
		key = talloc_asprintf_append_buffer(key, " %zu", operands[i]->id);
	}
	node = builder_node(builder, &like, key);
	talloc_free(key);
	return node;
}

/* --- leaves --- */

/* A leaf that is being made. */
struct leaf {
	struct builder *builder;
	const struct expr *expr;
	struct node like;
	struct reference *reference;
	enum value_type type;
};

typedef bool (*leaf_fn)(struct leaf *leaf);

static bool needs(struct leaf *leaf, bool is_good, const char *what)
{
	if (is_good)
		return true;
	return builder_complain(leaf->builder, leaf->expr->operator_place, "%s is of type %s; %s",
		leaf->reference->text, value_type_name(leaf->type), what);
}

static bool read_value(struct leaf *leaf, const struct literal *literal, struct value *value)
{
	return constant_read(literal, leaf->type, program_names(leaf->reference),
		leaf->reference->text, value, leaf->builder->complaints);
}

static bool make_bool(struct leaf *leaf)
{
	leaf->like.kind = NODE_BOOL;
	if (leaf->type == VALUE_BOOL)
		return true;
	return builder_complain(leaf->builder, leaf->expr->place,
		"%s is of type %s, and alone no condition: compare it, or ask exists %s",
		leaf->reference->text, value_type_name(leaf->type), leaf->reference->text);
}

static bool is_ordered(enum value_type type)
{
	return type == VALUE_INT || type == VALUE_SIZE || type == VALUE_DURATION ||
		type == VALUE_SCORE || type == VALUE_DATE;
}

static bool make_compare(struct leaf *leaf)
{
	enum compare compare = leaf->expr->compare;

	leaf->like.kind = NODE_COMPARE;
	leaf->like.compare = compare;
	if (!needs(leaf, leaf->type != VALUE_FLAGS, "ask whether it has a flag: has, has_any") ||
		!needs(leaf, compare <= COMPARE_NE || is_ordered(leaf->type),
			"only == and != compare it"))
		return false;
	if (!read_value(leaf, &leaf->expr->literals.items[0], &leaf->like.value))
		return false;
	if (value_is_text(leaf->type))
		leaf->like.normal = program_normal(
			leaf->builder->program, leaf->type, slice_of(leaf->like.value.text));
	return true;
}

static bool make_search(struct leaf *leaf)
{
	static const enum node_kind kinds[] = {[EXPR_CONTAINS] = NODE_CONTAINS,
		[EXPR_STARTS] = NODE_STARTS,
		[EXPR_ENDS] = NODE_ENDS};
	const struct literal *literal = &leaf->expr->literals.items[0];

	leaf->like.kind = kinds[leaf->expr->kind];
	if (!needs(leaf, value_is_text(leaf->type), "only texts are searched"))
		return false;
	leaf->like.normal = fold_text(leaf->builder->program, slice_of(literal->text));
	if (!leaf->like.normal.size)
		return builder_complain(leaf->builder, literal->place,
			"this text is empty, or nothing of it can be seen: it is in every text");
	return true;
}

static bool make_regex(struct leaf *leaf)
{
	leaf->like.kind = NODE_MATCHES;
	return needs(leaf, value_is_text(leaf->type), "only texts are searched");
}

static bool make_has(struct leaf *leaf)
{
	const struct literals *literals = &leaf->expr->literals;
	bool is_good = needs(leaf, leaf->type == VALUE_FLAGS, "only flags are asked for with has");

	leaf->like.kind = NODE_HAS;
	leaf->like.value.type = VALUE_FLAGS;
	for (size_t i = 0; leaf->type == VALUE_FLAGS && i < literals->count; i++) {
		struct value value;

		is_good = read_value(leaf, &literals->items[i], &value) && is_good;
		leaf->like.value.number |= value.number;
	}
	return is_good;
}

/* --- lists --- */

/* The kind of list that the braces of a type are. */
static enum list_kind kind_of_type(enum value_type type)
{
	static const enum list_kind kinds[] = {[VALUE_IP] = LIST_CIDR,
		[VALUE_DOMAIN] = LIST_DOMAIN,
		[VALUE_ADDRESS] = LIST_ADDRESS,
		[VALUE_NAME] = LIST_NAME,
		[VALUE_STRING] = LIST_STRING,
		[VALUE_TEXT] = LIST_STRING};

	if (type == VALUE_IP || value_is_text(type))
		return kinds[type];
	return LIST_KINDS;
}

static bool make_braces(struct leaf *leaf)
{
	const struct literals *literals = &leaf->expr->literals;
	enum list_kind kind = kind_of_type(leaf->type);
	struct program *program = leaf->builder->program;
	bool is_good = needs(leaf, leaf->type != VALUE_BOOL, "it stands alone, or behind not") &&
		needs(leaf, leaf->type != VALUE_FLAGS, "ask whether it has one: has_any { ... }");

	if (is_good && kind != LIST_KINDS) {
		leaf->like.kind = NODE_IN_LIST;
		leaf->like.list = list_new(program, "braces", kind, NULL);
		list_fill(leaf->like.list, literals, leaf->builder->complaints);
		if (leaf->type == VALUE_TEXT)
			list_fold(leaf->like.list);
		return true;
	}
	leaf->like.kind = NODE_IN;
	leaf->like.values = talloc_array(program, struct value, literals->count);
	leaf->like.value_count = literals->count;
	for (size_t i = 0; is_good && i < literals->count; i++)
		is_good = read_value(leaf, &literals->items[i], &leaf->like.values[i]);
	return is_good;
}

static bool takes(enum list_kind kind, enum value_type type)
{
	if (kind == LIST_REGEX)
		return value_is_text(type);
	if (kind == LIST_HASH)
		return type == VALUE_STRING;
	return kind_of_type(type) == kind;
}

/* "sender.domain" for a sender that is to be in a list of domains. */
static const char *better_fact(const struct leaf *leaf, enum list_kind kind)
{
	char *name = talloc_asprintf(
		leaf->builder, "%s.%s", leaf->reference->text, list_kind_name(kind));
	const struct vocabulary_fact *fact =
		vocabulary_fact(leaf->builder->program->vocabulary, slice_of(name));

	return fact && takes(kind, fact->type) ? name : NULL;
}

static bool make_in_list(struct leaf *leaf)
{
	const struct expr *expr = leaf->expr;
	struct builder_name *name = builder_find(leaf->builder->names, expr->name);
	const char *better;
	enum list_kind kind;

	leaf->like.kind = NODE_IN_LIST;
	if (!name || name->item->kind != ITEM_LIST) {
		const char *names[256];
		size_t count = 0;
		for (struct builder_entry *entry = leaf->builder->names; entry && count < 256;
			entry = entry->hh.next) {
			const struct builder_name *other = entry->content;
			if (other->item->kind == ITEM_LIST)
				names[count++] = entry->key;
		}
		better = complaint_suggestion(expr->name, names, count);
		return builder_complain(leaf->builder, expr->name_place,
			"there is no list \"%s\" above%s%s%s", expr->name,
			better ? "; did you mean @" : "", better ? better : "", better ? "?" : "");
	}
	name->used = true;
	if (!name->list)
		return false; /* it was complained about */
	leaf->like.list = name->list;
	kind = list_kind(name->list);
	if (takes(kind, leaf->type)) {
		if (kind == LIST_STRING && leaf->type == VALUE_TEXT)
			list_fold(name->list);
		return true;
	}
	better = better_fact(leaf, kind);
	return builder_complain(leaf->builder, expr->name_place,
		"@%s is a list of kind %s, and %s of type %s%s%s%s", expr->name,
		list_kind_name(kind), leaf->reference->text, value_type_name(leaf->type),
		better ? "; did you mean " : "", better ? better : "", better ? "?" : "");
}

static const leaf_fn leaves[] = {
	[EXPR_NAME] = make_bool,
	[EXPR_FACT] = make_bool,
	[EXPR_COMPARE] = make_compare,
	[EXPR_IN_LIST] = make_in_list,
	[EXPR_IN] = make_braces,
	[EXPR_CONTAINS] = make_search,
	[EXPR_STARTS] = make_search,
	[EXPR_ENDS] = make_search,
	[EXPR_MATCHES] = make_regex,
	[EXPR_HAS] = make_has,
	[EXPR_HAS_ANY] = make_has,
};

/* --- leaves become nodes --- */

static struct match_set *set_of(struct leaf *leaf)
{
	if (!leaf->reference->set)
		leaf->reference->set = match_set_new(leaf->builder->program);
	return leaf->reference->set;
}

/* Puts what is looked for into the set of the reference; once for each node. */
static bool add_pattern(struct leaf *leaf, struct node *node)
{
	const char *reason;
	size_t offset = 0;
	struct place place = leaf->expr->text_place;

	if (node->kind == NODE_CONTAINS)
		node->pattern = match_set_add_literal(set_of(leaf), node->normal);
	if (node->kind != NODE_MATCHES)
		return true;
	node->pattern = match_set_add_regex(
		set_of(leaf), slice_of(leaf->expr->text), leaf->expr->flags, &reason, &offset);
	place.column += (unsigned)offset + 1;
	if (node->pattern == SIZE_MAX)
		return builder_complain(leaf->builder, place, "this is no regex: %s", reason);
	if (!match_set_has_jit(leaf->reference->set))
		leaf->builder->program->has_jit = false;
	return true;
}

static struct node *finish_leaf(struct leaf *leaf)
{
	char *text = print_expr(NULL, leaf->expr);
	char *key = talloc_asprintf(NULL, "%zu %d %s", leaf->reference->id, leaf->like.kind, text);
	size_t count = leaf->builder->program->node_count;
	struct node *node;

	leaf->like.reference = leaf->reference;
	leaf->like.open = leaf->reference->open;
	leaf->like.is_counting = is_counting(leaf->reference);
	leaf->like.text = text;
	node = builder_node(leaf->builder, &leaf->like, key);
	talloc_free(key);
	if (leaf->builder->program->node_count == count) {
		talloc_free(text);
		return node->pattern == SIZE_MAX ? NULL : node;
	}
	talloc_steal(leaf->builder->program, text);
	return add_pattern(leaf, node) ? node : NULL;
}

static struct node *quantify(struct builder *builder, enum node_kind kind,
	const struct reference *records, struct node *operand, const struct node *like)
{
	struct node node = *like;
	char *key = talloc_asprintf(NULL, "%d %zu %zu %s", kind, records->id,
		operand ? operand->id : SIZE_MAX, like->text);
	struct node *found;

	node.kind = kind;
	node.reference = records;
	node.depth = operand ? operand->depth + 1 : 0;
	node.open = operand ? operand->open &
			~vocabulary_records_bit(builder->program->vocabulary, records->fact)
			    : 0;
	node.is_counting = operand && operand->is_counting;
	node.count = operand ? 1 : 0;
	node.operands = talloc_array(builder->program, struct node *, 1);
	node.operands[0] = operand;
	found = builder_node(builder, &node, key);
	talloc_free(key);
	return found;
}

static bool check_several(struct leaf *leaf, const struct reference *any)
{
	const char *name = leaf->reference->text;

	if (leaf->expr->kind != EXPR_COMPARE || leaf->expr->compare != COMPARE_NE ||
		(!any && !program_is_repeatable(leaf->reference)))
		return true;
	return builder_complain(leaf->builder, leaf->expr->operator_place,
		"%s may have several values: != says too little; write not %s == ...", name, name);
}

static struct node *resolve_leaf(struct builder *builder, const struct expr *expr)
{
	struct leaf leaf = {.builder = builder, .expr = expr};
	const struct reference *any;
	struct node *node;

	leaf.reference = resolve_fact(builder, expr->fact, &any);
	if (!leaf.reference)
		return NULL;
	leaf.type = program_type(leaf.reference);
	if (!check_several(&leaf, any) || !leaves[expr->kind](&leaf))
		return NULL;
	node = finish_leaf(&leaf);
	if (!node || !any)
		return node;
	return quantify(builder, NODE_ANY, any, node, &(struct node){.text = node->text});
}

/* --- names --- */

static struct node *resolve_let(
	struct builder *builder, const struct expr *expr, struct builder_name *name)
{
	name->used = true;
	if (!name->node)
		return NULL; /* it was complained about */
	if (name->node->depth > DEPTH_MAXIMUM) {
		builder_complain(builder, expr->place,
			"more than %d conditions in each other, by way of lets", DEPTH_MAXIMUM);
		return NULL;
	}
	if ((name->latest &&
		    !builder_check_stage(builder, name->latest, expr->place, expr->name)) ||
		(name->ending &&
			!builder_check_stage(builder, name->ending, expr->place, expr->name)))
		return NULL;
	return builder->program->nodes[name->node->id];
}

static bool is_field_here(const struct builder *builder, const char *name)
{
	for (size_t i = 0; i < builder->scope_count; i++) {
		if (vocabulary_field(builder->scopes[i]->fact, slice_of(name)))
			return true;
	}
	return false;
}

static struct node *complain_name(struct builder *builder, const struct expr *expr)
{
	const char *names[256], *meant;
	size_t count = 0;

	for (struct builder_entry *entry = builder->names; entry && count < 256;
		entry = entry->hh.next) {
		const struct builder_name *name = entry->content;

		if (name->item->kind == ITEM_LET)
			names[count++] = entry->key;
	}
	meant = complaint_suggestion(expr->name, names, count);
	if (!meant)
		meant = vocabulary_suggest_fact(builder, builder->program->vocabulary, expr->name);
	builder_complain(builder, expr->place, "there is no let above and no fact \"%s\"%s%s%s",
		expr->name, meant ? "; did you mean \"" : "", meant ? meant : "",
		meant ? "\"?" : "");
	return NULL;
}

static struct node *resolve_name(struct builder *builder, const struct expr *expr)
{
	struct builder_name *name = builder_find(builder->names, expr->name);

	if (!is_field_here(builder, expr->name) && name && name->item->kind == ITEM_LET)
		return resolve_let(builder, expr, name);
	if (!is_field_here(builder, expr->name) &&
		!vocabulary_fact(builder->program->vocabulary, slice_of(expr->name)))
		return complain_name(builder, expr);
	return resolve_leaf(builder, expr);
}

/* --- records --- */

static const struct reference *resolve_records(struct builder *builder, const struct expr *expr)
{
	const struct vocabulary *vocabulary = builder->program->vocabulary;
	const struct vocabulary_fact *records =
		vocabulary_records(vocabulary, slice_of(expr->name));
	struct reference like = {.text = expr->name, .fact = records};
	const struct reference *reference;

	if (!records) {
		const char *meant = vocabulary_suggest_records(vocabulary, expr->name);
		builder_complain(builder, expr->name_place, "there are no records \"%s\"%s%s%s",
			expr->name, meant ? "; did you mean \"" : "", meant ? meant : "",
			meant ? "\"?" : "");
		return NULL;
	}
	if (records->missing) {
		builder_complain(builder, expr->name_place, "%s is not in this build; %s brings it",
			records->name, records->missing);
		return NULL;
	}
	reference = builder_reference(builder, &like);
	return builder_check_stage(builder, reference, expr->name_place, NULL) ? reference : NULL;
}

static struct node *resolve_inside(
	struct builder *builder, const struct expr *expr, const struct reference *records)
{
	struct node *operand;

	if (builder->scope_count == BUILDER_DEPTH) {
		builder_complain(builder, expr->place, "too many records in each other");
		return NULL;
	}
	builder->scopes[builder->scope_count++] = records;
	operand = resolve_condition(builder, expr->operands[0]);
	builder->scope_count--;
	return operand;
}

static struct node *resolve_quantifier(struct builder *builder, const struct expr *expr)
{
	const struct reference *records = resolve_records(builder, expr);
	struct node *operand = records ? resolve_inside(builder, expr, records) : NULL;
	enum node_kind kind = expr->kind == EXPR_ANY ? NODE_ANY : NODE_ALL;

	if (!operand)
		return NULL;
	return quantify(builder, kind, records, operand,
		&(struct node){.text = print_expr(builder->program, expr)});
}

static struct node *resolve_count(struct builder *builder, const struct expr *expr)
{
	const struct reference *records = resolve_records(builder, expr);
	struct node like = {.compare = expr->compare};
	struct node *operand = NULL;

	if (!records)
		return NULL;
	if (expr->count) {
		operand = resolve_inside(builder, expr, records);
		if (!operand)
			return NULL;
	}
	if (!constant_read(&expr->literals.items[0], VALUE_INT, NULL, "a count", &like.value,
		    builder->complaints))
		return NULL;
	like.text = print_expr(builder->program, expr);
	return quantify(builder, NODE_COUNT, records, operand, &like);
}

/* exists RECORDS: there is one. */
static struct node *resolve_exists_records(struct builder *builder, const struct expr *expr)
{
	const struct expr records = {.kind = EXPR_COUNT,
		.name = expr->fact->name,
		.name_place = expr->fact->place,
		.place = expr->place};
	const struct reference *reference = resolve_records(builder, &records);
	struct node like = {.compare = COMPARE_GT, .value = {.type = VALUE_INT}};

	if (!reference)
		return NULL;
	like.text = print_expr(builder->program, expr);
	return quantify(builder, NODE_COUNT, reference, NULL, &like);
}

static struct node *resolve_exists(struct builder *builder, const struct expr *expr)
{
	const struct vocabulary *vocabulary = builder->program->vocabulary;
	struct slice name = slice_of(expr->fact->name);
	struct leaf leaf = {.builder = builder, .expr = expr, .like = {.kind = NODE_EXISTS}};
	const struct reference *any;
	struct node *node;

	if (!is_field_here(builder, expr->fact->name) && !vocabulary_fact(vocabulary, name) &&
		vocabulary_records(vocabulary, name))
		return resolve_exists_records(builder, expr);
	leaf.reference = resolve_fact(builder, expr->fact, &any);
	if (!leaf.reference)
		return NULL;
	node = finish_leaf(&leaf);
	return any ? quantify(builder, NODE_ANY, any, node, &(struct node){.text = node->text})
		   : node;
}

/* --- not, and, or --- */

static struct node *resolve_constant(struct builder *builder, const struct expr *expr)
{
	return node_of_operands(builder, expr->kind == EXPR_TRUE ? NODE_TRUE : NODE_FALSE, NULL, 0,
		expr->kind == EXPR_TRUE ? "true" : "false");
}

/* All operands are looked at, so that all complaints come. */
static struct node *resolve_chain(struct builder *builder, const struct expr *expr)
{
	static const enum node_kind kinds[] = {
		[EXPR_NOT] = NODE_NOT, [EXPR_AND] = NODE_AND, [EXPR_OR] = NODE_OR};
	static const char *const words[] = {
		[EXPR_NOT] = "not", [EXPR_AND] = "and", [EXPR_OR] = "or"};
	struct node **operands = talloc_array(builder->program, struct node *, expr->count);
	bool is_good = true;

	for (size_t i = 0; i < expr->count; i++) {
		operands[i] = resolve_condition(builder, expr->operands[i]);
		is_good = is_good && operands[i];
	}
	return is_good ? node_of_operands(builder, kinds[expr->kind], operands, expr->count,
				 words[expr->kind])
		       : NULL;
}

struct node *resolve_condition(struct builder *builder, const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_TRUE:
	case EXPR_FALSE:
		return resolve_constant(builder, expr);
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
		return resolve_chain(builder, expr);
	case EXPR_EXISTS:
		return resolve_exists(builder, expr);
	case EXPR_ANY:
	case EXPR_ALL:
		return resolve_quantifier(builder, expr);
	case EXPR_COUNT:
		return resolve_count(builder, expr);
	case EXPR_NAME:
		return resolve_name(builder, expr);
	default:
		return resolve_leaf(builder, expr);
	}
}
