/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary to try the rule language with: the stages of SMTP, a fact of each type, records, and actions of each shape.
 */
#pragma once

#include "rules/vocabulary.h"

extern const struct vocabulary fake_vocabulary;
