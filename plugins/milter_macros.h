/* SPDX-License-Identifier: Apache-2.0
 *
 * Macros: what a mail server tells milters besides the events, by names of Sendmail's. Each stage has a list that serves the milters there
 * are; a milter may ask for another (SETSYMLIST). A macro without a value is left out; a name that we do not know has none.
 *
 *     connect  j _ v {daemon_name} {daemon_addr} {if_name} {if_addr} {client_addr} {client_name} {client_port} {client_ptr} {client_resolve}
 *     helo     {tls_version} {cipher} {cert_subject} {cert_issuer} {verify}
 *     mail     i {auth_type} {auth_authen} {mail_mailer} {mail_host} {mail_addr}
 *     rcpt     i {rcpt_mailer} {rcpt_host} {rcpt_addr}
 *     data     i
 *     eoh      i
 *     eom      i {msg_id}
 */
#pragma once

#include "plugins/milter_wire.h"
#include "policy/inquiry.h"

/* Of whom is spoken. */
struct milter_subject {
	struct inquiry *inquiry;
	const struct recipient *recipient; /* at rcpt; NULL: nobody */
	const char *
		refused_status; /* of a recipient that was refused before the milter heard of it; NULL: it was not */
	const char *refused_text;
};

/* The packet of macros for a command, with its length; empty when there are none. names: the milter's own list; NULL: ours. */
struct slice milter_macros_print(const void *parent, enum milter_macro_stage stage, char command,
	const char *names, const struct milter_subject *subject);

/* The value of a macro, without braces; NULL: it has none. */
const char *milter_macros_value(
	const void *parent, struct slice name, const struct milter_subject *subject);
