/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written behind a command's name, parsed with argp. Wrong usage ends the process with a word on stderr and status
 * 64; --help prints the command's page and ends it with 0.
 *
 * (In a file of its own because argp.h brings getopt's `struct option` along, and ours is another one.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum arguments_command {
	ARGUMENTS_RUN,
	ARGUMENTS_MILTER,
	ARGUMENTS_REHEARSE,
	ARGUMENTS_CHECK,
	ARGUMENTS_EXPLAIN,
	ARGUMENTS_REPLAY,
	ARGUMENTS_REPORT,
	ARGUMENTS_STATUS,
	ARGUMENTS_RELOAD,
	ARGUMENTS_UPGRADE,
	ARGUMENTS_STOP,
	ARGUMENTS_FORGET,
	ARGUMENTS_SINK,
	ARGUMENTS_QUARANTINE,
	ARGUMENTS_FMT,
	ARGUMENTS_TEST,
	ARGUMENTS_MANUAL
};

/* Texts that were not given are NULL, unless a default is told here. */
struct arguments {
	const char *file;   /* configuration; there is a default */
	const char *socket; /* control socket */
	const char *listen; /* "ADDRESS:PORT"; 127.0.0.1:2526 */
	const char *client;
	const char *helo;
	const char *sender;
	const char *facts;
	const char *against;   /* another configuration */
	const char *hop;       /* which Received field, as a number */
	const char *since;     /* a duration */
	const char *subject;   /* the first word that is no option */
	const char **subjects; /* all of them, NULL-ended */
	size_t subject_count;
	const char **recipients; /* NULL-ended */
	size_t recipient_count;
	const char **to; /* of quarantine release: the only ones; NULL-ended */
	size_t to_count;
	bool json;
	bool live;
	bool is_id;
	bool force;      /* of quarantine release: also what may have been sent before */
	bool only_check; /* of fmt: say what it would do, and do nothing */
};

/* Lives under the parent; the texts are argv's. */
struct arguments *arguments_parse(
	const void *parent, enum arguments_command command, int argc, char **argv);
