"""Debian's kernel, modules and tools for the emulated machine, fetched once."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# raspi4b needs QEMU 9.
LEAST_QEMU = 9
# Where bookworm has older ones.
BACKPORTS = Path("/etc/apt/sources.list.d/bookworm-backports.sources")
TOOLS = {
    "cpio": "cpio",
    "modprobe": "kmod",
    "xz": "xz-utils",
    "make": "make",
    "fdtput": "device-tree-compiler",
    "mkfs.ext4": "e2fsprogs",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "gcc": "gcc",
}


class Missing(Exception):
    """What cannot be had here."""


@dataclass
class Parts:
    """What was fetched."""

    # Folder with kernel and modules, as the packages have them.
    kernel: Path
    # Folder with headers and the loopback camera's source.
    headers: Path
    version: str


def fetch(work):
    """Fetches what is not there yet into `work`."""
    install_tools()
    if newest_qemu() < LEAST_QEMU:
        install_qemu()
    done = work / "parts"
    stamp = done / "version"
    if not stamp.exists():
        shutil.rmtree(done, ignore_errors=True)
        debs = done / "debs"
        debs.mkdir(parents=True)
        version = download(debs)
        extract(debs, done)
        stamp.write_text(version)
    return Parts(done / "kernel", done / "headers", stamp.read_text())


def install_tools():
    missing = [package for tool, package in TOOLS.items() if not on_path(tool)]
    if missing:
        apt("install", "--yes", "--no-install-recommends", *" ".join(missing).split())


def on_path(tool):
    return shutil.which(tool, path=os.environ["PATH"] + ":/sbin:/usr/sbin")


def newest_qemu():
    if not on_path("qemu-system-aarch64"):
        return 0
    said = subprocess.run(["qemu-system-aarch64", "--version"], capture_output=True, text=True)
    found = re.search(r"version (\d+)", said.stdout)
    return int(found[1]) if found else 0


def install_qemu():
    use_backports()
    apt("install", "--yes", "--no-install-recommends", "--target-release", "bookworm-backports",
        "qemu-system-arm")
    if newest_qemu() < LEAST_QEMU:
        raise Missing(f"QEMU {LEAST_QEMU} or newer is not to be had")


def use_backports():
    """Adds the suite to the sources, with the mirror that is used already."""
    if not BACKPORTS.exists():
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        if not sources.exists():
            raise Missing("the emulated Pi is made of Debian 12's packages")
        need_root()
        first = sources.read_text().split("\n\n")[0]
        BACKPORTS.write_text(re.sub(r"(?m)^Suites:.*", "Suites: bookworm-backports", first) + "\n")
    architectures = subprocess.run(
        ["dpkg", "--print-foreign-architectures"], capture_output=True, text=True
    ).stdout.split()
    if "arm64" not in architectures:
        need_root()
        subprocess.run(["dpkg", "--add-architecture", "arm64"], check=True)
    apt("update")


def apt(*arguments):
    need_root()
    done = subprocess.run(["apt-get", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Missing(f"apt-get {' '.join(arguments)}: {' '.join(last)}")


def need_root():
    if os.geteuid() != 0:
        raise Missing("packages are missing, and only root installs them")
    if not shutil.which("apt-get"):
        raise Missing("packages are missing, and there is no apt-get")


def download(debs):
    """Downloads the newest kernel and what belongs to it; returns its version."""
    use_backports()
    said = subprocess.run(
        ["apt-cache", "depends", "--target-release", "bookworm-backports", "linux-image-arm64:arm64"],
        capture_output=True, text=True,
    ).stdout
    found = re.search(r"Depends: linux-image-(\S+)-arm64:arm64", said)
    if not found:
        raise Missing("Debian's arm64 kernel is not to be had")
    version = found[1]
    wanted = [
        f"linux-image-{version}-arm64:arm64",
        f"linux-headers-{version}-arm64:arm64",
        f"linux-headers-{version}-common",
        f"linux-kbuild-{version}",
        "v4l2loopback-dkms/bookworm-backports",
        "busybox-static:arm64",
    ]
    done = subprocess.run(["apt-get", "download", *wanted], cwd=debs, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"apt-get download: {done.stderr.strip().splitlines()[-1]}")
    return f"{version}-arm64"


def extract(debs, to):
    for deb in sorted(debs.iterdir()):
        is_kernel = deb.name.startswith(("linux-image", "busybox"))
        folder = to / ("kernel" if is_kernel else "headers")
        folder.mkdir(exist_ok=True)
        subprocess.run(["dpkg", "-x", deb, folder], check=True)
        deb.unlink()
