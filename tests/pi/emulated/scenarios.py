"""What is done with the machines, and what must come of it."""

import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field

from . import build
from .machine import Machine, Stuck

# The configuration's default pins.
PINS = {"angry": 5, "disgust": 6, "fear": 13, "happy": 16, "neutral": 26, "sad": 19, "surprise": 20}
LIMIT_S = 420
# How long a machine may take to end after its last line.
ENDING_S = 30
# When the plug is pulled.
SEED = 8
# How often, while models are installed.
CUTS = 5
# SD cards are powers of two.
CARD_BYTES = 64 << 20


@dataclass
class Check:
    what: str
    holds: bool


@dataclass
class Report:
    """What a scenario's run came to."""

    checks: list = field(default_factory=list)
    # What was seen at each look.
    pins: dict = field(default_factory=dict)
    pictures: dict = field(default_factory=dict)
    # What the machine said.
    said: dict = field(default_factory=dict)
    seconds: float = 0.0

    def check(self, what, holds):
        self.checks.append(Check(what, bool(holds)))

    def only(self, look, label, active=1):
        """At a look, one light is on, and all others are there and off."""
        wanted = {pin: active if name == label else 1 - active for name, pin in PINS.items()}
        # Other outputs are the kernel's: chip selects of buses.
        seen = {pin: level for pin, level in self.pins.get(look, {}).items() if pin in wanted}
        self.check(f"{look}: only {label or 'no light'} is on" + ("" if seen == wanted else f", not {seen}"),
                   seen == wanted)


def run(scenario, image, out):
    """Runs a scenario; whatever goes wrong is a failed check."""
    report = Report()
    start = time.monotonic()
    try:
        scenario(image, out, report)
    except (Stuck, OSError, subprocess.CalledProcessError) as error:
        report.check(f"the run itself: {error}", False)
    report.seconds = time.monotonic() - start
    return report


def program(binary):
    """What must hold of the program before it runs."""
    report = Report()
    size = binary.stat().st_size
    report.check(f"it has {size / 1e6:.2f} MB, at most {build.MOST_BYTES / 1e6:.1f}", size <= build.MOST_BYTES)
    newest = build.newest_glibc(binary)
    dotted = [".".join(map(str, version)) for version in (newest, build.NEWEST_GLIBC)]
    report.check(f"it asks for glibc {dotted[0]}, at most {dotted[1]}", newest <= build.NEWEST_GLIBC)
    return report


def watch(machine, report, until="done", with_display=False):
    """Follows a machine to the line `until`."""
    while True:
        for line in machine.lines():
            what, _, rest = line.partition(" ")
            if what == "look":
                report.pins[rest] = machine.steady_levels()
                if with_display:
                    report.pictures[rest] = machine.display(rest)
            elif what == "say":
                key, _, text = rest.partition(" ")
                report.said[key] = text
            elif what == "model":
                report.said["model"] = rest
            elif what == "failed":
                report.check(rest, False)
            if line == until:
                # It takes its card out and switches itself off.
                machine.wait(ENDING_S)
                return
        if not machine.is_running():
            raise Stuck(f"the machine ended before {until!r}: {machine.log}")
        if time.monotonic() - machine.start > LIMIT_S:
            raise Stuck(f"no {until!r} within {LIMIT_S} s: {machine.log}")
        time.sleep(0.05)


def wait_line(machine, report, wanted):
    """What the next line that begins with `wanted` says."""
    while machine.is_running() and time.monotonic() - machine.start < LIMIT_S:
        for line in machine.lines():
            what, _, rest = line.partition(" ")
            if what == wanted:
                return rest
            if what == "failed":
                report.check(rest, False)
        time.sleep(0.05)
    raise Stuck(f"no {wanted!r}: {machine.log}")


def make_card(path):
    """An empty ext4 card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(CARD_BYTES)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(path)], check=True)
    return path


def read_card(path, name, to):
    """Copies a file of the card's; whether there is one."""
    to.unlink(missing_ok=True)
    subprocess.run(["/sbin/debugfs", "-R", f"dump {name} {to}", str(path)],
                   capture_output=True, check=True)
    return to.exists() and to.stat().st_size > 0


