#!/usr/bin/env bash
# build-dist: make the download, dist/smolvm-VERSION-PLATFORM.tar.gz, and its .sha256.
#
#   scripts/build-dist.sh [--portable [--deno FILE]] [--platform PLATFORM] [--lib DIR]
#
# `deno compile` makes the executable from the file DENORT_BIN, or from one that Deno
# downloads. --portable uses the bundled program and a whole Deno instead (FILE, or this
# machine's): that is larger but works the same for users, and nothing is downloaded.
# PLATFORM is linux-x64, linux-arm64, darwin-x64 or darwin-arm64; default: this machine's.
# Another platform needs its Deno (FILE or DENORT_BIN) and DIR with its libkrun and
# libkrunfw, the guest's agent, smolvm-jail (for Linux), and the disk templates, named as
# in lib/, which is the default of DIR.
#
# Builds are reproducible: all times are SOURCE_DATE_EPOCH, by default the last commit's.
# Needs GNU tar. Programs for macOS can only be signed on macOS. The last line printed is
# the tarball's path.
set -euo pipefail

fail() { # TEXT [EXIT-CODE]
  echo "build-dist: $1" >&2
  exit "${2:-1}"
}

platform='' portable='' lib='' deno=''
while [ $# -gt 0 ]; do
  case $1 in
    --portable) portable=1 ;;
    --platform | --lib | --deno)
      [ $# -gt 1 ] || fail "$1 needs a value (see scripts/build-dist.sh -h)" 2
      declare "${1#--}=$2"
      shift
      ;;
    -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument \"$1\" (see scripts/build-dist.sh -h)" 2 ;;
  esac
  shift
done
[ -z "$lib" ] || lib=$(realpath "$lib")
[ -z "$deno" ] || deno=$(realpath "$deno")
[ -z "$deno" ] || [ -n "$portable" ] || fail "--deno is for --portable; set DENORT_BIN instead" 2
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case $(uname -s) in Darwin) os=darwin ;; *) os=linux ;; esac
case $(uname -m) in x86_64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
case ${platform:=$os-$arch} in
  linux-x64) target=x86_64-unknown-linux-gnu ;;
  linux-arm64) target=aarch64-unknown-linux-gnu ;;
  darwin-x64) target=x86_64-apple-darwin ;;
  darwin-arm64) target=aarch64-apple-darwin ;;
  *) fail "unknown platform \"$platform\" (see scripts/build-dist.sh -h)" 2 ;;
esac
case $platform in
  linux-*) libraries=(libkrun.so.1 libkrunfw.so.5) ;;
  darwin-*) libraries=(libkrun.1.dylib libkrunfw.5.dylib) ;;
esac
agent=smolvm-agent-${platform#*-}

tar=$(command -v gtar || command -v tar)
[[ $("$tar" --version) == *GNU* ]] || fail "Cannot pack the same bytes each time: \"$tar\" is not GNU tar"
[ -n "$lib" ] || scripts/setup
lib=${lib:-$PWD/lib}
export PATH=$PWD/.deno/bin:$PATH DENO_DIR=$PWD/.deno/cache DENO_NO_UPDATE_CHECK=1
deno=${deno:-$(realpath "$(command -v deno)")}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' deno.json)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
name=smolvm-$version-$platform
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name

# Prints the platform that a program or library was built for: at byte 18 in ELF, after the magic number in Mach-O.
platform_of() {
  case $(od -An -v -tx1 -N20 "$1" | tr -d ' \n') in
    7f454c46*3e00) echo linux-x64 ;;
    7f454c46*b700) echo linux-arm64 ;;
    cffaedfe07000001*) echo darwin-x64 ;;
    cffaedfe0c000001*) echo darwin-arm64 ;;
    *) echo "an unknown platform" ;;
  esac
}

# take FILE TARGET PLATFORM OPTION: copies a program; OPTION tells users how to provide another one.
take() {
  local found
  [ -f "$1" ] || fail "Cannot build $name: there is no \"$1\"; $4"
  found=$(platform_of "$1")
  [ "$found" = "$3" ] || fail "Cannot build $name: \"$1\" is for $found; $4"
  install -m 755 "$1" "$2"
}

