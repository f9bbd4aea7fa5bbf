/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory by the megabyte, in a process that may have no more than its limit: a stranger's text and what is made of it. Where small things
 * are asked for nobody looks whether they were had; here the process says in the log that its memory is at an end (event=out_of_memory),
 * and ends with BULK_STATUS, before anybody writes to where nothing is.
 */
#pragma once

#include <stddef.h>

#define BULK_STATUS 71 /* EX_OSERR of sysexits.h */

/* Under the talloc parent. */
char *bulk_new(const void *parent, size_t size) __attribute__((warn_unused_result));

/* Larger or smaller, with what is in it; NULL is a new one. */
char *bulk_resize(const void *parent, char *bytes, size_t size) __attribute__((warn_unused_result));
