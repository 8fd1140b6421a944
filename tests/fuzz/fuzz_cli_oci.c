/* tare-oci's command line (fuzz_cli.h). */
int main_of_program(int argc, char **argv);
#define main main_of_program
#include "cmd/oci/main.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

#include "fuzz_cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_cli(&oci_program, data, size);
}
