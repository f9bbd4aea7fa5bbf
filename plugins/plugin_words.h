/* SPDX-License-Identifier: Apache-2.0
 *
 * The words that a plugin is started with. Of a program (exec) they are its own, parted by blanks, and the arguments behind them, each as it
 * is; "{socket}" in any of them stands for where to listen. Of an object (path) they are those of its host: what it is called, where
 * to listen, the object, the arguments.
 *
 * There are no quotes and no shell: what has blanks in it stands in the arguments.
 */
#pragma once

#include "plugins/options.h"

/* Stands for where to listen. */
extern const char plugin_words_placeholder[];

/* NULL-ended, under the parent. host: the program that loads objects. socket: as libmilter writes it, "fd:3" or "unix:/path". */
char **plugin_words_new(const void *parent, const struct plugin_options *options, const char *host,
	const char *socket);

/* The program of an exec without its words; NULL: there is none. */
char *plugin_words_program(const void *parent, const char *exec);

/* Whether a word names the socket. */
bool plugin_words_name_socket(const struct plugin_options *options);
