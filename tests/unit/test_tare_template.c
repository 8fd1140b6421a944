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
		{ "{{.Config.Labels}}", "map[a:first z:last]" },
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
		{ "{{.Config.ExposedPorts}} {{.Config.Shell}} {{.Config.Healthcheck}} {{json .Config.Healthcheck}} {{len .Config.Shell}}", "map[] [] <nil> null 0" },
		{ "{{range .Config.Shell}}x{{else}}none{{end}} {{.Config.ExposedPorts.x}} {{index .Config.ExposedPorts \"x\"}}", "none <no value> " },
		{ "{{$x := .N}}{{$x}}{{$y := \"t\"}}{{$y}}", "7t" },
		{ "{{$x := 1}}{{range .RepoTags}}{{if $x}}{{$x = 0}}{{else}},{{end}}{{.}}{{end}}{{$x}}", "a:1,b:20" },
		{ "a  {{- .N -}}  b {{- /* comment */ -}} c", "a7bc" },
		{ "{{println .Id .N}}", "sha256:abc 7\n" },
		{ "{{printf \"%s-%d-%q-%v%%\" .Id .N .Id .Yes}}", "sha256:abc-7-\"sha256:abc\"-true%" },
		{ "{{and .Yes .N}} {{or .No .Id}} {{not .No}}", "7 sha256:abc true" },
		{ "{{eq .Id \"x\" \"sha256:abc\"}} {{ne .N 7}} {{lt 1 2}} {{ge 1 2}} {{gt 2 1}} {{le 2 2}}", "true false true false true true" },
		{ "{{(index .RepoTags 0) | printf \"%s!\"}} {{(len .RepoTags)}}", "a:1! 2" },
		{ "{{.Config.Labels.nosuch}}", "<no value>" },
		{ "{{title \"ab cd\"}}{{lower \"AB\"}}{{split \"a/b/c\" \"/\"}}{{\"q\\\"\\n\"}}{{`r\\aw`}}", "Ab Cdab[a b c]q\"\nr\\aw" },
		{ "{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Id}}{{range .RepoTags}}{{template \"x\" .}}{{end}}", "<sha256:abc><a:1><b:2>" },
		{ "{{template \"later\" .N}}{{define `later`}}{{$}}{{$x := .}}{{$x}}{{end}}", "77" },
		{ "{{template \"x\"}}{{define \"x\"}}[{{.}}]{{end}}", "[<no value>]" },
		{ "{{block \"b\" .RepoTags}}{{len .}}{{end}}-{{template \"b\" .Id}}", "2-10" },
		{ "a {{- define \"t\"}} x {{- end}}{{- template \"t\" . -}} b", "a xb" },
		{ "{{if .No}}{{template \"x\" .Missing.Deep}}{{end}}{{define \"x\"}}{{end}}-", "-" },
		{ "{{define \"r\"}}{{if gt (len .) 0}}{{slice . 0 1}}.{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" \"abc\"}}", "a.b.c." },
		{ "{{range .RepoTags}}{{.}}{{break}}never{{else}}none{{end}}!", "a:1!" },
		{ "{{range $i, $t := .RepoTags}}{{if eq $i 0}}{{continue}}{{end}}{{$t}}{{end}}!", "b:2!" },
		{ "{{range .RepoTags}}{{range $.Config.Cmd}}{{.}}{{break}}{{end}}{{end}}", "shsh" },
		{ "{{range .RepoTags}}{{with $.N}}{{if .}}{{break}}{{else}}x{{end}}{{end}}{{$.Missing.Deep}}{{end}}-", "-" },
		{ "{{html \"<a b='c' d=\\\"e\\\">&\"}}", "&lt;a b=&#39;c&#39; d=&#34;e&#34;&gt;&amp;" },
		{ "{{js \"it's <b>=\\n\\\"\"}}", "it\\'s \\u003Cb\\u003E\\u003D\\u000A\\\"" },
		{ "{{urlquery \"a b/c?d=e~f\" 1 2}}", "a+b%2Fc%3Fd%3De~f1+2" },
		{ "{{print 1 2 \"x\" 3}}{{print .Yes .N}}", "1 2x3true 7" },
		{ "{{printf \"%.3s|%-5.2s|%5s|%03d|%x|%t\" .Id \"größer\" \"ö\" .N 255 .Yes}}", "sha|gr   |    ö|007|ff|true" },
		{ "{{\"\\x41\\u00e9\\U0001F600\\r\\a\"}}", "A\303\251\360\237\230\200\r\a" },
		{ "{{slice .RepoTags 1}}{{slice .RepoTags 0 1}}{{slice .RepoTags}}", "[b:2][a:1][a:1 b:2]" },
		{ "{{.}}", "map[Config:map[Cmd:[sh -c] Labels:map[a:first z:last] User:] Empty:[] Id:sha256:abc N:7 No:false Null:<nil> "
			   "RepoTags:[a:1 b:2] Yes:true]" },
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
		{ "{{$nosuch = 1}}", "no variable $nosuch" },
		{ "{{range $a, $b, := .RepoTags}}{{end}}", "neither a member" },
		{ "{{range $a, $b, $c := .RepoTags}}{{end}}", "neither a member" },
		{ "{{eq .Id 1}}", "can be compared" },
		{ "{{\"open}}", "a text has no end" },
		{ "{{template \"x\"}}", "nothing defines \"x\"" },
		{ "{{template x}}", "want a name in quotes" },
		{ "{{define \"x\"}}", "has no {{end}}" },
		{ "{{define \"x\"}}{{end}}{{define \"x\"}}{{end}}", "two bodies have that name" },
		{ "{{if .Yes}}{{define \"x\"}}{{end}}{{end}}", "define stands by itself" },
		{ "{{block \"x\"}}{{end}}", "block wants a value" },
		{ "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}", "nested too deep" },
		{ "{{break}}", "belong into a range" },
		{ "{{range .RepoTags}}{{define \"x\"}}{{break}}{{end}}{{end}}", "define stands by itself" },
		{ "{{range .RepoTags}}{{block \"x\" .}}{{continue}}{{end}}{{end}}", "belong into a range" },
		{ "{{.Id}}{{nosuch}}", "no function nosuch" },
		{ "{{\"\\x4\"}}", "of the escapes" },
		{ "{{\"\\x00\"}}", "of the escapes" },
		{ "{{\"\\ud800\"}}", "of the escapes" },
		{ "{{\"\\q\"}}", "of the escapes" },
		{ "{{slice .RepoTags 3}}", "does not fit" },
		{ "{{/* open}}", "a comment has no end" },
		{ "{{(.Id}}", "want )" },
		{ "{{printf \"%f\" .N}}", "printf knows" },
		{ "{{printf \"%x\" .Id}}", "wants a whole number" },
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
