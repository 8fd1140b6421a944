/* tare-monitor mounts: changes the mounts of a container that runs, and ends. */
#ifndef TARE_MONITOR_MOUNTS_H
#define TARE_MONITOR_MOUNTS_H

#include "base/err.h"

/* Standard input: {"id","pid","startTime","bundle","rootfs","spec":the container's specification,"remove":bool,"mounts":as in one}. */
int monitor_mounts(struct err *e) MUST_CHECK;

#endif
