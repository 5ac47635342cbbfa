later() { # later PACKAGE: the same a version on, with another default configuration and unit
  local tree=$work/later
  rm -rf "$tree"
  dpkg-deb --raw-extract "$1" "$tree"
  sed -i "s/^Version: .*/Version: $second/" "$tree/DEBIAN/control"
  echo '# a default of the later version' >>"$tree/etc/mien/config.toml"
  sed -i 's/^Description=.*/& (later)/' "$tree/usr/lib/systemd/system/mien-device.service"
  (cd "$tree" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
  dpkg-deb --root-owner-group --build "$tree" "$(package "$second" "$(dpkg-deb --field "$1" Architecture)")" >/dev/null
  rm -rf "$tree"
}
