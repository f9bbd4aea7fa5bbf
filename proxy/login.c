/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH, relayed: RFC 4954; whose name is in it: RFC 4616, RFC 2195, RFC 5802, RFC 7628, MS-NLMP §2.2.1.3. */
#include "proxy/login.h"

#include "base/loop.h"
#include "base/stream.h"
#include "base/utf8.h"

#include <openssl/evp.h>
#include <strings.h>
#include <talloc.h>

#define NAME_MAXIMUM 255

static struct step say_auth(void *owner);
static struct step hear_backend(void *owner);
static struct step ask_client(void *owner);
static struct step relay_response(void *owner);
static struct step greet_again(void *owner);
static struct step end_greeting(void *owner);
static struct step rest(void *owner);

/* --- what is offered --- */

static bool shows_password(struct slice mechanism)
{
	return slice_equals_nocase(mechanism, "PLAIN") || slice_equals_nocase(mechanism, "LOGIN");
}

static bool ends_with_plus(struct slice mechanism)
{
	return mechanism.size >= 5 &&
		strncasecmp(mechanism.data + mechanism.size - 5, "-PLUS", 5) == 0;
}

/* sasl-mech = 1*20mech-char; mech-char = "A" to "Z" / DIGIT / "-" / "_" (RFC 4422 §3.1) */
static bool is_mechanism(struct slice word)
{
	for (size_t i = 0; i < word.size; i++) {
		char c = word.data[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_'))
			return false;
	}
	return word.size > 0 && word.size <= 20;
}

char *login_offer(const void *parent, const char *mechanisms, bool backend_encrypted)
{
	struct slice rest = slice_of(mechanisms ? mechanisms : "");
	char *offer = NULL;

	while ((rest = slice_trim(rest)).size) {
		struct slice word = slice_cut(&rest, ' ');

		if (!is_mechanism(word) || ends_with_plus(word) ||
			(shows_password(word) && !backend_encrypted))
			continue;
		offer = talloc_asprintf_append(offer ? offer : talloc_strdup(parent, ""), "%s%.*s",
			offer ? " " : "", (int)word.size, word.data);
	}
	return offer;
}

bool login_is_offered(const char *offer, struct slice mechanism)
{
	struct slice rest = slice_of(offer ? offer : "");

	while (rest.size) {
		struct slice word = slice_cut(&rest, ' ');
		if (word.size == mechanism.size &&
			strncasecmp(word.data, mechanism.data, word.size) == 0)
			return true;
	}
	return false;
}

/* --- whose name it is --- */

/* An empty slice when it is none. */
static struct slice decode(const void *parent, struct slice base64)
{
	unsigned char *bytes = talloc_size(parent, base64.size + 1);
	int size = base64.size <= LOGIN_LINE_MAXIMUM
		? EVP_DecodeBlock(bytes, (const unsigned char *)base64.data, (int)base64.size)
		: -1;

	for (size_t i = base64.size; size > 0 && i > 0 && base64.data[i - 1] == '='; i--)
		size--;
	return slice_make((char *)bytes, size > 0 ? (size_t)size : 0);
}

static struct slice nothing(void)
{
	return slice_make("", 0);
}

/* message = [authzid] NUL authcid NUL passwd */
static struct slice name_in_plain(void *scratch, struct slice message)
{
	(void)scratch;
	slice_cut(&message, '\0');
	return slice_cut(&message, '\0');
}

static struct slice name_in_login(void *scratch, struct slice message)
{
	(void)scratch;
	return message;
}

/* The name, a blank, a digest. */
static struct slice name_in_cram(void *scratch, struct slice message)
{
	(void)scratch;
	size_t size = message.size;

	while (size > 0 && message.data[size - 1] != ' ')
		size--;
	return slice_make(message.data, size ? size - 1 : 0);
}

/* gs2-header "n=" saslname "," …; saslname has =2C for a comma and =3D for "=" */
static struct slice name_in_scram(void *scratch, struct slice message)
{
	char *name = talloc_size(scratch, message.size + 1);
	size_t size = 0;

	slice_cut(&message, ',');
	slice_cut(&message, ',');
	struct slice saslname = slice_cut(&message, ',');
	if (!slice_starts_nocase(saslname, "n="))
		return nothing();
	saslname = slice_from(saslname, 2);
	while (saslname.size) {
		bool comma = slice_starts_nocase(saslname, "=2C");
		bool equals = slice_starts_nocase(saslname, "=3D");
		name[size++] = comma ? ',' : saslname.data[0];
		saslname = slice_from(saslname, comma || equals ? 3 : 1);
	}
	return slice_make(name, size);
}

/* "user=" name ^A "auth=Bearer " token ^A ^A */
static struct slice name_in_xoauth2(void *scratch, struct slice message)
{
	(void)scratch;
	struct slice first = slice_cut(&message, '\1');

	return slice_starts_nocase(first, "user=") ? slice_from(first, 5) : nothing();
}

/* "n,a=" name "," ^A … */
static struct slice name_in_oauthbearer(void *scratch, struct slice message)
{
	(void)scratch;
	slice_cut(&message, ',');
	struct slice identity = slice_cut(&message, ',');

	return slice_starts_nocase(identity, "a=") ? slice_from(identity, 2) : nothing();
}

static unsigned little_endian(const char *at, size_t bytes)
{
	unsigned value = 0;

	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | (unsigned char)at[i];
	return value;
}

/* An AUTHENTICATE_MESSAGE: the user's name is where the fields at 36 say, in UTF-16 if flag 1 at 60 says so. What is not ASCII is left out. */
static struct slice name_in_ntlm(void *scratch, struct slice message)
{
	if (message.size < 64 || memcmp(message.data, "NTLMSSP\0\3\0\0\0", 12) != 0)
		return nothing();
	size_t size = little_endian(message.data + 36, 2);
	size_t offset = little_endian(message.data + 40, 4);
	size_t width = little_endian(message.data + 60, 4) & 1 ? 2 : 1;
	if (offset > message.size || size > message.size - offset || size > 2 * NAME_MAXIMUM)
		return nothing();
	char *name = talloc_size(scratch, size + 1);
	size_t kept = 0;
	for (size_t i = 0; i + width <= size; i += width) {
		const char *unit = message.data + offset + i;
		if ((unsigned char)unit[0] >= 0x80 || (width == 2 && unit[1]))
			return nothing();
		name[kept++] = unit[0];
	}
	return slice_make(name, kept);
}

static const struct {
	const char *prefix; /* of the mechanism's name */
	unsigned number;    /* of the response that has it, from 0 */
	struct slice (*name)(void *scratch, struct slice message);
} mechanisms[] = {
	{"PLAIN", 0, name_in_plain},
	{"LOGIN", 0, name_in_login},
	{"CRAM-MD5", 0, name_in_cram},
	{"SCRAM-", 0, name_in_scram},
	{"XOAUTH2", 0, name_in_xoauth2},
	{"OAUTHBEARER", 0, name_in_oauthbearer},
	{"NTLM", 1, name_in_ntlm},
};

/* Names with control characters, or that are no text, are none. */
static char *safe_name(const void *parent, struct slice name)
{
	struct slice rest = name;

	if (name.size == 0 || name.size > NAME_MAXIMUM)
		return NULL;
	while (rest.size) {
		size_t size = utf8_length(rest);
		if (size == 0 || utf8_is_control(rest))
			return NULL;
		rest = slice_from(rest, size);
	}
	return slice_keep(parent, name);
}

char *login_name(const void *parent, const char *mechanism, unsigned number, struct slice response)
{
	void *scratch = talloc_new(NULL);
	struct slice message = decode(scratch, response);
	char *name = NULL;

	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
		if (mechanisms[i].number == number &&
			slice_starts_nocase(slice_of(mechanism), mechanisms[i].prefix))
			name = safe_name(parent, mechanisms[i].name(scratch, message));
	}
	explicit_bzero((char *)message.data, message.size);
	talloc_free(scratch);
	return name;
}

