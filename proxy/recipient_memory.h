/* SPDX-License-Identifier: Apache-2.0
 *
 * What all workers remember of recipients that the backend does not know, in the shared table: which ones, for recipients.memory, and how many each
 * client has tried within a minute. Who exceeds recipients.unknown_rate has what he asks for looked up here first; the check `recipient`
 * then refuses what is remembered, and the backend is spared the rest of the list that he goes through. All others, and every address that is not
 * remembered, get the backend's own answer. Only a no is ever remembered; a yes drops it.
 *
 * The memory is lossy as base/table is: it may forget early, and two addresses in about 260,000 may be taken for one, which only a client
 * beyond its rate can feel.
 */
#pragma once

#include "proxy/session.h"

#include "policy/mail/address.h"

/* Before the recipient is judged: tells its facts. */
void recipient_memory_tell(struct session *s, const struct address *recipient);

/* The backend has answered to the recipient. */
void recipient_memory_note(struct session *s, const struct address *recipient);

/* For `postern forget`: whether anything was remembered of the address. */
bool recipient_memory_forget(struct table *table, const struct address *recipient);
