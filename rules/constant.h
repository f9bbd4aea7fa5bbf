/* SPDX-License-Identifier: Apache-2.0
 *
 * Literals read as values of a type. No conversion is made but one: a text in quotation marks is read as the type that stands across
 * from it.
 */
#pragma once

#include "rules/tree.h"
#include "rules/value.h"

/* names: of an enum or of flags (then the value is one bit). Complains and returns false when it cannot be; `what` stands in the
 * complaint for what it is compared with. Texts are borrowed from the literal. */
bool constant_read(const struct literal *literal, enum value_type type, const char *const *names,
	const char *what, struct value *value, struct complaints *complaints)
	__attribute__((warn_unused_result));