def lit(picture):
    return sum(map(sum, picture))


def features(image, out, report):
    """Pi 3: a camera's faces light the right pin and change the display; what fails says so."""
    card = make_card(out / "card.img")
    with Machine("3b", image, "features", out, card=card) as machine:
        watch(machine, report, with_display=True)
    report.check("the board is a Pi 3", "Raspberry Pi 3" in report.said["model"])
    said = report.said
    report.check("without a camera `sources` names none", "/dev/video" not in said["no_camera"])
    report.check("`run` before there is a camera says so and waits",
                 said["camera_missing"].startswith("waits"))
    report.check("a corrupt model is refused: " + said["corrupt"][:70], said["corrupt"].startswith("3 "))
    report.check("without /dev/mem the lights say what is missing: " + said["no_mem"][:90],
                 said["no_mem"].startswith("3 ") and "GPIO" in said["no_mem"])
    report.check("and the terminal goes on", said["no_mem_terminal"].startswith("0 "))
    report.check("`selftest` finds camera and outputs well", '"ok": true' in said["selftest"])

    report.only("nobody", None)
    report.only("astronaut", "happy")
    report.only("gone", None)
    report.only("lost", None)
    report.only("back", "happy")
    report.only("ended", None)
    report.check("it ended well", said["ended"] == "0")
    pictures = report.pictures
    report.check("the display shows something", lit(pictures["nobody"]) > 10)
    report.check("and something else for a face", pictures["astronaut"] != pictures["nobody"])
    report.check("and for a lost camera", pictures["lost"] not in
                 (pictures["nobody"], pictures["astronaut"]))
    report.check("and nothing in the end", lit(pictures["ended"]) == 0)

    report.check(f"the card holds the visits: {visits(card, out)}", (visits(card, out) or 0) >= 2)

    report.only("low_astronaut", "happy", active=0)
    report.only("low_ended", None, active=0)
    report.only("killed", "happy", active=0)
    report.only("killed_off", None, active=0)


def visits(card, out):
    """The visits on a card: dominant expressions."""
    for name in ("counts.db", "counts.db-wal"):
        read_card(card, f"/mien/{name}", out / name)
    with closing(sqlite3.connect(out / "counts.db")) as database:
        try:
            if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return None
            return database.execute("SELECT count(*) FROM visits").fetchone()[0]
        except sqlite3.Error:
            return None


def power(image, out, report):
    """Pi 3: the plug is pulled while visits are counted; nothing committed is lost, and it goes on."""
    card = make_card(out / "card.img")
    moment = random.Random(SEED)
    committed = 0
    with Machine("3b", image, "power", out / "before", card=card) as machine:
        while committed < 2:
            committed = int(wait_line(machine, report, "visits"))
        time.sleep(moment.uniform(0, 15))
        machine.kill()
    with Machine("3b", image, "afterwards", out / "after", card=card) as machine:
        watch(machine, report)
    said = report.said
    report.check(f"all {committed} visits that were committed are there, at most one more: {said['found']}",
                 committed <= int(said["found"]) <= committed + 1)
    report.check("the next run counts on and ends well",
                 int(said["later"]) == int(said["found"]) + 1 and said["ended"] == "0")
    report.check("no database was set aside: " + said["files"], "damaged" not in said["files"])
    report.check("seen from outside the database is sound", visits(card, out) == int(said["later"]))


