"""A QEMU Raspberry Pi, seen from outside over QMP."""

import json
import re
import socket
import subprocess
import time
from pathlib import Path

# Word 0 of the GPIO registers, by board (BCM2835 ARM Peripherals, chapter 6).
GPIO = {"3b": 0x3F200000, "4b": 0xFE200000}
CONSOLE = {"3b": 0x3F201000, "4b": 0xFE201000}
MEMORY = {"3b": "1G", "4b": "2G"}
LEVEL_WORD = 13
OUTPUT = 1
# How long levels must not change to be what they are: longer than a period of software PWM.
STEADY_S = 0.5


class Stuck(Exception):
    """The machine did not come to its end in time."""


class Machine:
    """A machine that boots when it is made; `with` ends it."""

    def __init__(self, board, image, scenario, out, card=None, append=""):
        out.mkdir(parents=True, exist_ok=True)
        self.board, self.out = board, out
        self.log = out / "serial.log"
        self.log.unlink(missing_ok=True)
        # A socket's path is short.
        monitor = Path(f"/tmp/mien-pi-{id(self):x}.sock")
        console = f"console=ttyAMA0,115200 earlycon=pl011,{CONSOLE[board]:#x}"
        command = [
            "qemu-system-aarch64", "-M", f"raspi{board}", "-m", MEMORY[board], "-smp", "4",
            "-display", "none", "-no-reboot", "-monitor", "none",
            "-kernel", image.kernel, "-dtb", image.trees[board], "-initrd", image.initrd,
            "-append", f"{console} iomem=relaxed loglevel=3 panic=-1 scenario={scenario} {append}",
            "-serial", f"file:{self.log}", "-qmp", f"unix:{monitor},server=on,wait=off",
        ]
        if board == "3b":
            command += ["-device", "ssd0303,bus=i2c-bus.1,address=0x3c,id=oled"]
        if card:
            command += ["-drive", f"if=sd,format=raw,file={card}"]
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=(out / "qemu.log").open("w"),
        )
        try:
            self.connect(monitor)
        finally:
            monitor.unlink(missing_ok=True)
        self.read = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def connect(self, monitor):
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(str(monitor))
                break
            except OSError:
                if time.monotonic() - self.start > 30 or self.process.poll() is not None:
                    raise Stuck(f"QEMU does not start: {self.out / 'qemu.log'}") from None
                time.sleep(0.05)
        self.wire = self.socket.makefile("rw")
        self.wire.readline()
        self.ask("qmp_capabilities")

    def ask(self, what, **arguments):
        """A QMP command's answer; events in between are left aside."""
        self.wire.write(json.dumps({"execute": what, "arguments": arguments}) + "\n")
        self.wire.flush()
        while line := self.wire.readline():
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Stuck(f"{what}: {answer['error']}")
        raise Stuck("QEMU is gone")

    def lines(self):
        """New whole lines of the console that begin with @, without it; those that are not taken come
        again."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        while (end := text.find("\n", self.read)) >= 0:
            line, self.read = text[self.read:end], end + 1
            if line.startswith("@"):
                yield line[1:].strip()

    def levels(self):
        """Pin number to level, of all pins that are outputs."""
        said = self.ask("human-monitor-command",
                        **{"command-line": f"xp /14wx {GPIO[self.board]:#x}"})
        words = [int(word, 16) for line in said.splitlines()
                 for word in re.findall(r"0x[0-9a-f]+", line.split(":")[1])]
        return {
            pin: words[LEVEL_WORD] >> pin & 1
            for pin in range(28)
            if words[pin // 10] >> 3 * (pin % 10) & 7 == OUTPUT
        }

    def steady_levels(self, within_s=1.5):
        """The levels, once they have not changed for a while."""
        begin = since = time.monotonic()
        last = self.levels()
        while time.monotonic() - since < STEADY_S and time.monotonic() - begin < within_s:
            time.sleep(0.05)
            now = self.levels()
            if now != last:
                last, since = now, time.monotonic()
        return last

    def display(self, name):
        """The OLED's picture: rows of booleans."""
        path = self.out / f"{name}.ppm"
        self.ask("screendump", filename=str(path), device="oled")
        data = path.read_bytes()
        header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        width, pixels = int(header[1]), data[header.end():]
        return [
            [pixels[3 * (row + x)] > 127 for x in range(width)]
            for row in range(0, len(pixels) // 3, width)
        ]

    def is_running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """Until it has ended by itself, for so long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def kill(self):
        """As if the plug were pulled."""
        if self.is_running():
            self.process.kill()
        self.process.wait()
        self.socket.close()
