#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/io.h"
#include "runtime/bus.h"
#include "runtime/unit.h"
#include "sys/cgroup.h"

/* runtime/scope against a bus that is a process of this test. It speaks for the bus daemon and for systemd: it puts the
 * helper into a real cgroup, and, by its mood, answers well, badly, late, twice, or with rubbish. */

enum mood {
	GOOD, EARLY_SIGNAL, FORGED_SIGNAL, JOB_FAILED, LEFT_OVER, TAKEN, REFUSED_PROPERTY, NOT_MOVED, NO_SYSTEMD, NOT_LOADED, SILENT,
	HANGS_UP, RUBBISH, HUGE_MESSAGE, REJECTS, WRONG_TYPE, NO_SIGNAL
};

#define UNIT "tare-test-scope.scope"
#define SYSTEMD ":1.0"
#define JOB "/org/freedesktop/systemd1/job/7"

static struct shared {
	char calls[1024]; /* members, in order */
	char match[256];
} *shared;

static char dir[64], address[128];
static pid_t server;
static int scopes; /* answers given to StartTransientUnit */

/* ---- messages of the server ---- */

static void pad(struct strbuf *b, size_t to)
{
	while (b->len % to)
		sb_putc(b, '\0');
}

static void u32(struct strbuf *b, uint32_t v)
{
	pad(b, 4);
	sb_add(b, &v, 4);
}

static void str(struct strbuf *b, const char *s)
{
	u32(b, (uint32_t)strlen(s));
	sb_add(b, s, strlen(s) + 1);
}

static void field(struct strbuf *b, char code, char type, const void *v)
{
	pad(b, 8);
	sb_putc(b, code);
	sb_add(b, (const char[]){ 1, type, 0 }, 3);
	if (type == 'u') {
		u32(b, *(const uint32_t *)v);
	} else if (type == 'g') {
		sb_putc(b, (char)strlen(v));
		sb_add(b, v, strlen(v) + 1);
	} else {
		str(b, v);
	}
}

static void send_message(int fd, char type, uint32_t answer_to, const char *sender, const char *error, const char *sig,
			 const struct strbuf *body)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	uint32_t len;

	sb_add(&b, (const char[]){ 'l', type, 0, 1 }, 4);
	u32(&b, (uint32_t)body->len);
	u32(&b, 1);
	u32(&b, 0);
	if (type == DBUS_SIGNAL) {
		field(&b, 1, 'o', "/org/freedesktop/systemd1");
		field(&b, 2, 's', "org.freedesktop.systemd1.Manager");
		field(&b, 3, 's', "JobRemoved");
	} else {
		field(&b, 5, 'u', &answer_to);
	}
	if (error)
		field(&b, 4, 's', error);
	field(&b, 7, 's', sender);
	if (*sig)
		field(&b, 8, 'g', sig);
	len = (uint32_t)b.len - 16;
	memcpy(b.s + 12, &len, 4);
	pad(&b, 8);
	sb_add(&b, sb_str(body), body->len);
	(void)!io_write_full(fd, b.s, b.len);
}

static void answer(int fd, uint32_t serial, const char *sig, const char *text)
{
	CLEANUP_STRBUF struct strbuf body = STRBUF_INIT;

	if (*sig == 'u')
		u32(&body, 5);
	else if (*sig)
		str(&body, text);
	send_message(fd, DBUS_RETURN, serial, SYSTEMD, NULL, sig, &body);
}

static void refuse(int fd, uint32_t serial, const char *name, const char *text)
{
	CLEANUP_STRBUF struct strbuf body = STRBUF_INIT;

	str(&body, text);
	send_message(fd, DBUS_ERROR, serial, SYSTEMD, name, "s", &body);
}

static void job_removed(int fd, const char *sender, const char *job, const char *unit, const char *result)
{
	CLEANUP_STRBUF struct strbuf body = STRBUF_INIT;

	u32(&body, 7);
	str(&body, job);
	str(&body, unit);
	str(&body, result);
	send_message(fd, DBUS_SIGNAL, 0, sender, NULL, "uoss", &body);
}

