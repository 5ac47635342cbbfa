# A package's life in a Debian that is not booted: maintainer scripts, files, rights, what stays.

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
as_mien() { inside runuser -u mien -- env STATE_DIRECTORY=/var/lib/mien mien-device "$@"; }
# Without when by the wall clock, which is set anew at a start.
counts() { as_mien export --format csv --by visit | cut -d, -f 3-; }
public_key() { sed -n 2p "$fixtures/update.pub"; } # the middle line

life() {
  local config=$root/etc/mien/config.toml
  mount -t proc proc "$root/proc"
  check "it installs" inside dpkg --install /packages/first.deb
  check "the user mien is in the groups" in_groups video gpio i2c spi
  check "the program runs" inside mien-device --version
  check "its configuration is right" inside mien-device config check
  check "it judges faces" inside mien-device run --source demo --frames 3 --output terminal
  check "the unit is right" inside systemd-analyze verify --man=no mien-device.service
  check "it is not switched on by itself" absent "$root/etc/systemd/system/multi-user.target.wants/mien-device.service"
  check "manual, completions and documents are there" has_documents

  # Whose models run. Its folder is made by systemd where that runs (StateDirectory=).
  inside install --directory --owner=mien --group=mien /var/lib/mien
  check "a model that nobody signed does not run" exits 3 as_mien run --source demo --frames 1 --model /packages/test.postcard
  check "it says what would mend that" says "mien sign" as_mien run --source demo --frames 1 --model /packages/test.postcard
  check "a key is trusted" inside mien-device trust "$(public_key)"
  check "a model that its owner signed is installed" as_mien install /packages/update-1001.postcard
  check "it is the one that runs" says 'version 1001' as_mien status
  check "visits are counted" as_mien run --source demo --count --frames 150
  local counts models
  counts=$(counts) models=$(as_mien status --json)
  check "the counts are there" test "$(wc -l <<<"$counts")" -gt 1

  echo '# mine' >>"$config"
  check "it upgrades" inside dpkg --force-confdef --force-confold --install /packages/second.deb
  check "the later one is installed" says "$second" inside dpkg-query --show mien
  check "the owner's configuration stays" grep -q '^# mine' "$config"
  check "the later default is beside it" grep -q 'default of the later version' "$config.dpkg-dist"
  check "the unit is the later one" grep -q '(later)' "$root/usr/lib/systemd/system/mien-device.service"
  check "every count stays" equal "$counts" "$(counts)"
  check "models and keys stay" equal "$models" "$(as_mien status --json)"
  check "it counts on" as_mien run --source demo --count --frames 150
  check "behind what was there" begins "$(counts)" "$counts"

  check "it is removed" inside dpkg --remove mien
  check "the configuration is still there" grep -q '^# mine' "$config"
  check "counts and models are still there" test -s "$root/var/lib/mien/counts.db" -a -d "$root/var/lib/mien/slots"
  check "it is purged" inside dpkg --purge mien
  check "nothing is left of it" gone
  umount "$root/proc"
}
in_groups() {
  local group
  for group; do grep -q "^$group:.*mien" "$root/etc/group" || return 1; done
}
has_documents() {
  local file
  for file in man/man1/mien-device.1.gz bash-completion/completions/mien-device \
    doc/mien/{configuration,cli,updates,counting,kiosk}.md; do
    # Long ones may be compressed.
    [ -e "$root/usr/share/$file" ] || [ -e "$root/usr/share/$file.gz" ] || {
      echo "$file is missing"
      return 1
    }
  done
}
equal() { diff <(echo "$1") <(echo "$2"); }
begins() { # begins TEXT BEGINNING: and goes on
  [[ $1 == "$2"?* ]] || { diff <(echo "$2") <(echo "$1") && return 1; }
}
gone() {
  local path
  for path in etc/mien var/lib/mien usr/bin/mien-device usr/share/mien usr/share/doc/mien; do
    absent "$root/$path" || return 1
  done
}
