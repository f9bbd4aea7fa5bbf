/* SPDX-License-Identifier: Apache-2.0
 *
 * `postern sink`: a small SMTP server that accepts everything and keeps it as a Maildir, for trying out and for tests. A
 * message is stored as its bytes came (CRLF line ends, stuffed dots taken off) below a few header fields that hold the
 * envelope: Return-Path, X-Envelope-From, and an X-Envelope-To for each recipient. It is written to tmp, synced, and moved
 * to new before the client hears 250.
 *
 * It offers PIPELINING, 8BITMIME, SMTPUTF8, SIZE, CHUNKING and ENHANCEDSTATUSCODES. It has no TLS and no defences: it is for
 * the inside.
 */
#pragma once

/* Serves until killed. address is "HOST:PORT"; with port 0 the kernel chooses one, and the line on stderr tells which. */
int sink_run(const char *address, const char *directory);
