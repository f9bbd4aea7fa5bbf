/* SPDX-License-Identifier: Apache-2.0
 *
 * A command line of the client, taken apart (RFC 5321 §4.1.1): the verb, its argument, for MAIL and RCPT the path and the
 * parameters, for BDAT the size of its chunk. The parsers know grammar only; what is allowed when, and what is welcome, is said elsewhere.
 */
#pragma once

#include "policy/mail/envelope.h"
#include "proxy/client_view.h"

struct command {
	struct slice verb;          /* as written */
	struct slice argument;      /* behind the verb, without blanks at both ends */
	const struct address *path; /* of MAIL and RCPT */
	int64_t size;               /* SIZE=, -1 for none */
	enum body_type body;
	bool utf8;
	bool require_tls;
	enum dsn_return dsn_return;
	const char *dsn_id;
	struct slice mechanism;        /* of AUTH */
	struct slice initial;          /* response that came with it; empty for none */
	struct client_view *announced; /* by XCLIENT or XFORWARD */
	unsigned given;                /* of it, bits of enum attribute */
	struct recipient recipient;    /* of RCPT: path and parameters */
	int64_t chunk;    /* bytes that follow the line and have not come yet; 0 for none */
	int64_t received; /* bytes that have come: of the chunk, or of the message behind DATA */
	uint64_t since;   /* clock_now() of their begin */
	bool last;        /* LAST */
};

/* Cuts a line into verb and argument; both borrow from the line. */
void command_split(struct command *command, struct slice line);

/* Each parses the argument of its verb. NULL when it is well-formed, else the reply that says what is wrong, under the
 * parent, as everything they keep. */
const struct reply *command_parse_mail(const void *parent, struct command *command);
const struct reply *command_parse_rcpt(const void *parent, struct command *command);
const struct reply *command_parse_bdat(const void *parent, struct command *command);
const struct reply *command_parse_auth(const void *parent, struct command *command);
const struct reply *command_parse_xclient(const void *parent, struct command *command);
const struct reply *command_parse_xforward(const void *parent, struct command *command);
const struct reply *command_parse_helo(const void *parent, struct command *command);
const struct reply *command_parse_nothing(const void *parent, struct command *command);
const struct reply *command_parse_something(const void *parent, struct command *command);
