#!/usr/bin/env bash
# smoke.sh: test the basics that must work before other tests are worth running.
#
#   tests/smoke.sh [SOURCE]       SOURCE: an image or a folder; default: a folder with busybox
#
# SMOLVM is the smolvm to test; default: the checkout's. The last line of the output is "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
smolvm=${SMOLVM:-./smolvm}

# buildah's overlay driver does not work on an overlay, and /tmp may be one.
work=$(mktemp -d /dev/shm/smolvm-smoke.XXXXXX 2>/dev/null || mktemp -d)
trap cleanup EXIT
cleanup() {
  local as_owner=()
  [ ! -d "$work/storage" ] || images rm --all >/dev/null
  [ "$(id -u)" = 0 ] || as_owner=(buildah unshare) # image files belong to subordinate ids
  "${as_owner[@]}" rm -rf "$work"
}
# Keep the test's machines apart from the user's.
export XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
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

# A root filesystem like Alpine's, as far as this test needs it: busybox.
make_rootfs() {
  local applet
  mkdir -p "$1"/{bin,etc}
  cp /bin/busybox "$1/bin/"
  echo 3.22.0 >"$1/etc/alpine-release"
  for applet in sh echo cat nproc sleep free grep; do ln -s busybox "$1/bin/$applet"; done
}

# A root filesystem like Debian's: bash and cat with their libraries, from the host.
make_debian_rootfs() {
  local file
  mkdir -p "$1/etc"
  cp /etc/debian_version "$1/etc/"
  for file in /bin/bash /bin/cat $(ldd /bin/bash /bin/cat | grep -o '/[^ ]*lib[^ ]*' | sort -u); do
    [ ! -f "$file" ] || cp --parents -L "$file" "$1"
  done
}

images() { buildah --root "$work/storage/root" --runroot "$work/storage/runroot" "$@"; }

make_image() { # NAME ROOTFS COMMAND...
  local name=$1 rootfs=$2 container
  shift 2
  container=$(images from scratch)
  images add --quiet "$container" "$rootfs" / >/dev/null
  images config --cmd "$*" "$container"
  images commit --quiet --rm "$container" "$name" >/dev/null
}

source=${1:-$work/rootfs}
[ $# -gt 0 ] || make_rootfs "$source"
mkdir "$work/shared"
echo "from the host" >"$work/shared/file"

check "echo" 0 "hello from the guest" \
  "$smolvm" run "$source" echo "hello from the guest"
check "exit code" 42 "" \
  "$smolvm" run "$source" sh -c "exit 42"
check "environment" 0 "value with spaces" \
  "$smolvm" run -e "GREETING=value with spaces" "$source" sh -c 'echo "$GREETING"'
check "directory mount" 0 "from the host" \
  "$smolvm" run -v "$work/shared:/mnt/shared" "$source" sh -c "cat /mnt/shared/file; echo from the guest >/mnt/shared/answer"
check "directory mount, seen from the host" 0 "from the guest" \
  cat "$work/shared/answer"
check "single-file rejection" 125 "*single file*" \
  "$smolvm" run -v "$work/shared/file:/file" "$source" cat /file

check "memory and CPUs" 0 "2
Mem:*9[0-9][0-9]*" \
  "$smolvm" run --memory 1024 --cpus 2 "$source" sh -c "nproc; free -m | grep Mem"

check "create" 0 "smoke" \
  "$smolvm" create --name smoke "$source" sh -c 'echo kept >>/file; cat /file; [ ! -e /again ] || exit 3; echo >/again; sleep 1000'
check "start" 0 "smoke" \
  "$smolvm" start smoke
check "list" 0 "NAME*STATE*CPUS*MEMORY*PID*ROOTFS
smoke*running*1*512 MiB*$source" \
  "$smolvm" list
check "stop" 0 "smoke" \
  "$smolvm" stop -t 1 smoke
check "start in the foreground" 3 "kept
kept" \
  "$smolvm" start --foreground smoke
check "delete" 0 "smoke" \
  "$smolvm" delete --force smoke
check "empty list" 0 "NAME*ROOTFS" \
  "$smolvm" list

make_rootfs "$work/alpine"
make_debian_rootfs "$work/debian"
make_image localhost/alpine-like:1 "$work/alpine" cat /etc/alpine-release
make_image localhost/debian-like:1 "$work/debian" /bin/bash
export SMOLVM_STORAGE=$work/storage
check "run an image like Alpine" 0 "3.22.0" \
  "$smolvm" run alpine-like:1
check "run an image like Debian" 0 "5.* on *" \
  "$smolvm" run localhost/debian-like:1 /bin/bash -c 'echo "$BASH_VERSION on $(cat /etc/debian_version)"'
check "create from an image" 0 "image" \
  "$smolvm" create --name image alpine-like:1
check "start attached" 0 "3.22.0" \
  "$smolvm" start -a image
check "force-delete" 0 "image" \
  "$smolvm" rm -f image

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
