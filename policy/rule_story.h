/* SPDX-License-Identifier: Apache-2.0
 *
 * What each rule said of an inquiry, and why: its leaves with what they saw. For explain; gathered after each stage, told at the end.
 */
#pragma once

#include "policy/inquiry.h"

#include <jansson.h>
#include <stdio.h>

struct rule_story;

struct rule_story *rule_story_new(const void *parent);

/* Adds the rules of the stage that has just been judged. about: a recipient, NULL for none. */
void rule_story_add(struct rule_story *story, const struct inquiry *inquiry, const char *about);

/* As a text that begins with an empty line; nothing when there were no rules. */
void rule_story_print(const struct rule_story *story, FILE *out);

/* [{"stage": …, "rule": …, "result": "match|no match|failed|not asked|over", "leaves": [{"leaf": …, "value": …, "is": …}]}]; the caller drops the
 * reference. */
json_t *rule_story_json(const struct rule_story *story);
