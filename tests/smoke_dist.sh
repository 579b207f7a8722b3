#!/usr/bin/env bash
# smoke_dist.sh: run the smoke test on the download alone.
#
#   tests/smoke_dist.sh TARBALL
#
# Unpacks the download into a read-only folder, and runs it through a symlink in PATH from another folder, with no Deno
# in PATH and none of Deno's variables. In the emulated machine, which has no network, it creates an ordinary user and
# runs the test as this user.
set -euo pipefail

work=$(mktemp -d /dev/shm/smolvm-dist.XXXXXX 2>/dev/null || mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work"/{install,bin,home,tests}
# The user of the test may not be able to read the checkout.
cp "$(dirname "${BASH_SOURCE[0]}")/smoke.sh" "$work/tests/"
tar -xzf "$1" -C "$work/install"
chmod -R a-w "$work/install"
ln -s "$(echo "$work"/install/*/smolvm)" "$work/bin/smolvm"
chmod 755 "$work"

as_user=()
if [ -d /run/kvm-machine ]; then
  ulimit -n 524288 # as systemd sets for logins; with the kernel's 4096, smolvm warns about too few open files
  useradd --no-create-home --home-dir "$work/home" smolvm-smoke
  chown smolvm-smoke "$work/home"
  chmod 666 /dev/kvm
  as_user=(setpriv --reuid smolvm-smoke --regid smolvm-smoke --init-groups)
fi
cd "$work"
"${as_user[@]}" env -i HOME="$work/home" PATH="$work/bin:/usr/sbin:/usr/bin:/sbin:/bin" SMOLVM=smolvm tests/smoke.sh