/* ---- the server ---- */

/* The pid behind "PIDs" of type au. */
static pid_t pid_in(const struct dbus_message *m)
{
	const unsigned char *at = memmem(m->body, m->len, "PIDs\0\2au", 9);
	size_t pos = at ? (size_t)(at - m->body) + 9 : 0;
	uint32_t pid;

	if (!at)
		return -1;
	pos = (pos + 3) / 4 * 4 + 4;
	memcpy(&pid, m->body + pos, 4);
	return (pid_t)pid;
}

static void move(pid_t pid)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct err e = { 0 };

	if (cg_create("/tare-test-slice/" UNIT, &cg, NULL, &e) < 0 || cg_join(cg, pid, &e) < 0)
		fprintf(stderr, "fake systemd: %s\n", e.msg);
}

static void start_unit(int fd, enum mood mood, const struct dbus_message *m)
{
	scopes++;
	if (mood == TAKEN || (mood == LEFT_OVER && scopes == 1)) {
		refuse(fd, m->serial, "org.freedesktop.systemd1.UnitExists", "Unit " UNIT " already exists.");
		return;
	}
	if (mood == REFUSED_PROPERTY) {
		refuse(fd, m->serial, "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property Foo\n\033[31m");
		return;
	}
	if (mood == NO_SYSTEMD) {
		refuse(fd, m->serial, "org.freedesktop.DBus.Error.ServiceUnknown", "The name is not activatable");
		return;
	}
	if (mood == WRONG_TYPE) {
		answer(fd, m->serial, "u", NULL);
		return;
	}
	if (mood != NOT_MOVED && mood != JOB_FAILED)
		move(pid_in(m));
	if (mood == EARLY_SIGNAL)
		job_removed(fd, SYSTEMD, JOB, UNIT, "done");
	answer(fd, m->serial, "o", JOB);
	job_removed(fd, SYSTEMD, "/org/freedesktop/systemd1/job/6", "other.scope", "failed");
	if (mood == FORGED_SIGNAL)
		job_removed(fd, ":1.66", JOB, UNIT, "failed");
	if (mood != EARLY_SIGNAL && mood != NO_SIGNAL)
		job_removed(fd, SYSTEMD, JOB, UNIT, mood == JOB_FAILED ? "failed" : "done");
}

