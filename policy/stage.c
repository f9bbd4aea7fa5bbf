/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the stages. */
#include "policy/stage.h"

const char *stage_name(enum stage stage)
{
	static const char *const names[STAGES] = {
		"connect", "helo", "auth", "mail", "rcpt", "data", "message"};

	return names[stage];
}
