/* What the sanitizers are told; linked into the programs of sanitizer builds only (meson.build), because most of these
 * processes have no environment of ours to read ASAN_OPTIONS from.
 *
 * Reports go to files: a monitor has /dev/null for its stderr, and a container's stderr is somebody's output. tests/run
 * fails when there is one. A process that has changed its root cannot make the file; it says so on stderr and dies all
 * the same. UBSan knows no files when ASan is there too, so what it found is given to ASan to write down.
 *
 * No search for leaks at exit: these programs hand back to the kernel what an arena or the heap holds until exit, and
 * a finding would change the exit code, which is part of what they do (a keeper starts a worker that failed again).
 * tare-worker could not even search, its root has no /proc. The unit tests search. */
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>

/* The sanitizers call these by name; gcc 12 has no header for them. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
void __ubsan_on_report(void);
void __ubsan_get_current_report_data(const char **kind, const char **message, const char **file, unsigned int *line,
				     unsigned int *column, char **address);

#define REPORTS "log_exe_name=1:log_path=" SANITIZER_REPORTS "/report"

const char *__asan_default_options(void)
{
	return REPORTS ":detect_leaks=0";
}

/* UBSan sets the path of ASan's file when it wakes up. */
const char *__ubsan_default_options(void)
{
	return REPORTS;
}

void __ubsan_on_report(void)
{
	const char *kind, *message, *file;
	unsigned int line, column;
	char *address, summary[512];

	__ubsan_get_current_report_data(&kind, &message, &file, &line, &column, &address);
	snprintf(summary, sizeof(summary), "%s:%u: runtime error: %s", file, line, message);
	__sanitizer_report_error_summary(summary);
	__sanitizer_print_stack_trace();
}
