# shellcheck shell=bash
# What every command shares. Source it after `set -euo pipefail`.
# Exit codes: 0 holds, 1 fails, 2 cannot be run here and why.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${HRMOUSE_BUILD:-$ROOT/build}
# awk and sort must not depend on the user's language
PATH=$PATH:/usr/sbin:/sbin # a user's PATH on Debian lacks depmod
export ROOT BUILD PATH LC_ALL=C

say() { printf '%s\n' "$*"; }
cannot() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }
# wants OPTION [VALUE…]: a value follows
wants() { [ $# -ge 2 ] || cannot "$1 needs a value; see --help"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# usage: prints the comment block at the head of the calling script
usage() { sed -n '2,/^[^#]/{/^# SPDX/d;/^#/s/^# \{0,1\}//p}' "$0"; }

# need_space MB DIR: DIR need not exist yet
need_space() {
	local dir=$2 free
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] ||
		cannot "$dir has $free MB free and $1 MB are needed: make room, or move the clone to a larger disk"
	[ -w "$dir" ] || cannot "$dir is not writable: run as its owner ($(stat -c %U "$dir"))"
}

# as_root CMD…: runs it with the rights to install, fails if there is no way to get them
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo -n "$@"
	elif command -v sudo >/dev/null && [ -t 0 ]; then
		sudo "$@"
	else
		return 125
	fi
}

_apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

# debian_mirror [RELEASE]: the first of apt's sources that has Debian itself
debian_mirror() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(RELEASE)' 'Created-By: Packages' |
		awk -v release="${1:-}" '$2 == "main" && $3 !~ /security/ && (!release || $3 == release) { print $1; exit }'
}

packages_missing() {
	local p
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
	done
}

_packages_install() {
	local rc=0
	# a name that apt has never heard of means lists that are absent or old
	apt-get install -s --no-install-recommends "$@" >/dev/null 2>&1 || _apt update || rc=$?
	[ $rc = 0 ] && { _apt install -y --no-install-recommends "$@" || rc=$?; }
	[ $rc = 0 ] && return
	# lists may be there and still name files that the mirror no longer has
	[ $rc != 125 ] && _apt update && _apt install -y --no-install-recommends "$@" && return
	return 2
}

# need_packages PKG…: installs what is missing, or exits 2 with the line to type
need_packages() {
	local missing
	[ -x /usr/bin/dpkg-query ] ||
		cannot "this is not a Debian system; install the equivalents of: $*"
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	local line="apt-get install --no-install-recommends ${missing% }"
	if [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }; then
		cannot "packages are missing and this user cannot install them; as root type: $line"
	fi
	# ask for the password before the output goes to a log
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || sudo -v || cannot "sudo refused; as root type: $line"
	# shellcheck disable=SC2086 # a list of names
	step packages _packages_install $missing || cannot "packages could not be installed; as root type: apt-get update && $line"
}

# One run at a time in one build directory. A command that another one of ours started shares its lock.
lock_build() {
	[ -z "${HRMOUSE_LOCKED:-}" ] || return 0
	{ mkdir -p "$BUILD/log" && [ -w "$BUILD" ] && { [ ! -e "$BUILD/.lock" ] || [ -w "$BUILD/.lock" ]; }; } 2>/dev/null ||
		cannot "$BUILD cannot be written: run as the owner of $ROOT ($(stat -c %U "$ROOT"))"
	exec 9>"$BUILD/.lock"
	flock -n 9 || cannot "another command is at work in $BUILD: wait for it, or stop it"
	export HRMOUSE_LOCKED=$$
}

_step_line() { printf '  %-12s %s' "$1" "$2"; }

# step_skip NAME WHY: the line of a step that has nothing to do
step_skip() { _step_line "$1" "$2"; printf '\n'; }

# shows that a step lives: seconds and, where STEP_LINES says how long its log will be, a percentage
_step_ticker() {
	local name=$1 log=$2 lines=${STEP_LINES:-0} t=0 n note
	# Ctrl-C ends the main shell; this one, in the background, would not hear it
	while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
		t=$((t + 1))
		if [ -t 1 ]; then
			note="$t s"
			if [ "$lines" -gt 0 ]; then
				n=$(($(wc -l <"$log") * 100 / lines))
				note="$((n > 99 ? 99 : n)) %  $t s"
			fi
			printf '\r'; _step_line "$name" "$note "
		elif [ $((t % 15)) = 0 ]; then
			printf '.'
		fi
	done
}

# step NAME CMD…: runs it with its output in build/log/NAME.log; shows time taken, and on failure why.
# Returns CMD's status. CMD runs in a subshell: it changes no variable here.
step() {
	local name=$1 log=$BUILD/log/$1.log rc=0 start=$EPOCHREALTIME ticker took
	shift
	mkdir -p "$BUILD/log" || cannot "$BUILD cannot be written: run as its owner"
	: >"$log"
	_step_line "$name" ""
	_step_ticker "$name" "$log" 9>&- &
	ticker=$!
	("$@") >"$log" 2>&1 || rc=$?
	kill $ticker 2>/dev/null || :
	wait $ticker 2>/dev/null || :
	took=$(awk "BEGIN { printf \"%.1f s\", $EPOCHREALTIME - $start }")
	[ ! -t 1 ] || { printf '\r\033[K'; _step_line "$name" ""; }
	case $rc in
	0) printf '%s\n' "$took" ;;
	2) printf 'cannot be done (%s)\n' "$took"; tail -n 1 "$log" >&2 ;;
	*)
		printf 'FAILED (%s)\n' "$took"
		tail -n 20 "$log" | sed 's/^/    /' >&2
		printf '    the whole log: %s\n' "$log" >&2
		;;
	esac
	return $rc
}
