# shellcheck shell=bash
# For the tests of scripts/check: each prints a line "ok - WHAT" or "not ok - WHAT". Source it after common.sh.

export CHECK_FAILED=0

# ok WHAT CMD…: holds if CMD does; shows the end of CMD's output if not
ok() {
	local what=$1 log rc=0
	shift
	log=$(mktemp "$BUILD/log/ok.XXXXXX")
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	case $rc in
	0) printf 'ok - %s\n' "$what" ;;
	2) # cannot be run: not a failure of what is tested
		tail -n 1 "$log" >&2
		rm -f "$log"
		exit 2
		;;
	*)
		printf 'not ok - %s\n' "$what"
		tail -n 15 "$log" | sed 's/^/# /'
		CHECK_FAILED=1
		;;
	esac
	rm -f "$log"
}

skip() { printf 'ok - %s # SKIP %s\n' "$1" "$2"; }

# tap PREFIX: passes the TAP or KTAP lines of a program on, counted by scripts/check
tap() {
	sed -u -E -e "s/^ *(not ok|ok) [0-9]+ (- )?/\1 - $1: /" -e t -e 's/^/# /'
}
