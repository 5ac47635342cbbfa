# After the plug was pulled: everything goes on.
mount -t ext4 /dev/mmcblk0 /sd || echo "@failed mount"
export MIEN_STATE_DIR=/sd/mien
say found "$(mien-device export --by visit --format ndjson | wc -l)"
load_camera
plug_camera
start count
show astronaut
wait_for '"came"' 60
sleep 5
stop TERM
say ended "$code"
say later "$(mien-device export --by visit --format ndjson | wc -l)"
ls /sd/mien >/run/files
say files "$(tr '\n' ' ' </run/files)"
