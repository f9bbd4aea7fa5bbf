/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on streams: STARTTLS in mid-dialogue in both roles, much data both ways, failures, the end. */
#include "base/stream.h"

#include "tests/fakes/certificate.h"
#include "tests/fakes/side.h"

#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define MEGABYTE 1048576

static struct loop *loop;
static void *root; /* of all that uses the loop, which goes last */
static SSL_CTX *server_context, *client_context;
static struct side *server, *client;
static int client_descriptor;

static SSL_CTX *context_new(const SSL_METHOD *method, int version)
{
	SSL_CTX *context = SSL_CTX_new(method);

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(context, version);
	SSL_CTX_set_options(context,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
			SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

static void use_certificate(SSL_CTX *context)
{
	struct certificate certificate;

	certificate_make(&certificate);
	ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(context, certificate.file), 1);
	ck_assert_int_eq(
		SSL_CTX_use_PrivateKey_file(context, certificate.key, SSL_FILETYPE_PEM), 1);
	certificate_remove(&certificate);
}

/* Every case runs over both transports and both versions. */
enum { VARIANTS = 2 * TRANSPORTS };

static const struct {
	int number;
	const char *name;
} versions[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};

static void open_connection(int variant)
{
	int descriptors[2], version = versions[variant % 2].number;

	side_connect((enum transport)(variant / 2), descriptors);
	client_descriptor = descriptors[0];
	client = side_new(root, loop, client_descriptor);
	server = side_new(root, loop, descriptors[1]);
	server_context = context_new(TLS_server_method(), version);
	client_context = context_new(TLS_client_method(), version);
	use_certificate(server_context);
}

static void set_up(void)
{
	loop = loop_new(NULL);
	root = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(root);
	talloc_free(loop);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	server_context = client_context = NULL;
}

static void say(struct side *side, const char *text)
{
	stream_write(side->stream, slice_of(text));
	stream_flush(side->stream);
}

static void expect_line(struct side *side, const char *wanted)
{
	struct line line;

	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert_uint_eq(line.fault, LINE_GOOD);
	ck_assert_uint_eq(line.text.size, strlen(wanted));
	ck_assert_mem_eq(line.text.data, wanted, line.text.size);
}

static void begin_handshake(struct side *side)
{
	if (side == server)
		stream_begin_tls(
			side->stream, server_context, TLS_SERVER, NULL, SIDE_PATIENCE, &side->out);
	else
		stream_begin_tls(side->stream, client_context, TLS_CLIENT, "mx.example.com",
			SIDE_PATIENCE, &side->out);
}

static void shake_hands(void)
{
	begin_handshake(server);
	begin_handshake(client);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_DONE);
	ck_assert_uint_eq(side_wait(client, &client->out), OUTCOME_DONE);
}

/* The dialogue up to the handshake; command and reply may have something in plain text behind them. */
static void start_tls(const char *command, const char *reply)
{
	say(client, command);
	expect_line(server, "STARTTLS");
	say(server, reply);
	expect_line(client, "220 go ahead");
	shake_hands();
}

START_TEST(starts_in_mid_dialogue)
{
	open_connection(_i);
	say(server, "220 mx.example.com\r\n");
	expect_line(client, "220 mx.example.com");
	say(client, "EHLO a\r\n");
	expect_line(server, "EHLO a");
	say(server, "250 STARTTLS\r\n");
	expect_line(client, "250 STARTTLS");
	ck_assert_ptr_null(stream_tls_version(server->stream));
	ck_assert_ptr_null(stream_tls_cipher(client->stream));
	start_tls("STARTTLS\r\n", "220 go ahead\r\n");
	ck_assert_str_eq(stream_tls_version(server->stream), versions[_i % 2].name);
	ck_assert_str_eq(stream_tls_version(client->stream), versions[_i % 2].name);
	ck_assert_str_eq(stream_tls_cipher(client->stream), stream_tls_cipher(server->stream));
	say(client, "EHLO a\r\nMAIL FROM:<a@b.example>\r\n");
	expect_line(server, "EHLO a");
	expect_line(server, "MAIL FROM:<a@b.example>");
	say(server, "250 ok\r\n");
	expect_line(client, "250 ok");
}
END_TEST

