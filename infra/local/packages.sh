#!/bin/sh
# Debian packages that only tests need: a browser, a foreign Modbus stack, a root for TimescaleDB.
# As root they are installed; otherwise the tests that need them skip and say so.
set -eu
missing=""
for package in chromium libmodbus-dev mmdebstrap gcc pkg-config iproute2 iptables; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed, so their tests skip:$missing (apt install$missing)"
  exit 0
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
