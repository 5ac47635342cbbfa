# One model after another is installed, until somebody pulls the plug.
mount -t ext4 /dev/mmcblk0 /sd || echo "@failed mount"
export MIEN_STATE_DIR=/sd/mien
status() {
  mien-device status --config /etc/install.toml --json | tr -d '\n'
}
echo "@found $(status)"
load_camera
plug_camera
show astronaut
start install
wait_for '"came"' 60
echo "@judges $(status)"

# The highest that any slot has, the spare one, too.
version=$(status | grep -o '"version": [0-9]*' | grep -o '[0-9]*' | sort -n | tail -n 1)
version=${version:-1000}
while :; do
  # One on trial bars the next.
  while status | grep -q '"standing": "trial"'; do sleep 1; done
  version=$((version + 1))
  echo "@install $version"
  mien-device install --config /etc/install.toml "/clips/update-$version.postcard" >/run/said 2>&1 ||
    echo "@failed install: $(cat /run/said)"
  echo "@installed $version"
done
