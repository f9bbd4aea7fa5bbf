/* SPDX-License-Identifier: Apache-2.0 */
/* The names of what can be wrong with the structure of a message. */
#include "policy/content/mime_anomaly.h"

#include <stddef.h>

#define NAME(id, name, manual) name,
const char *const mime_anomaly_names[] = {MIME_ANOMALIES(NAME) NULL};

#define MANUAL(id, name, manual) manual,
const char *const mime_anomaly_manual[] = {MIME_ANOMALIES(MANUAL) NULL};

_Static_assert(MIME_ANOMALY_COUNT < 64, "a set of them is a number");
