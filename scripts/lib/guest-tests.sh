# shellcheck shell=bash
# Tests that run in a guest, on any kernel: what several of scripts/check share. Source it after kernel.sh and
# check.sh. GUEST_ARGS: more words for guest.py; guest_judge NAME LOG, where the caller has one, looks at the kernel's
# log of each guest.

GUEST_ARGS=()
guest_judge() { :; }

# guest_kernel FLAVOUR [FRAGMENT…]: builds it, the self-tests, and the guest
guest_kernel() {
	flavour=$1
	shift
	need_packages gcc libc6-dev qemu-system-x86 busybox-static python3 >&2
	kernel_source
	kernel_apply
	kernel_config "$flavour" "${@/#/$ROOT/scripts/lib/configs/}"
	kernel_build "$flavour"
	initramfs=$BUILD/guest/$(basename "$OUT")/initramfs.cpio
	step guest "$ROOT/scripts/lib/initramfs" "$OUT" "$initramfs"
	programs=$BUILD/guest/selftests
	mkdir -p "$programs"
	step selftests make -C "$TREE/tools/testing/selftests/drivers/usb/hrmouse" OUTPUT="$programs" \
		USERCFLAGS="-static -Werror" USERLDFLAGS=-static all ||
		{ printf 'not ok - the self-tests build\n'; exit 1; }
	export PYTHONDONTWRITEBYTECODE=1
}

# guest_run NAME TIMEOUT CMD ARG…: a guest that runs CMD, whose output is TAP
guest_run() {
	local name=$1 log=$BUILD/log/$flavour-$1.log kernel=$BUILD/log/$flavour-$1.kernel.log rc=0
	"$ROOT/scripts/lib/guest.py" run --out "$OUT" --initramfs "$initramfs" --controller none --memory 512 \
		--timeout "$2" --log "$kernel" --run "$3" "${GUEST_ARGS[@]}" "${@:4}" >"$log" 2>&1 || rc=$?
	[ $rc != 2 ] || { tail -n 1 "$log" >&2; exit 2; }
	grep -E '^(not ok|ok) ' "$log" | tap "$flavour, $name" || :
	if [ $rc != 0 ] || ! grep -q '^ok ' "$log"; then
		printf 'not ok - %s, %s ended with status %s\n' "$flavour" "$name" $rc
		tail -n 30 "$log" | sed 's/^/# /'
		export CHECK_FAILED=1
	fi
	guest_judge "$name" "$kernel"
}

# guest_programs SECONDS COMMAND [NAME…]: each self-test program, or these, as COMMAND /bin/PROGRAM. Two at a time:
# most of them wait for their devices most of the time.
guest_programs() {
	local seconds=$1 command=$2 name rc
	local -A pid
	shift 2
	[ $# != 0 ] || set -- "$programs"/hrmouse_*
	set -- "${@##*/}"
	for name; do
		while [ "$(jobs -pr | wc -l)" -ge 2 ]; do wait -n || :; done
		(
			CHECK_FAILED=0
			guest_run "$name" "$seconds" "$command /bin/$name" --file "$programs/$name:/bin/$name"
			exit $CHECK_FAILED
		) >"$BUILD/log/$flavour-$name.tap" 2>&1 9>&- &
		pid[$name]=$!
	done
	for name; do
		rc=0
		wait "${pid[$name]}" || rc=$?
		cat "$BUILD/log/$flavour-$name.tap"
		# not before the other one ends, too
		[ $rc != 2 ] || { wait; exit 2; }
		[ $rc = 0 ] || CHECK_FAILED=1
	done
}

# The suites taint the kernel, by design. modprobe waits for them, longer than the kernel thinks right.
guest_kunit() {
	guest_run kunit 1800 'echo 0 >/proc/sys/kernel/hung_task_timeout_secs
		modprobe kunit enable=1 && modprobe hrmouse && rmmod hrmouse &&
		dmesg | sed -n "s/^\[[^]]*\]     *\(\(not \)*ok [0-9]\)/\1/p"' --modules none --allow-taint
}

guest_boot() {
	local controller
	for controller in uhci ohci ehci xhci; do
		ok "mouse and tablet on $controller" "$ROOT/scripts/lib/bootcheck.py" --out "$OUT" --initramfs "$initramfs" \
			--controller "$controller" --screenshot "$BUILD/log/$flavour-$controller.png"
		guest_judge "$controller" "$BUILD/log/boot-$controller.log"
	done
}

# guest_conformance WHAT ARG…
guest_conformance() {
	local what=$1 log=$BUILD/log/check-conformance.log rc=0
	shift
	"$ROOT/scripts/conformance" --flavour "$flavour" "$@" >"$log" 2>&1 || rc=$?
	[ $rc != 2 ] || { tail -n 1 "$log" >&2; exit 2; }
	sed -n -E -e 's/^(.*): *different/not ok - &/p' "$log"
	tail -n 20 "$log" | sed 's/^/# /'
	ok "$what" [ $rc = 0 ]
	guest_judge "$what" "$BUILD/log/conformance.log"
}
