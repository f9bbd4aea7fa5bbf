/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses on the web: taken apart as browsers do, found in texts, compared with what is shown. */
#include "policy/content/url.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct {
	const char *text, *scheme, *host, *domain, *path;
	unsigned flags;
} rows[] = {
	{"http://www.example.co.uk/a?b#c", "http", "www.example.co.uk", "example.co.uk", "/a?b", 0},
	{"HTTPS://Example.COM.", "https", "example.com", "example.com", "/", 0},
	{"https://bank.example@evil.com/", "https", "evil.com", "evil.com", "/", URL_USERINFO},
	{"https://a@b@evil.com:81/", "https", "evil.com", "evil.com", "/", URL_USERINFO | URL_PORT},
	{"http://192.0.2.1/x", "http", "192.0.2.1", "192.0.2.1", "/x", URL_IP},
	{"http://3221225985/", "http", "192.0.2.1", "192.0.2.1", "/", URL_IP | URL_ODD_IP},
	{"http://0xc0.0.0x2.01/", "http", "192.0.2.1", "192.0.2.1", "/", URL_IP | URL_ODD_IP},
	{"http://0300.0.513/", "http", "192.0.2.1", "192.0.2.1", "/", URL_IP | URL_ODD_IP},
	{"http://[2001:db8::1]:80/", "http", "[2001:db8::1]", "[2001:db8::1]", "/",
		URL_IP | URL_PORT},
	{"http://256.1.1.1/", "http", "256.1.1.1", "256.1.1.1", "/", 0},
	{"http://b\xc3\xbc"
	 "cher.example/",
		"http", "xn--bcher-kva.example", "xn--bcher-kva.example", "/", URL_IDN},
	{"http://xn--bcher-kva.de/", "http", "xn--bcher-kva.de", "xn--bcher-kva.de", "/", URL_IDN},
	{"http://%65vil.com/", "http", "evil.com", "evil.com", "/", URL_PERCENT_HOST},
	{"http:\\\\evil.com\\a", "http", "evil.com", "evil.com", "\\a", URL_BACKSLASH},
	{"https:///\\evil.com/", "https", "evil.com", "evil.com", "/", URL_BACKSLASH},
	{"http:evil.com", "http", "evil.com", "evil.com", "/", 0},
	{"ht\ntp://ev\til.com/", "http", "evil.com", "evil.com", "/", 0},
	{"//evil.com/x", "http", "evil.com", "evil.com", "/x", URL_NO_SCHEME},
	{"www.evil.com", "http", "www.evil.com", "evil.com", "/", URL_NO_SCHEME},
	{"evil.com:8080/", "http", "evil.com", "evil.com", "/", URL_NO_SCHEME | URL_PORT},
	{"hxxps://evil[.]com/", "https", "evil.com", "evil.com", "/", URL_OBFUSCATED},
	{"\\\\evil.com\\share\\x", "file", "evil.com", "evil.com", "\\share\\x",
		URL_FILE | URL_BACKSLASH},
	{"javascript:alert(1)", "javascript", "", "", "alert(1)", URL_SCRIPT},
	{"data:text/html,x", "data", "", "", "text/html,x", URL_SCRIPT},
	{"mailto:a@b.example", "mailto", "", "", "a@b.example", 0},
	{"search-ms:query=x", "search-ms", "", "", "query=x", URL_FILE},
	{"skype:x", "skype", "", "", "x", 0},
};

START_TEST(takes_apart)
{
	void *scratch = talloc_new(NULL);
	struct url url;

	ck_assert(url_parse(scratch, NULL, slice_of(rows[_i].text), &url));
	ck_assert_str_eq(url.scheme, rows[_i].scheme);
	ck_assert_str_eq(url.host, rows[_i].host);
	ck_assert_str_eq(url.domain, rows[_i].domain);
	ck_assert_str_eq(url.path, rows[_i].path);
	ck_assert_uint_eq(url.flags, rows[_i].flags);
	talloc_free(scratch);
}
END_TEST

