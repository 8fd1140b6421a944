/* wire/criu, wire/protobuf: any bytes as an answer of CRIU's. */
#include <stdlib.h>
#include <string.h>

#include "wire/criu.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct criu_response r;

	if (criu_parse(data, size, &r) < 0)
		return 0;
	if (!memchr(r.script, 0, sizeof(r.script)) || !memchr(r.message, 0, sizeof(r.message)))
		abort();
	return 0;
}
