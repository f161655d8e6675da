#!/bin/busybox sh
# shellcheck shell=dash
# The guest's side of scripts/check client. Debian is below /debian and has a udevd of its own; the
# modules are outside, so nothing but this script loads one. Each mouse stays plugged in while hid-generic
# and then hrmouse drive it; what udevadm and libinput say must be the same. Prints TAP.
set -u
debian=/debian work=/tmp/client device=/sys/devices/platform/dummy_hcd.0
n=0 failed=0

# udevadm talks to udevd although it is in a chroot
in_debian() { SYSTEMD_IGNORE_CHROOT=1 chroot $debian "$@"; }

# result STATUS WHAT FILE: shows the end of FILE if it failed
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -n 30 "$3" | sed 's/^/# /'
		failed=1
	fi
}

# wait_for SECONDS CMD…
wait_for() {
	left=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $left -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
}

# has COUNT PATTERN FILE
has() { [ "$(grep -c "$2" "$3")" -ge "$1" ]; }

# sets node to the name of the event device, once driver $1 has it and udev is done with it
find_node() {
	node=$(find "$device" -name 'event[0-9]*' | head -n 1)
	node=${node##*/}
	[ -n "$node" ] && driver=$(readlink "/sys/class/input/$node/device/device/driver") &&
		[ "${driver##*/}" = "$1" ] && in_debian udevadm settle &&
		in_debian udevadm info "/dev/input/$node" | grep -q '^E: ID_INPUT=1'
}

# What may differ between the drivers, and why. An event device that is registered anew has another number,
# minor and time of birth; the order of its links is by chance. ID_USB_DRIVER names the driver itself,
# which has to be the right one. A row of the table in Documentation/hrmouse.rst: the parent of hid-generic's
# input device is a HID device, whose name is then one more part of the path.
same_udev() {
	sed -E -e 's,/0003:[0-9A-F]{4}:[0-9A-F]{4}\.[0-9A-F]{4}/input/,/input/,' \
		-e 's,(/input/input|^M: input|^J: \+input:input|\bevent)[0-9]+\b,\1N,g' \
		-e 's/^(R: |D: c 13:|J: c13:|E: MINOR=|E: USEC_INITIALIZED=)[0-9]+$/\1N/' \
		-e "s/^(E: ID_USB_DRIVER=)$1\$/\1DRIVER/" -e '/^E: DEVLINKS=/s, /dev/,\nE: DEVLINKS=/dev/,g' | sort
}

# The number again; and the time at which an event came. How its own timers fare, and that it
# finds the system too slow, is the host's load.
same_libinput() {
	sed -E -e 's/\bevent[0-9]+\b */eventN /g' -e 's/[[:blank:]]+\+[0-9]+\.[0-9]+s[[:blank:]]*/ TIME /' \
		-e '/ - (debounce state:|wheel state) /d' -e '/your system is too slow$/d'
}

# record MOUSE DRIVER: what the clients say while DRIVER has the mouse
record() {
	to=$work/$1/$2
	mkdir -p "$to"
	if ! wait_for 20 find_node "$2"; then
		find "$device" -name 'event[0-9]*' -o -name driver >"$to/log"
		result 1 "$1: $2 drives it and udev knows it" "$to/log"
		return 1
	fi
	[ "$2" = hrmouse ] && usb=hrmouse || usb=usbhid
	for of in "/dev/input/$node" "/sys/class/input/$node/device"; do
		in_debian udevadm info --query=all "$of" 2>&1 | same_udev "$usb"
	done >"$to/udev"
	in_debian libinput list-devices 2>&1 |
		awk -v "node=/dev/input/$node" 'BEGIN { RS = "" } index($0 "\n", node "\n")' |
		same_libinput >"$to/list"

	# not the adaptive profile: it looks at the time between two reports
	chroot $debian libinput debug-events --verbose --set-profile=flat >"$to/raw" 2>&1 &
	pid=$!
	wait_for 20 has 1 "$node .*DEVICE_ADDED" "$to/raw"
	# both drivers drop what comes in the first 50 ms after they were opened
	sleep 0.2
	echo play >&3
	plays=$((plays + 1))
	# two clicks of the middle button, the second one at the end
	wait_for 60 has $plays played "$work/$1/mouse" && wait_for 20 has 2 'BTN_MIDDLE.*released' "$to/raw"
	complete=$?
	kill -INT $pid
	wait $pid
	same_libinput <"$to/raw" >"$to/events"
	[ $complete = 0 ] || result 1 "$1: libinput sees all events of $2" "$to/events"
	return $complete
}

# same MOUSE FILE WHAT PATTERN…: equal for both drivers, and each pattern is there
same() {
	mouse=$1 file=$2 what=$3
	shift 3
	diff -u "$work/$mouse/hid-generic/$file" "$work/$mouse/hrmouse/$file" >"$work/diff" 2>&1
	differs=$?
	for pattern; do
		has 1 "$pattern" "$work/$mouse/hid-generic/$file" && continue
		echo "there is no \"$pattern\" in it" >>"$work/diff"
		differs=1
	done
	result $differs "$what" "$work/diff"
}

# client MOUSE WHAT UDEV-PATTERN EVENT-PATTERN…
client() {
	name=$1 title=$2 property=$3 plays=0
	shift 3
	mkdir -p "$work/$name" && mkfifo "$work/$name/fifo" || exit 1
	/bin/mouse "$name" <"$work/$name/fifo" >"$work/$name/mouse" 2>&1 &
	gadget=$!
	exec 3>"$work/$name/fifo"
	if ! wait_for 20 has 1 ready "$work/$name/mouse"; then
		result 1 "$title: it is plugged in" "$work/$name/mouse"
	elif record "$name" hid-generic && modprobe hrmouse && record "$name" hrmouse; then
		same "$name" udev "udevadm info: $title: same properties" '^E: ID_INPUT_MOUSE=1$' "$property"
		same "$name" list "libinput list-devices: $title: same device" '^Capabilities: *pointer'
		same "$name" events "libinput debug-events: $title: same events" \
			DEVICE_ADDED 'POINTER_BUTTON.*pressed' 'POINTER_BUTTON.*released' "$@"
	fi
	[ ! -d /sys/module/hrmouse ] || rmmod hrmouse || failed=1
	exec 3>&-
	wait $gadget
}

mkdir -p $work
for dir in dev proc sys; do mount --bind /$dir $debian/$dir || exit 1; done
mount -t tmpfs run $debian/run && in_debian /usr/lib/systemd/systemd-udevd --daemon &&
	in_debian udevadm trigger --action=add && in_debian udevadm settle || exit 1

vertical='POINTER_SCROLL_WHEEL.*vert -*[1-9]'
horizontal='POINTER_SCROLL_WHEEL.*horiz -*[1-9]'
client wheel 'wheel mouse' '^E: MOUSE_DPI=1000@125$' 'POINTER_MOTION ' "$vertical"
client hi-res 'hi-res wheel mouse' '^E: ID_SERIAL_SHORT=120$' 'POINTER_MOTION ' "$vertical" "$horizontal"
client tilt 'tilt-wheel mouse' '^E: MOUSE_WHEEL_CLICK_ANGLE=15$' 'POINTER_MOTION ' "$vertical" "$horizontal"
client tablet tablet '^E: ID_MODEL=QEMU_USB_Tablet$' 'POINTER_MOTION_ABSOLUTE ' "$vertical"
echo "1..$n"
exit $failed
