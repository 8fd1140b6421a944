/* The documents that hold images together: the first byte chooses which, the rest is the text. */
#include "image/config.h"
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *text = (const char *)data + 1;
	const struct docker_image *images;
	const struct image_config *config;
	const struct descriptor *list;
	struct manifest manifest;
	struct err e = { 0 };
	size_t n;
	int r;

	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'd':
		r = manifest_parse_docker(&a, text, size - 1, &images, &n, &e);
		break;
	case 'i':
		r = manifest_parse_index(&a, text, size - 1, &list, &n, &e);
		break;
	case 'm':
		r = manifest_parse(&a, text, size - 1, &manifest, &e);
		break;
	default:
		r = image_config_parse(&a, text, size - 1, &config, &e);
		break;
	}
	if (r < 0 && (e.code >= 0 || !e.msg[0]))
		abort(); /* a failure must say what it is */
	return 0;
}
