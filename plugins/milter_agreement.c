/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to what a mail server offers. */
#include "plugins/milter_agreement.h"

#define OLDEST 2
#define EDITS                                                                                      \
	(MILTER_ADD_HEADERS | MILTER_CHANGE_HEADERS | MILTER_CHANGE_BODY | MILTER_ADD_RECIPIENTS | \
		MILTER_DELETE_RECIPIENTS | MILTER_CHANGE_SENDER)
#define WISHES                                                                                     \
	(MILTER_SILENT_HEADER | MILTER_SILENT_EOH | MILTER_SILENT_BODY | MILTER_LEADING_SPACE)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of TLS the server may know only when HELO has come again, and of AUTH when MAIL has. */
static const struct {
	enum milter_macro_stage stage;
	const char *names;
} lists[] = {
	{MACROS_CONNECT,
		"j v _ {daemon_name} {daemon_addr} {if_addr} {client_addr} {client_name} "
		"{client_ptr} {client_port}"},
	{MACROS_HELO, "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {verify}"},
	{MACROS_MAIL, "i {auth_type} {auth_authen} {auth_author} {mail_addr}"},
	{MACROS_RCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"},
	{MACROS_DATA, "i"},
	{MACROS_EOM, "i"},
	{MACROS_EOH, "i"},
};

_Static_assert(COUNT(lists) <= MILTER_WIRE_LISTS, "all of them fit into an answer");

static void ask_for_macros(struct milter_packet *answer)
{
	for (size_t i = 0; i < COUNT(lists); i++)
		answer->lists[i] = (struct milter_macro_list){
			(uint32_t)lists[i].stage, slice_of(lists[i].names)};
	answer->list_count = COUNT(lists);
}

const char *milter_agreement_answer(const struct milter_role *role,
	const struct milter_packet *offer, struct milter_packet *answer)
{
	uint32_t version = offer->numbers[0], actions = offer->numbers[1];
	uint32_t wishes = WISHES |
		(role->hears_unknown ? MILTER_SILENT_UNKNOWN | MILTER_REFUSED_RCPT
				     : MILTER_NO_UNKNOWN);

	if (version < OLDEST)
		return "it speaks a version of the milter protocol that is too old: 2 to 6 will do";
	if (role->needed & ~actions)
		return "it does not offer to do what we need of it: adding and changing of fields, "
		       "and quarantine where as_milter.quarantine says so";
	milter_wire_begin(answer, MILTER_OFFER);
	answer->numbers[0] = version < MILTER_WIRE_VERSION ? version : MILTER_WIRE_VERSION;
	answer->numbers[1] = actions & (role->needed | EDITS | MILTER_SET_MACROS);
	answer->numbers[2] = offer->numbers[2] & wishes;
	if (answer->numbers[1] & MILTER_SET_MACROS)
		ask_for_macros(answer);
	return NULL;
}