/* RFC 3207 §4.2: what came in plain text behind the command, or behind the reply, is never taken for part of what
 * was encrypted. */
START_TEST(plain_text_behind_it_is_thrown_away)
{
	open_connection(_i);
	start_tls("STARTTLS\r\nRSET\r\nMAIL FROM:<evil@b.example>\r\n",
		"220 go ahead\r\n250 injected\r\n");
	stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
	stream_begin_line(client->stream, 512, SIDE_PATIENCE, &client->in);
	side_settle(loop);
	ck_assert(server->in.pending && client->in.pending);
	say(client, "NOOP\r\n");
	say(server, "250 fine\r\n");
	ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_DONE);
	ck_assert(slice_equals(stream_take_line(server->stream).text, "NOOP"));
	ck_assert_uint_eq(side_wait(client, &client->in), OUTCOME_DONE);
	ck_assert(slice_equals(stream_take_line(client->stream).text, "250 fine"));
}
END_TEST

/* --- failures --- */

/* Noise of the peer instead of its part of the handshake, or its going away. */
static const char *const noises[] = {"NOOP\r\nQUIT\r\nnot at all what is expected here\r\n",
	"\x16\x03\x01\xff\xff ............................................", "\x15\x03\x03", ""};

static void fail_handshake(struct side *side, struct side *other, const char *noise)
{
	say(other, noise);
	begin_handshake(side);
	side_settle(loop);
	TALLOC_FREE(other->stream);
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_FAILED);
	ck_assert_str_ne(stream_error(side->stream), "");
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
	stream_write(side->stream, slice_of("in plain text?\r\n"));
	ck_assert_uint_eq(side_flush(side, 0), OUTCOME_FAILED);
	ck_assert_uint_eq(side_linger(side), OUTCOME_DONE);
	side_settle(loop);
	ck_assert_uint_eq(side->gone, 0); /* who waited was told */
}

START_TEST(handshake_with_noise_fails)
{
	const char *noise = noises[_i / VARIANTS];

	open_connection(_i % VARIANTS);
	fail_handshake(server, client, noise);
	talloc_free(server);
	talloc_free(client);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	open_connection(_i % VARIANTS);
	fail_handshake(client, server, noise);
}
END_TEST

START_TEST(handshake_without_common_cipher_fails)
{
	open_connection(_i);
	SSL_CTX_set_cipher_list(server_context, "ECDHE-ECDSA-AES128-GCM-SHA256");
	SSL_CTX_set_ciphersuites(server_context, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_cipher_list(client_context, "ECDHE-ECDSA-AES256-GCM-SHA384");
	SSL_CTX_set_ciphersuites(client_context, "TLS_AES_256_GCM_SHA384");
	begin_handshake(server);
	begin_handshake(client);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_FAILED);
	ck_assert_uint_eq(side_wait(client, &client->out), OUTCOME_FAILED);
}
END_TEST

START_TEST(handshake_has_a_deadline)
{
	struct side *side;

	open_connection(_i);
	side = _i % 2 ? server : client;
	clock_move(loop->clock, 0);
	begin_handshake(side);
	side_settle(loop);
	clock_move(loop->clock, SIDE_PATIENCE - 1);
	ck_assert(side->out.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(side->out.outcome, OUTCOME_TIMED_OUT);
	ck_assert_str_ne(stream_error(side->stream), "");
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
	side_settle(loop);
	ck_assert_uint_eq(side->gone, 0);
}
END_TEST

/* Noise in place of a record breaks the stream; who waits hears of it, whatever else they wait for. */
START_TEST(noise_inside_breaks_it)
{
	char *bytes;

	open_connection(_i);
	shake_hands();
	bytes = talloc_zero_array(server, char, 20 * MEGABYTE);
	stream_lend(server->stream, slice_make(bytes, 20 * MEGABYTE));
	stream_begin_flush(server->stream, 0, SIDE_PATIENCE, &server->out);
	stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
	side_settle(loop);
	ck_assert(server->in.pending && server->out.pending);
	ck_assert_int_eq(send(client_descriptor, "noise, noise, noise", 19, MSG_NOSIGNAL), 19);
	ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_FAILED);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_FAILED);
	ck_assert_uint_eq(server->gone, 0);
}
END_TEST

