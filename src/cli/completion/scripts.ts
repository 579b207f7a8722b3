/**
 * Completion scripts, which run `smolvm __complete WORD...` to complete the last word. It prints a line for each
 * candidate, `WORD<TAB>DESCRIPTION`, and `:files` if files are valid too.
 *
 * @module
 */

/** Must also work in bash 3.2, for macOS. */
const BASH = `# bash completion for smolvm
_smolvm() {
  local line=\${COMP_LINE:0:COMP_POINT} words current head file
  # Split only at spaces: bash splits COMP_WORDS also at ":" and "=", and replaces only the text after the last of
  # these, which is $2.
  read -ra words <<<"$line"
  [[ $line != *[[:space:]] ]] || words+=("")
  current=\${words[\${#words[@]} - 1]}
  head=\${current%"$2"}
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    if [[ $line != :files ]]; then
      [[ $line != *: ]] || compopt -o nospace 2>/dev/null
      COMPREPLY+=("\${line#"$head"}")
    else
      compopt -o filenames 2>/dev/null
      while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "\${current##*[:=]}")
    fi
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
}
complete -F _smolvm smolvm
`;

const ZSH = `#compdef smolvm
# zsh completion for smolvm
_smolvm() {
  local word description files
  local -a candidates open
  while IFS=$'\\t' read -r word description; do
    if [[ $word == :files ]]; then
      files=1
    elif [[ $word == *: ]]; then
      open+=("\${word//:/\\\\:}\${description:+:$description}")
    else
      candidates+=("\${word//:/\\\\:}\${description:+:$description}")
    fi
  done < <("\${words[1]}" __complete "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  [[ -z $candidates ]] || _describe smolvm candidates
  # A path follows these candidates.
  [[ -z $open ]] || _describe smolvm open -S ''
  [[ -n $files ]] || return
  compset -P '*='
  _files
}
# As a file in $fpath, this file is the function itself; if sourced, it defines the function.
if [[ $funcstack[1] == _smolvm ]]; then _smolvm; else compdef _smolvm smolvm; fi
`;

const FISH = `# fish completion for smolvm
function __smolvm_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l program $words[1]
  set -e words[1]
  for line in ($program __complete $words "$current" 2>/dev/null)
    if test "$line" = :files
      set -l head (string match -r '^.*=' -- "$current")
      for file in (__fish_complete_path (string replace -r '^.*=' '' -- "$current"))
        echo "$head$file"
      end
    else
      echo $line
    end
  end
end
complete -c smolvm -f -a '(__smolvm_complete)'
`;

/** The script of each shell. */
export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH };
