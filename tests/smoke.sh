#!/usr/bin/env bash
# smoke.sh: the few things that must work before anything else is worth a look.
#
#   tests/smoke.sh [SOURCE]       SOURCE: an image or a folder; a folder of busybox when left out
#
# It ends with the line "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/smolvm-smoke.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check NAME EXPECTED-CODE EXPECTED-OUTPUT COMMAND...: EXPECTED-OUTPUT is a pattern for stdout and stderr together.
check() {
  local name=$1 code=$2 pattern=$3 status=0 output
  shift 3
  output=$(timeout 120 "$@" 2>&1 </dev/null) || status=$?
  # shellcheck disable=SC2053 # a pattern is meant
  if [ $status = "$code" ] && [[ $output == $pattern ]]; then
    echo "ok: $name"
    passed=$((passed + 1))
  else
    echo "FAILED: $name: exit code $status instead of $code, or this output instead of \"$pattern\":"
    echo "$output"
    failed=$((failed + 1))
  fi
}

make_rootfs() {
  local applet
  mkdir -p "$1"/{bin,etc}
  cp /bin/busybox "$1/bin/"
  for applet in sh echo cat; do ln -s busybox "$1/bin/$applet"; done
}

source=${1:-$work/rootfs}
[ $# -gt 0 ] || make_rootfs "$source"
mkdir "$work/shared"
echo "from the host" >"$work/shared/file"

check "echo" 0 "hello from the guest" \
  ./smolvm run "$source" echo "hello from the guest"
check "exit code" 42 "" \
  ./smolvm run "$source" sh -c "exit 42"
check "environment" 0 "value with spaces" \
  ./smolvm run -e "GREETING=value with spaces" "$source" sh -c 'echo "$GREETING"'
check "directory mount" 0 "from the host" \
  ./smolvm run -v "$work/shared:/mnt/shared" "$source" sh -c "cat /mnt/shared/file; echo from the guest >/mnt/shared/answer"
check "directory mount, seen from the host" 0 "from the guest" \
  cat "$work/shared/answer"
check "single-file rejection" 125 "*single file*" \
  ./smolvm run -v "$work/shared/file:/file" "$source" cat /file

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
