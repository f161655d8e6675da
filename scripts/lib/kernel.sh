# shellcheck shell=bash
# Kernel source, configuration and build. Source it after common.sh.
#
#   kernel_tree              sets TREE (KERNEL=path, or build/linux-6.12), no work
#   kernel_source            makes sure that TREE is there
#   kernel_apply             puts the series and the current sources of drivers-usb-mouse/ into it
#   kernel_out FLAVOUR       sets OUT, the flavour's object directory, no work
#   kernel_config FLAVOUR [FRAGMENT…]   OUT/.config from defconfig and fragments, audited
#   kernel_build FLAVOUR     OUT/arch/x86/boot/bzImage and OUT/mods
# The functions print their steps; each returns at once when its result is up to date.

KERNEL_SERIES_VERSION=6.12
KERNEL_PACKAGE=linux-source-$KERNEL_SERIES_VERSION
KERNEL_PACKAGES=(gcc libc6-dev binutils make flex bison bc cpio kmod xz-utils gzip perl python3 patch
	libelf-dev ccache)

kernel_tree() {
	if [ -n "${KERNEL:-}" ]; then
		[ -d "$KERNEL" ] || cannot "KERNEL=$KERNEL is not a directory"
		TREE=$(cd "$KERNEL" && pwd)
		OWN_TREE=
	else
		TREE=$BUILD/linux-$KERNEL_SERIES_VERSION
		OWN_TREE=1
	fi
	# one set of records for each tree
	TREE_KEY=$(basename "$TREE")-$(printf '%s' "$TREE" | cksum | cut -d' ' -f1)
	[ -z "$OWN_TREE" ] || TREE_KEY=own
	TREE_STATE=$BUILD/trees/$TREE_KEY
}

# objects of two trees in one directory would rebuild each other all the time
kernel_out() {
	OUT=$BUILD/out/$1
	[ -n "$OWN_TREE" ] || OUT=$BUILD/out/$1-$TREE_KEY
}

_kernel_check_foreign() {
	{ [ -f "$TREE/Kbuild" ] && [ -f "$TREE/drivers/hid/usbhid/Kconfig" ] && grep -q '^VERSION *=' "$TREE/Makefile" &&
		grep -q '^PATCHLEVEL *=' "$TREE/Makefile"; } 2>/dev/null ||
		cannot "KERNEL=$TREE is not a kernel source tree: give the directory that holds the kernel's Makefile and Kbuild"
	if [ -e "$TREE/.config" ] || [ -d "$TREE/include/config" ]; then
		cannot "$TREE was built in place, which stops a build elsewhere: run make mrproper there (save its .config first)"
	fi
}

_kernel_extract() {
	local tmp=$TREE.partial
	rm -rf "$tmp" "$TREE" "$TREE_STATE" && mkdir -p "$tmp" "$TREE_STATE" &&
		tar -xf "/usr/src/$KERNEL_PACKAGE.tar.xz" -C "$tmp" --strip-components=1 &&
		mv "$tmp" "$TREE" && _kernel_package_version >"$TREE_STATE/version" || return 1
}

_kernel_package_version() { dpkg-query -W -f '${Version}\n' "$KERNEL_PACKAGE"; }

kernel_source() {
	lock_build
	kernel_tree
	[ "$(uname -m)" = x86_64 ] || cannot "this is a $(uname -m) machine: the kernel is built for x86-64 and natively only"
	if [ -z "$OWN_TREE" ]; then
		_kernel_check_foreign
		mkdir -p "$TREE_STATE"
		step_skip source "$TREE"
		return
	fi
	need_packages "$KERNEL_PACKAGE" "${KERNEL_PACKAGES[@]}"
	[ -f "/usr/src/$KERNEL_PACKAGE.tar.xz" ] ||
		cannot "the package $KERNEL_PACKAGE has lost its archive: type apt-get install --reinstall $KERNEL_PACKAGE"
	if [ -f "$TREE/Makefile" ] && [ "$(cat "$TREE_STATE/version" 2>/dev/null)" = "$(_kernel_package_version)" ]; then
		step_skip source "up to date"
		return
	fi
	need_space 2500 "$BUILD"
	step source _kernel_extract
}

# Where a file of this repository lives in the kernel tree: lines "from<TAB>to".
kernel_map() {
	local f d=drivers/hid/hrmouse
	cd "$ROOT" || return
	for f in drivers-usb-mouse/*.[ch] drivers-usb-mouse/tests/*.[ch]; do
		[ ! -f "$f" ] || printf '%s\t%s\n' "$f" "$d/${f#drivers-usb-mouse/}"
	done
	printf '%s\t%s\n' Kconfig.fragment $d/Kconfig Makefile.fragment $d/Makefile \
		Documentation/hrmouse.rst Documentation/hid/hrmouse.rst \
		drivers-usb-mouse/usbhid/claim.c drivers/hid/usbhid/claim.c \
		drivers-usb-mouse/usbhid/hid_claim.h include/linux/usb/hid_claim.h
	for f in drivers-usb-mouse/selftests/*; do
		[ ! -f "$f" ] || printf '%s\t%s\n' "$f" "tools/testing/selftests/drivers/usb/hrmouse/${f##*/}"
	done
}

