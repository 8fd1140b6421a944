/* One timer per container, armed when a check is over: nothing is asked in between, and a check never overlaps the next. A paused container is
 * not checked: who stands still cannot answer.
 *
 * health.json is replaced whole after each check, so whoever reads it and whoever follows a killed worker finds the last result; a check that was
 * running then is ended and forgotten. */
#include "monitor/health.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "sys/spawn.h"

#define MAX_BYTES 262144U
#define MOST_WORDS 16U

static const char *const names[] = { "starting", "healthy", "unhealthy" };

static void on_time(struct loop *l, int fd, uint32_t events, void *data);

/* ---- the file ---- */

static void save(struct health *h)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	jw_object(&w, NULL);
	jw_str(&w, "Status", names[h->status]);
	jw_u64(&w, "FailingStreak", h->streak);
	jw_array(&w, "Log");
	for (unsigned int i = 0; i < h->n; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "Start", h->log[i].start);
		jw_str(&w, "End", h->log[i].end);
		jw_i64(&w, "ExitCode", h->log[i].code);
		jw_str(&w, "Output", h->log[i].output ? h->log[i].output : "");
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	r = sb_error(&text);
	if (r == 0)
		r = io_replace_file(h->state_dir, HEALTH_FILE, text.s, text.len, 0600, false);
	if (r < 0)
		log_error("%.12s: " HEALTH_FILE ": %s", h->d->id, strerror(-r));
}

static int read_entry(const struct json *obj, struct health_entry *out, struct err *e)
{
	const char *start = "", *end = "", *output = "";
	int64_t code = 0;
	int r;

	if ((r = json_get_str(obj, "Log", "Start", &start, e)) < 0 || (r = json_get_str(obj, "Log", "End", &end, e)) < 0 ||
	    (r = json_get_str(obj, "Log", "Output", &output, e)) < 0 || (r = json_get_i64(obj, "Log", "ExitCode", &code, e)) < 0)
		return r;
	*out = (struct health_entry){ .code = (int)code, .output = strdup(output) };
	(void)snprintf(out->start, sizeof(out->start), "%s", start);
	(void)snprintf(out->end, sizeof(out->end), "%s", end);
	return 0;
}

/* What is not there or not ours to understand is a beginning. */
static void load(struct health *h)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const char *status = "";
	const struct json *doc;
	struct err e;
	size_t len;

	if (io_read_file(h->state_dir, HEALTH_FILE, MAX_BYTES, &text, &len) < 0 || json_parse(&a, text, len, NULL, &doc, &e) < 0 ||
	    json_get_str(doc, HEALTH_FILE, "Status", &status, &e) < 0 || json_get_u32(doc, HEALTH_FILE, "FailingStreak", &h->streak, &e) < 0)
		return;
	for (unsigned int i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(status, names[i]) == 0)
			h->status = (enum health_status)i;
	json_each(entry, json_get(doc, "Log"))
		if (h->n < HEALTH_LOG && read_entry(entry, &h->log[h->n], &e) == 0)
			h->n++;
}

/* ---- results ---- */

static int64_t age_ns(const struct health *h)
{
	struct timespec now;
	long hz = sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)(h->start_time * (1000000000ULL / (uint64_t)(hz > 0 ? hz : 100)));
}

static bool is_starting(const struct health *h)
{
	return h->status == HEALTH_STARTING && age_ns(h) < h->d->health.start_period;
}

bool health_judge(struct health *h, int code)
{
	enum health_status before = h->status;

	if (code == 0) {
		h->streak = 0;
		h->status = HEALTH_HEALTHY;
	} else if (!h->in_start) {
		h->streak++;
		if ((int64_t)h->streak >= h->d->health.retries)
			h->status = HEALTH_UNHEALTHY;
	}
	return h->status != before;
}

static void changed(struct health *h);

static void told(struct loop *l, int fd, uint32_t events, void *data)
{
	struct health *h = data;
	int status;

	(void)events;
	loop_remove(l, h->told);
	h->told = NULL;
	(void)!spawn_wait(fd, -1, &status);
	h->teller = close_fd(h->teller);
	if (h->owed)
		changed(h);
}

/* The one place where another status becomes known. The engine tells it: what is said of a container beside that (its name) is in the catalog.
 * Its command line is that of the container's end with another verb. While one tells that takes longer than an interval nobody waits for it (the
 * container's output would): what is so then is told when it is through. */
static void changed(struct health *h)
{
	const char *argv[MOST_WORDS + 2] = { NULL };
	size_t n = 0;
	pid_t pid;

	h->owed = h->teller >= 0;
	if (h->owed)
		return;
	for (; h->d->exited && h->d->exited[n] && n < MOST_WORDS; n++)
		argv[n] = h->d->exited[n];
	if (n < 3 || n == MOST_WORDS)
		return;
	argv[n - 2] = "health";
	argv[n] = names[h->status];
	if (spawn(&(struct spawn_args){ .path = argv[0], .argv = argv }, &pid, &h->teller) < 0)
		log_error("%.12s: %s could not be executed", h->d->id, argv[0]);
	else if (loop_add(h->loop, h->teller, EPOLLIN, told, h, &h->told) < 0)
		h->teller = close_fd(h->teller);
}

static void add_entry(struct health *h, int code, const char *output)
{
	struct health_entry *entry;

	if (h->n == HEALTH_LOG) {
		free(h->log[0].output);
		memmove(&h->log[0], &h->log[1], (HEALTH_LOG - 1) * sizeof(h->log[0]));
		h->n--;
	}
	entry = &h->log[h->n++];
	*entry = (struct health_entry){ .code = code, .output = strdup(output) };
	memcpy(entry->start, h->began, sizeof(entry->start));
	text_now(entry->end);
}

static void wait_for_next(struct health *h)
{
	int64_t ns = is_starting(h) ? h->d->health.start_interval : h->d->health.interval;

	if (loop_timer(h->loop, ns, on_time, h, &h->timer) < 0)
		log_error("%.12s: its health is not checked any more", h->d->id);
}

static void checked(void *data, int code, const char *output)
{
	struct health *h = data;
	bool other;

	add_entry(h, code, output);
	other = health_judge(h, code);
	save(h);
	if (other && h->status == HEALTH_HEALTHY && h->healthy)
		h->healthy(h->healthy_data);
	if (other)
		changed(h);
	wait_for_next(h);
}

static void on_time(struct loop *l, int fd, uint32_t events, void *data)
{
	struct health *h = data;

	(void)l;
	(void)fd;
	(void)events;
	h->timer = NULL;
	if (probe_cannot(h->d)) {
		wait_for_next(h);
		return;
	}
	text_now(h->began);
	h->in_start = is_starting(h);
	probe_start(&h->probe);
}

void health_begin(struct health *h, struct loop *l, const struct description *d, int state_dir, uint64_t start_time, int session)
{
	*h = (struct health){ .loop = l, .d = d, .state_dir = state_dir, .start_time = start_time, .teller = -1 };
	if (!d->has_health) {
		h->loop = NULL;
		return;
	}
	probe_init(&h->probe, l, d, session, checked, h);
	load(h);
	if (!h->n)
		save(h);
	probe_clear(d);
	wait_for_next(h);
}

void health_end(struct health *h)
{
	if (!h->loop)
		return;
	loop_remove(h->loop, h->timer);
	h->timer = NULL;
	loop_remove(h->loop, h->told);
	h->told = NULL;
	h->teller = close_fd(h->teller);
	probe_end(&h->probe);
	for (unsigned int i = 0; i < h->n; i++)
		free(h->log[i].output);
	h->n = 0;
	h->loop = NULL;
}
