# shellcheck shell=bash
# Kernel trees that a test has for itself, in which the driver's corner is configured and built. Source it after
# kernel.sh and check.sh.

# pristine VERSION ARCHIVE: sets TREE and OUT to a tree of its own
pristine() {
	# shellcheck disable=SC2034 # kernel.sh's
	OWN_TREE=1 TREE=$BUILD/series/linux-$1 OUT=$BUILD/out/series-$1
	if [ ! "$TREE/.clean" -nt "$2" ]; then
		need_space 4000 "$BUILD"
		rm -rf "$TREE" && mkdir -p "$TREE"
		tar -xf "$2" -C "$TREE" --strip-components=1
		touch "$TREE/.archive"
	fi
	# an interrupted run leaves it without, and what it left may be another version's
	rm -f "$TREE/.clean"
}

# what of the tree the series touches
mapfile -t touched < <(sed -n 's,^+++ b/,,p' "$ROOT"/patches/0*.patch | sort -u)
state() { (cd "$TREE" && for f in "${touched[@]}"; do [ ! -e "$f" ] || cksum "$f"; done; find drivers/hid include/linux/usb -newer .archive -name '*.orig'); }

# restored STATE: the tree is as it was
restored() { [ "$1" = "$(state)" ] && touch "$TREE/.clean"; }

# configure LINE…: defconfig with these lines instead of its own
configure() {
	mkdir -p "$OUT"
	cp "$ROOT/defconfig" "$OUT/wanted"
	[ $# = 0 ] || printf '%s\n' "$@" >>"$OUT/wanted"
	# make's own 2 would say that it cannot be tested
	kmake KCONFIG_ALLCONFIG="$OUT/wanted" allnoconfig && kmake prepare || return 1
}

# The object files, built without a warning
objects() {
	local log=$OUT/objects.log dirs=(drivers/hid/usbhid/)
	[ ! -d "$TREE/drivers/hid/hrmouse" ] || [ ! -f "$TREE/drivers/hid/hrmouse/Makefile" ] || dirs+=(drivers/hid/hrmouse/)
	kmake "$@" "${dirs[@]}" >"$log" 2>&1 || { cat "$log"; return 1; }
	cat "$log"
	! grep -E 'warning:|error:|WARNING|sparse' "$log"
}

# off SYMBOL…: lines for configure
off() { printf '# CONFIG_%s is not set\n' "$@"; }
