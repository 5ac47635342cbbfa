# A Debian as small as it gets, in $root.

root=$work/root

emulate_arm64() {
  [ -w /proc/sys/fs/binfmt_misc/register ] ||
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null || return 1
  [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] && return
  # F: the emulator is opened now, so that it is there in a chroot, too.
  printf '%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' \
    >/proc/sys/fs/binfmt_misc/register
}

debian() { # debian ARCH PACKAGE: a fresh one; what it is made of is kept for the next time
  local base=$work/base-$1.tar
  leave
  if [ ! -e "$base" ]; then
    mmdebstrap --quiet --format=tar --skip=check/qemu --arch="$1" --variant=minbase --include=systemd \
      bookworm "$base.part" || return 1
    mv "$base.part" "$base"
  fi
  rm -rf "$root"
  mkdir "$root"
  tar -C "$root" -xf "$base" --exclude=./dev
  mkdir -p "$root/dev" "$root/proc" "$root/packages"
  cp -a /dev/null /dev/zero /dev/urandom "$root/dev/"
  cp "$2" "$root/packages/first.deb"
  cp "$(package "$second" "$1")" "$root/packages/second.deb"
  cp "$fixtures"/{test,update-1001}.postcard* "$root/packages/"
}

leave() { # ends what runs in it
  shut_down
  ! mountpoint --quiet "$root/proc" || umount "$root/proc"
}
