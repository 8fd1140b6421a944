/* The monitor's place between a container's end and its restart. */
#ifndef TARE_MONITOR_REST_H
#define TARE_MONITOR_REST_H

/* Descriptor 3 is open on a file that is locked as long as we live. Lets argv[0] ms pass and executes the program argv[1] with the rest as its
 * command line; ends before when the file is removed: nobody wants that any more. */
int rest_main(char **argv);

#endif
