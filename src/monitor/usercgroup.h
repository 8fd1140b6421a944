/* `tare-monitor cgroup SCOPE`: an ordinary user's command gets into the cgroup that is his to divide, where his systemd gives him one.
 * systemd: user@.service(5), "Delegation"; the D-Bus interface org.freedesktop.systemd1. */
#ifndef TARE_MONITOR_USERCGROUP_H
#define TARE_MONITOR_USERCGROUP_H

/* scope: the path of the scope's cgroup, ".../app.slice/NAME.scope" below his manager's. Makes the scope where it is not, and moves our parent into
 * the cgroup "monitor" of it. Exit code; what failed goes to standard error, as one line. */
int usercgroup_main(const char *scope);

#endif