static void stop_unit(int fd, enum mood mood, const struct dbus_message *m)
{
	if (mood == NOT_LOADED) {
		refuse(fd, m->serial, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
		return;
	}
	answer(fd, m->serial, "o", JOB);
	job_removed(fd, SYSTEMD, JOB, UNIT, "done");
}

static void serve_call(int fd, enum mood mood, const struct dbus_message *m)
{
	size_t used = strlen(shared->calls);
	struct dbus_reader r;
	const char *text;

	snprintf(shared->calls + used, sizeof(shared->calls) - used, "%s ", m->member);
	dbus_read_begin(&r, m);
	if (strcmp(m->member, "StartTransientUnit") == 0)
		start_unit(fd, mood, m);
	else if (strcmp(m->member, "StopUnit") == 0)
		stop_unit(fd, mood, m);
	else if (strcmp(m->member, "Hello") == 0)
		answer(fd, m->serial, "s", ":1.9");
	else if (strcmp(m->member, "ResetFailedUnit") == 0 && mood != LEFT_OVER)
		refuse(fd, m->serial, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
	else
		answer(fd, m->serial, "", NULL);
	if (strcmp(m->member, "AddMatch") == 0 && dbus_read_string(&r, 's', &text) == 0)
		snprintf(shared->match, sizeof(shared->match), "%s", text);
}

/* Moods in which no message is answered. */
static bool misbehave(int fd, enum mood mood)
{
	static const char huge[] = "l\2\0\1\0\0\0\100\1\0\0\0\0\0\0\0";

	if (mood == SILENT)
		pause();
	if (mood == RUBBISH)
		(void)!io_write_full(fd, "this is no message of D-Bus", 27);
	if (mood == HUGE_MESSAGE)
		(void)!io_write_full(fd, huge, 16);
	if (mood == RUBBISH || mood == HUGE_MESSAGE)
		pause();
	return mood == HANGS_UP;
}

static void serve(int fd, enum mood mood)
{
	CLEANUP_STRBUF struct strbuf in = STRBUF_INIT;
	bool begun = false;
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		size_t at = 0;
		struct dbus_message m;

		sb_add(&in, buf, (size_t)n);
		if (!begun) {
			char *end = memmem(in.s, in.len, "BEGIN\r\n", 7);

			if (!end)
				continue;
			if (memcmp(in.s, "\0AUTH EXTERNAL ", 15) != 0)
				_exit(3);
			at = (size_t)(end - in.s) + 7;
			begun = true;
			if (mood == REJECTS) {
				(void)!io_write_full(fd, "REJECTED EXTERNAL\r\n", 19);
				pause();
			}
			(void)!io_write_full(fd, "OK 00112233445566778899aabbccddeeff\r\n", 37);
			if (misbehave(fd, mood))
				return;
		}
		while ((n = dbus_parse(in.s + at, in.len - at, &m)) > 0) {
			serve_call(fd, mood, &m);
			at += (size_t)n;
		}
		if (n < 0)
			_exit(4); /* what we were sent is malformed */
		memmove(in.s, in.s + at, in.len - at);
		in.len -= at;
	}
}

static void start_server(enum mood mood)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(shared, 0, sizeof(*shared));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/bus", dir);
	unlink(sa.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	server = fork();
	assert_true(server >= 0);
	while (server == 0) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			_exit(1);
		serve(c, mood);
		close(c);
	}
	close(fd);
}

static void end_server(void)
{
	struct err ignored;
	int status;

	kill(server, SIGKILL);
	assert_int_equal(waitpid(server, &status, 0), server);
	/* it ended by us, not because it was sent something malformed */
	assert_true(WIFSIGNALED(status));
	(void)!cg_remove("/tare-test-slice/" UNIT, &ignored);
	(void)!cg_remove("/tare-test-slice", &ignored);
}

static int begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tare-test-XXXXXX");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(dir) || shared == MAP_FAILED)
		return -1;
	/* an address of another kind, and one with an escape and a guid: %62us is "bus" */
	snprintf(address, sizeof(address), "tcp:host=localhost,port=1;unix:path=%s/%%62us,guid=00", dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	return io_remove_tree(AT_FDCWD, dir);
}

/* ---- tests ---- */

static const struct rt_unit unit = { .name = UNIT, .slice = "system.slice" };

static int start(enum mood mood, struct rt_scope *s, char cgroup[PATH_MAX], struct err *e)
{
	static const struct oci_kv annotation = { "org.systemd.property.CollectMode", "'inactive'" };
	static const struct oci_spec spec = { .annotations = &annotation, .n_annotations = 1 };

	if (geteuid() != 0 || cg_detect() == CG_NONE)
		skip();
	start_server(mood);
	return rt_scope_start(&unit, "scope", &spec, s, cgroup, e);
}

static void starts(void **state)
{
	static const enum mood moods[] = { GOOD, EARLY_SIGNAL, FORGED_SIGNAL, LEFT_OVER };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
		CLEANUP_SCOPE struct rt_scope s = RT_SCOPE_INIT;
		char cgroup[PATH_MAX];
		struct err e = { 0 };

		if (start(moods[i], &s, cgroup, &e) < 0)
			fail_msg("mood %d: %s", (int)moods[i], e.msg);
		assert_non_null(strstr(cgroup, "/tare-test-slice/" UNIT));
		assert_int_equal(kill(s.helper, 0), 0);
		assert_non_null(strstr(shared->match, "member='JobRemoved'"));
		if (moods[i] == LEFT_OVER)
			assert_string_equal(shared->calls, "Hello AddMatch StartTransientUnit ResetFailedUnit StartTransientUnit ");
		else
			assert_string_equal(shared->calls, "Hello AddMatch StartTransientUnit ");
		rt_scope_release(&s);
		end_server();
	}
}

