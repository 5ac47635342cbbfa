# Everything that one boot of a Pi 3 can show.
mount -t ext4 /dev/mmcblk0 /sd || echo "@failed mount"
export MIEN_STATE_DIR=/sd/mien

tell no_camera mien-device sources
# No camera yet: the program waits for one.
start led
sleep 12
if kill -0 "$program"; then say camera_missing "waits $(tail -n 1 /run/err)"; fi
stop TERM

dd if=/clips/test.postcard of=/run/corrupt.postcard 2>/dev/null
printf 'X' | dd of=/run/corrupt.postcard bs=1 seek=300 conv=notrunc 2>/dev/null
tell corrupt mien-device run --config /etc/led.toml --output terminal --model /run/corrupt.postcard --source demo --frames 1
mv /dev/mem /dev/mem.away
[ -e /dev/gpiomem ] && mv /dev/gpiomem /dev/gpiomem.away
tell no_mem mien-device run --output led --source demo --frames 1
tell no_mem_terminal mien-device run --output led,terminal --source demo --frames 3
mv /dev/mem.away /dev/mem
[ -e /dev/gpiomem.away ] && mv /dev/gpiomem.away /dev/gpiomem

load_camera
plug_camera
sleep 1
tell selftest mien-device selftest --config /etc/high.toml --json

start high
# The first frame is there when the display has its first picture; nobody makes no event.
sleep 15
look nobody
show astronaut
wait_for '"came".*happy\|"changed".*happy' 60
look astronaut
show empty
wait_for '"went"' 60
look gone
unplug_camera
wait_for camera_lost 60
look lost
plug_camera
show astronaut
wait_for happy 90
grep -q camera_back /run/events || echo "@failed: nobody said that the camera is back"
look back
stop TERM
say ended "$code"
look ended

start low
wait_for happy 60
look low_astronaut
stop TERM
look low_ended

# A kill leaves no time; `off` is what the unit runs then.
start low
wait_for happy 60
stop KILL
look killed
mien-device off --config /etc/low.toml
look killed_off
