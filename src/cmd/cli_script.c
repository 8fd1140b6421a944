/* The scripts that make shells ask us; see cli_complete.h. They hold nothing of our command line: each hands over the words
 * up to the cursor and shows the answer. They start the program that PATH has, not the one that was written: a key that
 * completes must not run a file of the folder one happens to stand in. */
#include "cmd/cli_complete.h"

#include <string.h>

/* bash divides words at ':', '=' and '@', too, and replaces only the last such piece: words are put together again where no
 * blank is between them, and of each candidate what stands before the piece is taken away. Quotes and backslashes are only taken off:
 * what a word would expand to is not looked at. */
static const char bash[] =
	"# bash completion for tare and tare-oci\n"
	"_tare()\n"
	"{\n"
	"\tlocal IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} piece='' before candidate answer prefix i\n"
	"\tlocal -a words=() found=()\n"
	"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"\t\tbefore=${line%%[![:space:]]*}\n"
	"\t\tline=${line#\"$before\"}\n"
	"\t\tpiece=${COMP_WORDS[i]}\n"
	"\t\t((i < COMP_CWORD)) || piece=$line\n"
	"\t\tline=${line#\"$piece\"}\n"
	"\t\tif [[ $i -eq 0 || -n $before ]]; then words+=(\"$piece\"); else words[${#words[@]} - 1]+=$piece; fi\n"
	"\tdone\n"
	"\t[[ $piece != [:=@]* ]] || piece=''\n"
	"\tpiece=${piece#[\\\"\\']} piece=${piece//\\\\/}\n"
	"\tfor i in \"${!words[@]}\"; do words[i]=${words[i]#[\\\"\\']} words[i]=${words[i]%[\\\"\\']} words[i]=${words[i]//\\\\/}; done\n"
	"\tlocal word=${words[${#words[@]} - 1]}\n"
	"\tlocal strip=$((${#word} - ${#piece}))\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r candidate answer; do\n"
	"\t\tcase $candidate in\n"
	"\t\t:files | :folders)\n"
	"\t\t\tprefix=$answer\n"
	"\t\t\t[[ $candidate = :files ]] && i=-f || i=-d\n"
	"\t\t\tmapfile -t found < <(compgen \"$i\" -- \"${word#\"$prefix\"}\")\n"
	"\t\t\t((!${#found[@]})) || compopt -o filenames 2>/dev/null\n" /* which would quote other words' colons */
	"\t\t\tfor answer in \"${found[@]}\"; do answer=$prefix$answer; COMPREPLY+=(\"${answer:strip}\"); done ;;\n"
	"\t\t*: | *=)\n"
	"\t\t\tcompopt -o nospace 2>/dev/null\n"
	"\t\t\tCOMPREPLY+=(\"${candidate:strip}\") ;;\n"
	"\t\t*)\n"
	"\t\t\tCOMPREPLY+=(\"${candidate:strip}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(command \"${words[0]##*/}\" internal complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _tare tare tare-oci\n";

static const char zsh[] =
	"#compdef tare tare-oci\n"
	"# zsh completion for tare and tare-oci\n"
	"_tare()\n"
	"{\n"
	"\tlocal line candidate answer before=${PREFIX}\n"
	"\tlocal -a answers plain ended\n"
	"\tanswers=(\"${(@f)$(command ${words[1]:t} internal complete -- \"${(@)words[2,CURRENT-1]}\" \"$before\" 2>/dev/null)}\")\n"
	"\tfor line in \"${answers[@]}\"; do\n"
	"\t\tcandidate=${line%%$'\\t'*} answer=${line#*$'\\t'}\n"
	"\t\tcase $candidate in\n"
	"\t\t('') ;;\n"
	"\t\t(:files) compset -P \"${(b)answer}\"; _files ;;\n"
	"\t\t(:folders) compset -P \"${(b)answer}\"; _files -/ ;;\n"
	"\t\t(*:|*=) ended+=(\"${candidate//:/\\\\:}:$answer\") ;;\n"
	"\t\t(*) plain+=(\"${candidate//:/\\\\:}:$answer\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t(( $#plain )) && _describe -V 'tare' plain\n"
	"\t(( $#ended )) && _describe -V 'tare' ended -S ''\n"
	"}\n"
	"if [[ $funcstack[1] = _tare ]]; then _tare \"$@\"; else compdef _tare tare tare-oci; fi\n";

static const char fish[] =
	"# fish completion for tare and tare-oci\n"
	"function __tare_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l word (commandline -ct)\n"
	"\tset -l program (string replace -r '.*/' '' -- $words[1])\n"
	"\tfor line in (command $program internal complete -- $words[2..-1] $word 2>/dev/null)\n"
	"\t\tset -l parts (string split -m 1 \\t -- $line)\n"
	"\t\tswitch $parts[1]\n"
	"\t\t\tcase :files\n"
	"\t\t\t\tset -l path (string sub -s (math (string length -- $parts[2]) + 1) -- $word)\n"
	"\t\t\t\tfor found in (__fish_complete_path $path)\n"
	"\t\t\t\t\techo -- $parts[2]$found\n"
	"\t\t\t\tend\n"
	"\t\t\tcase :folders\n"
	"\t\t\t\tset -l path (string sub -s (math (string length -- $parts[2]) + 1) -- $word)\n"
	"\t\t\t\tfor found in (__fish_complete_directories $path)\n"
	"\t\t\t\t\techo -- $parts[2]$found\n"
	"\t\t\t\tend\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\techo -- $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c tare -f -a '(__tare_complete)'\n"
	"complete -c tare-oci -f -a '(__tare_complete)'\n";

const char *cli_completion_script(const char *shell)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (!strcmp(scripts[i].shell, shell))
			return scripts[i].script;
	return NULL;
}
