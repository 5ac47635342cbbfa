# Visits until somebody pulls the plug.
mount -t ext4 /dev/mmcblk0 /sd || echo "@failed mount"
export MIEN_STATE_DIR=/sd/mien
load_camera
plug_camera
start count
visits=0
while :; do
  show astronaut
  wait_for '"came"' 60
  sleep 3
  show empty
  wait_for '"went"' 60
  # Until it is a visit for good: the tracker's memory, the interval, and some for the emulator.
  sleep 10
  visits=$(mien-device export --by visit --format ndjson | wc -l)
  echo "@visits $visits"
done
