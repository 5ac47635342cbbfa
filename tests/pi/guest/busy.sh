# Two programs on one camera: a driver that gives its frames to one reader only.
for module in $(cat /mod/vivid.order); do
  case $module in
    vivid.ko) insmod /mod/vivid.ko n_devs=1 node_types=0x1 num_inputs=1 input_types=0 ;;
    *) insmod "/mod/$module" 2>/dev/null ;;
  esac
done
sleep 1
start led
sleep 15
tell busy mien-device selftest --source camera --output terminal
kill -0 "$program" && say first "goes on"
stop TERM
say ended "$code"
