/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of LEARNER_DNS: asks the name servers what dns.a(name) and its sisters are. Each fact is one question, all facts
 * of a round are asked together. No such name is FACT_ABSENT, no such records a known fact without items; time-outs, SERVFAIL, forged
 * answers, and answers whose names all are no host names, are FACT_FAILED.
 */
#pragma once

#include "base/dns.h"
#include "policy/inquiry.h"

struct learner dns_learner(struct dns *dns);