/* --- the dialogue --- */

static struct step conclude(struct login *login, struct reply reply)
{
	login->reply = reply;
	return THEN(rest);
}

static struct step lose_backend(struct login *login)
{
	return conclude(login,
		reply_of(login, 421, "4.3.2",
			"the mail server behind this gateway is gone, please connect again"));
}

static struct step await_backend(struct login *login)
{
	backend_begin_reply(login->backend, (uint64_t)login->backend->options->command_timeout,
		&login->steps.await);
	return THEN(hear_backend);
}

static void note_response(struct login *login, struct slice response)
{
	char *name = login_name(login, login->mechanism, login->responses++, response);

	login->user = name ? name : login->user;
}

static struct step say_auth(void *owner)
{
	struct login *login = owner;

	if (login->initial)
		note_response(login, slice_of(login->initial));
	backend_say(login->backend, "AUTH ", login->mechanism, login->initial ? " " : "",
		login->initial ? login->initial : "", NULL);
	return await_backend(login);
}

static struct reply tell_spoilt(struct login *login)
{
	if (login->too_long)
		return reply_of(login, 500, "5.5.6", LOGIN_TOO_LONG);
	return reply_of(login, 501, "5.5.2", "what was sent is no base64");
}

static struct step hear_backend(void *owner)
{
	struct login *login = owner;
	const struct reply *reply = &login->backend->reply;

