/* SPDX-License-Identifier: Apache-2.0 */
/* A milter made with libmilter that has every callback and writes a line for each: every SOCKET LOG MODE; as a plugin its arguments are LOG MODE. MODE is watch (it changes
 * nothing), change (it makes every change there is), end (it wants the end of the message alone), silent (it answers to nothing but the end), or refuse (recipients that begin with
 * "no" with a reply of two lines). */
#include <libmilter/mfapi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;
static const char *mode;

static int is_mode(const char *wanted)
{
	return strcmp(mode, wanted) == 0;
}

static void note(const char *format, ...)
{
	va_list arguments;

	flockfile(out);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
	fflush(out);
	funlockfile(out);
}

static sfsistat answer(void)
{
	return is_mode("silent") ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static const char *symbol(SMFICTX *context, char *name)
{
	const char *value = smfi_getsymval(context, name);

	return value ? value : "-";
}

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
	note("connect %s %d j=%s _=%s client_addr=%s", host, address ? address->sa_family : 0,
		symbol(context, "j"), symbol(context, "_"), symbol(context, "{client_addr}"));
	return answer();
}

static sfsistat on_helo(SMFICTX *context, char *name)
{
	(void)context;
	note("helo %s", name);
	return answer();
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
	note("mail %s %s i=%s mail_addr=%s", arguments[0], arguments[1] ? arguments[1] : "-",
		symbol(context, "i"), symbol(context, "{mail_addr}"));
	return answer();
}

static sfsistat on_rcpt(SMFICTX *context, char **arguments)
{
	note("rcpt %s rcpt_addr=%s", arguments[0], symbol(context, "{rcpt_addr}"));
	if (is_mode("refuse") && strncmp(arguments[0], "<no", 3) == 0) {
		smfi_setmlreply(context, "550", "5.1.1", "nobody", "is called 100%% that", NULL);
		return SMFIS_REJECT;
	}
	return answer();
}

static sfsistat on_data(SMFICTX *context)
{
	note("data i=%s", symbol(context, "i"));
	return answer();
}

static sfsistat on_unknown(SMFICTX *context, const char *line)
{
	(void)context;
	note("unknown %s", line);
	return answer();
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	(void)context;
	note("header %s:%s", name, value);
	return answer();
}

static sfsistat on_eoh(SMFICTX *context)
{
	note("eoh i=%s", symbol(context, "i"));
	return answer();
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	note("body %zu", size);
	return answer();
}

static void change(SMFICTX *context)
{
	static unsigned char body[] = "changed\r\n";

	smfi_progress(context);
	smfi_addheader(context, "X-Added", "one");
	smfi_insheader(context, 1, "X-Inserted", "two\n\tand so on");
	smfi_chgheader(context, "Subject", 1, "three");
	smfi_chgheader(context, "X-Gone", 1, NULL);
	smfi_chgfrom(context, "<bounces@example.com>", NULL);
	smfi_addrcpt(context, "<added@example.com>");
	smfi_addrcpt_par(context, "<other@example.com>", "NOTIFY=NEVER");
	smfi_delrcpt(context, "<gone@example.com>");
	smfi_replacebody(context, body, sizeof body - 1);
}

static sfsistat on_eom(SMFICTX *context)
{
	note("eom i=%s mail_addr=%s", symbol(context, "i"), symbol(context, "{mail_addr}"));
	if (is_mode("change"))
		change(context);
	return SMFIS_CONTINUE;
}

static sfsistat on_abort(SMFICTX *context)
{
	(void)context;
	note("abort");
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
	(void)context;
	note("close");
	return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
	unsigned long f2, unsigned long f3, unsigned long *own_actions, unsigned long *own_steps,
	unsigned long *own_f2, unsigned long *own_f3)
{
	const unsigned long silent = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT |
		SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;
	const unsigned long unwanted = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL |
		SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NOHDRS | SMFIP_NOEOH |
		SMFIP_NOBODY;

	(void)f2;
	(void)f3;
	note("negotiate %lx %lx", actions, steps);
	smfi_setsymlist(context, SMFIM_EOM, "i {mail_addr}");
	*own_actions = actions;
	*own_steps = is_mode("silent") ? silent : is_mode("end") ? unwanted : 0;
	*own_f2 = *own_f3 = 0;
	return SMFIS_CONTINUE;
}

struct smfiDesc postern_plugin = {"every", SMFI_VERSION,
	SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR |
		SMFIF_DELRCPT | SMFIF_CHGFROM | SMFIF_SETSYMLIST,
	on_connect, on_helo, on_mail, on_rcpt, on_header, on_eoh, on_body, on_eom, on_abort,
	on_close, on_unknown, on_data, on_negotiate};

int postern_plugin_init(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	out = fopen(argv[1], "w");
	mode = argv[2];
	return out ? 0 : 1;
}

int main(int count, char **arguments)
{
	if (count != 4 || postern_plugin_init(count - 1, arguments + 1) != 0)
		return 2;
	if (smfi_setconn(arguments[1]) == MI_FAILURE ||
		smfi_register(postern_plugin) == MI_FAILURE || smfi_opensocket(1) == MI_FAILURE)
		return 1;
	return smfi_main();
}
