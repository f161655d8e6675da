# shellcheck shell=bash
# The newest kernel source that Debian has, from sid, without touching the system's own apt lists.
# Source it after common.sh.

# shellcheck disable=SC2034 # for the caller
# newest_source: sets NEWEST (version) and NEWEST_TAR (archive); 1 and a line in NEWEST_WHY if it cannot be had
newest_source() {
	local dir=$BUILD/dl/sid uri package
	local -a apt
	NEWEST_WHY="no Debian mirror among the apt sources"
	uri=$(debian_mirror "")
	[ -n "$uri" ] || return 1

	mkdir -p "$dir"/{lists,cache}/partial "$dir/cache/archives/partial"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s sid main\n' "$uri" >"$dir/sources.list"
	apt=(apt-get -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=-
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root)

	NEWEST_WHY="the package lists of sid cannot be had"
	"${apt[@]}" update >"$BUILD/log/newest.log" 2>&1 || [ -n "$(ls "$dir"/linux-source-*.deb 2>/dev/null)" ] || return 1
	package=$(apt-cache "${apt[@]:1}" search --names-only '^linux-source-[0-9.]+$' | cut -d' ' -f1 | sort -V | tail -n 1)
	NEWEST_WHY="sid has no linux-source package"
	[ -n "$package" ] || return 1
	NEWEST=${package#linux-source-}

	NEWEST_WHY="$package cannot be downloaded"
	(cd "$dir" && "${apt[@]}" download "$package" >>"$BUILD/log/newest.log" 2>&1) || return 1
	package=$(printf '%s\n' "$dir/$package"_*.deb | sort -V | tail -n 1)
	NEWEST_TAR=$dir/linux-source-$NEWEST.tar.xz
	NEWEST_WHY="$package is no kernel source"
	[ "$NEWEST_TAR" -nt "$package" ] ||
		dpkg-deb --fsys-tarfile "$package" | tar -xO "./usr/src/linux-source-$NEWEST.tar.xz" >"$NEWEST_TAR" || return 1
	touch "$NEWEST_TAR"
}
