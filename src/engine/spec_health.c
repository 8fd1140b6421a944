/* Health checks: the image's HEALTHCHECK, each of its settings replaced by an option that is given. What is run is a process like the
 * container's own, with another command; the monitor runs it (monitor/health.h). */
#include <stdio.h>
#include <string.h>

#include "engine/spec_plan.h"

#define LEAST_NS 1000000LL
#define SECOND 1000000000LL

/* Of every setting: where it is in a configuration and in the plan, its option, what it is when nobody says. */
static const struct setting {
	const char *key, *option;
	size_t offset, given; /* in struct plan_health, in struct ct_options */
	int64_t otherwise;
} settings[] = {
	{ "Interval", "--health-interval", offsetof(struct plan_health, interval), offsetof(struct ct_options, health_interval), 30 * SECOND },
	{ "Timeout", "--health-timeout", offsetof(struct plan_health, timeout), offsetof(struct ct_options, health_timeout), 30 * SECOND },
	{ "StartPeriod", "--health-start-period", offsetof(struct plan_health, start_period), offsetof(struct ct_options, health_start_period), 0 },
	{ "StartInterval", "--health-start-interval", offsetof(struct plan_health, start_interval), offsetof(struct ct_options, health_start_interval),
	  5 * SECOND },
	{ "Retries", "--health-retries", offsetof(struct plan_health, retries), offsetof(struct ct_options, health_retries), 3 },
};

static int64_t *value_of(struct plan_health *h, const struct setting *s)
{
	return (int64_t *)(void *)((char *)h + s->offset);
}

static int64_t given_of(const struct ct_options *opt, const struct setting *s)
{
	return *(const int64_t *)(const void *)((const char *)opt + s->given);
}

static int of_image(struct plan *p, const struct json *check, struct err *e)
{
	const char **test = NULL;
	int r = json_get_strv(p->a, check, "Healthcheck", "Test", &test, &p->health.test.n, e);

	p->health.test.v = test;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(settings); i++)
		r = json_get_i64(check, "Healthcheck", settings[i].key, value_of(&p->health, &settings[i]), e);
	return r < 0 ? err_ctx(e, "the image's health check") : 0;
}

static int of_options(struct plan *p, bool *any, struct err *e)
{
	const struct ct_options *opt = p->opt;

	*any = opt->health_cmd || opt->health_test.n;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int64_t given = given_of(opt, &settings[i]);

		if (given < 0 || (given && given < LEAST_NS && value_of(&p->health, &settings[i]) != &p->health.retries))
			return err_set(e, ERR_INVALID, "%s: one millisecond is the least", settings[i].option);
		*any |= given != 0;
		if (given)
			*value_of(&p->health, &settings[i]) = given;
	}
	if (opt->health_test.n)
		p->health.test = opt->health_test;
	if (opt->health_cmd) {
		const char **test = arena_array(p->a, 3, sizeof(*test));

		if (!test)
			return err_errno(e, -ENOMEM, "--health-cmd");
		test[0] = "CMD-SHELL";
		test[1] = opt->health_cmd;
		p->health.test = (struct strv){ test, *opt->health_cmd ? 2 : 0 };
	}
	return 0;
}

static int choose_command(struct plan *p, const struct image_config *image, struct err *e)
{
	static const char *const sh[] = { "/bin/sh", "-c", NULL };
	const char *const *shell = image && image->shell && image->shell[0] ? image->shell : sh;
	struct plan_health *h = &p->health;
	const char **args;
	size_t n = 0;

	if (strcmp(h->test.v[0], "CMD") == 0 && h->test.n > 1) {
		h->args = (struct strv){ h->test.v + 1, h->test.n - 1 };
		return 0;
	}
	if (strcmp(h->test.v[0], "CMD-SHELL") != 0 || h->test.n != 2)
		return err_set(e, ERR_INVALID, "the health check is not CMD, CMD-SHELL or NONE: override it with --health-cmd or --no-healthcheck");
	while (shell[n])
		n++;
	args = arena_array(p->a, n + 2, sizeof(*args));
	if (!args)
		return err_errno(e, -ENOMEM, "the health check");
	memcpy(args, shell, n * sizeof(*args));
	args[n] = h->test.v[1];
	h->args = (struct strv){ args, n + 1 };
	return 0;
}

int plan_health(struct plan *p, const struct image_config *image, struct err *e)
{
	static const char *const none[] = { "NONE", NULL };
	struct plan_health *h = &p->health;
	bool any = false;
	int r = image && image->healthcheck ? of_image(p, image->healthcheck, e) : 0;

	if (r == 0)
		r = of_options(p, &any, e);
	if (r < 0)
		return r;
	if (p->opt->no_healthcheck) {
		*h = (struct plan_health){ .test = { none, 1 } };
		return any ? err_set(e, ERR_INVALID, "--no-healthcheck and --health-... contradict each other") : 0;
	}
	if (!h->test.n || strcmp(h->test.v[0], "NONE") == 0)
		return any ? err_set(e, ERR_INVALID, "which command checks its health? The image names none: give --health-cmd") : 0;
	return choose_command(p, image, e);
}

void plan_write_healthcheck(const struct plan *p, struct json_writer *w)
{
	struct plan_health h = p->health;

	if (!h.test.n)
		return;
	jw_object(w, "Healthcheck");
	jw_strv(w, "Test", h.test.v);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (*value_of(&h, &settings[i]))
			jw_i64(w, settings[i].key, *value_of(&h, &settings[i]));
	jw_end_object(w);
}

void plan_write_health(const struct plan *p, struct json_writer *w)
{
	struct plan_health h = p->health;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int64_t v = *value_of(&h, &settings[i]);

		jw_i64(w, settings[i].key, v > 0 ? v : settings[i].otherwise);
	}
}