# What the series does to files that are not copies of ours. As long as this is the same, copying brings
# a tree up to date; when it changes, the series has to be applied anew.
_kernel_series_key() {
	kernel_map | cut -f2 | awk '
		NR == FNR { mapped[$1] = 1; next }
		/^diff --git a\// { keep = !(substr($3, 3) in mapped) }
		/^-- $/ { keep = 0 }
		FNR == 1 { keep = 0 }
		keep && !/^index /' - "$ROOT"/patches/[0-9]*.patch | cksum
}

_kernel_has_series() { [ -f "$TREE/drivers/hid/hrmouse/Kconfig" ]; }

# Copies what differs. In a tree of the user's a file that we did not put there as it is now is left alone.
_kernel_sync() {
	local from to sums=$TREE_STATE/sums new
	new=$sums.new
	: >"$new" || return
	[ -f "$sums" ] || : >"$sums"
	while IFS=$'\t' read -r from to; do
		[ -f "$ROOT/$from" ] || continue
		if ! cmp -s "$ROOT/$from" "$TREE/$to"; then
			if [ -z "$OWN_TREE" ] && [ -f "$TREE/$to" ] &&
				! grep -qxF "$(cksum <"$TREE/$to") $to" "$sums"; then
				cannot "$TREE/$to is neither ours nor what we put there: take the series off with scripts/apply --reverse $TREE, or copy it over $from"
			fi
			mkdir -p "$(dirname "$TREE/$to")" && cp "$ROOT/$from" "$TREE/$to" || return
			say "copied $from"
		fi
		printf '%s %s\n' "$(cksum <"$TREE/$to")" "$to" >>"$new" || return
	done < <(kernel_map)
	mv "$new" "$sums"
}

# Our own tree: what the series is going to change is kept, so that a new state of the series needs no
# fresh extraction.
_kernel_keep() {
	local f
	sed -n 's|^diff --git a/\([^ ]*\) .*|\1|p' "$ROOT"/patches/[0-9]*.patch | sort -u | while read -r f; do
		[ ! -f "$TREE/$f" ] || [ -f "$TREE_STATE/pristine/$f" ] || {
			mkdir -p "$TREE_STATE/pristine/$(dirname "$f")" && cp "$TREE/$f" "$TREE_STATE/pristine/$f" || exit 1
		}
		[ -f "$TREE_STATE/pristine/$f" ] || printf '%s\n' "$f" >>"$TREE_STATE/created" || exit 1
	done
}

# Takes the series off our own tree, whatever has become of it. May be interrupted and run again.
_kernel_undo() {
	rm -f "$TREE_STATE/series" && [ -d "$TREE_STATE/pristine" ] || return 1
	# not with the old times: make has to see the change
	cp -r "$TREE_STATE/pristine/." "$TREE/" || return 1
	{ cat "$TREE_STATE/created"; kernel_map | cut -f2; } | while read -r f; do
		[ -f "$TREE_STATE/pristine/$f" ] || rm -f "$TREE/$f"
	done
}

_kernel_apply() {
	local key
	key=$(_kernel_series_key) || return 1
	if [ -n "$OWN_TREE" ] && { _kernel_has_series || [ -d "$TREE_STATE/pristine" ]; }; then
		if [ "$key" != "$(cat "$TREE_STATE/series" 2>/dev/null)" ]; then
			say "the series has changed: taking off the one that is there"
			_kernel_undo || _kernel_extract || return 1
		fi
	elif [ -f "$TREE_STATE/series" ] && [ "$key" != "$(cat "$TREE_STATE/series")" ]; then
		! _kernel_has_series ||
			cannot "$TREE carries another state of the series: take it off (the scripts/apply that put it there, with --reverse; or git) and run again"
	fi
	if ! _kernel_has_series; then
		[ -z "$OWN_TREE" ] || _kernel_keep || return 1
		if ! "$ROOT/scripts/apply" "$TREE"; then
			[ -n "$OWN_TREE" ] || cannot "the series does not fit $TREE (it is for 6.12 and 7.2): $(tail -n 1 "$BUILD/log/apply.log")"
			say "the series does not fit, the tree has drifted: a fresh $TREE"
			{ _kernel_extract && _kernel_keep && "$ROOT/scripts/apply" "$TREE"; } || return 1
		fi
		printf '%s\n' "$key" >"$TREE_STATE/series" || return 1
		# the series as exported is what we put there, also where the sources have moved on
		kernel_map | while IFS=$'\t' read -r _ to; do
			[ ! -f "$TREE/$to" ] || printf '%s %s\n' "$(cksum <"$TREE/$to")" "$to"
		done >"$TREE_STATE/sums" || return 1
	fi
	_kernel_sync
}

