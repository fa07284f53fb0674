#!/bin/sh
# private-pcscd keeps its promises: status, input, readers, stop and start, and nothing left behind.
#
#   private_pcscd_test.sh PRIVATE_PCSCD
set -eu

PRIVATE_PCSCD=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# until_true COMMAND...: within ten seconds.
until_true() {
  tries=500
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.02
  done
}

status=0
"$PRIVATE_PCSCD" --dir "$folder/a" -- sh -c 'exit 7' || status=$?
[ "$status" = 7 ] || fail "the command's status 7 came out as $status"

[ "$(echo hello | "$PRIVATE_PCSCD" --dir "$folder/a" -- cat)" = hello ] || fail "standard input"

readers=$("$PRIVATE_PCSCD" --readers 16 --dir "$folder/a" -- opensc-tool -l)
[ "$(echo "$readers" | grep -c "Virtual PCD [0-7] 00 0[01]$")" = 16 ] || fail "16 readers: $readers"

# shellcheck disable=SC2016 # For the shell inside.
"$PRIVATE_PCSCD" --dir "$folder/a" -- sh -euc '
  socket=$PCSCLITE_CSOCK_NAME
  ctl=$MADOGUCHI_PCSCD_DIR/private-pcscd-ctl
  test -S "$socket"
  "$ctl" stop
  test ! -e "$socket"
  "$ctl" stop
  "$ctl" start
  test -S "$socket"
  opensc-tool -l > "$1"
  grep -q "Virtual PCD 0 00 00" "$1"' sh "$folder/list" || fail "stop and start"

for usage in "" "--readers 17 -- true" "--readers x -- true" "--bogus -- true" "--"; do
  # shellcheck disable=SC2086 # Words.
  if "$PRIVATE_PCSCD" $usage 2> /dev/null; then fail "took '$usage'"; fi
done

# A folder with other things in it is left alone.
mkdir -p "$folder/other/lib"
touch "$folder/other/lib/kept"
if "$PRIVATE_PCSCD" --dir "$folder/other" -- true 2> /dev/null; then fail "took a foreign folder"; fi
[ -e "$folder/other/lib/kept" ] || fail "emptied a foreign folder"

# Even SIGKILL leaves nothing running: the command inside keeps a lock as long as it lives.
is_running() { [ -e "$folder/running" ]; }
is_locked() { ! flock -n "$folder/lock" true; }
is_free() { ! is_locked; }
for signal in TERM KILL; do
  rm -f "$folder/running"
  # shellcheck disable=SC2016 # For the shell inside.
  "$PRIVATE_PCSCD" --dir "$folder/b" -- \
    flock "$folder/lock" sh -c 'touch "$1"; exec sleep 100' sh "$folder/running" &
  pid=$!
  until_true is_running || fail "the command did not begin"
  is_locked || fail "the command does not hold its lock"
  kill -s "$signal" "$pid"
  wait "$pid" 2> /dev/null || true
  until_true is_free || fail "the command outlived a SIG$signal"
done
