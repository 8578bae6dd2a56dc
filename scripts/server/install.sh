#!/bin/sh
# Installs a version of drayage beside the others and makes it the current one. Run it again to upgrade; nothing is started.
#
#   install.sh drayage-0.1.0.tgz     the file that `npm pack` makes
#   install.sh --use 0.1.0           back to a version that is there
#   install.sh --list                what is there
#
# /opt/drayage/versions/X    the program, current -> versions/X
# /usr/local/bin/drayage     -> the current one
# /etc/drayage               drayage.yaml and .env: yours, never overwritten
# DESTDIR=/somewhere         lays everything out below it, and touches neither users nor systemd
set -eu

root=${DESTDIR:-}
home=$root/opt/drayage

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

use() {
  [ -x "$home/versions/$1/node_modules/.bin/drayage" ] || fail "version $1 is not installed; see --list"
  # Renamed over the old one: at no moment is there none.
  ln -sfn "versions/$1" "$home/next"
  mv -T "$home/next" "$home/current"
  echo "current: $1"
}

versions() {
  for each in "$home"/versions/*; do
    [ -d "$each" ] && basename "$each"
  done
}

case ${1:-} in
  --use) use "${2:?which version?}" && exit 0 ;;
  --list) versions && exit 0 ;;
  -* | '') sed -n '4,6p' "$0" | cut -c 3- && exit 2 ;;
esac

tarball=$1
[ -f "$tarball" ] || fail "no such file: $tarball"
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root"
command -v npm >/dev/null || fail "Node.js is missing: install 24 (20.19 is the least)"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js $(node --version) is too old: 20.19 is the least"

version=$(tar -xzOf "$tarball" package/package.json | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).version')
echo "installing $version"
new=$home/versions/.$version.new
rm -rf "$new"
mkdir -p "$new"
cp "$tarball" "$new/drayage.tgz"
# Without the servers of the demo. A half-made directory never gets the version's name.
(cd "$new" && npm install --omit=dev --omit=optional --no-audit --no-fund --no-save --loglevel=error ./drayage.tgz)
rm "$new/drayage.tgz"
rm -rf "$home/versions/$version"
mv "$new" "$home/versions/$version"
"$home/versions/$version/node_modules/.bin/drayage" --version >/dev/null || fail "the program does not start"

mkdir -p "$root/usr/local/bin" "$root/etc/drayage" "$root/etc/systemd/system"
ln -sfn /opt/drayage/current/node_modules/.bin/drayage "$root/usr/local/bin/drayage"
cp "$(dirname "$0")"/drayage.service "$(dirname "$0")"/drayage-load.service "$(dirname "$0")"/drayage-load.timer "$root/etc/systemd/system/"
if [ -z "$root" ]; then
  id drayage >/dev/null 2>&1 || useradd --system --home-dir /var/lib/drayage --shell /usr/sbin/nologin drayage
  # Secrets stand in .env: for the service, and nobody else.
  chown root:drayage /etc/drayage
  chmod 750 /etc/drayage
  systemctl daemon-reload
fi
use "$version"
