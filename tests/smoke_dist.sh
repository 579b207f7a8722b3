#!/usr/bin/env bash
# smoke_dist.sh: the smoke test of the download, as somebody has it who has nothing else.
#
#   tests/smoke_dist.sh TARBALL
#
# It is unpacked into a folder that cannot be written to, and run through a symlink in PATH from another folder, with
# no Deno in PATH and no setting of Deno's, by an ordinary user where one may be made: in the emulated machine, which
# has no network either.
set -euo pipefail

work=$(mktemp -d /dev/shm/smolvm-dist.XXXXXX 2>/dev/null || mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work"/{install,bin,home,tests}
# A checkout need not be for everybody's eyes.
cp "$(dirname "${BASH_SOURCE[0]}")/smoke.sh" "$work/tests/"
tar -xzf "$1" -C "$work/install"
chmod -R a-w "$work/install"
ln -s "$(echo "$work"/install/*/smolvm)" "$work/bin/smolvm"
chmod 755 "$work"

as_user=()
if [ -d /run/kvm-machine ]; then
  ulimit -n 524288 # as systemd gives every login; with the kernel's 4096, smolvm warns of few open files
  useradd --no-create-home --home-dir "$work/home" smolvm-smoke
  chown smolvm-smoke "$work/home"
  chmod 666 /dev/kvm
  as_user=(setpriv --reuid smolvm-smoke --regid smolvm-smoke --init-groups)
fi
cd "$work"
"${as_user[@]}" env -i HOME="$work/home" PATH="$work/bin:/usr/sbin:/usr/bin:/sbin:/bin" SMOLVM=smolvm tests/smoke.sh
