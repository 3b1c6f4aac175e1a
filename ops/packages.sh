#!/usr/bin/env bash
# Install the Debian packages named, those that are missing; without the right to do so, say what to run.
set -euo pipefail
missing=()
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "smartplus: install these with your system's package manager: ${missing[*]}" >&2
  exit 2
elif [ "$(id -u)" -eq 0 ]; then
  as_root=(env)
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n env)
else
  echo "smartplus: these packages are missing; run: sudo apt-get install ${missing[*]}" >&2
  exit 2
fi
echo "Installing ${missing[*]}"
quietly() { "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null; }
quietly update
quietly install -y --no-install-recommends "${missing[@]}"