/* More hosts than are remembered, some of them often: what is remembered is what would be read. */
START_TEST(remembers_hosts)
{
	void *scratch = talloc_new(NULL);
	struct url_memory memory = {.next = 0};
	struct url fresh, url;

	for (int i = 0; i < 400; i++) {
		int number = i % 4 ? i % 3 : i;
		struct slice text = slice_of(talloc_asprintf(scratch,
			"http://%s%d.b\xc3\xbc"
			"cher.example/%d",
			number % 2 ? "%61" : "0x7f.", number, i));
		ck_assert(url_parse(scratch, NULL, text, &fresh));
		ck_assert(url_parse(scratch, &memory, text, &url));
		ck_assert_str_eq(url.host, fresh.host);
		ck_assert_str_eq(url.domain, fresh.domain);
		ck_assert_str_eq(url.path, fresh.path);
		ck_assert_uint_eq(url.flags, fresh.flags);
	}
	ck_assert_uint_gt(memory.next, URL_HOSTS);
	ck_assert_uint_lt(memory.next, 200);
	talloc_free(scratch);
}
END_TEST

static const char *const none[] = {
	"", " ", "#top", "relative/path", "/path", "http://", "?q", "a b"};

START_TEST(refuses)
{
	void *scratch = talloc_new(NULL);
	struct url url;

	ck_assert(!url_parse(scratch, NULL, slice_of(none[_i]), &url));
	talloc_free(scratch);
}
END_TEST

static const struct {
	const char *text, *found[3];
} texts[] = {
	{"see http://a.example/x, or (https://b.example/y_(z)).",
		{"http://a.example/x", "https://b.example/y_(z)"}},
	{"<http://a.example/>", {"http://a.example/"}},
	{"WWW.a.example! awww.b", {"WWW.a.example"}},
	{"xhttp://a.example/", {"http://a.example/"}},
	{"go to a.example/path now", {"a.example/path"}},
	{"and/or 1/2 //", {NULL}},
	{"hxxp://a[.]example/", {"hxxp://a[.]example/"}},
	{"http:\\\\a.example\\b", {"http:\\\\a.example\\b"}},
	{"nothing: here", {NULL}},
	{"http:// alone", {NULL}},
};

START_TEST(finds)
{
	struct slice rest = slice_of(texts[_i].text), found;

	for (size_t i = 0; texts[_i].found[i]; i++) {
		ck_assert(url_find(&rest, &found));
		ck_assert_msg(slice_equals(found, texts[_i].found[i]), "%.*s", SLICE_ARGS(found));
	}
	ck_assert(!url_find(&rest, &found));
}
END_TEST

static const struct {
	const char *address, *shown;
	bool differs;
} shows[] = {
	{"http://evil.com/", "https://bank.com/login", true},
	{"http://evil.com/", "www.bank.com", true},
	{"http://evil.com/", "bank.com", true},
	{"http://evil.com/", "  Bank.COM ", true},
	{"http://evil.com/", "click here", false},
	{"http://evil.com/", "file.txt", false},
	{"http://evil.com/", "e.g.", false},
	{"http://login.bank.com/", "www.bank.com", false},
	{"http://a.github.io/", "b.github.io", true},
	{"mailto:x@evil.com", "bank.com", false},
};

START_TEST(compares)
{
	void *scratch = talloc_new(NULL);
	struct url url;

	ck_assert(url_parse(scratch, NULL, slice_of(shows[_i].address), &url));
	ck_assert_int_eq(
		url_differs(scratch, NULL, &url, slice_of(shows[_i].shown)), shows[_i].differs);
	talloc_free(scratch);
}
END_TEST

START_TEST(is_bounded)
{
	static const char *const pieces[] = {
		"http://", "www.", "a.b/", ":", "@", "://", "a.", "(", "%41", "x"};
	size_t size = strlen(pieces[_i]), count = 100000;
	char *text = talloc_array(NULL, char, size *count);
	struct slice rest = slice_make(text, size * count), found;
	struct url url;
	size_t all = 0;

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * size, pieces[_i], size);
	url_parse(text, NULL, rest, &url);
	while (url_find(&rest, &found))
		all += found.size;
	ck_assert_uint_le(all, size * count);
	talloc_free(text);
}
END_TEST

START_TEST(names_all_flags)
{
	unsigned count = 0;

	while (url_flag_names[count]) {
		ck_assert(url_flag_manual[count]);
		count++;
	}
	ck_assert_uint_eq(1U << (count - 1), URL_CUT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("url");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, takes_apart, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, remembers_hosts);
	tcase_add_loop_test(all, refuses, 0, (int)(sizeof none / sizeof *none));
	tcase_add_loop_test(all, finds, 0, (int)(sizeof texts / sizeof *texts));
	tcase_add_loop_test(all, compares, 0, (int)(sizeof shows / sizeof *shows));
	tcase_add_loop_test(all, is_bounded, 0, 10);
	tcase_add_test(all, names_all_flags);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
