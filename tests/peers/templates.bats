#!/usr/bin/env bats
# Go's templates against Go's: docker's client applies them to what it says of itself, without a daemon. What tare says of itself has
# the members that are used here, too.
load ../lib/common

docker_says() { DOCKER_HOST=unix://$BATS_TEST_TMPDIR/none docker version --format "$1" 2>/dev/null || true; }

@test "the same templates give the same text" {
  command -v docker >/dev/null || skip "no docker"
  export PATH=/usr/bin:$PATH
  [ "$(docker_says '{{.Client.Os}}')" = linux ] || skip "this docker says nothing without a daemon"
  local t n=0
  while IFS= read -r t; do
    [ "$(tare version --format "$t")" = "$(docker_says "$t")" ] || { echo "$t: tare '$(tare version --format "$t" 2>&1)', docker '$(docker_says "$t")'"; n=$((n + 1)); }
  done <<'END'
{{.Client.Os}}/{{.Client.Arch}}
{{define "a"}}<{{.}}>{{end}}{{template "a" .Client.Os}}{{template "a" "x"}}
{{template "later" .Client}}{{define "later"}}{{.Os}}{{$.Arch}}{{end}}
{{template "n"}}{{define "n"}}[{{.}}]{{end}}
{{block "b" .Client.Os}}{{len .}}{{end}}-{{template "b" "four"}}
a {{- define "t"}} x {{- end}}{{- template "t" . -}}   b
{{range split "a,b,c" ","}}{{if eq . "b"}}{{continue}}{{end}}{{.}};{{end}}
{{range split "a,b,c" ","}}{{if eq . "b"}}{{break}}{{end}}{{.}};{{else}}none{{end}}
{{range $i, $x := split "a,b" ","}}{{range $j, $y := split "c,d" ","}}{{if $j}}{{break}}{{end}}{{$i}}{{$x}}{{$y}} {{end}}{{end}}
{{html "<a b='c' d=\"e\">&"}}{{"<x>" | html}}
{{js "it's <b>=\n\t\"\\ö"}}
{{urlquery "a b/c?d=e~f&ü" 1 2}}
{{print 1 2 "x" 3}}{{print "a" "b"}}{{print true false}}
{{println "a" 1 true}}
{{printf "%.3s|%-5.2s|%5s|%03d|%x|%t|%5d|%-5d|" .Client.Os "größer" "ö" 7 255 true 42 42}}
{{printf "%s-%d-%q-%v%%" "a" 1 "b\"c" true}}
{{slice "abcdef" 1 3}}{{slice "abc" 1}}{{slice (split "a,b,c" ",") 1}}{{slice (split "a,b,c" ",") 0 2}}
{{$x := "a"}}{{if true}}{{$x = "b"}}{{end}}{{$x}}
{{$first := true}}{{range split "a,b" ","}}{{if $first}}{{$first = false}}{{else}}, {{end}}{{.}}{{end}}
{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}
{{with $y := "v"}}{{$y}}{{.}}{{else}}none{{end}}{{with ""}}x{{else}}none{{end}}
{{if and true ""}}y{{else if or "" "z"}}e{{else}}n{{end}}{{not 0}}
{{eq 1 1}}{{eq "a" "b" "a"}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt "b" "a"}}{{ge 1 2}}
{{index (split "a,b" ",") 1}}{{len "größe"}}{{len (split "a,b" ",")}}
{{join (split "a,b" ",") "+"}}{{title "ab cd"}}{{upper "a"}}{{lower "AB"}}{{pad "x" 1 2}}|{{truncate "abcdef" 3}}
{{json "a<b>\"c"}}{{json (split "a,b" ",")}}
{{/* nothing */}}{{- /* trimmed */ -}}   end
{{(split "a,b" ",") | len | printf "%d!"}}
{{range $i, $v := split "x,y" ","}}{{$i}}={{$v}} {{end}}
{{"raw"}}{{`r\n`}}{{"\x41\u00e9"}}
END
  [ "$n" = 0 ]
}