static const struct {
	enum mood mood;
	const char *says;
	bool stops; /* there may be a unit of ours: it is cleared away */
} failures[] = {
	{ JOB_FAILED, "ended as \"failed\"", true },
	{ TAKEN, "already exists", false },
	{ REFUSED_PROPERTY, "Cannot set property Foo\\x0a\\x1b[31m", false },
	{ NOT_MOVED, "its process is in cgroup", true },
	{ NO_SYSTEMD, "not activatable", false },
	{ SILENT, "no answer on the bus within", false },
	{ NO_SIGNAL, "no answer on the bus within", true },
	{ HANGS_UP, "closed the connection", false },
	{ RUBBISH, "malformed message", false },
	{ HUGE_MESSAGE, "malformed message", false },
	{ REJECTS, "does not let us in", false },
	{ WRONG_TYPE, "names no job", true },
};

static void failing_starts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct rt_scope s = RT_SCOPE_INIT;
		char cgroup[PATH_MAX];
		struct err e = { 0 };

		rt_bus_patience(500);
		assert_true(start(failures[i].mood, &s, cgroup, &e) < 0);
		if (!strstr(e.msg, failures[i].says) || !strstr(e.msg, "systemd"))
			fail_msg("mood %d: \"%s\"", (int)failures[i].mood, e.msg);
		assert_int_equal(strstr(shared->calls, "StopUnit") != NULL, failures[i].stops);
		assert_int_equal(s.helper, -1);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the server alone is left */
		end_server();
	}
}

static void stops(void **state)
{
	static const enum mood moods[] = { GOOD, NOT_LOADED };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
		start_server(moods[i]);
		assert_int_equal(rt_scope_stop(UNIT, false, &e), 0);
		assert_string_equal(shared->calls, "Hello AddMatch StopUnit ResetFailedUnit ");
		end_server();
	}
}

static void updates(void **state)
{
	static const int64_t pids = 5;
	const struct cg_resources r = { .pids_limit = &pids };
	struct err e = { 0 };

	(void)state;
	start_server(GOOD);
	assert_int_equal(rt_scope_update(UNIT, false, &r, &e), 0);
	assert_string_equal(shared->calls, "Hello SetUnitProperties ");
	end_server();
}

static void no_bus(void **state)
{
	struct err e = { 0 };

	(void)state;
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1);
	assert_true(rt_scope_stop(UNIT, false, &e) < 0);
	assert_int_equal(e.cls, ERR_UNAVAILABLE);
	assert_non_null(strstr(e.msg, "no system bus at unix:path=/nowhere/bus"));
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "tcp:host=localhost", 1);
	assert_true(rt_scope_stop(UNIT, false, &e) < 0);
	assert_non_null(strstr(e.msg, "only unix:path="));
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	unsetenv("XDG_RUNTIME_DIR");
	assert_true(rt_scope_stop(UNIT, true, &e) < 0);
	assert_non_null(strstr(e.msg, "no user bus"));
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

/* The user's bus is another address. */
static void user_bus(void **state)
{
	struct err e = { 0 };

	(void)state;
	setenv("XDG_RUNTIME_DIR", dir, 1);
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1);
	start_server(GOOD);
	assert_int_equal(rt_scope_stop(UNIT, true, &e), 0);
	end_server();
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts),  cmocka_unit_test(stops),   cmocka_unit_test(updates),	cmocka_unit_test(no_bus),
		cmocka_unit_test(user_bus), cmocka_unit_test(failing_starts),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
