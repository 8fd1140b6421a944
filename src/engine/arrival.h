/* An input that somebody sends: that there is no more to read may mean that he left, and a tar that ends between two members looks whole. Whoever reads
 * it asks once it is read to its end, before anything comes of it that stays. */
#ifndef TARE_ENGINE_ARRIVAL_H
#define TARE_ENGINE_ARRIVAL_H

#include "base/err.h"

struct arrival {
	int (*whole)(void *data, struct err *e); /* 0, or an error: it did not come whole. NULL: what can be read is all */
	void *data;
};

static inline int arrival_check(const struct arrival *a, struct err *e)
{
	return a->whole ? a->whole(a->data, e) : 0;
}

#endif