/* --- much data --- */

static char *pattern_new(size_t size, unsigned seed)
{
	char *bytes = talloc_array(root, char, size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 31 + i / 251 + seed);
	return bytes;
}

/* One direction of a transfer. */
struct transfer {
	struct side *from, *to;
	char *bytes;
	size_t heard;
};

static void begin_transfer(struct transfer *transfer, size_t size)
{
	size_t half = size / 2;

	stream_lend(transfer->from->stream, slice_make(transfer->bytes, half));
	stream_write(transfer->from->stream, slice_make(transfer->bytes + half, 100));
	stream_write(transfer->from->stream, slice_make(transfer->bytes + half + 100, 50));
	stream_lend(transfer->from->stream,
		slice_make(transfer->bytes + half + 150, size - half - 150));
	stream_begin_flush(transfer->from->stream, 0, SIDE_PATIENCE, &transfer->from->out);
}

static void hear_some(struct transfer *transfer)
{
	stream_begin_bytes(transfer->to->stream, SIDE_PATIENCE, &transfer->to->in);
	if (transfer->to->in.pending)
		loop_turn(loop, true);
	await_cancel(&transfer->to->in);
	struct slice bytes = stream_bytes(transfer->to->stream);
	ck_assert_mem_eq(bytes.data, transfer->bytes + transfer->heard, bytes.size);
	stream_take(transfer->to->stream, bytes.size);
	transfer->heard += bytes.size;
}

START_TEST(carries_much_both_ways)
{
	enum { SIZE = 5 * MEGABYTE };
	struct transfer up, down;

	open_connection(_i);
	shake_hands();
	up = (struct transfer){client, server, pattern_new(SIZE, 1), 0};
	down = (struct transfer){server, client, pattern_new(SIZE, 2), 0};
	begin_transfer(&up, SIZE);
	begin_transfer(&down, SIZE);
	while (up.heard < SIZE || down.heard < SIZE) {
		if (up.heard < SIZE)
			hear_some(&up);
		if (down.heard < SIZE)
			hear_some(&down);
	}
	ck_assert_uint_eq(side_wait(client, &client->out), OUTCOME_DONE);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_DONE);
}
END_TEST

/* More is written while a record is half sent. */
START_TEST(writes_behind_a_blocked_record)
{
	enum { SIZE = 16 * MEGABYTE, PIECES = 300 };
	struct transfer down;
	size_t written = SIZE;

	open_connection(_i);
	shake_hands();
	down = (struct transfer){server, client, pattern_new(SIZE + PIECES * 100, 3), 0};
	stream_lend(server->stream, slice_make(down.bytes, SIZE));
	stream_flush(server->stream);
	ck_assert_uint_gt(stream_unsent(server->stream), 0);
	for (int i = 0; i < PIECES; i++, written += 100) {
		stream_write(server->stream, slice_make(down.bytes + written, 100));
		stream_flush(server->stream);
		if (i % 3 == 0)
			hear_some(&down);
	}
	while (down.heard < written)
		hear_some(&down);
	ck_assert_uint_eq(stream_unsent(server->stream), 0);
}
END_TEST