# The file name of a library contains its version; programs look for the link.
take_libraries() {
  local link file
  for link in "${libraries[@]}"; do
    file=$(realpath "$lib/$link" 2>/dev/null || echo "$lib/$link")
    take "$file" "$top/lib/" "$platform" "give the folder of the libraries for $platform with --lib"
    [ "${file##*/}" = "$link" ] || ln -s "${file##*/}" "$top/lib/$link"
  done
  take "$lib/$agent" "$top/lib/" "linux-${platform#*-}" "copy the one that scripts/build-agent makes on Linux"
  case $platform in
    linux-*)
      take "$lib/smolvm-jail-${platform#*-}" "$top/lib/" "$platform" "copy the one that scripts/build-agent makes"
      ln -s "smolvm-jail-${platform#*-}" "$top/lib/smolvm-jail" ;;
  esac
  install -m 644 "$lib"/*.template "$top/lib/" || fail "Cannot build $name: \"$lib\" has no disk templates"
}

# The bundle's files look for lib/ two folders up, as in a checkout.
portable_program() {
  mkdir "$top/lib/portable"
  cp "$work"/bundle/*.js "$top/lib/portable/"
  take "$deno" "$top/lib/portable/deno" "$platform" "give the one for $platform with --deno"
  install -m 755 scripts/portable_launcher "$top/smolvm"
}

# Only for Linux, as are container engines.
oci_launcher() {
  case $platform in linux-*) install -m 755 smolvm-oci "$top/" ;; esac
}

# --allow-all: a list of permissions is not enough. smolvm reads /proc, /dev and /sys for mounts, processes and KVM, and
# Deno allows that only with every permission unlimited, --allow-import included. Also, an executable has one list for
# the CLI and the runner, and no permission restricts the runner's FFI anyway.
# --no-code-cache: the cache would be a file in /tmp with a predictable name, whose content is executed.
compiled_program() {
  local executable=$work/out/smolvm included=() file
  for file in "$work"/bundle/*.js; do included+=(--include "$file"); done # bundle.ts hides these imports from Deno
  TZ=UTC touch -t 197001010000 "$work"/bundle/*.js # the executable contains these times
  deno compile --quiet --allow-all --unstable-net --no-prompt --no-config --no-lock --no-check --cached-only --no-code-cache \
    "${included[@]}" --target "$target" --output "$executable" "$work/bundle/main.js" ||
    fail "Cannot compile for $platform: set DENORT_BIN to Deno's \"denort\" for it, or use --portable"
  take "$executable" "$top/smolvm" "$platform" "set DENORT_BIN to Deno's \"denort\" for $platform"
}

sign() { # PROGRAM, below $top
  local sign=(codesign --sign - --force --entitlements smolvm.entitlements)
  if [ "$os" = darwin ]; then
    "${sign[@]}" "$top/$1"
  else
    echo "build-dist: not signed, because only macOS can sign: unpack the tarball there and run: ${sign[*]} $1" >&2
  fi
}

completions() {
  mkdir "$top/completions"
  ./smolvm completion bash >"$top/completions/smolvm.bash"
  ./smolvm completion zsh >"$top/completions/_smolvm"
  ./smolvm completion fish >"$top/completions/smolvm.fish"
}

# Includes the files that README.md links to.
documentation() {
  mkdir "$top/docs"
  install -m 644 README.md "$top/"
  install -m 644 docs/*.md "$top/docs/"
}

# man looks in this folder when the program's folder is in PATH.
man_page() {
  mkdir -p "$top/man/man1"
  deno run --quiet --allow-all --cached-only --frozen scripts/man_page.ts "$epoch" >"$top/man/man1/smolvm.1"
}

# npm_package PART: prints the package and version from which scripts/setup fetches a file.
npm_package() { grep -oE "@[a-z/-]*$1[a-z0-9-]*@[0-9.]+" scripts/setup; }

npm_version() { sed -n "s/.*\"npm:\($1@[0-9.]*\)\": .*/\1/p" deno.lock; }

# npm_notice PACKAGE LICENCE: prints the notice for a package that the program contains, with its licence text.
npm_notice() {
  local version
  version=$(npm_version "$1")
  printf '    %s: %s, in these words:\n\n' "$version" "$2"
  sed 's/^\(.\)/    \1/' "$DENO_DIR"/npm/*/"${version/@//}/LICENSE"
  echo
}

notices() {
  local krun='' firmware='' program=smolvm jail=''
  case $platform in linux-*) jail=smolvm-jail-${platform#*-} ;; esac
  [ -z "$portable" ] || program=lib/portable
  if [ "$lib" = "$PWD/lib" ] && [ "$platform" = linux-x64 ]; then
    case $(readlink lib/libkrun.so.1) in
      *1.17.4*)
        krun=" from npm's $(npm_package krun-runner),
    with one byte changed (fix_libkrun in scripts/setup says which and why)"
        ;;
      *)
        krun=" built by scripts/build-libkrun from the crates in
    scripts/libkrun/Cargo.lock (Apache-2.0, MIT, BSD-3-Clause), with the patches there"
        ;;
    esac
    firmware=" from npm's $(npm_package microsandbox)"
  fi
  cat <<EOT
smolvm $version is under the MIT licence (LICENSE). This download holds, besides:

lib/${libraries[0]}$krun
    libkrun: Apache-2.0; source: github.com/containers/libkrun

lib/${libraries[1]}$firmware
    libkrunfw: LGPL-2.1, and GPL-2.0 for the Linux kernel in it
    source, with the kernel's version and patches: github.com/containers/libkrunfw

lib/$agent${jail:+, lib/$jail}
    smolvm's own, with the GNU C library linked in: LGPL-2.1 and others (licenses/glibc.txt)
    source: src/guest and src/jail of smolvm, which scripts/build-agent links with any C library

$program
    Deno: MIT, Copyright 2018-2026 the Deno authors
    source, and the licences of V8 and all else in it: github.com/denoland/deno
EOT
  npm_notice commander MIT
  npm_notice smol-toml BSD-3-Clause
}

licences() {
  mkdir "$top/licenses"
  install -m 644 LICENSES/* "$top/licenses/"
  install -m 644 LICENSE smolvm.entitlements "$top/"
  notices >"$top/NOTICES"
}

mkdir -p "$top/lib" dist
take_libraries
deno run --quiet --allow-all --cached-only --frozen scripts/bundle.ts "$work/bundle"
if [ -n "$portable" ]; then portable_program; else compiled_program; fi
case $platform-$portable in
  darwin-*-1) sign lib/portable/deno ;;
  darwin-*) sign smolvm ;;
esac
oci_launcher
completions
documentation
man_page
licences
"$tar" --create --directory "$work" --format ustar --sort name --mtime "@$epoch" --owner 0 --group 0 --numeric-owner \
  --mode u=rwX,go=rX "$name" | gzip -n >"$work/$name.tar.gz"
(cd "$work" && $(command -v sha256sum || echo shasum -a 256) "$name.tar.gz" >"$name.tar.gz.sha256")
mv "$work/$name.tar.gz" "$work/$name.tar.gz.sha256" dist/
echo "dist/$name.tar.gz"
