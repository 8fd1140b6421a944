/* linux.seccomp from anybody, compiled (runtime/seccomp.c): the program is one that the kernel would take. Every jump
 * goes forward and stays inside, every path ends with a verdict, only what seccomp(2) allows is in it. What it decides is
 * compared with libseccomp elsewhere (tests/unit/test_runtime_seccomp.c). */
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>

#include "oci/spec.h"
#include "runtime/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_insn(const struct sock_filter *f, size_t left)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (f->k % 4 || f->k >= sizeof(struct seccomp_data))
			abort();
		break;
	case BPF_JMP | BPF_JA:
		if (f->k >= left)
			abort();
		return;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		if (f->jt >= left || f->jf >= left)
			abort();
		return;
	case BPF_RET | BPF_K:
		return;
	case BPF_ALU | BPF_AND | BPF_K:
		break;
	default:
		abort();
	}
	if (!left)
		abort();
}

static void compile(struct arena *a, enum sc_abi native, const struct oci_seccomp *s)
{
	struct rt_seccomp out;
	struct err e = { 0 };

	if (rt_seccomp_compile_for(a, native, s, &out, &e) < 0) {
		if (!e.msg[0] || e.code >= 0)
			abort();
		return;
	}
	if (!out.n || out.n > 4096)
		abort();
	for (size_t i = 0; i < out.n; i++)
		check_insn(&out.insns[i], out.n - 1 - i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc;
	const struct oci_seccomp *s;
	struct err e = { 0 };

	if (json_parse(&a, (const char *)data, size, NULL, &doc, &e) < 0 || oci_seccomp_parse(&a, doc, &s, &e) < 0)
		return 0;
	compile(&a, SC_X86_64, s);
	compile(&a, SC_AARCH64, s);
	return 0;
}