	if (login->steps.await.outcome != OUTCOME_DONE || reply->code == 421)
		return lose_backend(login);
	if (reply->code == 334 && !login->given_up)
		return THEN(ask_client);
	if (reply->code < 400 && (reply->code != 235 || login->given_up))
		return lose_backend(login);
	if (login->spoilt)
		return conclude(login, tell_spoilt(login));
	login->reply = reply_of(login, reply->code, reply->status, reply->text);
	if (reply->code != 235)
		return THEN(rest);
	return THEN(greet_again);
}

static struct step ask_client(void *owner)
{
	struct login *login = owner;
	const struct reply *reply = &login->backend->reply;

	stream_write(login->client, slice_of(reply_print(login, reply)));
	stream_begin_line(login->client, LOGIN_LINE_MAXIMUM,
		(uint64_t)login->gateway->configuration->smtp->command_timeout,
		&login->steps.await);
	return THEN(relay_response);
}

/* "*" gives the exchange up (RFC 4954 §4). */
static struct step relay_response(void *owner)
{
	struct login *login = owner;

	if (login->steps.await.outcome == OUTCOME_TIMED_OUT)
		return conclude(login,
			reply_of(login, 421, "4.4.2", "no answer came for too long, closing"));
	if (login->steps.await.outcome != OUTCOME_DONE)
		return THEN(rest);
	struct line line = stream_take_line(login->client);
	bool is_star = line.fault == LINE_GOOD && slice_equals(line.text, "*");
	login->too_long = line.fault == LINE_LONG;
	login->spoilt = !is_star && (line.fault != LINE_GOOD || !slice_is_base64(line.text));
	login->given_up = login->spoilt || is_star;
	if (login->given_up) {
		backend_say(login->backend, "*", NULL);
		return await_backend(login);
	}
	note_response(login, line.text);
	backend_say(login->backend, slice_keep(login->backend->memory, line.text), NULL);
	return await_backend(login);
}

static struct step greet_again(void *owner)
{
	struct login *login = owner;

	login->succeeded = true;
	backend_begin_greeting(login->backend, &login->steps.await);
	return THEN(end_greeting);
}

static struct step end_greeting(void *owner)
{
	struct login *login = owner;

	if (login->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(login);
	return THEN(rest);
}

static struct step rest(void *owner)
{
	(void)owner;
	return DONE;
}

static void on_rest(void *owner)
{
	struct login *login = owner;

	await_end(login->await, OUTCOME_DONE);
}

static void cancel_login(void *operation)
{
	struct login *login = operation;

	steps_cancel(&login->steps);
	backend_break_off(login->backend);
}

static int close_login(struct login *login)
{
	steps_cancel(&login->steps);
	if (login->initial)
		explicit_bzero((char *)login->initial, strlen(login->initial));
	return 0;
}

struct login *login_begin(const void *parent, struct gateway *gateway, struct stream *client,
	struct backend *backend, struct slice mechanism, struct slice initial, struct await *await)
{
	struct login *login = talloc_zero(parent, struct login);

	login->gateway = gateway;
	login->client = client;
	login->backend = backend;
	login->mechanism = slice_keep(login, mechanism);
	login->initial = initial.size ? slice_keep(login, initial) : NULL;
	login->await = await;
	steps_init(&login->steps, gateway->loop->clock, login, THEN(rest), on_rest);
	talloc_set_destructor(login, close_login);
	await_begin(await, AWAIT_FOR_EVER, cancel_login, login);
	steps_start(&login->steps, THEN(say_auth));
	return login;
}
