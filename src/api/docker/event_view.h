/* What happened (engine/events.h), as Docker tells it. */
#ifndef TARE_API_DOCKER_EVENT_VIEW_H
#define TARE_API_DOCKER_EVENT_VIEW_H

#include "base/strbuf.h"
#include "engine/events.h"

enum event_form {
	EVENT_JSON,  /* as it is sent, with what an older Docker told: status, id, from */
	EVENT_FIELDS /* the members that a template knows */
};
void event_write(const struct event *ev, enum event_form form, struct strbuf *out);

#define EVENT_FILTER_NOBODY "config daemon node plugin secret service"
#define EVENT_FILTER_KEYS "container event image label network scope type volume " EVENT_FILTER_NOBODY
/* 1: it passes the filters (api/docker/filters.h). */
int event_passes(struct arena *a, struct strv filters, const struct event *ev, struct err *e) MUST_CHECK;
/* Before there is any. */
int event_filters_check(struct arena *a, struct strv filters, struct err *e) MUST_CHECK;

#endif
