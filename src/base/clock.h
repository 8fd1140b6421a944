/* Time that only goes forward, for deadlines and pauses; and the time that records carry. */
#ifndef TARE_BASE_CLOCK_H
#define TARE_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
int64_t clock_ms(void);
/* CLOCK_REALTIME in nanoseconds since 1970; it jumps where somebody sets it. */
int64_t clock_now_ns(void);

#endif
