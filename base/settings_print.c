/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the reference of settings as mdoc(7), from the tables that the reader uses. */
#include "base/settings.h"

#include "base/option.h"

#include <string.h>
#include <talloc.h>

/* A word for a macro line or a text line: nothing in it means anything to mdoc. */
static void print_escaped(const char *text, FILE *out)
{
	if (strchr(".'", text[0]))
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else
			fputc(*text, out);
	}
}

/* Prose, a sentence a line as mdoc wants it. */
static void print_sentences(const char *text, FILE *out)
{
	char *copy = talloc_strdup(NULL, text);
	char *from = copy;

	for (char *end = strstr(from, ". "); end; end = strstr(from, ". ")) {
		end[1] = '\0';
		print_escaped(from, out);
		fputc('\n', out);
		from = end + 2;
	}
	if (*from) {
		print_escaped(from, out);
		fputs(from[strlen(from) - 1] == '.' ? "\n" : ".\n", out);
	}
	talloc_free(copy);
}

static void print_kind(const struct option *option, FILE *out)
{
	if (option_takes(option)) {
		fprintf(out, ".It Ic %s No = Ar %s\n", option->name, option_takes(option));
		return;
	}
	fprintf(out, ".It Ic %s No =", option->name);
	for (size_t i = 0; option->choices[i]; i++) {
		fputs(i ? " | Cm " : " Cm ", out);
		print_escaped(option->choices[i], out);
	}
	fputc('\n', out);
}

static void print_option(const struct option *option, FILE *out)
{
	char *bounds = option_bounds(NULL, option);

	print_kind(option, out);
	print_sentences(option->manual, out);
	if (bounds)
		fprintf(out, "It is %s.\n", bounds);
	if (option->mandatory)
		fputs("It must be given.\n", out);
	if (option->preset && *option->preset) {
		fputs("The default is\n.Cm ", out);
		print_escaped(option->preset, out);
		fputs(" .\n", out);
	}
	talloc_free(bounds);
}

static void print_section(const struct section *section, FILE *out)
{
	if (*section->name)
		fprintf(out, ".Ss Section %s\n", section->name);
	else
		fputs(".Ss Outside of all sections\n", out);
	print_sentences(section->manual, out);
	if (section->named)
		fprintf(out,
			"There may be any number of these sections, each with its name:\n"
			".Ic %s Qo Ar name Qc Brq ... .\n",
			section->name);
	if (!section->options->name)
		return;
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct option *option = section->options; option->name; option++)
		print_option(option, out);
	fputs(".El\n", out);
}

void settings_print_manual(const struct section *const *tables, FILE *out)
{
	for (size_t i = 0; tables[i]; i++) {
		for (const struct section *section = tables[i]; section->name; section++)
			print_section(section, out);
	}
}
