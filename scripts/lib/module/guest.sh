#!/bin/sh
# shellcheck shell=dash
# In the guest of scripts/lib/modulecheck.py: runs the lines that come from there, and tells their status.

# the first child of a process, or one that cannot be
child() {
	pids=''
	# no newline is in it
	read -r pids <"/proc/$1/task/$1/children"
	printf '%s' "${pids:-none}" | sed 's/ .*//'
}

# interrupt INTERFACE mover|SIGNAL: load, and as soon as the interface has lost its driver kill the process that moves
# it, or all of the command with SIGNAL. Says KILLED if it was there, and MIDDLE if the interface had no driver then.
interrupt() {
	path=/sys/bus/usb/devices/$1
	[ -e "$path/driver" ] || return 3
	setsid sh /handover load --device "$1" >/tmp/load 2>&1 &
	command=$!
	while [ -e "$path/driver" ] && kill -0 $command; do :; done
	apart=$(child $command)
	case $2 in
	mover) mover=$(child "$apart") && kill -9 "$mover" && echo KILLED ;;
	*) kill "-$2" -$command && echo KILLED ;;
	esac
	[ -e "$path/driver" ] || echo MIDDLE
	wait $command
	while kill -0 "$apart"; do sleep 0.1; done
	return 0
} 2>/dev/null

exec </dev/ttyS1
stty -F /dev/ttyS1 raw -echo
echo SHELL
while read -r line; do
	[ "$line" != end ] || exit 0
	eval "$line"
	echo "DONE $?"
done
