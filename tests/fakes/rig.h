/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a session is played: a real gateway in the test's own process, a client's end, and a socket where the gateway looks for its
 * backend. Time stands still unless the test moves the loop's clock. All that waits lets the gateway work meanwhile, and gives
 * up after ten seconds of real time.
 *
 * rig_new, rig_configure for each line, rig_begin, rig_connect; rig_end when all was played.
 */
#pragma once

#include "proxy/gateway.h"
#include "tests/fakes/certificate.h"
#include "tests/fakes/end.h"

#define RIG_PATIENCE 10000 /* ms */
#define RIG_MILTERS 2

struct rig {
	const struct certificate *certificate;
	struct loop *loop;
	struct table *table;
	struct gateway *gateway;
	struct bridge
		*bridge; /* to one behind it that judges as its milter; NULL: it judges itself */
	struct end client;
	size_t piece; /* so much the client sends at a time; 0: all of it */
	int listener; /* the backend's */
	uint16_t port;
	struct nameserver *nameserver;
	struct fake_milter *milters[RIG_MILTERS]; /* that the gateway asks; NULL: none */
	char *milter_scripts[RIG_MILTERS];        /* a line for each answer */
	struct shelf *shelf;                      /* the gateway's store; NULL: it has none */
	struct zone *zone; /* of the name server that the gateway asks; NULL: it has none */
	char *configuration;
	char *recipients; /* the list; NULL: none */
	char *log;        /* all lines */
	struct rig_rules {
		char *text; /* all lines of the rule file; NULL: there is none */
		char *file; /* as long as the configuration is read */
	} rules, shadow;
	void (*on_turn)(
		void *owner); /* called at each turn: for a backend that answers by itself */
	void *owner;
};

struct rig *rig_new(const void *parent, const struct certificate *certificate);

/* A line of configuration. A section that the first word names replaces the rig's own; @SERVER@ is the backend's address,
 * @CERTIFICATE@ and @KEY@ are files, @FINGERPRINT@ is the certificate's. The certificate stands for mx.example.com. */
void rig_configure(struct rig *rig, const char *line);

/* A line of a rule file; "version 1" stands there already. The configuration names the file, by @RULES@ where it has a section of its own. */
void rig_rule(struct rig *rig, const char *line);
/* The same of the shadow's, @SHADOW@. */
void rig_shadow_rule(struct rig *rig, const char *line);

/* A line of the script (milter.h) of a milter, by its number from 0. @MILTER@ and @MILTER2@ are their sockets where the configuration
 * has sections milter of its own. */
void rig_milter(struct rig *rig, size_t number, const char *line);

/* A line of what the gateway's name server knows (zone.h). NULL, or the line when it is none. Without any there is no name server, and nothing is known. */
const char *rig_name(struct rig *rig, const char *line);

/* A line of the list of recipients (policy/recipient_list.h). Without any, none is loaded. */
void rig_recipient(struct rig *rig, const char *line);

/* Lets all that was asked of the name server be answered, but for what it never answers. */
void rig_settle_names(struct rig *rig);

/* Gives the gateway a store (shelf.h), once it is open. */
void rig_use_store(struct rig *rig);

/* Before rig_begin: the gateway asks nobody but a milter, and that is a second gateway, which has all settings of the judge, the rules, the names, the
 * store and the list of recipients. The client must not notice. */
void rig_judge_as_milter(struct rig *rig);

/* Opens the gateway. NULL, or what is wrong with the configuration. */
const char *rig_begin(struct rig *rig);

/* A client from that address. */
void rig_connect(struct rig *rig, const char *client);

/* The backend's socket; listening from the start. */
void rig_listen(struct rig *rig);
void rig_unlisten(struct rig *rig);

/* Ends all; NULL, or what is left though client and time are gone. */
const char *rig_end(struct rig *rig);

/* --- bytes --- */

/* Lets the gateway, and a backend that answers by itself, do what is to be done now. */
void rig_turn(struct rig *rig);

/* As long as there is no news on the descriptor, takes a turn, a millisecond and a bit of the patience. */
void rig_await(struct rig *rig, int descriptor, unsigned *patience);

/* Until all is sent, or the other side is gone. */
void rig_send(struct rig *rig, struct end *end, const char *bytes, size_t size);

/* Until there is a line; false: there will be none. */
bool rig_hear_line(struct rig *rig, struct end *end, char line[END_LINE]);

/* Until the connection ends. */
bool rig_hear_end(struct rig *rig, struct end *end);

/* Until the gateway has connected to its backend. */
bool rig_accept(struct rig *rig, struct end *end);

/* NULL, or why the handshake failed. */
const char *rig_shake_hands(struct rig *rig, struct end *end, bool as_client);
