#!/bin/busybox sh
# shellcheck shell=dash
# The guest's side of scripts/check client. Debian is below /debian and has a udevd of its own; the
# modules are outside, so nothing but this script loads one. Each mouse stays plugged in while usbhid and then
# hrmouse drive it; what udevadm, libinput, hidapi and ratbagctl say must be the same. Prints TAP.
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

# wait_for SECONDS CMD…, which may take long itself
wait_for() {
	end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.1
	done
}

# has COUNT PATTERN FILE
has() { [ "$(grep -c "$2" "$3")" -ge "$1" ]; }

# sets nodes to the names of $count event devices and, with $raw, the hidraw node, once driver $1 has the
# interface and udev is done with them
find_nodes() {
	driver=$(readlink "$device"/usb*/*-1/*:1.0/driver) && [ "${driver##*/}" = "$1" ] || return 1
	nodes=$(find "$device" -name 'event[0-9]*' ${raw:+-o -name 'hidraw[0-9]*'} | sed 's,.*/,,' | sort -V)
	# shellcheck disable=SC2086 # names without blanks
	set -- $nodes
	[ $# = $((count + raw)) ] && in_debian udevadm settle || return 1
	for node; do
		in_debian udevadm info "$(path "$node")" | grep -q '^E: USEC_INITIALIZED=' || return 1
	done
}

# path NODE
path() { case $1 in hidraw*) echo "/dev/$1" ;; *) echo "/dev/input/$1" ;; esac; }

# A node that is registered anew has another number; its place among the others is the same
same_nodes() {
	script='' n_event=0 n_raw=0
	for node in $nodes; do
		case $node in
		hidraw*) n_raw=$((n_raw + 1)) && new=hidrawN$n_raw ;;
		*) n_event=$((n_event + 1)) && new=eventN$n_event ;;
		esac
		script="$script;s,\\b$node\\b,$new,g"
	done
	sed -E "$script"
}

# What may differ between the drivers, and why. What is registered anew has another number, minor and time
# of birth; the order of its links is by chance. ID_USB_DRIVER names the driver itself, which has to be the
# right one. A row of the table in Documentation/hrmouse.rst: unless there is hidraw, the parent of usbhid's
# input device is a HID device, whose name is then one more part of the path.
same_udev() {
	[ "$raw" = 1 ] && parent='/0003:\1.N' || parent=
	same_nodes | sed -E -e "s,/0003:([0-9A-F]{4}:[0-9A-F]{4})\\.[0-9A-F]{4}\\b,$parent,g" \
		-e 's,(0003:[0-9A-F]{4}:[0-9A-F]{4}\.)[0-9A-F]{4}\b,\1N,g' \
		-e 's,(/input/input|^M: input|^J: \+input:input)[0-9]+\b,\1N,g' \
		-e '/^R: /d' -e 's/^(D: c [0-9]+:|J: c[0-9]+:|E: MINOR=|E: USEC_INITIALIZED=)[0-9]+$/\1N/' \
		-e "s/^(E: ID_USB_DRIVER=)$1\$/\1DRIVER/" -e '/^E: DEVLINKS=/s, /dev/,\nE: DEVLINKS=/dev/,g' | sort
}

# The order in which libinput finds them is that of their numbers as words. The time at which an event came
# is no matter; how libinput's own timers fare, and that it finds the system too slow, is the host's load.
same_libinput() {
	same_nodes | sed -E -e 's/\b(eventN[0-9]+) */\1 /g' -e 's/[[:blank:]]+\+[0-9]+\.[0-9]+s[[:blank:]]*/ TIME /' \
		-e '/ - (debounce state:|wheel state) /d' -e '/your system is too slow$/d' |
		awk '{ line[NR] = $0 } /DEVICE_ADDED/ { last = NR }
			END {
				for (i = 1; i <= last; i++) print line[i] | "sort"
				close("sort")
				for (; i <= NR; i++) print line[i]
			}'
}

