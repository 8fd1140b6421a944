/* Templates over JSON: what each construct gives, and what is said of what is wrong. Debian's docker has the same questions put to it in
 * tests/peers/docker.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cmd/tare/template.h"

static const char document[] = "{\"Id\":\"sha256:abc\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Empty\":[],\"N\":7,\"Yes\":true,\"No\":false,\"Null\":null,"
			       "\"Config\":{\"Labels\":{\"z\":\"last\",\"a\":\"first\"},\"Cmd\":[\"sh\",\"-c\"],\"User\":\"\"}}";

/* What text gives, or the error's message after "ERROR ". */
static const char *apply(const char *text)
{
	static char out[2000];
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf s = STRBUF_INIT;
	const struct json *doc;
	struct err e = { 0 };

	assert_int_equal(json_parse(&a, document, strlen(document), NULL, &doc, &e), 0);
	if (template_apply(&a, text, doc, &s, &e) < 0) {
		assert_null(strchr(e.msg, '\n'));
		(void)snprintf(out, sizeof(out), "ERROR %s", e.msg);
	} else {
		(void)snprintf(out, sizeof(out), "%s", sb_str(&s));
	}
	return out;
}

static void gives(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "plain } }} text", "plain } }} text" },
		{ "{{.Id}}", "sha256:abc" },
		{ "<{{ .Id }}>", "<sha256:abc>" },
		{ "{{.N}} {{.Yes}} {{.Null}} {{.RepoTags}} {{.Empty}}", "7 true <nil> [a:1 b:2] []" },
		{ "{{.Config.Labels}}", "map[z:last a:first]" },
		{ "{{json .RepoTags}}{{json .Id}}{{json .Config.Labels}}", "[\"a:1\",\"b:2\"]\"sha256:abc\"{\"z\":\"last\",\"a\":\"first\"}" },
		{ "{{index .RepoTags 1}} {{index .Config.Labels \"a\"}}{{index .Config.Labels \"none\"}}", "b:2 first" },
		{ "{{len .RepoTags}} {{len .Id}}", "2 10" },
		{ "{{join .RepoTags \",\"}} {{.RepoTags | len}} {{.Id | upper | json}}", "a:1,b:2 2 \"SHA256:ABC\"" },
		{ "{{range .RepoTags}}[{{.}}]{{end}}", "[a:1][b:2]" },
		{ "{{range $i, $t := .RepoTags}}{{if $i}}, {{end}}{{$i}}={{$t}}{{end}}", "0=a:1, 1=b:2" },
		{ "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a=first;z=last;" },
		{ "{{range .Empty}}x{{else}}nothing{{end}}", "nothing" },
		{ "{{range .RepoTags}}{{$.N}}{{range $.Config.Cmd}}{{.}}{{end}} {{end}}", "7sh-c 7sh-c " },
		{ "{{if .Yes}}y{{else}}n{{end}}{{if .No}}y{{else}}n{{end}}{{if .Missing}}y{{else}}n{{end}}{{if .Config.User}}y{{else}}n{{end}}", "ynnn" },
		{ "{{if .No}}1{{else if eq .N 8}}2{{else if eq .N 7}}3{{else}}4{{end}}", "3" },
		{ "{{if .No}}{{.Missing.Deep}}{{index .RepoTags 99}}{{range .N}}{{end}}{{end}}-", "-" },
		{ "{{with .Config}}{{.Cmd}}{{end}}{{with .Missing}}x{{else}}none{{end}}", "[sh -c]none" },
		{ "{{$x := .N}}{{$x}}{{$y := \"t\"}}{{$y}}", "7t" },
		{ "a  {{- .N -}}  b {{- /* comment */ -}} c", "a7bc" },
		{ "{{println .Id .N}}", "sha256:abc 7\n" },
		{ "{{printf \"%s-%d-%q-%v%%\" .Id .N .Id .Yes}}", "sha256:abc-7-\"sha256:abc\"-true%" },
		{ "{{and .Yes .N}} {{or .No .Id}} {{not .No}}", "7 sha256:abc true" },
		{ "{{eq .Id \"x\" \"sha256:abc\"}} {{ne .N 7}} {{lt 1 2}} {{ge 1 2}} {{gt 2 1}} {{le 2 2}}", "true false true false true true" },
		{ "{{(index .RepoTags 0) | printf \"%s!\"}} {{(len .RepoTags)}}", "a:1! 2" },
		{ "{{.Config.Labels.nosuch}}", "<no value>" },
		{ "{{title \"ab cd\"}}{{lower \"AB\"}}{{split \"a/b/c\" \"/\"}}{{\"q\\\"\\n\"}}{{`r\\aw`}}", "Ab Cdab[a b c]q\"\nr\\aw" },
		{ "{{.}}", "map[Id:sha256:abc RepoTags:[a:1 b:2] Empty:[] N:7 Yes:true No:false Null:<nil> "
			   "Config:map[Labels:map[z:last a:first] Cmd:[sh -c] User:]]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(apply(rows[i][0]), rows[i][1]);
}

