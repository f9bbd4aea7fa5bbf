/* SPDX-License-Identifier: Apache-2.0 */
/* Mail that others have collected: evasive, malformed, torturing and ordinary. Nothing of it stops us; what is evasive is seen through or at
 * least noted; trees of parts are as a reader of the source finds them; and what is noted of honest mail is counted. */
#include "foreign.h"

#include "policy/content/content.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define OFTEN 0.5 /* percent of honest mail: no rule may refuse on that */
#define FILES_MAXIMUM 8192

static const struct budget_limits limits = {
	.bytes = 100 << 20, .ratio = 1000, .entries = 10000, .depth = 5, .milliseconds = 20000};

/* nftw() hands nothing through: the names of the files of one folder. */
struct listing {
	char *paths[FILES_MAXIMUM];
	size_t count;
};
static struct listing listing;

static int add_path(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type == FTW_F && listing.count < FILES_MAXIMUM)
		listing.paths[listing.count++] = strdup(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const struct foreign *foreign, const char *folder)
{
	for (size_t i = 0; i < listing.count; i++)
		free(listing.paths[i]);
	listing.count = 0;
	nftw(foreign_path(foreign, folder), add_path, 16, FTW_PHYS);
	qsort(listing.paths, listing.count, sizeof *listing.paths, by_name);
}

static struct content *examine(const void *parent, struct content_tools *tools, const char *path)
{
	return content_examine(parent, tools, foreign_load(parent, path), &limits, NULL, NULL);
}

/* --- evasive mail --- */

static bool holds(struct slice bytes, const char *words, size_t size)
{
	return memmem(bytes.data, bytes.size, words, size) != NULL;
}

/* EICAR, also in its archive, and the program that ClamAV's tests carry. */
static bool has_payload(const struct content *content)
{
	for (size_t i = 0; i < content->attachment_count; i++) {
		struct slice bytes = content->attachments[i].bytes;
		if (holds(bytes, "EICAR-STANDARD-ANTIVIRUS", 24) || holds(bytes, "MZP\0\2", 5))
			return true;
	}
	return false;
}

static bool has_zip_name(const struct content *content)
{
	for (size_t i = 0; i < content->attachment_count; i++) {
		if (strcmp(content->attachments[i].extension, "zip") == 0)
			return true;
	}
	return false;
}

struct outcome {
	unsigned found, flagged, silent;
};

static void try_evasive(struct foreign *foreign, struct content_tools *tools, const char *folder,
	bool (*is_found)(const struct content *content), struct outcome *outcome)
{
	list(foreign, folder);
	for (size_t i = 0; i < listing.count; i++) {
		const char *name = strrchr(listing.paths[i], '/') + 1;
		void *scratch = talloc_new(foreign->scratch);
		struct content *content = examine(scratch, tools, listing.paths[i]);
		bool is_silent = !is_found(content) && !content->anomalies;
		if (is_found(content))
			outcome->found++;
		else if (content->anomalies)
			outcome->flagged++;
		else if (!foreign_find(foreign, name))
			outcome->silent++;
		foreign_case(foreign, name, slice_of(folder), !is_silent);
		talloc_free(scratch);
	}
}

static void all_evasive(struct foreign *foreign, struct content_tools *tools)
{
	struct outcome outcome = {0, 0, 0};

	try_evasive(foreign, tools, "mime/evasive-content", has_payload, &outcome);
	try_evasive(foreign, tools, "mime/evasive-clamav", has_payload, &outcome);
	try_evasive(foreign, tools, "mime/evasive-filename", has_zip_name, &outcome);
	printf("evasive mail: payload found in %u, flagged %u, silent %u\n", outcome.found,
		outcome.flagged, outcome.silent);
}

/* --- trees --- */

/* Types, and in parentheses what is inside; without preambles, epilogues and other readings. They were printed by this parser first and then
 * held against a second reader, the package email of Python 3.11, which finds the same trees in all mails but those that have a reason here; these
 * were read by eye. A reason says what makes the difference. */
