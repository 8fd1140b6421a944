/* Groups of one user alone, as Debian gives each user one; elsewhere many users share theirs. */
#ifndef TARE_ENGINE_OWNGROUP_H
#define TARE_ENGINE_OWNGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Whether nobody but uid is in the group, by the texts of passwd(5) and group(5). A group that is not there is anybody's, and so is a member
 * whom passwd does not know. */
bool owngroup(const char *passwd, const char *group, uint32_t uid, uint32_t gid);

#endif
