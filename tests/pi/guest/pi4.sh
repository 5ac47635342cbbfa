# Board, camera and pins; the emulated Pi 4 has no I2C.
load_camera
plug_camera
show astronaut
start led
wait_for happy 120
look astronaut
stop TERM
look ended
