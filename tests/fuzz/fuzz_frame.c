/* wire/frame: any bytes; a frame that was found is written back to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	while (size > 0) {
		CLEANUP_STRBUF struct strbuf again = STRBUF_INIT;
		struct frame f;
		int n = frame_parse(data, size, &f);

		if (n <= 0)
			return 0;
		frame_write(&again, f.type, f.payload, f.len);
		if (again.len != (size_t)n || memcmp(again.s, data, again.len) != 0)
			abort();
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
