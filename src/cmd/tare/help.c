/* tare help */
#include <string.h>
#include <sys/ioctl.h>

#include "base/nearest.h"
#include "cmd/cli_rows.h"
#include "cmd/cli_topic.h"
#include "cmd/tare/tare.h"

#define WIDEST 100 /* longer lines are hard to read */

static size_t columns(void)
{
	struct winsize size;

	if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col > WIDEST ? WIDEST : size.ws_col;
}

static void list_topics(struct strbuf *out)
{
	sb_puts(out, "\nTopics:\n");
	for (const struct cli_topic *t = tare_topics; t->name; t++) {
		size_t len;
		const char *about = cli_topic_about(t, &len);

		sb_printf(out, "  %-12s %.*s\n", t->name, (int)len, about);
	}
	sb_puts(out, "\n\"tare help TOPIC\" shows one, \"man tare-TOPIC\" too where the manual is installed.\n");
}

static int unknown(const struct cli_command *table, const char *word, struct err *e)
{
	struct nearest near = NEAREST(word);
	char hint[NEAREST_HINT_LEN];

	for (; table && table->name; table++)
		if (table->help)
			(void)nearest_offer(&near, table->name);
	for (const struct cli_topic *t = tare_topics; t->name; t++)
		(void)nearest_offer(&near, t->name);
	return err_set(e, ERR_NOTFOUND, "there is no command and no topic \"%.60s\"%s", word,
		       near.best[0] ? nearest_hint(&near, hint) : ": \"tare help\" lists them");
}

/* The command that the words name, and its whole name. */
static int find_command(const struct cli_call *call, const struct cli_command **out, const char **name, struct err *e)
{
	const struct cli_command *table = tare_program.commands;

	*name = tare_program.name;
	for (size_t i = 0; i < call->n_args; i++) {
		*out = table ? cli_find_command(table, call->args[i]) : NULL;
		if (!*out || !(*out)->help)
			return unknown(table, call->args[i], e);
		*name = arena_printf(call->arena, "%s %s", *name, (*out)->name);
		if (!*name)
			return err_errno(e, -ENOMEM, "help");
		table = (*out)->sub;
	}
	return 0;
}

int cmd_help(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct cli_topic *topic = call->n_args == 1 ? cli_topic_find(tare_topics, call->args[0]) : NULL;
	const struct cli_command *command = NULL;
	const char *name;
	int r = 0;

	if (topic) {
		cli_topic_show(topic, columns(), &out);
	} else if (call->n_args == 1 && strcmp(call->args[0], "topics") == 0) {
		list_topics(&out);
	} else {
		r = find_command(call, &command, &name, e);
		if (r == 0)
			cli_help(&tare_program, command, name, &out);
		if (r == 0 && !command)
			list_topics(&out);
	}
	if (r == 0 && sb_error(&out) < 0)
		r = err_errno(e, -ENOMEM, "help");
	return r < 0 ? r : tare_print(&out, e);
}
