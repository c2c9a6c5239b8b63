# Shell functions of the git corpus. Sourced before every section; writes go straight into the file, no temporary names.
set -e

# put FILE TEXT: writes TEXT with printf's escapes.
put() { mkdir -p "$(dirname "$1")"; printf "$2" > "$1"; }

# lines FILE COUNT WORD: a file of numbered lines.
lines() { mkdir -p "$(dirname "$1")"; seq -f "$3 %g" 1 "$2" > "$1"; }

# edit FILE LINE TEXT: replaces one line, as a program would.
edit() { new=$(awk -v n="$2" -v t="$3" 'NR == n { print t; next } { print }' "$1"; echo x); printf %s "${new%x}" > "$1"; }

# commit MESSAGE: records everything.
commit() { git add -A && git commit -q -m "$1"; }

# standard: main with a.txt, b.txt, sub/c.txt; topic changes a.txt's line 2, adds t.txt, removes b.txt.
standard() {
    lines a.txt 12 a; lines b.txt 6 b; lines sub/c.txt 6 c; commit base
    git checkout -q -b topic
    edit a.txt 2 'topic two'; lines t.txt 4 t; git rm -q b.txt; commit topic
    git checkout -q main
}

# diverged: standard, and main changes a.txt's line 10 too, so that topic merges cleanly.
diverged() { standard; edit a.txt 10 'main ten'; commit 'main moves'; }

# clashing: standard, and main changes a.txt's line 2 too, so that topic conflicts.
clashing() { standard; edit a.txt 2 'main two'; commit 'main clashes'; }

# upstream: a repository beside this one, one commit ahead of main in line 5 of a.txt, as remote origin.
upstream() {
    git clone -q . ../up
    (cd ../up && git checkout -q main && edit a.txt 5 'up five' && lines u.txt 3 u && commit up)
    git remote add origin ../up
}
