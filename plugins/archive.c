/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that keeps a copy of each message, with its envelope as fields at the front, in a Maildir or by sending it on:
 *
 *     arguments = {"maildir", "/folder"}
 *     arguments = {"smtp", "ADDRESS:PORT", "RECIPIENT"}
 *
 * The message is gathered in memory and put away at its end; what cannot be put away is put off, so that the client comes again. It changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_SECONDS = 10,
	ALL_SECONDS = 45,
	REPLY_LINES = 100,
	LINE_MOST = 1000,
	PATH_MOST = 4096,
	BLOCK = 4096
};

/* What the arguments say, written once. */
static struct {
	bool (*put_away)(FILE *message);
	const char *folder;
	struct addrinfo *server;
	const char *recipient;
	char host[256];
} archive;

static bool fails(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return false;
}

/* --- a Maildir --- */

static void make_folders(void)
{
	static const char *const names[] = {"", "/tmp", "/new", "/cur"};
	char path[PATH_MOST];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s%s", archive.folder, names[i]);
		mkdir(path, 0700);
	}
}

/* A name that no other file has had: the time, the process, a number of its own. */
static void make_name(char *name, size_t size)
{
	static atomic_uint last;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, size, "%lld.M%06ldP%d_%u.%s", (long long)now.tv_sec, now.tv_nsec / 1000,
		(int)getpid(), atomic_fetch_add(&last, 1), archive.host);
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "wxe");

	if (file || errno != ENOENT)
		return file;
	make_folders();
	return fopen(path, "wxe");
}

/* Line ends are LF there. */
static bool copy_lines(FILE *message, FILE *file)
{
	bool has_return = false;

	for (int c; (c = getc(message)) != EOF;) {
		if (has_return && c != '\n')
			putc('\r', file);
		has_return = c == '\r';
		if (!has_return)
			putc(c, file);
	}
	if (has_return)
		putc('\r', file);
	return !ferror(message) && fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
}

static bool sync_folder(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = folder >= 0 && fsync(folder) == 0;

	if (folder >= 0)
		close(folder);
	return good;
}

static bool put_into_maildir(FILE *message)
{
	char name[320], written[PATH_MOST], kept[PATH_MOST], folder[PATH_MOST];
	FILE *file;
	bool good;

	make_name(name, sizeof name);
	snprintf(written, sizeof written, "%s/tmp/%s", archive.folder, name);
	snprintf(kept, sizeof kept, "%s/new/%s", archive.folder, name);
	snprintf(folder, sizeof folder, "%s/new", archive.folder);
	file = create(written);
	if (!file)
		return fails(written);
	good = copy_lines(message, file) || fails(written);
	good = (fclose(file) == 0 && good) && (rename(written, kept) == 0 || fails(kept)) &&
		(sync_folder(folder) || fails(folder));
	if (!good)
		unlink(written);
	return good;
}

/* --- SMTP --- */

/* Bytes to the server are gathered in `out`; what waits takes WAIT_SECONDS at most, all together ALL_SECONDS. */
struct dialogue {
	FILE *in, *out;
	time_t begun;
	bool takes_8bit;
};

static bool is_late(const struct dialogue *dialogue)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - dialogue->begun > ALL_SECONDS;
}

static bool give_up(const char *what, const char *line)
{
	fprintf(stderr, "the archive's server, %s: %.*s\n", what, (int)strcspn(line, "\r\n"), line);
	return false;
}

/* A reply of any number of lines, all with a code that begins with the digit. */
static bool hear(struct dialogue *dialogue, char digit, const char *what)
{
	char line[LINE_MOST] = "";

	for (unsigned i = 0; i < REPLY_LINES && !is_late(dialogue); i++) {
		if (!fgets(line, sizeof line, dialogue->in))
			return give_up(
				what, errno == EAGAIN ? "no answer in time" : "it has closed");
		if (!strchr(line, '\n') || strspn(line, "0123456789") != 3 || line[0] != digit)
			return give_up(what, line);
		if (strncasecmp(line + 4, "8BITMIME", 8) == 0)
			dialogue->takes_8bit = true;
		if (line[3] != '-')
			return true;
	}
	return give_up(what, "it takes too long");
}

