# What scenarios share. Lines that begin with @ are for the machine's observer.

# look NAME: lets the observer see pins and display as they are now.
look() {
  echo "@look $1"
  sleep 2
}

# say KEY TEXT…
say() {
  echo "@say $*"
}

# show CLIP: what the camera sees from now on.
show() {
  ln -sf "/clips/$1.yuyv" /run/clip
}

# The camera is plugged in and sees nobody.
plug_camera() {
  show empty
  feed /dev/video0 /run/clip 640 480 5 &
  feeder=$!
}

unplug_camera() {
  kill "$feeder"
  wait "$feeder" 2>/dev/null
}

load_camera() {
  insmod /mod/v4l2loopback.ko video_nr=0 card_label=Faces exclusive_caps=1 max_buffers=2 ||
    echo "@failed insmod v4l2loopback"
}

# start CONFIG ARGUMENT…: the program in the background, its events in /run/events.
start() {
  config=$1
  shift
  : >/run/events
  RUST_LOG=info mien-device run --config "/etc/$config.toml" --events /run/events "$@" \
    </dev/null >/run/out 2>/run/err &
  program=$!
}

# wait_for PATTERN SECONDS: until a new line of the events says so.
wait_for() {
  tries=$(($2 * 5))
  while [ "$tries" -gt 0 ]; do
    if tail -n +"$((${seen:-0} + 1))" /run/events | grep -q "$1"; then
      seen=$(wc -l </run/events)
      return 0
    fi
    tries=$((tries - 1))
    sleep 0.2
  done
  echo "@failed waiting for $1"
  tail -n 5 /run/err | sed 's/^/err: /'
  tail -n 5 /run/events | sed 's/^/event: /'
  return 1
}

# stop SIGNAL: ends the program.
stop() {
  kill "-$1" "$program"
  wait "$program"
  code=$?
  seen=0
}

# tell KEY COMMAND…: what a command that must not run for ever says, and its exit code.
tell() {
  key=$1
  shift
  timeout 60 "$@" >/run/said 2>&1 </dev/null
  code=$?
  say "$key" "$code $(tr "\n" " " </run/said)"
}
