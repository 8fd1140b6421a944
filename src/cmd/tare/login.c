/* tare login, tare logout */
#include "engine/login.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/tare/ask.h"
#include "cmd/tare/tare.h"

#define WITHOUT_TERMINAL "give --username, and the password by --password-stdin"

const struct cli_option login_options[] = {
	{ "username", 'u', "NAME", CLI_STR, "who you are there", offsetof(struct login_opts, user) },
	{ "password", 'p', "PASSWORD", CLI_STR, "your password; everybody on this machine can see it here", offsetof(struct login_opts, password) },
	{ "password-stdin", 0, NULL, CLI_FLAG, "read the password from standard input", offsetof(struct login_opts, from_stdin) },
	{ "get-login", 0, NULL, CLI_FLAG, "only say who you are there", offsetof(struct login_opts, get) },
	{ 0 }
};

static const char *server_of(const struct cli_call *call)
{
	return call->n_args ? call->args[0] : NULL;
}

static int get_login(const struct cli_call *call, const struct engine *en, struct err *e)
{
	const char *registry, *user;
	int r = engine_login_get(en, server_of(call), call->arena, &registry, &user, e);

	if (r < 0)
		return r;
	if (!*user)
		return err_set(e, ERR_NOTFOUND, "nobody is logged in to %s", registry);
	tare_say("%s", user);
	return 0;
}

static int check(const struct login_opts *o, struct err *e)
{
	if (o->get && (o->user || o->password || o->from_stdin))
		return err_set(e, ERR_INVALID, "--get-login asks who you are: it takes neither name nor password");
	if (o->password && o->from_stdin)
		return err_set(e, ERR_INVALID, "--password and --password-stdin cannot both be the password");
	if (o->from_stdin && !o->user)
		return err_set(e, ERR_INVALID, "--password-stdin needs --username");
	if (o->user && !*o->user)
		return err_set(e, ERR_INVALID, "--username is empty");
	if (o->password && !*o->password)
		return err_set(e, ERR_INVALID, "--password is empty");
	return 0;
}

static int who(struct arena *secrets, const struct login_opts *o, const char **user, const char **password, struct err *e)
{
	int r = 0;

	*user = o->user;
	*password = o->password;
	if (o->password)
		log_warning("--password can be seen by everybody on this machine: use --password-stdin");
	if (o->from_stdin)
		return ask_stdin(secrets, password, e);
	if (!*user)
		r = ask_line(secrets, "Username: ", false, WITHOUT_TERMINAL, user, e);
	if (r == 0 && !*password)
		r = ask_line(secrets, "Password: ", true, WITHOUT_TERMINAL, password, e);
	return r;
}

int cmd_login(const struct cli_call *call, struct err *e)
{
	CLEANUP_SECRETS struct arena secrets = ARENA_INIT;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct login_opts *o = call->opts;
	const char *user, *password;
	struct login_result got;
	int r = check(o, e);

	if (r == 0)
		r = tare_engine_as_it_is(call, &en, e);
	if (r == 0 && o->get)
		return get_login(call, &en, e);
	if (r == 0)
		r = who(&secrets, o, &user, &password, e);
	if (r == 0)
		r = engine_login(&en, server_of(call), user, password, &secrets, &got, e);
	if (r < 0)
		return r;
	if (got.readable)
		log_warning("the login is kept unencrypted in %s; with a credential helper it would not be (credsStore there)", got.where);
	tare_say("Login Succeeded: %s, kept in %s", got.registry, got.where);
	return 0;
}

int cmd_logout(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const char *registry, *left;
	bool was;
	int r = tare_engine_as_it_is(call, &en, e);

	if (r == 0)
		r = engine_logout(&en, server_of(call), call->arena, &registry, &was, &left, e);
	if (r < 0)
		return r;
	tare_say(was ? "Removing login credentials for %s" : "Not logged in to %s", registry);
	if (left)
		log_warning("%s still has a login for %s", left, registry);
	return 0;
}
