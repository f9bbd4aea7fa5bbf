/* SPDX-License-Identifier: Apache-2.0
 *
 * A transaction on its way into quarantine: its ticket is written, and the keeper is given both. In the other kind of quarantine, an
 * address, the envelope and the message are edited instead.
 */
#pragma once

#include "proxy/session.h"

/* What is planned for the session's transaction is kept; when the await has ended, transaction->custody tells. */
void quarantine_entry_begin(struct session *s, struct await *await);

/* Whether it was kept: logs why not, and sets the session's reply. */
void quarantine_entry_answer(struct session *s);

/* Before the plan: sends it to quarantine.redirect instead, and says in X-Postern-Quarantine why and whom it was for. */
void quarantine_entry_redirect(struct transaction *transaction);