kernel_apply() {
	mkdir -p "$TREE_STATE"
	ls "$ROOT"/patches/[0-9]*.patch >/dev/null 2>&1 ||
		cannot "patches/ is empty: run scripts/export, or git checkout patches"
	[ -n "$OWN_TREE" ] || [ -w "$TREE/drivers/hid" ] || cannot "$TREE is not writable: the series has to go into it"
	step apply _kernel_apply
}

# kmake ARG…: make in OUT with settings that make the result the same everywhere and at any time
kmake() {
	local cc=gcc
	! command -v ccache >/dev/null || cc="ccache gcc"
	env -u ARCH -u CROSS_COMPILE -u KBUILD_OUTPUT -u MAKEFLAGS -u KCONFIG_CONFIG -u LLVM \
		CCACHE_DIR="${CCACHE_DIR:-$BUILD/ccache}" CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-2G}" \
		KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_USER=hrmouse KBUILD_BUILD_HOST=hrmouse \
		make -C "$TREE" O="$OUT" -j"$(($(nproc) + 1))" CC="$cc" HOSTCC="$cc" LOCALVERSION= "$@"
}

_kernel_configure() {
	mkdir -p "$OUT/configs" && rm -f "$OUT/configs/done" "$OUT"/configs/*.config || return
	local f n=0 merged=$OUT/configs/merged
	: >"$merged" || return
	for f in "$ROOT/defconfig" "$@"; do
		n=$((n + 1))
		cp "$f" "$OUT/configs/$n.config" || return
	done
	# merge_config.sh writes its temporary files where it stands: not into the tree
	(cd "$OUT/configs" && KCONFIG_CONFIG=$merged "$TREE/scripts/kconfig/merge_config.sh" -m -Q \
		$(seq -f %g.config "$n")) || return
	# make ends with 2 where it fails, which means something else here
	kmake KCONFIG_ALLCONFIG="$merged" allnoconfig || return 1
}

# what the configuration depends on: the fragments, and every Kconfig file of ours
_kernel_config_key() {
	cat "$ROOT/defconfig" "$@" "$ROOT/Kconfig.fragment" "$ROOT/scripts/lib/audit" "$TREE_STATE/series" 2>/dev/null | cksum
	make -s -C "$TREE" kernelversion 2>/dev/null
	gcc -dumpfullversion
}

# kernel_config FLAVOUR [FRAGMENT…]
kernel_config() {
	local key f
	kernel_out "$1"
	shift
	for f; do
		[ -f "$f" ] || cannot "there is no configuration fragment $f"
	done
	key=$(_kernel_config_key "$@")
	if [ -f "$OUT/.config" ] && [ "$key" = "$(cat "$OUT/configs/done" 2>/dev/null)" ] &&
		cmp -s "$OUT/.config" "$OUT/configs/final"; then
		step_skip config "up to date"
		return
	fi
	need_space 1500 "$BUILD"
	step config _kernel_configure "$@" || return
	step audit "$ROOT/scripts/lib/audit" --tree "$TREE" --config "$OUT/.config" \
		--adds "$ROOT/Kconfig.fragment" "$ROOT/defconfig" "$@" || return
	cp "$OUT/.config" "$OUT/configs/final"
	printf '%s\n' "$key" >"$OUT/configs/done"
}

_kernel_build() {
	kmake bzImage modules || return 1
	rm -rf "$OUT/mods.new" &&
		kmake INSTALL_MOD_PATH="$OUT/mods.new" INSTALL_MOD_STRIP=1 modules_install || return 1
	rm -rf "$OUT/mods" && mv "$OUT/mods.new" "$OUT/mods"
}

# kernel_build FLAVOUR
kernel_build() {
	kernel_out "$1"
	[ -f "$OUT/arch/x86/boot/bzImage" ] || need_space 2000 "$BUILD"
	STEP_LINES=$(cat "$OUT/configs/lines" 2>/dev/null || echo 2000) step build _kernel_build || return
	# a full build's log is the measure for the percentage of the next full build
	local n
	n=$(wc -l <"$BUILD/log/build.log")
	[ "$n" -le "$(cat "$OUT/configs/lines" 2>/dev/null || echo 1000)" ] || printf '%s\n' "$n" >"$OUT/configs/lines"
}