static const struct {
	const char *file, *tree, *reason;
} trees[] = {
	{"mime/malformed/mime4j/bad-newlines-multiple-parts.msg", "multipart/mixed(text/plain)",
		NULL},
	{"mime/malformed/mime4j/base64-encoded-text.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/base64encoded-rfc822message-nested.msg", "message/rfc822",
		"a message with a transfer encoding is opened later, by content.c"},
	{"mime/malformed/mime4j/base64encoded-rfc822message.msg", "message/rfc822", "likewise"},
	{"mime/malformed/mime4j/basic-plain-with-bad-header-separator.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/basic-plain.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/example.msg",
		"multipart/mixed(text/plain image/png image/png text/plain)", NULL},
	{"mime/malformed/mime4j/intermediate-boundaries.msg",
		"multipart/mixed(text/plain text/plain text/plain text/plain)",
		"RFC 2046 has two parts here: lines with a blank before the boundary are none of "
		"its delimiters. Some readers take them for such, so they split it, and the second "
		"part is there whole as another reading"},
	{"mime/malformed/mime4j/malformedHeader-nocrlfcrlf.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/malformedHeader-noheader.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/malformedHeaderStartsBody-nocrlfcrlf.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/malformedHeaderStartsBody-noheader.msg", "text/plain", NULL},
	{"mime/malformed/mime4j/misplaced-boundary.msg", "multipart/mixed(text/plain)", NULL},
	{"mime/malformed/mime4j/missing-boundary.msg", "multipart/alternative()", NULL},
	{"mime/malformed/mime4j/missing-inner-start-boundary.msg",
		"multipart/mixed(text/plain multipart/alternative())", NULL},
	{"mime/malformed/mime4j/multipartemptypart.msg", "multipart/mixed(text/plain)", NULL},
	{"mime/malformed/mime4j/multipartnestedemptyparts.msg",
		"multipart/mixed(message/rfc822(multipart/mixed(text/plain)))", NULL},
	{"mime/malformed/mime4j/multipartnestedemptypartsnorfc822.msg",
		"multipart/mixed(multipart/mixed(text/plain))", NULL},
	{"mime/malformed/mime4j/simple-attachment.msg",
		"multipart/mixed(text/plain application/octet-stream)", NULL},
	{"mime/torture/mimetools/2002_06_12_doublebound.msg",
		"multipart/mixed(text/plain text/plain text/html)",
		"two delimiters one behind the other: an empty part between them, which Python "
		"drops"},
	{"mime/torture/mimetools/attachment-filename-encoding-UTF8.msg",
		"multipart/mixed(text/plain text/plain)", NULL},
	{"mime/torture/mimetools/badbound.msg", "multipart/mixed()", NULL},
	{"mime/torture/mimetools/badfile.msg", "text/plain", NULL},
	{"mime/torture/mimetools/bluedot-postcard.msg",
		"multipart/alternative(text/plain multipart/related(text/html image/jpeg))", NULL},
	{"mime/torture/mimetools/bluedot-simple.msg", "image/jpeg", NULL},
	{"mime/torture/mimetools/dup-names.msg",
		"multipart/mixed(image/gif image/gif image/gif image/gif image/gif)", NULL},
	{"mime/torture/mimetools/frag.msg",
		"multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain "
		"message/rfc822(multipart/mixed(text/plain "
		"message/rfc822(multipart/mixed(text/plain image/jpeg)))))))",
		NULL},
	{"mime/torture/mimetools/german-qp.msg", "text/plain", NULL},
	{"mime/torture/mimetools/german.msg", "text/plain", NULL},
	{"mime/torture/mimetools/hdr-fakeout.msg", "text/plain", NULL},
	{"mime/torture/mimetools/infinite.msg", "text/plain", NULL},
	{"mime/torture/mimetools/intl.msg", "text/plain", NULL},
	{"mime/torture/mimetools/jt-0498.msg",
		"multipart/mixed(text/plain message/rfc822(text/plain))", NULL},
	{"mime/torture/mimetools/lennie.msg", "multipart/mixed(text/plain text/html image/gif)",
		NULL},
	{"mime/torture/mimetools/multi-2evil.msg",
		"multipart/mixed(text/plain image/gif image/gif)", NULL},
	{"mime/torture/mimetools/multi-2gifs-base64.msg", "message/rfc822", "likewise"},
	{"mime/torture/mimetools/multi-bad.msg", "multipart/mixed(text/plain)", NULL},
	{"mime/torture/mimetools/multi-badnames.msg",
		"multipart/mixed(text/plain text/plain text/plain)",
		"the boundary is folded; unfolded as RFC 5322 has it, it is the one of the "
		"delimiters"},
	{"mime/torture/mimetools/multi-frag.msg",
		"multipart/mixed(text/plain text/plain multipart/parallel(image/gif image/gif) "
		"text/richtext message/rfc822(text/plain))",
		NULL},
	{"mime/torture/mimetools/multi-igor.msg",
		"multipart/mixed(text/plain text/plain text/plain text/plain)", NULL},
	{"mime/torture/mimetools/multi-nested.msg",
		"multipart/mixed(text/plain text/plain multipart/parallel(image/gif image/gif) "
		"text/richtext message/rfc822(text/plain))",
		NULL},
	{"mime/torture/mimetools/multi-nested2.msg",
		"multipart/mixed(text/plain text/plain multipart/parallel(image/gif image/gif) "
		"text/richtext message/rfc822(text/plain))",
		NULL},
	{"mime/torture/mimetools/multi-nested3.msg",
		"multipart/mixed(text/plain text/plain multipart/parallel(image/gif image/gif) "
		"text/richtext message/rfc822(text/plain))",
		NULL},
	{"mime/torture/mimetools/multi-simple.msg", "multipart/mixed(text/plain text/plain)",
		"likewise"},
	{"mime/torture/mimetools/re-fwd.msg", "message/rfc822(message/rfc822(text/plain))", NULL},
	{"mime/torture/mimetools/russian.msg", "text/plain", NULL},
	{"mime/torture/mimetools/sig-uu.msg", "text/plain", NULL},
	{"mime/torture/mimetools/simple.msg", "text/plain", NULL},
	{"mime/torture/mimetools/uu-junk-target.msg",
		"multipart/mixed(text/plain multipart/mixed(text/plain image/gif image/gif))",
		NULL},
	{"mime/torture/mimetools/uu-junk.msg", "multipart/mixed(text/plain text/plain)", NULL},
	{"mime/torture/mimetools/uu-zeegee.msg", "text/plain", NULL},
	{"mime/torture/crispin/part06.eml",
		"multipart/mixed(multipart/mixed(text/plain audio/x-sun) multipart/mixed(image/gif "
		"image/gif application/x-be2 application/atomicmail) audio/x-sun)",
		NULL},
	{"mime/torture/crispin/part08.eml", "multipart/mixed(text/plain image/pbm)", NULL},
	{"mime/torture/golang/nested-mime", "multipart/alternative(text/plain text/html) image/png",
		"begins with a delimiter and no header: to the letter a text. The parts are "
		"guessed"},
	{"mime/malformed/mimekit/body.6.txt",
		"multipart/mixed(multipart/alternative(multipart/related(text/html image/gif "
		"image/jpeg) text/plain) text/plain)",
		NULL},
	{"mime/malformed/mimekit/delivery-status-no-blank-line.txt",
		"multipart/report(message/delivery-status message/rfc822(text/plain))",
		"a delivery status is one part to us; Python makes one of each of its blocks"},
	{"mime/malformed/mimekit/issue358.txt", "multipart/alternative(text/plain text/html)",
		"a line in the header that is no field: Python takes it for the end of the header, "
		"most readers pass over it"},
	{"mime/malformed/rspamd/badboundary.eml", "multipart/mixed(image/gif text/plain)", NULL},
	{"mime/malformed/rspamd/fname.eml",
		"multipart/mixed(application/octet-stream application/pdf)", NULL},
	{"mime/malformed/rspamd/fws_fn.eml", "multipart/mixed(text/html image/jpeg)", NULL},
	{"mime/malformed/rspamd/ics.eml",
		"multipart/mixed(multipart/alternative(text/plain text/html) text/calendar)", NULL},
	{"mime/malformed/rspamd/sa_full_boundary.eml",
		"multipart/alternative(text/plain text/html)", NULL},
	{"mime/malformed/flanker/enclosed-broken.eml",
		"multipart/mixed(text/plain message/rfc822(multipart/alternative(text/plain "
		"text/html)))",
		NULL},
	{"mime/malformed/flanker/missing-boundaries.eml", "text/plain", NULL},
	{"mime/malformed/enmime-parts/similar-boundary.raw",
		"multipart/mixed(text/plain multipart/alternative(text/plain text/html))", NULL},
	{"mime/malformed/enmime/header-only.raw", "multipart/mixed()", NULL},
};