def install(image, out, report):
    """Pi 3: the plug is pulled while models are installed; the old one or the new one stands, whole."""
    card = make_card(out / "card.img")
    moment = random.Random(SEED)
    # Nothing is installed on a new card.
    on_card, took_s = None, None
    for cut in range(CUTS + 1):
        with Machine("3b", image, "install", out / f"boot-{cut}", card=card) as machine:
            found = wait_standing(machine, report, "found")
            report.check(f"boot {cut} finds version {found['version']}, as the card does",
                         found["version"] == on_card)
            kept = wait_standing(machine, report, "judges")
            report.check(f"version {kept['version']} judges faces, and nothing is blocked",
                         kept["version"] == found["version"] and kept["blocked"] == [])
            if cut == CUTS:
                return
            old, new = found["version"], int(wait_line(machine, report, "install"))
            begin = time.monotonic()
            if took_s is None:
                # How long one takes here, whole.
                wait_line(machine, report, "installed")
                took_s = time.monotonic() - begin
                old, new = new, int(wait_line(machine, report, "install"))
                begin = time.monotonic()
            # At random, but spread over all of it: each cut has its share.
            until = begin + took_s * moment.uniform(cut, cut + 1) / CUTS
            time.sleep(max(0, until - time.monotonic()))
            after_s = time.monotonic() - begin
            machine.kill()
        on_card, problem = installed(card, out / f"cut-{cut}")
        report.check(f"cut {after_s:.2f} s after the beginning ({took_s:.2f} s are one install): of {old} and "
                     f"{new} the card holds {on_card}, whole" + (f"; {problem}" if problem else ""),
                     on_card in (old, new) and not problem)


def wait_standing(machine, report, key):
    """What the expression model's status is at the line `key`, and its version."""
    status = json.loads(wait_line(machine, report, key))["expression"]
    active = status["active"]
    return status | {"version": status["slots"][active]["version"] if active else None}


def installed(card, to):
    """The version of the expression model that a card's record names (None: the program's own), read from
    outside, and what is wrong with it."""
    to.mkdir(parents=True, exist_ok=True)
    copy = to / "card.img"
    shutil.copy(card, copy)
    # What mounting would do: the journal is gone through. 1 is "mended".
    done = subprocess.run(["/sbin/e2fsck", "-p", str(copy)], capture_output=True, text=True)
    if done.returncode > 1:
        return None, f"e2fsck: {done.stdout}{done.stderr}"
    if not read_card(copy, "/mien/slots/record.json", to / "record.json"):
        return None, ""
    pointer = json.loads((to / "record.json").read_text())["expression"]
    # The one that runs, and the one that it would go back to.
    for slot in filter(None, (pointer["previous"], pointer["active"])):
        entry = pointer[slot]
        for suffix in ("", ".sig"):
            name = f"expression.postcard{suffix}"
            if not read_card(copy, f"/mien/slots/{slot}/{name}", to / f"{slot}-{name}"):
                return entry["version"], f"slot {slot} has no {name}"
        file = (to / f"{slot}-expression.postcard").read_bytes()
        if hashlib.sha256(file).hexdigest() != entry["sha256"]:
            return entry["version"], f"slot {slot} is not what the record says"
    copy.unlink()
    return (pointer[pointer["active"]]["version"] if pointer["active"] else None), ""


def pins(image, out, report):
    """Pi 3: a model that judges by brightness drives all seven pins in turn."""
    with Machine("3b", image, "pins", out) as machine:
        watch(machine, report)
    for label in PINS:
        report.only(label, label)
    report.only("ended", None)


def busy(image, out, report):
    """Pi 3: two programs on one camera; the second says so, the first goes on."""
    with Machine("3b", image, "busy", out) as machine:
        watch(machine, report)
    report.check("the second says who may have the camera: " + report.said["busy"][:400],
                 "another program uses the camera" in report.said["busy"])
    report.check("the first goes on and ends well",
                 report.said.get("first") == "goes on" and report.said["ended"] == "0")


def pi4(image, out, report):
    """Pi 4: board, camera and pins."""
    with Machine("4b", image, "pi4", out) as machine:
        watch(machine, report)
    report.check("the board is a Pi 4", "Raspberry Pi 4" in report.said["model"])
    report.only("astronaut", "happy")
    report.only("ended", None)


ALL = {"features": features, "power": power, "install": install, "pins": pins, "busy": busy, "pi4": pi4}
