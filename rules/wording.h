/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts with facts in them: "attachment {attachment.path} is not accepted". "{{" is a brace. What is read here is filled in by
 * evaluate.h.
 */
#pragma once

#include "rules/builder.h"

/* NULL after a complaint. */
struct wording *wording_new(struct builder *builder, const struct literal *literal);

/* One that is a plain text. */
struct wording *wording_of(const void *parent, const char *text);