static char *add_tree(char *text, const struct mime *mime, int parent)
{
	bool is_first = true;

	for (size_t i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];
		if (part->parent != parent || part->readings & ~(unsigned)MIME_CONTAINER)
			continue;
		text = talloc_asprintf_append(text, "%s%s", is_first ? "" : " ", mime_type(part));
		is_first = false;
		if (!(part->readings & MIME_CONTAINER))
			continue;
		text = add_tree(talloc_strdup_append(text, "("), mime, (int)i);
		text = talloc_strdup_append(text, ")");
	}
	return text;
}

static void all_trees(struct foreign *foreign)
{
	unsigned differ = 0;

	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
		void *scratch = talloc_new(foreign->scratch);
		struct mime *mime = mime_parse(
			scratch, NULL, foreign_load(scratch, foreign_path(foreign, trees[i].file)));
		char *tree = add_tree(talloc_strdup(scratch, ""), mime, -1);
		foreign_case(
			foreign, trees[i].file, slice_of(tree), strcmp(tree, trees[i].tree) == 0);
		differ += trees[i].reason != NULL;
		talloc_free(scratch);
	}
	printf("trees: %zu, of which %u are not what a second reader finds, for a reason\n",
		sizeof trees / sizeof *trees, differ);
}

/* --- everything --- */

