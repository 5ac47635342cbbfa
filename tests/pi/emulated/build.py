"""The program, the loopback camera, device trees and the initial RAM file system."""

import os
import re
import shutil
import subprocess
from pathlib import Path

TARGET = "aarch64-unknown-linux-gnu"
PROFILE = "board"
CROSS = "aarch64-linux-gnu-"
# What the package depends on; Pi OS Bookworm has 2.36.
NEWEST_GLIBC = (2, 34)
# The stripped program's; 12 MB are the aim.
MOST_BYTES = 14_000_000
MODULES = ["mmc_block", "sdhci-iproc", "bcm2835", "ext4", "bcm2835_wdt", "i2c-dev",
           "i2c-bcm2835", "spi-bcm2835"]
LIBRARIES = ["ld-linux-aarch64.so.1", "libc.so.6", "libgcc_s.so.1", "libm.so.6"]
SPI = "/soc/spi@7e204000"
# Without them the emulated Pi 4's kernel panics.
PI4_DISABLED = ["interrupt-controller@7ef00100", "hdmi@7ef00700", "hdmi@7ef05700", "i2c@7ef04500",
                "i2c@7ef09500", "clock@7ef00000"]


def run(*command, **options):
    """Runs a command; what it says is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def device(root, target):
    """The program for the Pi, as it is released."""
    run("rustup", "target", "add", TARGET, cwd=root)
    environment = os.environ | {
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": CROSS + "gcc",
        "CC_aarch64_unknown_linux_gnu": CROSS + "gcc",
        "BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu":
            "--target=aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include",
    }
    run("cargo", "build", "--profile", PROFILE, "--target", TARGET, "--package", "mien-device",
        "--features", "camera,gpio", cwd=root, env=environment)
    return target / TARGET / PROFILE / "mien-device"


def newest_glibc(binary):
    """The newest version of glibc that the program asks for."""
    said = run(CROSS + "objdump", "-T", binary)
    return max(tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", said))


class Image:
    """What the machines boot."""

    def __init__(self, root, target, parts, binary):
        self.parts = parts
        self.guest = Path(__file__).resolve().parents[1] / "guest"
        self.work = target / "pi" / "image"
        self.work.mkdir(parents=True, exist_ok=True)
        self.kernel = next((parts.kernel / "boot").glob("vmlinuz-*"))
        self.trees = {board: self.device_tree(board) for board in ("3b", "4b")}
        self.loopback = self.build_loopback()
        self.feed = self.work / "feed"
        run(CROSS + "gcc", "-O2", "-static", "-o", self.feed, self.guest / "feed.c")
        self.fixtures = self.work / "fixtures"
        # `--workspace`: with one package alone, dependencies get other features and are built again.
        run("cargo", "build", "--workspace", "--example", "pi_fixtures", cwd=root)
        run(target / "debug/examples/pi_fixtures", self.fixtures)
        self.initrd = self.pack(binary)

    def device_tree(self, board):
        name = {"3b": "bcm2837-rpi-3-b", "4b": "bcm2711-rpi-4-b"}[board]
        source = next(self.parts.kernel.glob(f"usr/lib/linux-image-*/broadcom/{name}.dtb"))
        tree = self.work / f"pi{board}.dtb"
        shutil.copy(source, tree)
        # The console's UART is Bluetooth's.
        run("fdtput", "-r", tree, "/soc/serial@7e201000/bluetooth")
        run("fdtput", "-t", "s", tree, SPI, "status", "okay")
        run("fdtput", "-c", tree, f"{SPI}/spidev@0")
        run("fdtput", "-t", "s", tree, f"{SPI}/spidev@0", "compatible", "rohm,dh2228fv")
        run("fdtput", "-t", "x", tree, f"{SPI}/spidev@0", "reg", "0")
        run("fdtput", "-t", "x", tree, f"{SPI}/spidev@0", "spi-max-frequency", "f4240")
        if board == "4b":
            for node in PI4_DISABLED:
                run("fdtput", "-t", "s", tree, f"/soc/{node}", "status", "disabled")
        return tree

    def build_loopback(self):
        module = self.work / "v4l2loopback.ko"
        if module.exists():
            return module
        sources = self.parts.headers / "usr/src"
        headers = sources / f"linux-headers-{self.parts.version}"
        makefile = headers / "Makefile"
        text = makefile.read_text()
        # The package refers to where it would be installed.
        makefile.write_text(text.replace(" /usr/src/", f" {sources}/").replace("=/usr/src/", f"={sources}/"))
        # With it the build wants pahole.
        (headers / "vmlinux").unlink(missing_ok=True)
        build = self.work / "loopback"
        shutil.rmtree(build, ignore_errors=True)
        shutil.copytree(next(sources.glob("v4l2loopback-*")), build)
        run("make", "-C", headers, f"M={build}", "ARCH=arm64", f"CROSS_COMPILE={CROSS}", "modules")
        run(CROSS + "strip", "-g", build / "v4l2loopback.ko")
        return shutil.move(build / "v4l2loopback.ko", module)

    def pack(self, binary):
        """The initial RAM file system with everything in it."""
        tree = self.work / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        for folder in ("bin", "dev", "proc", "sys", "tmp", "lib", "mod", "run", "sd", "clips", "etc"):
            (tree / folder).mkdir(parents=True)
        shutil.copy(next(self.parts.kernel.glob("**/bin/busybox")), tree / "bin/busybox")
        for library in LIBRARIES:
            shutil.copy(Path("/usr/aarch64-linux-gnu/lib") / library, tree / "lib")
        self.copy_modules(tree / "mod")
        shutil.copy(binary, tree / "bin/mien-device")
        shutil.copy(self.feed, tree / "bin/feed")
        for fixture in self.fixtures.iterdir():
            shutil.copy(fixture, tree / "clips")
        for script in self.guest.glob("*.sh"):
            shutil.copy(script, tree)
        for configuration in self.guest.glob("*.toml"):
            shutil.copy(configuration, tree / "etc")
        shutil.copy(self.guest / "init", tree / "init")
        (tree / "init").chmod(0o755)
        initrd = self.work / "initrd.gz"
        with initrd.open("wb") as to:
            subprocess.run("find . | cpio -o -H newc --quiet | gzip -1", shell=True, cwd=tree,
                           stdout=to, check=True)
        return initrd

    def copy_modules(self, to):
        """The modules in the order in which they go in; a camera that can be busy has a list of its
        own."""
        shutil.copy(self.loopback, to / "v4l2loopback.ko")
        self.copy_with_needs(["videodev", *MODULES], to, "order")
        self.copy_with_needs(["vivid"], to, "vivid.order")

    def copy_with_needs(self, names, to, list_name):
        version, order = self.parts.version, []
        modules = next(
            folder for folder in (self.parts.kernel / "lib/modules" / version,
                                  self.parts.kernel / "usr/lib/modules" / version)
            if folder.exists()
        )
        base = modules.parents[2]
        if not (modules / "modules.dep.bin").exists():
            run("depmod", "-b", base, version)
        for name in names:
            said = run("modprobe", "-d", base, "-S", version, "--show-depends", name)
            for path in re.findall(r"^insmod (\S+)", said, re.M):
                plain = Path(path).name.removesuffix(".xz")
                if plain in order:
                    continue
                order.append(plain)
                with (to / plain).open("wb") as out:
                    reader = ["xz", "-dc"] if path.endswith(".xz") else ["cat"]
                    subprocess.run([*reader, path], stdout=out, check=True)
        (to / list_name).write_text("\n".join(order) + "\n")