static void refuses(void **state)
{
	static const char *const rows[][2] = {
		{ "{{.Idd}}", "there is no Idd" },
		{ "{{.Missing.Deep}}", "there is no Missing" },
		{ "{{json .Missing}}", "there is no Missing" },
		{ "{{len .Missing}}", "there is no Missing" },
		{ "{{eq .Missing .Other}}", "there is no Missing" },
		{ "{{ne .Id .Other}}", "there is no Other" },
		{ "{{join .Missing \",\"}}", "there is no Missing" },
		{ "{{index .Missing \"x\"}}", "there is no Missing" },
		{ "{{if eq .Missing .Other}}x{{end}}", "there is no Missing" },
		{ "{{.Id.X}}", ".Id has no members: there is no .X in it" },
		{ "{{", "a value is missing" },
		{ "{{.Id", "an action has no end" },
		{ "{{.Id} }", "neither a member" },
		{ "{{if .Yes}}", "has no {{end}}" },
		{ "{{end}}", "without if" },
		{ "{{else}}", "without if" },
		{ "{{if .Yes}}a{{else}}b{{else}}c{{end}}", "a second else" },
		{ "{{nosuch .Id}}", "no function nosuch" },
		{ "{{.Id .N}}", "only a function takes values" },
		{ "{{join .RepoTags}}", "join does not take 1 values" },
		{ "{{index .RepoTags 5}}", "beyond the list's end" },
		{ "{{index .RepoTags -1}}", "beyond the list's end" },
		{ "{{range .N}}{{end}}", "range wants" },
		{ "{{$nosuch}}", "no variable $nosuch" },
		{ "{{range $a, $b, := .RepoTags}}{{end}}", "variable $a" },
		{ "{{range $a, $b, $c := .RepoTags}}{{end}}", "variable $a" },
		{ "{{eq .Id 1}}", "can be compared" },
		{ "{{\"open}}", "a text has no end" },
		{ "{{template \"x\"}}", "are not there" },
		{ "{{/* open}}", "a comment has no end" },
		{ "{{(.Id}}", "want )" },
		{ "{{printf \"%x\" .N}}", "printf knows" },
		{ "{{printf \"%s\"}}", "fewer values" },
	};
	char deep[2000] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *said = apply(rows[i][0]);

		if (strncmp(said, "ERROR --format: ", 16) != 0 || !strstr(said, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], said);
	}
	for (size_t i = 0; i < 200; i++)
		strcat(deep, "{{if 1}}");
	assert_non_null(strstr(apply(deep), "nested too deep"));
	memset(deep, '(', 500);
	memcpy(deep, "{{", 2);
	deep[500] = '\0';
	assert_non_null(strstr(apply(deep), "nested too deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(gives), cmocka_unit_test(refuses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