static bool say(struct dialogue *dialogue, char digit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool say(struct dialogue *dialogue, char digit, const char *format, ...)
{
	va_list arguments;
	char line[LINE_MOST];

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	errno = 0;
	fprintf(dialogue->out, "%s\r\n", line);
	return fflush(dialogue->out) == 0 ? hear(dialogue, digit, line) : fails(line);
}

/* Each line ends with CRLF and nothing else does, and one that begins with a dot gets another: nothing in a message can end it. */
static bool say_lines(struct dialogue *dialogue, FILE *message)
{
	bool at_begin = true, has_return = false;
	size_t count = 0;

	for (int c; (c = getc(message)) != EOF;) {
		if (has_return || c == '\n') {
			fputs("\r\n", dialogue->out);
			at_begin = true;
		}
		if (c != '\r' && c != '\n') {
			if (at_begin && c == '.')
				putc('.', dialogue->out);
			putc(c, dialogue->out);
			at_begin = false;
		}
		has_return = c == '\r';
		if (++count % BLOCK == 0 && (ferror(dialogue->out) || is_late(dialogue)))
			return fails("the message");
	}
	if (has_return || !at_begin)
		fputs("\r\n", dialogue->out);
	return !ferror(message);
}

static bool converse(struct dialogue *dialogue, FILE *message)
{
	return hear(dialogue, '2', "its greeting") && say(dialogue, '2', "EHLO %s", archive.host) &&
		say(dialogue, '2', "MAIL FROM:<>%s",
			dialogue->takes_8bit ? " BODY=8BITMIME" : "") &&
		say(dialogue, '2', "RCPT TO:<%s>", archive.recipient) &&
		say(dialogue, '3', "DATA") && say_lines(dialogue, message) &&
		say(dialogue, '2', ".");
}

static int connect_to(const struct addrinfo *server)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	int descriptor = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return -1;
	setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(descriptor, server->ai_addr, server->ai_addrlen) == 0)
		return descriptor;
	int error = errno;
	close(descriptor);
	errno = error;
	return -1;
}

/* Once its last reply is heard the message is there; QUIT is only polite. */
static bool send_on(FILE *message)
{
	int descriptor = connect_to(archive.server);
	struct dialogue dialogue = {.in = descriptor < 0 ? NULL : fdopen(descriptor, "r")};
	struct timespec now;
	bool good;

	if (descriptor < 0)
		return fails("the archive's server");
	clock_gettime(CLOCK_MONOTONIC, &now);
	dialogue.begun = now.tv_sec;
	dialogue.out = dialogue.in ? fdopen(dup(descriptor), "w") : NULL;
	good = dialogue.out && converse(&dialogue, message);
	if (good)
		fputs("QUIT\r\n", dialogue.out);
	if (dialogue.out)
		fclose(dialogue.out);
	if (dialogue.in)
		fclose(dialogue.in);
	else
		close(descriptor);
	return good;
}

/* --- what libmilter tells us --- */

/* The message in hand is the session's private pointer; NULL: none, or it could not be kept. */
static void forget(SMFICTX *context)
{
	FILE *message = smfi_getpriv(context);

	if (message)
		fclose(message);
	smfi_setpriv(context, NULL);
}