# ratbag MOUSE DRIVER: ratbagd reads the mouse's profiles, ratbagctl changes one of them
ratbag() {
	chroot $debian ratbagd >"$to/ratbagd" 2>&1 &
	daemon=$!
	if wait_for 90 ratbag_finds; then
		for cmd in info "name" "profile active get" "resolution active get" "dpi get" "rate get" "dpi set 1200" \
			"profile 2 resolution 3 dpi set 700" "rate set 500" "button 3 action set button 2" \
			"button 8 action get" "led 0 set color 00ff00" "dpi set 9999" info; do
			echo "> $cmd"
			# shellcheck disable=SC2086 # words
			chroot $debian ratbagctl "$rat" $cmd 2>&1
			echo "status $?"
			# ratbagd writes to the mouse after it has answered
			case $cmd in *set*) sleep 3 ;; esac
		done | sed "s/^$rat /NAME /" >"$to/ratbagctl"
	else
		result 1 "$1: ratbagctl finds it while $2 drives it" "$to/ratbagd"
	fi
	kill $daemon
	wait $daemon
	tail -n "+$((lines + 1))" "$work/$1/mouse" | grep '^set ' >"$to/set"
}

ratbag_finds() {
	rat=$(chroot "$debian" ratbagctl list 2>&1 | sed -n 's/^\([a-z-]*\): .*G300.*/\1/p') && [ -n "$rat" ]
}

# record MOUSE DRIVER: what the clients say while DRIVER has the mouse
record() {
	to=$work/$1/$2
	mkdir -p "$to"
	if ! wait_for 30 find_nodes "$2"; then
		find "$device" -name 'event[0-9]*' -o -name 'hidraw[0-9]*' -o -name driver >"$to/log"
		dmesg | tail -n 15 >>"$to/log"
		result 1 "$1: $2 drives it and udev knows it" "$to/log"
		return 1
	fi
	for node in $nodes; do
		case $node in hidraw*) class=hidraw ;; *) class=input ;; esac
		for of in "$(path "$node")" "/sys/class/$class/$node/device"; do
			in_debian udevadm info --query=all "$of" 2>&1 | same_udev "$2"
		done
	done >"$to/udev"
	for node in $nodes; do
		in_debian libinput list-devices 2>&1 |
			awk -v "node=/dev/input/$node" 'BEGIN { RS = "" } index($0 "\n", node "\n")'
	done | same_libinput >"$to/list"

	lines=$(wc -l <"$work/$1/mouse")
	[ "$1" != g300 ] || ratbag "$@"

	# not the adaptive profile: it looks at the time between two reports
	chroot $debian libinput debug-events --verbose --show-keycodes --set-profile=flat >"$to/raw" 2>&1 &
	pid=$! recorder=
	for node in $nodes; do
		case $node in
		hidraw*)
			# shellcheck disable=SC2086 # a list of report IDs
			chroot $debian python3 /tmp/recorder.py "/dev/$node" $features ${output:+--write "$output"} \
				>"$to/hidraw.raw" 2>&1 &
			recorder=$!
			wait_for 60 has 1 '^ready$' "$to/hidraw.raw"
			;;
		*) wait_for 30 has 1 "$node .*DEVICE_ADDED" "$to/raw" ;;
		esac
	done
	# both drivers drop what comes in the first 50 ms after they were opened
	sleep 0.2
	echo play >&3
	plays=$((plays + 1))
	# two clicks of the middle button, the second one at the end
	wait_for 90 has $plays '^played' "$work/$1/mouse" && wait_for 30 has 2 'BTN_MIDDLE.*released' "$to/raw"
	complete=$?
	kill -INT $pid
	wait $pid
	same_libinput <"$to/raw" >"$to/events"
	[ $complete = 0 ] || result 1 "$1: libinput sees all events of $2" "$to/events"
	if [ -n "$recorder" ]; then
		wait_for 30 has "$(sed -n 's/^played //p' "$work/$1/mouse" | tail -n 1)" '^E: ' "$to/hidraw.raw" ||
			result 1 "$1: hidraw has all reports of $2" "$to/hidraw.raw"
		kill $recorder
		wait $recorder
		same_nodes <"$to/hidraw.raw" >"$to/hidraw"
	fi
	return $complete
}

