/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of LEARNER_STORE: what is remembered from earlier mail. Facts have failed while the store does; without a store (explain, tests, replay, a
 * gateway that has none) they are absent, and nothing is counted.
 */
#pragma once

#include "base/store.h"
#include "policy/inquiry.h"

/* NULL: there is none. */
struct learner store_learner(struct store *store);