/* A bare peer that speaks TLS by itself, in place of the client's side. */
static SSL *bare_peer(void)
{
	SSL *ssl = SSL_new(client_context);

	SSL_set_fd(ssl, client_descriptor);
	SSL_set_connect_state(ssl);
	stream_begin_tls(
		server->stream, server_context, TLS_SERVER, NULL, SIDE_PATIENCE, &server->out);
	while (SSL_do_handshake(ssl) != 1)
		side_settle(loop);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_DONE);
	return ssl;
}

/* The peer asks for new keys while we cannot write: the answer to that holds up neither direction for good. */
START_TEST(key_update_while_blocked)
{
	enum { SIZE = 16 * MEGABYTE };
	static char into[16384];
	size_t heard = 0, n = 0;
	struct line line;

	open_connection(_i);
	SSL *peer = bare_peer();
	stream_lend(server->stream, slice_make(pattern_new(SIZE, 4), SIZE));
	stream_begin_flush(server->stream, 0, SIDE_PATIENCE, &server->out);
	stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
	side_settle(loop);
	ck_assert(server->out.pending);
	if (SSL_version(peer) == TLS1_3_VERSION)
		ck_assert_int_eq(SSL_key_update(peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(peer, "NOOP\r\n", 6), 6);
	side_settle(loop);
	while (heard < SIZE) {
		if (SSL_read_ex(peer, into, sizeof into, &n))
			heard += n;
		else
			side_settle(loop);
	}
	ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_DONE);
	line = stream_take_line(server->stream);
	ck_assert_uint_eq(line.fault, LINE_GOOD);
	ck_assert_uint_eq(side_wait(server, &server->out), OUTCOME_DONE);
	SSL_free(peer);
}
END_TEST

