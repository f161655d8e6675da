# shellcheck shell=bash
# The KUnit suites by the kernel's kunit.py, for the tests of scripts/check. Source it after check.sh.

# kunit NAME OPTION…: kunit.py run with these options in build/out/NAME; the results are NAME's
kunit() {
	local name=$1 log=$BUILD/log/$1.log rc=0 plan ended
	shift
	mkdir -p "$BUILD/out/$name"
	(cd "$TREE" && env -u ARCH -u CROSS_COMPILE CCACHE_DIR="${CCACHE_DIR:-$BUILD/ccache}" \
		tools/testing/kunit/kunit.py run --build_dir "$BUILD/out/$name" --jobs $(($(nproc) + 1)) \
		--raw_output=all "$@") 2>&1 | tr -d '\r' >"$log" || rc=$?
	# the suites' own lines are not indented, and count nothing of their own
	grep -E '^ +(not ok|ok) [0-9]+' "$log" | tap "$name" || :
	# with raw output kunit.py does not mind a kernel that stops half way
	plan=$(sed -n 's/^1\.\.//p' "$log" | tail -n 1)
	ended=$(grep -cE '^(not ok|ok) [0-9]+' "$log" || :)
	if [ $rc != 0 ] || [ "${plan:-0}" = 0 ] || [ "$plan" != "$ended" ]; then
		printf 'not ok - %s: kunit.py ended with status %s, %s of %s suites\n' "$name" $rc "$ended" "${plan:-?}"
		tail -n 30 "$log" | sed 's/^/# /'
		return 1
	fi
	! grep -qE '^ *not ok ' "$log"
}
