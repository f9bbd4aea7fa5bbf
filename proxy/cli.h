/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands that users type behind `postern`, as main.c's table names them. Each parses its own arguments (argv[0] is
 * "postern COMMAND") and returns an exit status: 0 well, 1 not well, 2 nobody to ask, 64 wrong usage.
 */
#pragma once

int cli_run(int argc, char **argv);
int cli_milter(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);    /* cli_explain.c */
int cli_replay(int argc, char **argv);     /* cli_replay.c */
int cli_report(int argc, char **argv);     /* cli_report.c */
int cli_quarantine(int argc, char **argv); /* cli_quarantine.c */
int cli_fmt(int argc, char **argv);        /* cli_fmt.c */
int cli_test(int argc, char **argv);       /* cli_test.c */
int cli_status(int argc, char **argv);
int cli_upgrade(int argc, char **argv);
int cli_rehearse(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_forget(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_sink(int argc, char **argv); /* sink.c does the work */
int cli_manual(int argc, char **argv);
