/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket: how `postern status`, `reload`, `upgrade` and `stop` speak to the running gateway. A unix socket of mode 0600; one
 * request a connection: a line of words. The answer is a line "ok" or "error", then a text, then the end.
 *
 * Whoever may connect may still send garbage, half a line, nothing, or never read: a request has at most CONTROL_LINE bytes
 * and five seconds to come, an answer as long to be taken; only CONTROL_CLIENTS are served at a time, the others wait in
 * the kernel. What is no line of printable ASCII is answered with an error and not looked at further.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define CONTROL_LINE 256
#define CONTROL_CLIENTS 16

struct loop;
struct control;
struct control_request;

/* Called with the line, without its end. Whoever takes the request answers it, now or later. */
typedef void (*control_fn)(void *owner, struct control_request *request, const char *line);

/* Makes the socket. A stale one (nobody answers) is replaced, a living one is an error: NULL, and *reason says why. The
 * socket's file goes when the control is freed in the process that made it. */
struct control *control_new(const void *parent, struct loop *loop, const char *path,
	control_fn handle, void *owner, const char **reason);

/* The same on a socket that was handed to us, already listening. */
struct control *control_take_over(const void *parent, struct loop *loop, const char *path,
	int descriptor, control_fn handle, void *owner);
int control_descriptor(const struct control *control);
const char *control_path(const struct control *control);

/* The connection of whoever asked, or -1 when he has left; and a request on one that was handed to us. */
int control_asker(const struct control_request *request);
struct control_request *control_take_request(struct control *control, int descriptor);

/* Answers, once; the request is gone then. The asker may have left meanwhile: no matter. */
void control_answer(struct control_request *request, bool well, const char *text);

/* The asking side, blocking: sends the line, prints the answer's text. Exit status: 0 for ok, 1 for error (a text on stderr),
 * 2 when there is nobody to ask. */
int control_ask(const char *path, const char *line, FILE *out);
