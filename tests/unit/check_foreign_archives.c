/* SPDX-License-Identifier: Apache-2.0 */
/* Archives, winmail.dat, documents and programs that others have collected: all of them end, what cannot be read is said, and names in
 * winmail.dat are those that other programs find. */
#include "foreign.h"

#include "policy/content/unpack.h"

#include <fts.h>

/* libarchive asks for as much memory as a header announces, and can do without. */
const char *__asan_default_options(void); // NOLINT(readability-identifier-naming)
const char *__asan_default_options(void)  // NOLINT(readability-identifier-naming)
{
	return "allocator_may_return_null=1";
}

#define NO_SIGNATURE "nothing at its beginning or end says that it is an archive"

static struct foreign_deviation deviations[] = {
	{"archive/libarchive/read_format_7zip_issue2765.7z type", "begins as a Unix program",
		false},
	{"archive-malformed/libarchive/read_format_7zip_malformed3.7z type", NO_SIGNATURE, false},
	{NULL, NULL, false},
};

/* Files of these folders carry one of the findings. */
static const struct {
	const char *folder;
	uint64_t findings;
} expected_findings[] = {
	{"archive-encrypted/", FINDING_ENCRYPTED},
	{"archive-sfx/", FINDING_SELF_EXTRACTING | FINDING_PREFIXED},
};

/* Files whose names end so are of that type. */
static const struct {
	const char *end;
	enum file_type type;
} expected_types[] = {
	{".zipx", FILE_TYPE_ZIP},
	{".7z", FILE_TYPE_SEVENZIP},
	{".cab", FILE_TYPE_CAB},
	{".lzh", FILE_TYPE_LHA},
	{".xar", FILE_TYPE_XAR},
	{".Z", FILE_TYPE_COMPRESS},
	{".tgz", FILE_TYPE_GZIP},
	{".tar.gz", FILE_TYPE_GZIP},
	{".cpio", FILE_TYPE_CPIO},
	{".tnef", FILE_TYPE_TNEF},
	{"winmail.dat", FILE_TYPE_TNEF},
	{".arj", FILE_TYPE_ARJ},
	{".szdd", FILE_TYPE_SZDD},
	{".chm", FILE_TYPE_CHM},
	{".one", FILE_TYPE_ONENOTE},
	{".ppt", FILE_TYPE_PPT},
	{".sis", FILE_TYPE_SIS},
	{".exe", FILE_TYPE_PE},
	{".xps", FILE_TYPE_XPS},
};

static bool ends_with(const char *path, const char *end)
{
	size_t size = strlen(path), wanted = strlen(end);

	return size >= wanted && strcmp(path + size - wanted, end) == 0;
}

static struct slice read_file(const void *parent, const char *path)
{
	FILE *in = fopen(path, "re");
	char *bytes = NULL;
	size_t size = 0, got;

	if (!in)
		return slice_of("");
	do {
		bytes = talloc_realloc(parent, bytes, char, size + 65536);
		got = fread(bytes + size, 1, 65536, in);
		size += got;
	} while (got);
	fclose(in);
	bytes = talloc_realloc(parent, bytes, char, size ? size : 1);
	return slice_make(bytes, size);
}

struct file {
	struct foreign *foreign;
	const char *path; /* below the folder */
	void *scratch;
	struct slice bytes;
	struct budget budget;
};

static void begin(struct file *file, struct foreign *foreign, const char *path)
{
	static const struct budget_limits limits = {.bytes = 64 << 20,
		.ratio = 1000,
		.entries = 10000,
		.depth = 5,
		.milliseconds = 20000};

	*file = (struct file){
		.foreign = foreign, .path = path, .scratch = talloc_new(foreign->scratch)};
	file->bytes = read_file(file->scratch, foreign_path(foreign, path));
	budget_begin(&file->budget, &limits, file->bytes.size, NULL, NULL);
}

static void judge(struct file *file, const char *what, bool is_good)
{
	char *id = talloc_asprintf(file->scratch, "%s %s", file->path, what);

	foreign_case(file->foreign, id, slice_of(""), is_good);
}

