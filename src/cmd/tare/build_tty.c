/* What is final scrolls up with everything else that the terminal has seen; only the lines of what is at work are drawn anew, some
 * times a second. To do that the cursor goes up over them, so it has to be known how many rows they take: they are cut to the
 * terminal's width, and where that has become smaller since, terminals have broken them. The width is asked for each time; a
 * signal is not needed.
 *
 * Everything of one drawing is one write(2). The thread that draws between events takes no signals, and touches nothing but
 * what is below, under its lock. */
#include "cmd/tare/build_tty.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "cmd/tare/termtext.h"

#define TICK_MS 100
#define TAIL_LINES 4U
#define FAILED_LINES 20U
#define KEPT 8192U /* bytes of a command's output */
#define MOST_DRAWN 256U

struct at_work { /* a stage's step */
	bool on, cached;
	char *what; /* "[stage 1/3] RUN …" */
	char *note; /* what it says of itself; "": nothing */
	int64_t began;
	struct strbuf said;
};

struct build_tty {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct at_work *v; /* by the number of the stage */
	size_t n;
	struct strbuf final; /* lines that are to be written above the rest, for good */
	size_t drawn[MOST_DRAWN]; /* columns of each line below */
	size_t n_drawn;
};

/* ---- lines ---- */

struct screen {
	size_t rows, width;
};

static struct screen screen_of(int fd)
{
	struct winsize ws = { 0 };

	(void)!ioctl(fd, TIOCGWINSZ, &ws);
	/* the last column stays free: terminals do not agree on what follows a character there */
	return (struct screen){ ws.ws_row > 1 ? ws.ws_row - 1U : 23, ws.ws_col > 8 ? ws.ws_col - 1U : 79 };
}

static size_t add_cut(struct strbuf *out, const char *text, size_t len, size_t columns)
{
	size_t used, n = termtext_fit(text, len, columns, &used);

	sb_add(out, text, n);
	return used;
}

/* " => WHAT                1.2s"; gives its columns. */
static size_t add_step(struct strbuf *out, const struct at_work *w, const char *state, size_t width)
{
	char time[32];
	int64_t ms = clock_ms() - w->began;
	size_t len, used = 0;

	(void)snprintf(time, sizeof(time), " %lld.%llds", (long long)(ms / 1000), (long long)(ms / 100 % 10));
	len = strlen(time);
	if (width > len)
		width -= len;
	used += add_cut(out, " => ", 4, width);
	used += add_cut(out, state, strlen(state), width - used);
	used += add_cut(out, w->what, strlen(w->what), width - used);
	if (w->note[0]) {
		used += add_cut(out, ": ", 2, width - used);
		used += add_cut(out, w->note, strlen(w->note), width - used);
	}
	sb_fill(out, ' ', width - used);
	sb_add(out, time, len);
	return width + len;
}

static void finish(struct build_tty *t, struct at_work *w, const char *state)
{
	(void)add_step(&t->final, w, state, screen_of(t->fd).width);
	sb_puts(&t->final, "\033[K\n");
	w->on = false;
}

/* ---- drawing ---- */

/* Over what was drawn, as the terminal has it now. */
static void go_up(const struct build_tty *t, struct strbuf *out, size_t width)
{
	size_t rows = 0;

	for (size_t i = 0; i < t->n_drawn; i++)
		rows += t->drawn[i] ? (t->drawn[i] - 1) / (width + 1) + 1 : 1;
	if (rows)
		sb_printf(out, "\033[%zuA", rows);
	sb_putc(out, '\r');
}

static void end_line(struct build_tty *t, struct strbuf *out, size_t columns)
{
	sb_puts(out, "\033[K\n");
	t->drawn[t->n_drawn++] = columns;
}

static void draw_tail(struct build_tty *t, struct strbuf *out, const struct at_work *w, size_t lines, size_t width)
{
	CLEANUP_STRBUF struct strbuf tail = STRBUF_INIT;

	termtext_tail(sb_str(&w->said), w->said.len, lines, &tail);
	for (const char *p = sb_str(&tail); *p;) {
		size_t len = strcspn(p, "\n"), used = add_cut(out, " => => ", 7, width);

		used += add_cut(out, p, len, width - used);
		end_line(t, out, used);
		p += len + 1;
	}
}

/* The terminal's rows are shared by those that are at work; each has its line as long as there are any. */
static void draw_working(struct build_tty *t, struct strbuf *out, const struct screen *s)
{
	size_t working = 0, rows = s->rows < MOST_DRAWN ? s->rows : MOST_DRAWN, tail;

	for (size_t i = 0; i < t->n; i++)
		working += t->v[i].on;
	if (!working)
		return;
	tail = rows > working ? (rows - working) / working : 0;
	tail = tail < TAIL_LINES ? tail : TAIL_LINES;
	for (size_t i = 0; i < t->n && t->n_drawn < rows; i++) {
		if (!t->v[i].on)
			continue;
		end_line(t, out, add_step(out, &t->v[i], "", s->width));
		draw_tail(t, out, &t->v[i], tail, s->width);
	}
}