/* We hear of what makes a message, answer at its end alone, and want blanks behind the colon as they are. */
static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
	unsigned long f2, unsigned long f3, unsigned long *own_actions, unsigned long *own_steps,
	unsigned long *own_f2, unsigned long *own_f3)
{
	(void)context;
	(void)actions;
	(void)f2;
	(void)f3;
	*own_actions = 0;
	*own_steps = steps &
		(SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN |
			SMFIP_HDR_LEADSPC | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR |
			SMFIP_NR_EOH | SMFIP_NR_BODY);
	*own_f2 = *own_f3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_mail(SMFICTX *context, char **words)
{
	int descriptor = memfd_create("archive", MFD_CLOEXEC);
	FILE *message = descriptor < 0 ? NULL : fdopen(descriptor, "w+");

	forget(context);
	smfi_setpriv(context, message);
	if (message)
		fprintf(message, "X-Envelope-From: %s\r\n", words[0]);
	else if (descriptor >= 0)
		close(descriptor);
	return SMFIS_NOREPLY;
}

static sfsistat on_rcpt(SMFICTX *context, char **words)
{
	FILE *message = smfi_getpriv(context);

	if (message)
		fprintf(message, "X-Envelope-To: %s\r\n", words[0]);
	return SMFIS_NOREPLY;
}

/* In a folded value lines end with LF. */
static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	FILE *message = smfi_getpriv(context);

	if (!message)
		return SMFIS_NOREPLY;
	fprintf(message, "%s:", name);
	for (const char *c = value; *c; c++) {
		if (*c == '\n')
			putc('\r', message);
		putc(*c, message);
	}
	fputs("\r\n", message);
	return SMFIS_NOREPLY;
}

static sfsistat on_header_end(SMFICTX *context)
{
	FILE *message = smfi_getpriv(context);

	if (message)
		fputs("\r\n", message);
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t size)
{
	FILE *message = smfi_getpriv(context);

	if (message)
		fwrite(bytes, 1, size, message);
	return SMFIS_NOREPLY;
}

static sfsistat on_end(SMFICTX *context)
{
	FILE *message = smfi_getpriv(context);
	bool good = message && fflush(message) == 0 && !ferror(message);

	if (good)
		rewind(message);
	else
		fails("a message cannot be held in memory");
	good = good && archive.put_away(message);
	forget(context);
	if (good)
		return SMFIS_CONTINUE;
	smfi_setreply(context, "451", "4.3.0", "the archive cannot take this now");
	return SMFIS_TEMPFAIL;
}

static sfsistat on_over(SMFICTX *context)
{
	forget(context);
	return SMFIS_CONTINUE;
}

struct smfiDesc postern_plugin = {
	.xxfi_name = "archive",
	.xxfi_version = SMFI_VERSION,
	.xxfi_negotiate = on_negotiate,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_header_end,
	.xxfi_body = on_body,
	.xxfi_eom = on_end,
	.xxfi_abort = on_over,
	.xxfi_close = on_over,
};

/* --- what the arguments say --- */

static bool use_maildir(char **words)
{
	archive.put_away = put_into_maildir;
	archive.folder = words[0];
	if (words[0][0] != '/')
		return false;
	make_folders();
	return true;
}

/* ADDRESS:PORT, one of IPv6 in brackets. */
static bool find_server(char *text)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	char *colon = strrchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;
	char host[64];

	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (!colon || size >= sizeof host)
		return false;
	snprintf(host, sizeof host, "%.*s", (int)size, text);
	return getaddrinfo(host, colon + 1, &hints, &archive.server) == 0;
}

static bool use_smtp(char **words)
{
	archive.put_away = send_on;
	archive.recipient = words[1];
	return find_server(words[0]) && strchr(words[1], '@') &&
		strcspn(words[1], "<> \t\r\n") == strlen(words[1]);
}

int postern_plugin_init(int argc, char **argv);

int postern_plugin_init(int argc, char **argv)
{
	bool good = (argc == 3 && strcmp(argv[1], "maildir") == 0 && use_maildir(argv + 2)) ||
		(argc == 4 && strcmp(argv[1], "smtp") == 0 && use_smtp(argv + 2));

	gethostname(archive.host, sizeof archive.host - 1);
	for (char *c = archive.host; *c; c++) {
		if (*c == '/' || *c == ':')
			*c = '_';
	}
	signal(SIGPIPE, SIG_IGN);
	if (!good)
		fprintf(stderr,
			"arguments are {\"maildir\", \"/folder\"} or "
			"{\"smtp\", \"ADDRESS:PORT\", \"RECIPIENT\"}\n");
	return good ? 0 : 1;
}
