#!/usr/bin/env bash
# A plugin behind API keys. Usage: run.sh GUESTHOUSE PLUGINS
#   GUESTHOUSE  the binary, for example target/release/guesthouse
#   PLUGINS     a folder with todo.wasm, for example target/plugins
set -euo pipefail
guesthouse=$(realpath "$1")
plugins=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)

folder=$(mktemp -d)
trap 'kill "$host" 2>/dev/null && wait "$host"; rm -rf "$folder"' EXIT
cp "$plugins/todo.wasm" "$here/todo.toml" "$folder/"

# Port 0 picks a free port; the first line says which.
coproc HOST { exec "$guesthouse" serve "$folder" --listen 127.0.0.1:0 --config "$here/guesthouse.toml" 2>&1; }
host=$HOST_PID
while read -r line <&"${HOST[0]}"; do
  case $line in "guesthouse "*" on http://"*) address=${line#*on }; address=${address%%,*}; break ;; esac
done

status() { curl --silent --output /dev/null --write-out '%{http_code}' "$@" "$address/todo/items"; }
expect() {
  local what=$1 wanted=$2 got=$3
  echo "$what: $got"
  [[ $got == "$wanted" ]] || { echo "expected $wanted" >&2; exit 1; }
}

reader=$("$guesthouse" keys add reader --scope todo "$folder")
stranger=$("$guesthouse" keys add stranger --scope billing "$folder")

# A running host reads the keys again within a second.
for _ in {1..50}; do
  [[ $(status --header "X-API-Key: $reader") == 200 ]] && break
  sleep 0.1
done
expect "with the right key" 200 "$(status --header "X-API-Key: $reader")"
expect "without a key" 401 "$(status)"
expect "with a key that is made up" 401 "$(status --header "X-API-Key: gh_0123456789abcdef_0")"
expect "with a key for something else" 403 "$(status --header "X-API-Key: $stranger")"

id=${reader#gh_}
"$guesthouse" keys revoke "${id%%_*}" "$folder"
for _ in {1..50}; do
  [[ $(status --header "X-API-Key: $reader") == 401 ]] && break
  sleep 0.1
done
expect "with the revoked key" 401 "$(status --header "X-API-Key: $reader")"
