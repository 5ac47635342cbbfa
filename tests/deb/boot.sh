# The same Debian with systemd as its first process, in a container of its own, and the service under
# that systemd: the sandbox of the unit, watchdog, reload, restarts, upgrades of what runs.

cgroups=/sys/fs/cgroup
init=

boot() { # boots $root; fails where the kernel or this container does not let it
  local began=$SECONDS
  # Processes of a systemd that does not come to an end are found by their group.
  [ ! -d $cgroups/systemd ] || mkdir -p $cgroups/systemd/mien
  (
    [ ! -d $cgroups/systemd ] || echo $BASHPID >$cgroups/systemd/mien/cgroup.procs
    exec unshare --pid --fork --mount --net --uts --ipc --cgroup --kill-child \
      bash "$here/init.sh" "$root"
  ) >"$work/boot.log" 2>&1 &
  container=$!
  within 30 find_init && within 60 is_up && return
  echo "after $((SECONDS - began)) s" >>"$work/boot.log"
  shut_down
  return 1
}
find_init() {
  init=$(pgrep --parent "$container" --full /lib/systemd/systemd) && [ -n "$init" ]
}
is_up() { booted systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; }
booted() {
  nsenter --target "$init" --all --root --wd /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    DEBIAN_FRONTEND=noninteractive "$@"
}
shut_down() {
  [ -n "${container:-}" ] || return 0
  # With its first process all others of the container go. (`unshare` itself takes no other signal.)
  [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
  kill -KILL "$container" 2>/dev/null || true
  wait "$container" 2>/dev/null || true
  container='' init=''
  within 10 no_group || echo "$cgroups/systemd/mien: could not be removed"
}
no_group() { # processes take a moment to be gone
  [ ! -d $cgroups/systemd/mien ] || find $cgroups/systemd/mien -depth -type d -exec rmdir {} + 2>/dev/null
}

of_unit() { booted systemctl show --property "$1" --value mien-device; }
is_unit() { [ "$(of_unit "$1")" = "$2" ]; }
page() { # page PATH: what the device's page answers
  booted bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080 &&
    printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n" "$0" >&3 && cat <&3' "$1"
}
# Without when by the wall clock, which is set anew at a start.
visits() { booted mien-device export --format csv --by visit | cut -d, -f 3-; }
has_visits() { [ "$(visits | wc -l)" -gt "$1" ]; }
restarted() { [ "$(of_unit NRestarts)" -gt "$1" ] && is_unit ActiveState active; }

service() {
  local before pid
  check "it installs" booted dpkg --install /packages/first.deb
  check "systemd knows the unit" is_unit LoadState loaded
  check "its exposure is 'OK'" says "OK" booted systemd-analyze security --no-pager mien-device
  booted systemd-analyze security --no-pager mien-device | sed -n 's/^→/         /p'
  cat >"$root/etc/mien/config.toml" <<'CONFIG'
source = "demo"
outputs = ["terminal"]
[counter]
enabled = true
commit_interval_s = 1
[kiosk]
enabled = true
[updates]
trial_s = 5
CONFIG
  # The unit's own watchdog waits for a minute.
  booted mkdir -p /etc/systemd/system/mien-device.service.d
  printf '[Service]\nWatchdogSec=6\n' >"$root/etc/systemd/system/mien-device.service.d/watchdog.conf"
  booted systemctl daemon-reload

  check "it starts and says that it is ready" booted systemctl enable --now mien-device
  check "the page shows a face" within 20 says '"expression":' page /api/v1/state
  check "visits are in the database" within 20 has_visits 1
  check "what it sees is in the journal" says "happy" booted journalctl --unit mien-device --no-pager
  pid=$(of_unit MainPID)
  sleep 15
  check "the watchdog is fed" is_unit NRestarts 0
  check "a reload goes on in the same process" booted systemctl reload mien-device
  sleep 1
  check "which still runs" is_unit MainPID "$pid"

  booted useradd --groups mien owner
  check "a member of the group asks it for its models" says "running" booted runuser -u owner -- mien-device status
  check "nobody else does" exits 3 booted runuser -u nobody -- mien-device status
  check "a key is trusted" booted mien-device trust "$(public_key)"
  check "from the next start on" booted systemctl restart mien-device
  check "the member installs a signed model while it runs" booted runuser -u owner -- mien-device install /packages/update-1001.postcard
  check "the trial ends well" within 60 is_confirmed
  check "it ran on meanwhile" is_unit NRestarts 0

  booted systemctl kill --signal=KILL mien-device
  check "killed, it is started again" within 20 restarted 0
  booted systemctl kill --signal=STOP mien-device
  check "hung, it is ended by the watchdog and started again" within 60 restarted 1
  check "it stops when told to" booted systemctl stop mien-device
  check "lights were put out behind it" says "code=exited ; status=0" booted systemctl show --property ExecStopPost mien-device
  check "it starts again" booted systemctl start mien-device

  pid=$(of_unit MainPID)
  before=$(visits | head -n 4)
  check "it upgrades while it runs" booted dpkg --force-confdef --force-confold --install /packages/second.deb
  check "the later unit is in force" says "(later)" of_unit Description
  check "the later program is started" within 20 is_unit ActiveState active
  check "in the place of the one before" test "$(of_unit MainPID)" != "$pid"
  check "every count stays" begins "$(visits)" "$before"
  check "the owner's model stays" is_confirmed
  check "it is to start at the next boot, too" says enabled booted systemctl is-enabled mien-device

  check "it is removed" booted dpkg --remove mien
  check "nothing of it runs" exits 1 booted sh -c 'cat /proc/[0-9]*/comm | grep -x mien-device'
  check "nor will" absent "$root/etc/systemd/system/multi-user.target.wants/mien-device.service"
  check "it is purged" booted dpkg --purge mien
  check "nothing is left of it" gone
  shut_down
}
is_confirmed() { says '"standing": "confirmed"' booted mien-device status --json; }
