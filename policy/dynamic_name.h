/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the name of a host looks like one that a provider has given to a whole range: mail servers have names of their own. A guess: such a name
 * is no reason to refuse mail, only to look more closely.
 */
#pragma once

#include "base/cidr.h"

/* It has the last two bytes of an IPv4 address in it as numbers of their own, or all of the address (of IPv6, its second half) as one hexadecimal number; or
 * one of the words that providers use, as dsl, dyn, dhcp or pool, stands alone between dots, hyphens and digits before its domain. */
bool dynamic_name(const char *name, const struct ip *ip);
