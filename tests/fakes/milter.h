/* SPDX-License-Identifier: Apache-2.0
 *
 * A milter for tests, on the loop of what it is asked by. It says "continue" to everything, but for what its script says instead, and
 * keeps all that it hears as lines: "connect [192.0.2.10] 4 40000 192.0.2.10", "mail <a@example.net> SIZE=5", "header Subject: hello",
 * "macros M i=… mail_addr=…", "eom", "abort", "quit", "closed".
 *
 * A line of the script is an event and what it is answered, one behind the other with ";" between them. Several lines for one event are
 * used one after the other, the last for all that follow:
 *
 *     offer 1ff 100000                    actions and protocol, in hexadecimal digits (1ff 0); a third number: the version (6)
 *     offer 1ff 0 ; list 2 i {mail_addr}  a list of macros of its own
 *     rcpt reject
 *     rcpt continue
 *     eom add_header X-A: one ; change_header 1 Subject: new ; delete_header 2 X ; insert_header 0 X: v
 *     eom change_sender <a@b> ; add_recipient <c@d> ; remove_recipient <e@f> ; quarantine why ; replace_body new\r\n ; accept
 *     data reply 550 5.7.1 no, and no\r\n; progress; skip; discard; tempfail; shutdown
 *     eom nothing                         it does not answer
 *     eom close                           it closes the connection
 *     eom raw \x00\x00\x00\x01c           those bytes
 *
 * What is no word of these ends the test.
 */
#pragma once

#include "base/loop.h"

struct fake_milter;

struct fake_milter *milter_new(const void *parent, struct loop *loop);

/* Its socket, to be removed when it is freed. */
const char *milter_path(const struct fake_milter *milter);

void milter_script(struct fake_milter *milter, const char *line);

/* The next line that it has heard, or NULL: none yet. Macros and offers are passed over unless with_macros. */
const char *milter_heard(struct fake_milter *milter, bool with_macros);

/* How many connections it has and had. */
unsigned milter_open(const struct fake_milter *milter);
unsigned milter_connections(const struct fake_milter *milter);
