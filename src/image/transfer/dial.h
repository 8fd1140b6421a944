/* Connections to registries on unix sockets: the broker makes them (image/broker.h). */
#ifndef TARE_TRANSFER_DIAL_H
#define TARE_TRANSFER_DIAL_H

#include <stdint.h>

/* A connection to endpoint number's socket, or negative errno; from any thread. */
int dial(uint32_t number);

#endif