static void everything(struct foreign *foreign, struct content_tools *tools)
{
	size_t parts = 0, attachments = 0, urls = 0, incomplete = 0;

	list(foreign, "mime");
	for (size_t i = 0; i < listing.count; i++) {
		void *scratch = talloc_new(foreign->scratch);
		struct content *content = examine(scratch, tools, listing.paths[i]);
		parts += content->parts;
		attachments += content->attachment_count;
		urls += content->body->url_count;
		incomplete += !content->is_complete;
		foreign_case(foreign, listing.paths[i], slice_of("out of time"),
			content->budget.hit != BUDGET_TIME);
		talloc_free(scratch);
	}
	printf("all mail: %zu files, %zu parts, %zu attachments, %zu addresses, %zu not to the "
	       "end\n",
		listing.count, parts, attachments, urls, incomplete);
}

/* --- honest mail --- */

static void honest(struct foreign *foreign, struct content_tools *tools)
{
	size_t counts[MIME_ANOMALY_COUNT] = {0};

	list(foreign, "mail/ham");
	for (size_t i = 0; i < listing.count; i++) {
		void *scratch = talloc_new(foreign->scratch);
		struct content *content = examine(scratch, tools, listing.paths[i]);
		for (unsigned bit = 0; bit < MIME_ANOMALY_COUNT; bit++)
			counts[bit] += content->anomalies >> bit & 1;
		talloc_free(scratch);
	}
	for (unsigned bit = 0; bit < MIME_ANOMALY_COUNT; bit++) {
		double rate =
			listing.count ? 100.0 * (double)counts[bit] / (double)listing.count : 0;
		if (counts[bit])
			printf("honest mail: %-24s %6.2f %%%s\n", mime_anomaly_names[bit], rate,
				rate > OFTEN ? "  too often to refuse on" : "");
	}
	printf("honest mail: %zu messages; in none of them", listing.count);
	for (unsigned bit = 0; bit < MIME_ANOMALY_COUNT; bit++) {
		if (!counts[bit])
			printf(" %s", mime_anomaly_names[bit]);
	}
	putchar('\n');
}

static struct foreign_deviation deviations[] = {
	{"fname-cdisp.png.eml", "the suite's control: its name is file.png in every reading",
		false},
	{"fname-ctype.png.eml", "likewise", false},
	{NULL, NULL, false},
};

int main(void)
{
	struct foreign foreign = foreign_begin(".", deviations);
	struct content_tools *tools = content_prepare(foreign.scratch);

	list(&foreign, "mime");
	if (!listing.count)
		foreign_skip(&foreign, "there is no mail in POSTERN_TESTDATA");
	all_evasive(&foreign, tools);
	all_trees(&foreign);
	everything(&foreign, tools);
	honest(&foreign, tools);
	for (size_t i = 0; i < listing.count; i++)
		free(listing.paths[i]);
	return foreign_end(&foreign);
}
