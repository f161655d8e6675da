#!/bin/busybox sh
# shellcheck shell=dash
# The guest's part of ratecheck.py. SECONDS_EACH, BAD, ROUNDED and FAST are set before.
# Prints, of each phase, the events that came, and what the driver counted:
#   RATE phase REPORTS-BEFORE REPORTS-AFTER [INTERVAL]
#   DATA base64 of struct input_event
: "${SECONDS_EACH:=2}" "${BAD:=}" "${ROUNDED:=}" "${FAST:=}"
stats=/sys/kernel/debug/usb/hrmouse/stats

# mouse DRIVER: sets EVENT and INTF, once that driver has it
mouse() {
	local n=0 e d
	while [ $n -lt 100 ]; do
		for e in /sys/class/input/event*; do
			[ "$(cat "$e/device/name" 2>/dev/null)" = "QEMU QEMU USB Mouse" ] || continue
			d=$(readlink -f "$e/device/device/driver")
			[ "${d##*/}" = "$1" ] || continue
			EVENT=/dev/input/${e##*/} INTF=$(readlink -f "$e/device/device")
			[ ! -c "$EVENT" ] || return 0
		done
		sleep 0.1
		n=$((n + 1))
	done
	echo "RATE ERROR $1 did not get the mouse"
	exit 1
}

reports() { sed -n 's/^reports //p' $stats 2>/dev/null || :; }

measure() {
	mouse "$2"
	before=$(reports)
	timeout "$SECONDS_EACH" cat "$EVENT" >/tmp/events 2>/dev/null
	after=$(reports)
	echo "RATE $1 ${before:-0} ${after:-0} $(cat "$INTF/interval" 2>/dev/null)"
	echo "DATA $(base64 /tmp/events | tr -d '\n')"
}

set_interval() {
	if echo "$1" 2>/dev/null >"$INTF/interval"; then
		echo "RATE SET $1 $(cat "$INTF/interval")"
	else
		echo "RATE REFUSED $1"
	fi
}

reset() {
	local dev=$INTF/..
	usbreset "$(printf '/dev/bus/usb/%03d/%03d' "$(cat "$dev/busnum")" "$(cat "$dev/devnum")")" ||
		echo "RATE ERROR the device cannot be reset"
}

measure usbhid hid-generic
modprobe hrmouse
measure own hrmouse
for i in $BAD $ROUNDED; do set_interval "$i"; done
measure fast hrmouse
set_interval 0
measure zero hrmouse
set_interval "$FAST"
reset
measure reset hrmouse
set_interval "$FAST"
echo "${INTF##*/}" >/sys/bus/usb/drivers/hrmouse/unbind
echo "${INTF##*/}" >/sys/bus/usb/drivers/hrmouse/bind
measure rebound hrmouse
set_interval "$FAST"
measure fast-again hrmouse
rmmod hrmouse
measure unloaded hid-generic
echo "RATE DONE"
