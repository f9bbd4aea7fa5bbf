/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session may use up: connections of its client, errors, commands that bring nothing, time. They come before all judgement, and no
 * check or rule lifts them; who is in relay.networks is exempt from the limits on connections.
 */
#pragma once

#include "proxy/session.h"

#define LIMITS_REFUSAL "too many connections, try again later" /* 421 4.7.0 */

const struct limits_options *limits_of(const struct session *s);

/* Counts the connection; false when its client, or all together, have too many: then he hears LIMITS_REFUSAL. Taken back when the session ends. */
bool limits_admit(struct session *s);
void limits_release(struct session *s);

/* The same for a connection that is no session. Who is known as good may have ten times as many. */
bool limits_admit_address(struct gateway *gateway, const struct ip *ip, bool is_known_good);
void limits_release_address(struct gateway *gateway, const struct ip *ip);

/* How long a client waits for its greeting, in milliseconds: strangers at their first visit, unless they are known as good. And that it has. */
uint64_t limits_greeting_wait(const struct session *s);
void limits_note_patience(const struct session *s);

/* A recipient was refused for good. How long the answer is held back, when it is ours, in milliseconds; false in *go_on when it was
 * one too many. */
uint64_t limits_tarpit(struct session *s, bool is_ours, bool *go_on);

/* Counts a protocol error; false when it was one too many. */
bool limits_allow_error(struct session *s);

/* Counts a command that brings no mail nearer; false when it was one too many. */
bool limits_allow_idle_verb(struct session *s);

/* How long the session may be silent, in milliseconds: for its next command (0: it has been without mail for too long), and for the next bytes of
 * a message, whose average rate since it began has a bound too. */
uint64_t limits_patience_for_command(const struct session *s);
uint64_t limits_patience_for_body(const struct session *s);

/* How long a chunk took, at most what its bytes take at the least rate. */
uint64_t limits_time_of_body(const struct session *s);
