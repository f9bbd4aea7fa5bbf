/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of `postern check --live` about milters and plugins, a line each: a milter is connected to and negotiated with, and taken leave of; an object is
 * loaded by its host, in its sandbox, which then calls its postern_plugin_init() and ends. A program is not started a second time: only the
 * running gateway can tell of it.
 */
#pragma once

#include "proxy/configuration.h"

/* False when one cannot be used. */
bool live_milters_tell(const struct configuration *configuration, FILE *out)
	__attribute__((warn_unused_result));