/* Who asks for new keys now and then is served; who does nothing else has ended, however much of it lies in the socket. */
START_TEST(key_updates_only)
{
	enum { MANY = 2000 };
	int asked = 0;

	open_connection(_i);
	SSL *peer = bare_peer();
	if (SSL_version(peer) == TLS1_3_VERSION) {
		for (int i = 0; i < 40; i++) {
			ck_assert_int_eq(SSL_key_update(peer, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
			ck_assert_int_eq(SSL_write(peer, "NOOP\r\n", 6), 6);
			expect_line(server, "NOOP");
		}
		stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
		while (asked < MANY && server->in.pending) {
			if (SSL_key_update(peer, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
				SSL_do_handshake(peer) != 1)
				break;
			asked++;
			side_settle(loop);
		}
		ck_assert_int_lt(asked, MANY);
		ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_FAILED);
	}
	SSL_free(peer);
}
END_TEST

/* Input that lies decrypted in the library makes no event of the socket any more. */
START_TEST(pipelined_lines_in_one_record)
{
	open_connection(_i);
	shake_hands();
	say(client, "RSET\r\nNOOP\r\nHELP\r\nQUIT\r\n");
	expect_line(server, "RSET");
	expect_line(server, "NOOP");
	expect_line(server, "HELP");
	expect_line(server, "QUIT");
}
END_TEST

/* --- the end --- */

START_TEST(closing_ends_the_input)
{
	open_connection(_i);
	shake_hands();
	/* What the server says of itself behind the handshake is taken: with unread input a close would be a reset. */
	stream_begin_bytes(client->stream, SIDE_PATIENCE, &client->in);
	side_settle(loop);
	say(client, "QUIT\r\n");
	talloc_free(client);
	expect_line(server, "QUIT");
	ck_assert_uint_eq(side_hear_bytes(server), OUTCOME_FAILED);
	ck_assert_str_eq(stream_error(server->stream), "");
	ck_assert(!stream_has_peer(server->stream));
}
END_TEST

START_TEST(closing_is_noticed_while_waiting)
{
	open_connection(_i);
	shake_hands();
	stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
	side_settle(loop);
	talloc_free(client);
	ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_FAILED);
}
END_TEST

START_TEST(reply_is_heard_by_who_still_sends)
{
	struct line line;

	open_connection(_i);
	shake_hands();
	say(client, "DATA of somebody who does not listen\r\n");
	side_settle(loop);
	stream_write(server->stream, slice_of("550 5.7.1 no\r\n"));
	stream_begin_linger(server->stream, SIDE_PATIENCE, &server->in);
	say(client, "more of it\r\n");
	side_settle(loop);
	expect_line(client, "550 5.7.1 no");
	ck_assert_uint_eq(side_hear_line(client, 512, &line), OUTCOME_FAILED);
	ck_assert_str_eq(stream_error(client->stream), "");
	ck_assert(server->in.pending);
	TALLOC_FREE(client->stream);
	ck_assert_uint_eq(side_wait(server, &server->in), OUTCOME_DONE);
}
END_TEST

static void be_shaking(void)
{
	begin_handshake(server);
	side_settle(loop);
	ck_assert(server->out.pending);
}

static void be_half_shaken(void)
{
	begin_handshake(client);
	begin_handshake(server);
	loop_turn(loop, true);
}

static void be_flushing(void)
{
	shake_hands();
	stream_lend(server->stream,
		slice_make(talloc_zero_array(server, char, 9 * MEGABYTE), 9 * MEGABYTE));
	stream_begin_flush(server->stream, 0, SIDE_PATIENCE, &server->out);
	stream_begin_line(server->stream, 512, SIDE_PATIENCE, &server->in);
	side_settle(loop);
	ck_assert(server->out.pending && server->in.pending);
}

static void be_lingering(void)
{
	shake_hands();
	stream_begin_linger(server->stream, SIDE_PATIENCE, &server->in);
	side_settle(loop);
}

static void (*const states[])(void) = {
	shake_hands, be_shaking, be_half_shaken, be_flushing, be_lingering};

/* Whatever it was doing. That the library's own memory goes too is for the leak checkers. */
START_TEST(freeing_leaves_nothing)
{
	size_t blocks = talloc_total_blocks(root);

	for (int variant = 0; variant < VARIANTS; variant++) {
		open_connection(variant);
		states[_i]();
		talloc_free(server);
		side_settle(loop);
		talloc_free(client);
		ck_assert_uint_eq(talloc_total_blocks(root), blocks);
		SSL_CTX_free(server_context);
		SSL_CTX_free(client_context);
		server_context = client_context = NULL;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream_tls");
	TCase *cases = tcase_create("stream_tls");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, starts_in_mid_dialogue, 0, VARIANTS);
	tcase_add_loop_test(cases, plain_text_behind_it_is_thrown_away, 0, VARIANTS);
	tcase_add_loop_test(cases, handshake_with_noise_fails, 0, COUNT(noises) * VARIANTS);
	tcase_add_loop_test(cases, handshake_without_common_cipher_fails, 0, VARIANTS);
	tcase_add_loop_test(cases, handshake_has_a_deadline, 0, VARIANTS);
	tcase_add_loop_test(cases, noise_inside_breaks_it, 0, VARIANTS);
	tcase_add_loop_test(cases, carries_much_both_ways, 0, VARIANTS);
	tcase_add_loop_test(cases, writes_behind_a_blocked_record, 0, VARIANTS);
	tcase_add_loop_test(cases, key_update_while_blocked, 0, VARIANTS);
	tcase_add_loop_test(cases, key_updates_only, 0, VARIANTS);
	tcase_add_loop_test(cases, pipelined_lines_in_one_record, 0, VARIANTS);
	tcase_add_loop_test(cases, closing_ends_the_input, 0, VARIANTS);
	tcase_add_loop_test(cases, closing_is_noticed_while_waiting, 0, VARIANTS);
	tcase_add_loop_test(cases, reply_is_heard_by_who_still_sends, 0, VARIANTS);
	tcase_add_loop_test(cases, freeing_leaves_nothing, 0, COUNT(states));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
