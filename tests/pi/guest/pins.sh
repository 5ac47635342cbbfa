# Faces of seven brightnesses, for a model that judges by brightness alone.
load_camera
plug_camera
start led --model /clips/test.postcard
for label in angry disgust fear happy sad surprise neutral; do
  show "bright-$label"
  wait_for "\"$label\"" 90
  look "$label"
done
stop INT
look ended