static void draw(struct build_tty *t)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct screen s = screen_of(t->fd);

	go_up(t, &out, s.width);
	sb_add(&out, sb_str(&t->final), t->final.len);
	sb_reset(&t->final);
	t->n_drawn = 0;
	draw_working(t, &out, &s);
	sb_puts(&out, "\033[J");
	if (sb_error(&out) == 0)
		(void)!io_write_full(t->fd, sb_str(&out), out.len);
}

static bool is_busy(const struct build_tty *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].on)
			return true;
	return t->final.len > 0;
}

static void *go_on(void *data)
{
	struct build_tty *t = data;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(&t->wake, &t->lock, &until);
		if (!t->stop && is_busy(t))
			draw(t);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* ---- what happens ---- */

static struct at_work *work_of(struct build_tty *t, size_t number)
{
	if (number >= t->n) {
		struct at_work *v = reallocarray(t->v, number + 1, sizeof(*v));

		if (!v)
			return NULL;
		memset(v + t->n, 0, (number + 1 - t->n) * sizeof(*v));
		t->v = v;
		t->n = number + 1;
	}
	return &t->v[number];
}

static void set_note(struct at_work *w, const char *note)
{
	free(w->note);
	w->note = strdup(note);
}

static void begin_step(struct at_work *w, const struct build_event *ev)
{
	char which[128];
	CLEANUP_STRBUF struct strbuf what = STRBUF_INIT;

	(void)snprintf(which, sizeof(which), "[%s %zu/%zu] ", ev->stage, ev->step, ev->steps);
	sb_puts(&what, which);
	termtext_clean(ev->text, ev->len, &what);
	free(w->what);
	w->what = sb_take(&what);
	w->began = clock_ms();
	w->cached = false;
	set_note(w, "");
	sb_reset(&w->said);
	w->on = w->what && w->note;
}

static void hear(struct at_work *w, const char *text, size_t len)
{
	if (w->note[0])
		set_note(w, ""); /* what it waited for is there */
	if (len > KEPT) {
		text += len - KEPT;
		len = KEPT;
	}
	if (w->said.len + len > 2 * (size_t)KEPT) {
		memmove(w->said.s, w->said.s + w->said.len - KEPT, KEPT);
		w->said.len = KEPT;
	}
	sb_add(&w->said, text, len);
}

static void fail_step(struct build_tty *t, struct at_work *w)
{
	CLEANUP_STRBUF struct strbuf tail = STRBUF_INIT;

	finish(t, w, "ERROR ");
	termtext_tail(sb_str(&w->said), w->said.len, FAILED_LINES, &tail);
	for (const char *p = sb_str(&tail); *p;) {
		size_t len = strcspn(p, "\n");

		sb_puts(&t->final, " => => ");
		sb_add(&t->final, p, len);
		sb_puts(&t->final, "\033[K\n");
		p += len + 1;
	}
}

static void happen(struct build_tty *t, const struct build_event *ev)
{
	struct at_work *w = ev->kind == BUILD_NOTE ? NULL : work_of(t, ev->number);

	if (ev->kind == BUILD_NOTE) {
		termtext_clean(ev->text, ev->len, &t->final);
		sb_puts(&t->final, "\033[K\n");
	} else if (w && ev->kind == BUILD_STEP) {
		begin_step(w, ev);
	} else if (w && w->on) {
		if (ev->kind == BUILD_CACHED)
			w->cached = true;
		else if (ev->kind == BUILD_SAY || ev->kind == BUILD_PROGRESS)
			set_note(w, ev->text);
		else if (ev->kind == BUILD_OUTPUT)
			hear(w, ev->text, ev->len);
		else if (ev->kind == BUILD_FAILED)
			fail_step(t, w);
		else if (ev->kind == BUILD_DONE)
			finish(t, w, w->cached ? "CACHED " : "");
		w->on &= w->note != NULL;
	}
}

void build_tty_event(struct build_tty *t, const struct build_event *ev)
{
	(void)pthread_mutex_lock(&t->lock);
	happen(t, ev);
	(void)pthread_mutex_unlock(&t->lock);
}

/* ---- begin and end ---- */

static int start_thread(struct build_tty *t)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int r = pthread_condattr_init(&attr);

	if (r != 0)
		return -r;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&t->thread, NULL, go_on, t);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

struct build_tty *build_tty_begin(int fd)
{
	struct build_tty *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = fd;
	if (start_thread(t) < 0) {
		free(t);
		return NULL;
	}
	return t;
}

void build_tty_end(struct build_tty *t, bool well)
{
	if (!t)
		return;
	(void)pthread_mutex_lock(&t->lock);
	t->stop = true;
	(void)pthread_cond_signal(&t->wake);
	(void)pthread_mutex_unlock(&t->lock);
	(void)pthread_join(t->thread, NULL);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].on)
			finish(t, &t->v[i], well ? "" : "CANCELED ");
	draw(t);
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].what);
		free(t->v[i].note);
		sb_free(&t->v[i].said);
	}
	free(t->v);
	sb_free(&t->final);
	(void)pthread_cond_destroy(&t->wake);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}
