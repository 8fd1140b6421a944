/* The bytes between keeper and worker. The end of the stream says that the other one is dead. */
#ifndef TARE_MONITOR_LINK_H
#define TARE_MONITOR_LINK_H

#define LINK_EXITED 'x'      /* keeper: the container ended, see the progress page */
#define LINK_STOP 's'        /* keeper: a service manager wants the container stopped */
#define LINK_CLOSE_STDIN 'i' /* worker: close your copy of stdin */

#endif