/* To the end, level by level: what was found in all of it. */
static uint64_t unpack_all(struct file *file)
{
	size_t room = 20000, count = 0;
	struct slice *queue = talloc_array(file->scratch, struct slice, room);
	uint64_t findings = 0;

	queue[count++] = file->bytes;
	for (size_t i = 0; i < count; i++) {
		struct unpacked out;
		unpack(file->scratch, file_type_of(queue[i]), queue[i], &file->budget, &out);
		findings |= out.findings;
		for (size_t k = 0; k < out.count && count < room; k++)
			queue[count++] = out.members[k].bytes;
	}
	return findings;
}

static void judge_type(struct file *file)
{
	enum file_type type = file_type_of(file->bytes);

	for (size_t i = 0; i < sizeof expected_types / sizeof *expected_types; i++) {
		if (ends_with(file->path, expected_types[i].end))
			judge(file, "type", type == expected_types[i].type);
	}
}

static void judge_findings(struct file *file, uint64_t findings)
{
	for (size_t i = 0; i < sizeof expected_findings / sizeof *expected_findings; i++) {
		if (slice_starts_nocase(slice_of(file->path), expected_findings[i].folder))
			judge(file, "findings", findings & expected_findings[i].findings);
	}
	judge(file, "time", file->budget.hit != BUDGET_TIME);
}

static void judge_file(struct foreign *foreign, const char *path)
{
	struct file file;

	begin(&file, foreign, path);
	judge_type(&file);
	judge_findings(&file, unpack_all(&file));
	talloc_free(file.scratch);
}

static int compare_paths(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void judge_folder(struct foreign *foreign, const char *folder)
{
	char *root = foreign_path(foreign, folder);
	char *roots[] = {root, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_paths);
	FTSENT *entry;

	while (walk && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_F)
			judge_file(foreign, entry->fts_path + strlen(foreign->directory) + 1);
	}
	if (walk)
		fts_close(walk);
}

/* --- winmail.dat: the names that the program tnef finds, bodies aside --- */

static bool is_body(const char *name)
{
	return ends_with(name, "-body.rtf") || ends_with(name, "-body.html");
}

static bool has_member(const struct unpacked *out, struct slice name)
{
	for (size_t i = 0; i < out->count; i++) {
		if (slice_equals(name, out->members[i].name))
			return true;
	}
	return false;
}

static const char *const winmails[][2] = {
	{"tnef/ytnef/one-file.tnef", "tnef-listing/tnef/one-file.list"},
	{"tnef/tnef/data-before-name.tnef", "tnef-listing/tnef/data-before-name.list"},
	{"tnef/tnef/unicode-mapi-attr-name.tnef", "tnef-listing/tnef/unicode-mapi-attr-name.list"},
	{"tnef/tnef/unicode-mapi-attr.tnef", "tnef-listing/tnef/unicode-mapi-attr.list"},
	{"tnef/tnef/triples.tnef", "tnef-listing/mimekit/triples.list"},
	{"tnef/tnef/body.tnef", "tnef-listing/mimekit/body.list"},
	{"tnef/ytnef/rtf.tnef", "tnef-listing/mimekit/rtf.list"},
	{"tnef/mimekit/winmail.tnef", "tnef-listing/mimekit/winmail.list"},
	{"tnef/mimekit/panic.tnef", "tnef-listing/mimekit/panic.list"},
};

static void judge_winmail(struct foreign *foreign, const char *const *row)
{
	struct file file;
	struct unpacked out;
	struct slice list;

	begin(&file, foreign, row[0]);
	unpack(file.scratch, FILE_TYPE_TNEF, file.bytes, &file.budget, &out);
	list = read_file(file.scratch, foreign_path(foreign, row[1]));
	judge(&file, "list", list.size > 0);
	while (list.size) {
		char *name = slice_keep(file.scratch, slice_trim(slice_cut(&list, '\n')));
		if (*name && !is_body(name))
			judge(&file, name, has_member(&out, slice_of(name)));
	}
	talloc_free(file.scratch);
}

int main(void)
{
	struct foreign foreign = foreign_begin("mime", deviations);
	static const char *const folders[] = {"archive", "archive-encrypted", "archive-malformed",
		"archive-sfx", "tnef", "executable", "active-content/clamav"};

	unpack_prepare();
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		judge_folder(&foreign, folders[i]);
	for (size_t i = 0; i < sizeof winmails / sizeof *winmails; i++)
		judge_winmail(&foreign, winmails[i]);
	return foreign_end(&foreign);
}
