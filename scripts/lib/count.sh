# Runs tests and counts what they say. Sourced by scripts/test; the counts live in a file because stages run in
# shells of their own.

COUNTS=$(mktemp "${TMPDIR:-/tmp}/codi2-test.XXXXXX")
trap 'rm -f "$COUNTS" "$COUNTS".*' EXIT

# count PASSED FAILED SKIPPED
count() { echo "$1 $2 $3" >>"$COUNTS"; }

# One check that passes or fails as a whole: counted_check NAME COMMAND...
counted_check() {
  local name=$1
  shift
  if "$@"; then count 1 0 0; else count 0 1 0; echo "FAIL $name"; return 1; fi
}

# A command that itself ends with `N passed, N failed[, N skipped]`.
counted_output() {
  local out="$COUNTS.out" status=0
  "$@" 2>&1 | tee "$out" || status=$?
  local line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1 || true)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
    count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]:-0}"
  else
    count 0 1 0
    echo "FAIL $*: no closing line"
    return 1
  fi
  name_skips "$out"
  return "$status"
}

# Tests print `SKIP name: reason` when they cannot run here; nothing is skipped without its name.
name_skips() { grep -hoE '^ *SKIP [^ ]+: .*' "$1" | sed 's/^ *//' | sort -u >>"$COUNTS.skips" || true; }

# run_rust_tests SCOPE FILTER: with nextest where it is, else with cargo test (which knows no such filter).
run_rust_tests() {
  local out="$COUNTS.out" status=0
  # shellcheck disable=SC2086 # SCOPE is a list of words
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run $1 -E "$2" --no-fail-fast --success-output final --failure-output immediate-final --color never \
      --no-tests fail >"$out" 2>&1 || status=$?
    # What passed is only counted; what failed is shown.
    if [[ $status -eq 0 ]]; then
      grep -E '^ +(Summary|FLAKY [0-9]+/[0-9]+|TRY [0-9]+ (FAIL|TMT)) ' "$out" || true
    else
      grep -vE '^ *(PASS |START |running [0-9]|test .* \.\.\. ok$|test result: ok|(stdout|stderr) ───|$)' "$out" | tail -n 400 || true
      grep -E '^ +(FAIL|TIMEOUT|ABORT|SIG[A-Z]+) ' "$out" | sort -u || true
    fi
    local run passed=0 failed=0 skipped=0
    run=$(grep -E '^ +Summary ' "$out" | tail -n 1 || true)
    [[ $run =~ ([0-9]+)\ passed ]] && passed=${BASH_REMATCH[1]}
    [[ $run =~ ([0-9]+)\ failed ]] && failed=${BASH_REMATCH[1]}
    [[ $run =~ ([0-9]+)\ timed\ out ]] && failed=$((failed + BASH_REMATCH[1]))
    [[ -n $run ]] || failed=1 # it did not build
  else
    local only=(--workspace)
    case "$2" in
      "binary(neovim)") only=(-p codi2-tests --test neovim) ;;
      *) only=(--workspace --exclude codi2-tests) ;;
    esac
    cargo test --no-fail-fast "${only[@]}" -- --show-output >"$out" 2>&1 || status=$?
    if [[ "$2" != "binary(neovim)" ]]; then
      local name
      for name in tests/tests/*.rs; do
        name=$(basename "$name" .rs)
        [[ $name == neovim ]] || cargo test --no-fail-fast -p codi2-tests --test "$name" -- --show-output >>"$out" 2>&1 || status=$?
      done
    fi
    tail -n 400 "$out"
    sum_cargo_test "$out"
  fi
  name_skips "$out"
  # A skipped test says so and passes; it counts as skipped.
  skipped=$(grep -cE '^ *SKIP [^ ]+: ' "$out" || true)
  count $((passed > skipped ? passed - skipped : 0)) "$failed" "$skipped"
  return "$status"
}

# Adds up the `test result:` lines of cargo test into passed and failed.
sum_cargo_test() {
  passed=$(awk '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) == "passed;") n += $i } END { print n + 0 }' "$1")
  failed=$(awk '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) == "failed;") n += $i } END { print n + 0 }' "$1")
}

run_doc_tests() {
  local out="$COUNTS.out" status=0 passed failed
  cargo test --workspace --doc --no-fail-fast >"$out" 2>&1 || status=$?
  grep -E '^(test |error|warning)' "$out" || true
  sum_cargo_test "$out"
  [[ $status -eq 0 || $failed -gt 0 ]] || { failed=1; tail -n 60 "$out"; }
  count "$passed" "$failed" 0
  return "$status"
}

# The closing words; fails if a stage did. report FAILED-STAGE...
report() {
  local passed failed skipped
  read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$COUNTS")
  if [[ -s $COUNTS.skips ]]; then echo "skipped:"; sort -u "$COUNTS.skips"; fi
  echo "total: $SECONDS s"
  if [[ $# -gt 0 ]]; then
    echo "failed stages: $*"
    [[ $failed -gt 0 ]] || failed=$#
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [[ $# -eq 0 && $failed -eq 0 ]]
}
