#!/bin/bash
# Refuses the retired words of tests/retired-words.txt in comments, strings, pages and charts; prints where they are and what to use instead.
#
#   tests/words.sh [PATH...]    default: the whole repository
#
# Whole lines are searched, code included: patterns are words of prose, which do not match inside of identifiers. A phrase that is wrapped
# over two lines is not found. Takes about 5 seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
LIST=tests/retired-words.txt
FILES=('*.rs' '*.ts' '*.tsx' '*.css' '*.html' '*.md' '*.sh' '*.py' '*.yaml' '*.yml' '*.tpl' '*.toml' 'charts/*.txt' 'charts/*.json' Makefile Dockerfile .ci images)
# Generated files repeat what the types say; goldens and corpora are data.
GENERATED=(':!docs/reference.md' ':!docs/openapi.json' ':!web/src/generated' ':!crds/yaml' ':!charts/convene-crds/files' ':!*/golden/*' ':!fuzz/corpus'
  ':!*/package-lock.json' ":!$LIST" ':!tests/words.sh')

trim() { sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//' <<<"$1"; }

# Lines that list retired words on purpose, and the table of flags, which repeats the comments in the code.
exempt() {
  awk '/<!-- (retired|flags) -->/ {inside = 1} inside {print FILENAME ":" FNR ":"} /<!-- \/(retired|flags) -->/ {inside = 0}' docs/*.md
}

# hits PATTERN PATHSPEC...: FILE:LINE:WORD for each.
hits() {
  local pattern=$1
  shift
  git grep --untracked -I --line-number --only-matching --ignore-case --word-regexp --extended-regexp -e "$pattern" -- "$@" || [ $? = 1 ]
}

# Splits at " | ": a "|" within a pattern has no spaces around it.
check() { # LINE PATHSPEC...
  local line=$1 pattern use where scope file number word
  shift
  pattern=${line%% | *} use=${line#* | } where=
  [[ $use != *' | '* ]] || { where=${use##* | } && use=${use% | *}; }
  read -r -a scope <<<"$where"
  [ ${#scope[@]} -gt 0 ] || scope=("${FILES[@]}")
  hits "$(trim "$pattern")" "${scope[@]}" "${GENERATED[@]}" | while IFS=: read -r file number word; do
    echo "$file:$number: \"$word\" → use $(trim "$use")"
  done
}

found() {
  local line
  while IFS= read -r line; do
    case $line in '' | '#'* | '! '*) continue ;; esac
    [[ $line == *' | '* ]] || { echo "$LIST: no replacement in: $line" >&2 && exit 2; }
    check "$line"
  done <"$LIST" | grep --invert-match --fixed-strings --file <(exempt) | sort --unique --field-separator=: --key=1,1 --key=2,2n --key=3
}

# Lines of the list that begin with "! " allow a text where it must stay as it is: hits on source lines that contain it are dropped.
without_allowed() {
  local allowed hit
  allowed=$(sed -nE 's/^! (.*) \| .*$/\1/p' "$LIST")
  while IFS= read -r hit; do
    sed -n "$(cut -d : -f 2 <<<"$hit")p" "${hit%%:*}" | grep --quiet --fixed-strings "$allowed" || echo "$hit"
  done
}

# only PATH...: lines of files at or below one of the paths; without paths all.
only() {
  [ $# -gt 0 ] || { cat && return; }
  local path
  while IFS= read -r line; do
    for path in "$@"; do
      case ${line%%:*} in "${path%/}" | "${path%/}"/*) echo "$line" && break ;; esac
    done
  done
}

main() {
  local lines count
  lines=$(found | without_allowed | only "$@")
  if [ -z "$lines" ]; then
    echo "no retired words"
    return
  fi
  echo "$lines"
  count=$(wc -l <<<"$lines")
  echo "words: $count retired words; see $LIST and docs/development.md (Glossary)" >&2
  exit 1
}
main "$@"
