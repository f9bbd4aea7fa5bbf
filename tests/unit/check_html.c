/* SPDX-License-Identifier: Apache-2.0 */
/* HTML: what a reader sees, what he does not, and where it leads him. */
#include "policy/content/html.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct {
	const char *html, *text, *hidden;
	unsigned flags;
} rows[] = {
	{"", "", "", 0},
	{"plain", "plain", "", 0},
	{"<p>one<p>two<br>three</p> four", "one\ntwo\nthree\nfour", "", 0},
	{"a  b\r\n\tc", "a b c", "", 0},
	{"a &lt;b&gt; &amp;&#65;&#x42;&#128; &auml &nosuch;",
		"a <b> &AB\xe2\x82\xac \xc3\xa4 &nosuch;", "", 0},
	{"1 < 2 <3 <", "1 < 2 <3 <", "", 0},
	{"a<!-- b -->c<!-->d<!--->e<! f>g<?h>i</ j>k", "acdegik", "", 0},
	{"a<!-- never", "a", "", HTML_UNCLOSED},
	{"a<b title='>' x=\">\" y=z>c</b>", "ac", "", 0},
	{"a<b title='never", "a", "", HTML_UNCLOSED},
	{"<title>t</title><style>p{}</style>a", "a", "", 0},
	{"<script>if (a<b) '</p>'</script>x", "x", "", HTML_SCRIPT},
	{"<script>x", "", "", HTML_SCRIPT | HTML_UNCLOSED},
	{"<scr\1ipt>", "", "", 0},
	{"<textarea><b></textarea>", "<b>", "", 0},
	{"<![CDATA[seen]]>", "seen]]>", "", 0},
	/* Hidden text. */
	{"a<span style='display:none'>b</span>c", "ac", "b", HTML_HIDDEN_TEXT},
	{"a<span style='DISPLAY : NONE !important'>bb</span>c", "ac", "bb", HTML_HIDDEN_TEXT},
	{"a<div style=\"visibility:hidden\">bb<div>dd</div>ee</div>c", "a\nc", "bb\ndd\nee",
		HTML_HIDDEN_TEXT},
	{"<font style=font-size:0>bb</font>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<i style=font-size:1px>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<i style='opacity:0'>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<i hidden>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<font color=white>bb</font>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<font color=#fefefe>bb</font>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<body bgcolor=#000><font color=#ffffff>bb</font><b>cc</b>", "bb", "cc", HTML_HIDDEN_TEXT},
	{"<i style='color:rgb(255,255,255)'>bb</i>", "", "bb", HTML_HIDDEN_TEXT},
	{"<i style='color:#fff;background:navy'>bb</i>", "bb", "", 0},
	{"<td style='background:url(x)'><i style='color:#fff'>bb</i>", "bb", "", 0},
	{"<i style='position:absolute;left:-9999px'>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<i style='text-indent:-999px'>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<i style='max-height:0;overflow:hidden'>bb</i>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<p style=display:none>bb<p>c", "c", "bb", HTML_HIDDEN_TEXT},
	{"<!--[if mso]>m<![endif]-->c", "c", "m", 0},
	{"<!--[if !mso]><!-->c<!--<![endif]-->d", "cd", "", 0},
	{"<!--[if x]>m-->c", "c", "m", 0},
	{"pass\xe2\x80\x8bword &shy;x &#8203;", "password x", "", HTML_ZERO_WIDTH},
	{"a\xe2\x80\xae"
	 "fdp.exe",
		"a\xe2\x80\xae"
		"fdp.exe",
		"", HTML_BIDI},
	{"a\xff\xc3z", "a??z", "", 0},
	/* What pages do. */
	{"<form action=x><input type=Password>", "", "", HTML_FORM | HTML_PASSWORD},
	{"<meta http-equiv=refresh content='0; url=http://x/'>", "", "", HTML_REFRESH},
	{"<base href='http://x/'>", "", "", HTML_BASE},
	{"<body onload='go()'>", "", "", HTML_SCRIPT},
	{"<script>URL.createObjectURL(new Blob([atob(x)]))</script>", "", "",
		HTML_SCRIPT | HTML_SMUGGLING},
	{"<a href='data:text/html,x' download=y>z</a>", "z", "", HTML_SMUGGLING},
	{"<iframe src=' da\nta:text/html,x'></iframe>", "", "", HTML_SMUGGLING},
	{"<embed src='data:image/svg+xml,x'>", "", "", HTML_SMUGGLING},
	{"<object data='blob:x'></object>", "", "", HTML_SMUGGLING},
	{"<object data='data:image/png;base64,x'></object>", "", "", 0},
	{"<iframe srcdoc='<b>&lt;ScRipt>x'></iframe>", "", "", HTML_SCRIPT},
	{"<iframe srcdoc='<b>x' src='https://example.net/'></iframe>", "", "", 0},
	{"<script>atob('short')</script>", "", "", HTML_SCRIPT},
};

START_TEST(reads)
{
	struct html *html = html_read(NULL, slice_of(rows[_i].html));

	ck_assert_str_eq(slice_keep(html, html->text), rows[_i].text);
	ck_assert_str_eq(slice_keep(html, html->hidden), rows[_i].hidden);
	ck_assert_uint_eq(html->flags, rows[_i].flags);
	talloc_free(html);
}
END_TEST

static const struct {
	const char *html, *address, *text;
	enum html_link_kind kind;
} links[] = {
	{"<a href='http://x/'>hello <b>you</b></a> more", "http://x/", "hello you",
		HTML_LINK_ANCHOR},
	{"<A HREF=http://x/?a&amp;b&copy=1>y</A>", "http://x/?a&b&copy=1", "y", HTML_LINK_ANCHOR},
	{"<a href=' h\nttp&colon;//x/\t'>y", "http://x/", "y", HTML_LINK_ANCHOR},
	{"<a href=x>one<a href=y>two", "x", "one", HTML_LINK_ANCHOR},
	{"<a href=x><i hidden>under</i></a>", "x", "under", HTML_LINK_ANCHOR},
	{"<a href=x href=y>z</a>", "x", "z", HTML_LINK_ANCHOR},
	{"<area href=x>", "x", "", HTML_LINK_ANCHOR},
	{"<img src=x>", "x", "", HTML_LINK_SOURCE},
	{"<form action=x>", "x", "", HTML_LINK_ACTION},
	{"<meta http-equiv=Refresh content=\"1;URL='x'\">", "x", "", HTML_LINK_REFRESH},
	{"<!--[if mso]><a href=x>y</a><![endif]-->", "x", "y", HTML_LINK_ANCHOR},
	{"<table><td/background=x>", "x", "", HTML_LINK_SOURCE},
};

START_TEST(finds_links)
{
	struct html *html = html_read(NULL, slice_of(links[_i].html));

	ck_assert_uint_ge(html->link_count, 1);
	ck_assert_str_eq(slice_keep(html, html->links[0].address), links[_i].address);
	ck_assert_str_eq(slice_keep(html, html->links[0].text), links[_i].text);
	ck_assert_int_eq(html->links[0].kind, links[_i].kind);
	talloc_free(html);
}
END_TEST

START_TEST(joins_with_base)
{
	struct html *html = html_read(NULL,
		slice_of("<base href=http://x/y/z><a href=q>1</a><a href=mailto:a>2</a><base "
			 "href=http://w/><a href=#r>"));

	ck_assert_uint_eq(html->link_count, 4);
	ck_assert(slice_equals(html->links[1].address, "http://x/y/q"));
	ck_assert(slice_equals(html->links[2].address, "mailto:a"));
	ck_assert(slice_equals(html->links[3].address, "#r"));
	talloc_free(html);
}
END_TEST

START_TEST(sees_smuggled_literals)
{
	char *literal = talloc_array(NULL, char, 5000);
	struct html *html;

	memset(literal, 'A', 4999);
	literal[4999] = '\0';
	html = html_read(literal,
		slice_of(talloc_asprintf(literal, "<script>x=atob('%s')</script>", literal)));
	ck_assert_uint_eq(html->flags, HTML_SCRIPT | HTML_SMUGGLING);
	talloc_free(literal);
}
END_TEST

START_TEST(drops_nuls)
{
	static const char text[] = "<scr\0ipt>x</script>se\0en";
	struct html *html = html_read(NULL, slice_make(text, sizeof text - 1));

	ck_assert(slice_equals(html->text, "seen"));
	ck_assert_uint_eq(html->flags, HTML_NUL | HTML_SCRIPT);
	talloc_free(html);
}
END_TEST

/* Whatever is repeated. */
START_TEST(is_bounded)
{
	static const char *const pieces[] = {"<", "<!--", "<a href=x>", "<b hidden>", "<i", "&#",
		"&", "<script>", "<p style='color:#fff'>", "\xe2\x80\x8b", "</b>", "<base href=x>",
		"<x a=\"", "--", "]]>", "<!--[if x]>", "<textarea>"};
	size_t size = strlen(pieces[_i]), count = 100000;
	char *text = talloc_array(NULL, char, size *count);
	struct html *html;

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * size, pieces[_i], size);
	html = html_read(text, slice_make(text, size * count));
	ck_assert_uint_le(html->text.size, size * count);
	ck_assert_uint_le(html->hidden.size, size * count);
	ck_assert_uint_le(html->script.size, size * count);
	ck_assert_uint_le(html->link_count, HTML_LINKS_MAXIMUM);
	talloc_free(text);
}
END_TEST

START_TEST(names_all_flags)
{
	unsigned count = 0;

	while (html_flag_names[count]) {
		ck_assert(html_flag_manual[count]);
		count++;
	}
	ck_assert_uint_eq(1U << (count - 1), HTML_TOO_MANY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("html");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, reads, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_loop_test(all, finds_links, 0, (int)(sizeof links / sizeof *links));
	tcase_add_test(all, joins_with_base);
	tcase_add_test(all, sees_smuggled_literals);
	tcase_add_test(all, drops_nuls);
	tcase_add_loop_test(all, is_bounded, 0, 17);
	tcase_add_test(all, names_all_flags);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
