#include "monitor/leave.h"

#include "sys/cgroup.h"

int leave_caller(const char *monitors, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r;

	if (!monitors)
		return 0;
	r = cg_create(monitors, &cg, NULL, e);
	return r < 0 ? r : cg_join_self(cg, cg_in_v2(cg), e);
}
