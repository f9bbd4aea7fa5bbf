/* SPDX-License-Identifier: Apache-2.0 */
/* libyara, compiled in or not. */
#include "config.h"

#include "policy/content/yara.h"

#ifdef WITH_YARA

#include <errno.h>
#include <string.h>
#include <talloc.h>
#include <yara.h>

const char *const yara_missing = NULL;

struct yara {
	YR_RULES *rules;
};

/* --- compiling --- */

struct compilation {
	struct yara *yara;
	YR_COMPILER *compiler;
	struct place place; /* of the setting */
	struct complaints *complaints;
	bool failed;
};

static void on_complaint(
	int level, const char *file, int line, const YR_RULE *rule, const char *text, void *owner)
{
	struct compilation *compilation = owner;
	struct place place = {
		file ? file : compilation->place.file, line > 0 ? (unsigned)line : 0, 1};

	(void)rule;
	if (level == YARA_ERROR_LEVEL_ERROR)
		complaint_error(compilation->complaints, place, "YARA: %s", text);
	else
		complaint_warning(compilation->complaints, place, "YARA: %s", text);
}

static bool fail(struct compilation *compilation, const char *what, const char *why)
{
	complaint_error(compilation->complaints, compilation->place, "%s: %s", what, why);
	return false;
}

static bool add_file(struct compilation *compilation, const char *path)
{
	FILE *file = fopen(path, "re");
	int errors;

	if (!file)
		return fail(compilation, path, strerror(errno));
	errors = yr_compiler_add_file(compilation->compiler, file, NULL, path);
	fclose(file);
	return errors == 0;
}

/* A module that opens files when it is loaded. */
static bool needs_files(const char *module)
{
	return strcmp(module, "magic") == 0 || strcmp(module, "cuckoo") == 0;
}

static int on_trial(YR_SCAN_CONTEXT *context, int message, void *data, void *owner)
{
	struct compilation *compilation = owner;

	(void)context;
	if (message != CALLBACK_MSG_IMPORT_MODULE)
		return CALLBACK_CONTINUE;
	const char *module = ((const YR_MODULE_IMPORT *)data)->module_name;
	if (!needs_files(module))
		return CALLBACK_CONTINUE;
	compilation->failed = true;
	complaint_error(compilation->complaints, compilation->place,
		"YARA: the module %s needs files, which scanners do not have", module);
	return CALLBACK_ABORT;
}

static bool add_files(struct compilation *compilation, const char *const *files, size_t count)
{
	yr_compiler_set_callback(compilation->compiler, on_complaint, compilation);
	for (size_t i = 0; i < count; i++) {
		if (!add_file(compilation, files[i]))
			return false; /* libyara wants no more after an error */
	}
	return yr_compiler_get_rules(compilation->compiler, &compilation->yara->rules) ==
		ERROR_SUCCESS ||
		fail(compilation, "YARA", "the rules cannot be put together");
}

static bool compile(struct compilation *compilation, const char *const *files, size_t count)
{
	bool good;

	if (yr_compiler_create(&compilation->compiler) != ERROR_SUCCESS)
		return fail(compilation, "YARA", "the compiler does not start");
	good = add_files(compilation, files, count);
	yr_compiler_destroy(compilation->compiler);
	if (!good)
		return false;
	/* Nothing is searched: it tells which modules are imported. */
	(void)yr_rules_scan_mem(compilation->yara->rules, (const uint8_t *)"", 0,
		SCAN_FLAGS_NO_TRYCATCH, on_trial, compilation, 1);
	return !compilation->failed;
}

static int destroy(struct yara *yara)
{
	if (yara->rules)
		yr_rules_destroy(yara->rules);
	yr_finalize();
	return 0;
}

struct yara *yara_new(const void *parent, const char *const *files, size_t count,
	struct place place, struct complaints *complaints)
{
	struct compilation compilation = {.place = place, .complaints = complaints};

	if (yr_initialize() != ERROR_SUCCESS) {
		fail(&compilation, "YARA", "the library does not start");
		return NULL;
	}
	compilation.yara = talloc_zero(parent, struct yara);
	talloc_set_destructor(compilation.yara, destroy);
	if (!compile(&compilation, files, count))
		TALLOC_FREE(compilation.yara);
	return compilation.yara;
}

/* --- searching --- */

struct search {
	yara_match_fn *on_match;
	void *owner;
	bool is_cut;
};

static int on_news(YR_SCAN_CONTEXT *context, int message, void *data, void *owner)
{
	struct search *search = owner;

	(void)context;
	if (message == CALLBACK_MSG_RULE_MATCHING)
		search->on_match(search->owner, ((const YR_RULE *)data)->identifier);
	else if (message == CALLBACK_MSG_TOO_MANY_MATCHES)
		search->is_cut = true;
	return CALLBACK_CONTINUE;
}

bool yara_search(const struct yara *yara, struct slice bytes, unsigned seconds,
	yara_match_fn *on_match, void *owner)
{
	struct search search = {on_match, owner, false};
	int result = yr_rules_scan_mem(yara->rules, (const uint8_t *)bytes.data, bytes.size,
		SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING, on_news, &search,
		(int)seconds);

	return result == ERROR_SUCCESS && !search.is_cut;
}

#else

const char *const yara_missing = "--with-yara";

struct yara *yara_new(const void *parent, const char *const *files, size_t count,
	struct place place, struct complaints *complaints)
{
	(void)parent;
	(void)files;
	(void)count;
	complaint_error(complaints, place, "rules of YARA are not in this build; %s brings them",
		yara_missing);
	return NULL;
}

bool yara_search(const struct yara *yara, struct slice bytes, unsigned seconds,
	yara_match_fn *on_match, void *owner)
{
	(void)yara;
	(void)bytes;
	(void)seconds;
	(void)on_match;
	(void)owner;
	return false;
}

#endif