# same MOUSE FILE WHAT PATTERN…: equal for both drivers, and each pattern is there
same() {
	mouse=$1 file=$2 what=$3
	shift 3
	diff -u "$work/$mouse/usbhid/$file" "$work/$mouse/hrmouse/$file" >"$work/diff" 2>&1
	differs=$?
	for pattern; do
		has 1 "$pattern" "$work/$mouse/usbhid/$file" && continue
		echo "there is no \"$pattern\" in it" >>"$work/diff"
		differs=1
	done
	result $differs "$what" "$work/diff"
}

# client MOUSE WHAT UDEV-PATTERN EVENT-PATTERN…, with count, raw, params, features and output as they are set
client() {
	name=$1 title=$2 property=$3 plays=0
	shift 3
	mkdir -p "$work/$name" && mkfifo "$work/$name/fifo" || exit 1
	/bin/mouse "${name%-raw}" <"$work/$name/fifo" >"$work/$name/mouse" 2>&1 &
	gadget=$!
	exec 3>"$work/$name/fifo"
	if ! wait_for 20 has 1 ready "$work/$name/mouse"; then
		result 1 "$title: it is plugged in" "$work/$name/mouse"
	elif record "$name" usbhid && modprobe hrmouse $params && record "$name" hrmouse; then
		same "$name" udev "udevadm info: $title: same properties" '^E: ID_INPUT_MOUSE=1$' "$property"
		same "$name" list "libinput list-devices: $title: same device" '^Capabilities: *pointer'
		same "$name" events "libinput debug-events: $title: same events" \
			DEVICE_ADDED 'POINTER_BUTTON.*pressed' 'POINTER_BUTTON.*released' "$@"
		[ -z "$raw" ] || same "$name" hidraw "hidapi: $title: same reports" '^I: .*usage_page' '^R: ' '^E: '
		if [ "$name" = g300 ]; then
			same "$name" ratbagctl "ratbagctl: $title: same answers" '^NAME - Logitech Gaming Mouse G300' '500dpi' '^status 0'
			same "$name" set "ratbagctl: $title: same settings in it" '^set 03f3 ' '^set 03f5 '
		fi
	fi
	for module in hrmouse hrmouse_rest; do
		[ ! -d /sys/module/$module ] || rmmod $module || failed=1
	done
	exec 3>&-
	wait $gadget
}

mkdir -p $work
for dir in dev proc sys; do mount --bind /$dir $debian/$dir || exit 1; done
mount -t tmpfs run $debian/run && in_debian /usr/lib/systemd/systemd-udevd --daemon &&
	in_debian udevadm trigger --action=add && in_debian udevadm settle &&
	cp /bin/recorder $debian/tmp/recorder.py && mkdir -p $debian/run/dbus &&
	chroot $debian dbus-daemon --config-file=/etc/dbus-1/client.conf --fork || exit 1

vertical='POINTER_SCROLL_WHEEL.*vert -*[1-9]'
horizontal='POINTER_SCROLL_WHEEL.*horiz -*[1-9]'
count=1 raw='' params='' features='' output=''
client wheel 'wheel mouse' '^E: MOUSE_DPI=1000@125$' 'POINTER_MOTION ' "$vertical"
client hi-res 'hi-res wheel mouse' '^E: ID_SERIAL_SHORT=120$' 'POINTER_MOTION ' "$vertical" "$horizontal"
client tilt 'tilt-wheel mouse' '^E: MOUSE_WHEEL_CLICK_ANGLE=15$' 'POINTER_MOTION ' "$vertical" "$horizontal"
client tablet tablet '^E: ID_MODEL=QEMU_USB_Tablet$' 'POINTER_MOTION_ABSOLUTE ' "$vertical"
raw=1 params=hidraw=1
client wheel-raw 'wheel mouse with hidraw' '^E: SUBSYSTEM=hidraw$' 'POINTER_MOTION ' "$vertical"
params='' features='f0 f3 f5'
client g300 'mouse with profiles' '^E: HID_NAME=Logitech Gaming Mouse G300$' 'POINTER_MOTION ' "$vertical"
count=2 features=4 output=05deadbeef
client keys 'mouse with media keys' '^E: ID_INPUT_KEY=1$' 'POINTER_MOTION ' "$vertical" 'KEYBOARD_KEY.*KEY_VOLUMEUP.*pressed'
echo "1..$n"
exit $failed
