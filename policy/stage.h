/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of a session at which something is judged, in their order.
 */
#pragma once

enum stage {
	STAGE_CONNECT,
	STAGE_HELO,
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_MESSAGE
};

#define STAGES 7
#define AT(stage) (1u << (stage))

/* "connect", "helo" … */
const char *stage_name(enum stage stage);
