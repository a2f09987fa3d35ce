#!/usr/bin/env python3
"""Does a whole reader study in headless Chromium, from disk and through the server, and compares what is kept.

usage: test_reader_study_page.py MEDISYN EXPORT [SCREENS]

MEDISYN: the program; EXPORT: a folder that `medisyn eval reader-study export` wrote; SCREENS: where a screenshot of each
screen goes, at 1280x800 and on a tablet held both ways. Needs Debian's chromium and chromium-driver.
"""
import csv
import json
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

from chromium import Chromium, missing_programs

SCREENS = {"desktop": (1280, 800, False), "tablet": (1024, 768, True), "tablet-upright": (768, 1024, True)}

# What is wrong with the screen as it is: text beyond the edge, faint text, controls too small or without a name.
INSPECT = r"""
const faults = [];
const page = document.documentElement;
if (page.scrollWidth > innerWidth) faults.push(`scrolls sideways: ${page.scrollWidth} > ${innerWidth}`);
const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (node) => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor);
  if (c.length === 3 || c[3] > 0.5) return c; } return [255, 255, 255]; };
const shown = (node) => node.checkVisibility({opacityProperty: false, visibilityProperty: true});
const root = document.querySelector("dialog[open]") || document.body;
for (const node of root.querySelectorAll("*")) {
  const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join(" ").trim();
  if (!text || !shown(node) || node.closest("script, style, noscript, :disabled, [hidden]")) continue;
  const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${text}`);
}
for (const node of root.querySelectorAll("button, input, a")) {
  if (!shown(node)) continue;
  const label = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent;
  if (!label.trim()) faults.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  const target = node.closest("label") || node;
  const box = target.getBoundingClientRect();
  if (Math.min(box.width, box.height) < 43.5) faults.push(`small: ${label.trim()} ${box.width}x${box.height}`);
}
const next = document.querySelector(".trial #next");
if (next) { const box = next.getBoundingClientRect();
  if (box.bottom > innerHeight && innerWidth > innerHeight) faults.push("the button to go on is below the edge"); }
return faults;
"""


class Reader:
    """Somebody who clicks, types and touches, and knows what was answered."""

    def __init__(self, study, folder, screens, prefix):
        self.study, self.folder, self.screens, self.prefix = study, folder, screens, prefix
        self.expected, self.shot, self.profiles, self.keeps_in_browser = {}, set(), 0, prefix == "disk"
        self.random = random.Random(0)
        (folder / "downloads").mkdir(parents=True)

    def start(self, url, new_profile=False):
        self.profiles += new_profile
        self.browser = Chromium(self.folder / f"profile{self.profiles}", self.folder / "downloads")
        self.browser.set_screen(*SCREENS["desktop"])
        self.browser.open(url)

    def stop(self):
        complaints = [line for line in self.browser.complaints() if "net::ERR" not in line and "favicon" not in line]
        assert not complaints, complaints
        self.browser.close()

    def at(self, screen):
        shown = lambda: self.browser.run("return document.body.dataset.screen")
        self.browser.until(lambda: shown() == screen, lambda: f"expected the screen {screen}, found {shown()}")
        return self.browser

    def shoot(self, name):
        """One screenshot a size, the first time that the screen is seen; every screen is inspected."""
        if name in self.shot:
            return
        self.shot.add(name)
        for size, (width, height, touch) in SCREENS.items():
            self.browser.set_screen(width, height, touch)
            self.browser.run("return new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150)))")
            faults = self.browser.run(INSPECT)
            if self.screens:
                self.browser.screenshot(self.screens / f"{self.prefix}-{name}-{size}.png")
            assert not faults, f"{name}, {size}: {faults}"
        self.browser.set_screen(*SCREENS["desktop"])

    def go_on(self, screen):
        self.at(screen)
        self.shoot(screen)
        self.browser.click("#next")

    def begin(self, code=None):
        """From the first screen to the first part's start."""
        if code:
            self.at("reader")
            self.shoot("reader")
            self.browser.click("#next")
            assert "code" in self.browser.run("return document.querySelector('.wrong#reader-wrong').textContent")
            self.browser.type("#reader", code)
            self.go_on("reader")
        self.go_on("instructions")
        self.at("consent")
        self.browser.click("#next")
        assert "tick the box" in self.browser.run("return document.querySelector('.wrong').textContent")
        self.browser.click("#agree")
        self.go_on("consent")

    def resume(self, code=None):
        if code:
            self.at("reader")
            assert self.browser.run("return document.querySelector('#reader').value") == code
            self.browser.click("#next")
        self.at("welcome-back")
        assert f"{len(self.expected)} of " in self.browser.run("return document.querySelector('main').textContent")
        self.go_on("welcome-back")

    def train(self, part):
        kind = part["kind"]
        self.go_on("part")
        for number, _ in enumerate(part["training"], 1):
            self.browser.until(lambda: self.heading() == f"Training {number}", lambda: f"no training, but {self.heading()}")
            self.at(f"training-{kind}")
            self.shoot(f"training-{kind}")
            if kind == "singles":
                self.browser.press("y", "a", "3")
            else:
                self.browser.press("Left")
            self.browser.press("Enter")
            self.browser.until(lambda: self.browser.run("return document.querySelector('.feedback')?.textContent || ''"),
                               "no feedback")
            self.shoot(f"feedback-{kind}")
            self.browser.click("#next")
        self.go_on("training-done")

    def heading(self):
        """Of the trial that is shown; the count above it changes while its images are still being loaded."""
        return self.browser.run("return document.querySelector('.trial')?.getAttribute('aria-label') || ''")

    def wait_for(self, kind, number):
        name = f"{'Pair' if kind == 'pairs' else 'Image'} {number} of "
        self.browser.until(lambda: self.heading().startswith(name), lambda: f"expected {name}, found {self.heading()}")
        self.at(kind)

    def answer(self, part, number, means="mouse", wait=0.0):
        """Answers a trial by mouse, keys or touch; what was chosen is drawn."""
        kind, trial = part["kind"], part["trials"][number - 1]["id"]
        self.wait_for(kind, number)
        assert self.browser.run("return document.querySelectorAll('.choice.marked, input:checked').length") == 0
        time.sleep(wait)
        if means == "touch":
            self.browser.set_screen(*SCREENS["tablet"])
        chosen = self.pair(means) if kind == "pairs" else self.single(means)
        self.expected[(part["id"], trial)] = {**chosen, "position": number}
        {"mouse": lambda: self.browser.click("#next"), "keys": lambda: self.browser.press("Enter"),
         "touch": lambda: self.browser.tap("#next")}[means]()
        if means == "touch":
            self.browser.set_screen(*SCREENS["desktop"])

    def pair(self, means):
        left, right = self.random.randrange(2), self.random.randrange(2)
        for side, marked in (("Left", left), ("Right", right)):
            if marked and means == "keys":
                self.browser.press(side)
            elif marked and means == "touch":
                self.browser.tap(f".choice:{'first' if side == 'Left' else 'last'}-child .view")
            elif marked:
                self.browser.click(f"#{side.lower()}")
        return {"left_synthetic": left, "right_synthetic": right}

    def single(self, means):
        quality, name, sure = self.random.randrange(2), self.random.randrange(len(self.study["classes"])), self.random.randrange(5)
        if means == "keys":
            self.browser.press("ny"[quality], "abcdefgh"[name], str(sure + 1))
        else:
            press = self.browser.tap if means == "touch" else self.browser.click
            for group, i in (("quality_sufficient", 1 - quality), ("class", name), ("confidence", sure)):
                press(f"#{group} .option:nth-child({i + 1}) input")
        return {"quality_sufficient": quality, "class": self.study["classes"][name], "confidence": sure + 1}


def check_tools(reader):
    """Zoom, pan, brightness and contrast by mouse, wheel, keys and two fingers, on the pair that is shown."""
    browser = reader.browser
    view = lambda: browser.run("const s = document.querySelector('.view img').style; return [s.transform, s.filter]")
    plain = view()
    browser.click("[aria-label='Zoom in']")
    assert "scale(1.5)" in view()[0], view()
    browser.press("Shift+Left")
    browser.press("+")
    assert "scale(2.25)" in view()[0], view()
    browser.run("const b = document.querySelector('#brightness'); b.value = 150; b.dispatchEvent(new Event('input'))")
    browser.run("const c = document.querySelector('#contrast'); c.value = 60; c.dispatchEvent(new Event('input'))")
    assert view()[1] == "brightness(150%) contrast(60%)", view()
    reader.shoot("zoomed")
    browser.press("0")
    assert view() == plain, view()
    browser.set_screen(*SCREENS["tablet"])
    x, y, width = browser.run("const b = document.querySelector('.view').getBoundingClientRect();"
                              "return [b.x + b.width / 2, b.y + b.height / 2, b.width]")
    browser.touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 6):
        browser.touch("touchMove", (x - 20 - 6 * step, y), (x + 20 + 6 * step, y))
    browser.touch("touchEnd")
    browser.until(lambda: "scale(1)" not in view()[0], "two fingers do not zoom")
    assert browser.run("return document.querySelectorAll('.choice.marked').length") == 0, "zooming marked an image"
    browser.click("#reset-view")
    browser.set_screen(*SCREENS["desktop"])
    assert view() == plain


def check_focus_order(reader, expected):
    """Tab goes through the controls in the order in which they are seen."""
    reader.browser.run("document.querySelector('h1').focus()")
    seen = []
    for _ in range(len(expected)):
        reader.browser.press("Tab")
        seen.append(reader.browser.run("const e = document.activeElement; return e.id || e.getAttribute('aria-label') || e.name"))
    assert seen == expected, seen


def compare(rows, reader, code, what):
    """Rows of a file or of the database against what was clicked."""
    text = lambda value: "" if value is None else str(value)
    found = {(row["part"], row["trial"]): row for row in rows}
    assert len(rows) == len(found) == len(reader.expected), f"{what}: {len(rows)} rows, expected {len(reader.expected)}"
    for place, expected in reader.expected.items():
        row = found[place]
        assert text(row["reader"]) == code, f"{what}: {row}"
        for column in ("position", "left_synthetic", "right_synthetic", "quality_sufficient", "class", "confidence"):
            assert text(row[column]) == text(expected.get(column)), f"{what}: {place} {column}: {row[column]}, expected {expected}"
        assert 0 < int(row["response_ms"]) < 120000, f"{what}: {row}"
        assert len(row["answered_at"]) >= 20 and row["answered_at"].endswith("Z"), f"{what}: {row}"
    return found


def check_downloads(reader, code):
    browser = reader.at("thanks")
    reader.shoot("thanks")
    name = f"answers_{reader.study['study_id']}_{code}"
    files = {kind: reader.folder / "downloads" / f"{name}.{kind}" for kind in ("csv", "json")}
    for kind, file in files.items():
        browser.click(f"#{kind}")
        browser.until(file.exists, f"{file.name} does not come")
    with open(files["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    download = json.loads(files["json"].read_text(encoding="utf-8"))
    assert download["schema"] == "medisyn.reader_answers/1" and download["reader"] == code
    found = compare(rows, reader, code, "CSV")
    compare(download["answers"], reader, code, "JSON")
    return found


def do_part(reader, part, interrupt, means=("mouse", "keys", "touch")):
    """All trials of a part; `interrupt(number)` before one in the middle."""
    kind, count = part["kind"], len(part["trials"])
    for number in range(1, count + 1):
        reader.wait_for(kind, number)
        if number == 1:
            reader.shoot(kind)
            if kind == "singles":
                reader.browser.click("#next")
                assert "Still open" in reader.browser.run("return document.querySelector('#hint').textContent")
                reader.shoot("singles-open")
                reader.browser.press("y", "a", "4")
                reader.shoot("singles-answered")
                reader.browser.open(reader.browser.run("return location.href"))  # closed before Next: asked again
                reader.reopened()
                reader.train(part)
                reader.wait_for(kind, 1)
            else:
                check_tools(reader)
                check_focus_order(reader, ["Zoom out", "Zoom in", "brightness", "contrast", "reset-view", "left", "right", "next"])
                reader.browser.press("Left")
                reader.shoot("pairs-marked")
                reader.browser.press("Left")
        elif number == 2 and kind == "pairs":
            check_back(reader, part)
        elif number == count // 2:
            interrupt(number)
            reader.wait_for(kind, number)
        elif number == count - 1 and kind == "pairs" and reader.keeps_in_browser and not reader.study["allow_back"]:
            other_window(reader, part, number)
            continue
        reader.answer(part, number, means[number % len(means)], wait=0.8 if number == 2 else 0)


def check_back(reader, part):
    """On the second trial of a part: back to the first where the study allows it, and nowhere else."""
    browser = reader.browser
    has_back = browser.run("return document.querySelector('#back') !== null")
    assert has_back == reader.study["allow_back"], "back-tracking"
    if has_back:
        reader.shoot("back")
        browser.click("#back")
        reader.wait_for(part["kind"], 1)
        expected = reader.expected[(part["id"], part["trials"][0]["id"])]
        browser.click("#left")
        expected["left_synthetic"] = 1 - expected["left_synthetic"]
        browser.click("#next")
        reader.wait_for(part["kind"], 2)


def other_window(reader, part, number):
    """Another window of the browser answers the trial that is shown: this one is told, and keeps both windows' answers."""
    trial = part["trials"][number - 1]["id"]
    reader.browser.run("""const key = Object.keys(localStorage).find((name) => name.endsWith("/R01"));
        const kept = JSON.parse(localStorage.getItem(key));
        kept.answers.push({...kept.answers.at(-1), trial: arguments[0], position: arguments[1], left_synthetic: 1, right_synthetic: 1});
        localStorage.setItem(key, JSON.stringify(kept));""", trial, number)
    reader.expected[(part["id"], trial)] = {"left_synthetic": 1, "right_synthetic": 1, "position": number}
    reader.browser.press("Enter")
    reader.go_on("elsewhere")


def from_disk(export, study, folder, screens):
    url = (export / "study" / "index.html").resolve().as_uri()
    reader = Reader(study, folder, screens, "disk")
    reader.start(url)
    reader.begin("R01")

    def reopen(_):
        reader.stop()
        reader.start(url)
        reader.reopened()

    reader.reopened = lambda: reader.resume("R01")
    for part in study["parts"]:
        reader.train(part)
        reader.at(part["kind"])
        reader.browser.press("?")
        reader.shoot(f"help-{part['kind']}")
        reader.browser.click("dialog button.main")
        do_part(reader, part, reopen)
    found = check_downloads(reader, "R01")
    for part in study["parts"]:
        waited = int(found[(part["id"], part["trials"][1]["id"])]["response_ms"])
        assert 800 <= waited < 20000, f"response time {waited} ms"
    reader.stop()
    reader.start(url)  # a third time: all is still there
    reader.at("reader")
    reader.browser.click("#next")
    for file in (folder / "downloads").iterdir():
        file.unlink()
    check_downloads(reader, "R01")
    reader.stop()
    return len(reader.expected)


class Server:
    def __init__(self, program, study, database):
        self.words = [program, "eval", "reader-study", "serve", study, "--database", database, "--readers", "2", "--json", "--quiet"]
        self.port = "0"
        self.start()

    def start(self):
        self.process = subprocess.Popen([str(w) for w in [*self.words, "--port", self.port]], stdout=subprocess.PIPE, text=True)
        told = json.loads(self.process.stdout.readline())
        self.port = told["url"].rsplit(":", 1)[1]
        self.admin, self.links = told["admin"], [reader["link"] for reader in told["readers"]]

    def kill(self):
        self.process.kill()
        self.process.wait()


def through_server(program, export, study, folder, screens):
    database = folder / "answers.sqlite"
    folder.mkdir(parents=True)
    server = Server(program, export / "study", database)
    reader = Reader(study, folder, screens, "served")
    url = server.links[0]
    reader.start(url)
    reader.begin()
    reader.reopened = lambda: reader.resume()

    def other_device(_):
        reader.stop()
        reader.start(url, new_profile=True)
        reader.reopened()

    def killed(number):
        """The server dies under an answer, which is sent again until it is back."""
        server.kill()
        reader.answer(study["parts"][1], number, "mouse")
        status = "return document.querySelector('#status').textContent"
        reader.browser.until(lambda: "Not saved yet" in reader.browser.run(status), "nothing is said of a lost connection")
        reader.shoot("not-saved")
        server.start()
        reader.wait_for("singles", number + 1)

    try:
        for part, interrupt in zip(study["parts"], (other_device, None)):
            reader.train(part)
            if interrupt:
                do_part(reader, part, interrupt, ("keys", "mouse"))
                continue
            middle = len(part["trials"]) // 2
            for number in range(1, len(part["trials"]) + 1):
                killed(number) if number == middle else reader.answer(part, number, ("touch", "keys")[number % 2])
        check_downloads(reader, "R01")
        with sqlite3.connect(database) as tables:
            tables.row_factory = sqlite3.Row
            latest = "SELECT * FROM answers WHERE id IN (SELECT MAX(id) FROM answers GROUP BY reader, part, trial)"
            compare(tables.execute(latest).fetchall(), reader, "R01", "SQLite")
        if not study["allow_back"]:
            two_windows(reader, server.links[1], study)
        reader.browser.open(server.admin)
        reader.browser.set_screen(*SCREENS["desktop"])
        assert "done" in reader.browser.run("return document.body.textContent")
        if screens:
            reader.browser.screenshot(screens / "served-administrator-desktop.png")
        reader.stop()
    finally:
        server.kill()
    return len(reader.expected)


def two_windows(first, link, study):
    """R02 in two browsers: the one that comes later is told, and goes on behind the other's answer."""
    part, second = study["parts"][0], Reader(study, first.folder / "second", first.screens, "served")
    second.shot = first.shot
    second.start(link)
    first.browser.open(link)
    for reader in (first, second):
        reader.begin()
        reader.train(part)
        reader.wait_for("pairs", 1)
    first.answer(part, 1)
    first.wait_for("pairs", 2)
    if first.expected[(part["id"], part["trials"][0]["id"])]["left_synthetic"] == 0:
        second.browser.press("Left")  # another answer than the first's
    second.browser.press("Enter")
    second.go_on("elsewhere")
    second.wait_for("pairs", 2)
    second.browser.complaints()  # the refusal (409) that was the point
    second.stop()


def main():
    missing = missing_programs()
    if missing:
        print(f"{' and '.join(missing)}: not installed (apt-get install chromium chromium-driver): the page was not tested",
              file=sys.stderr)
        return 2
    program, export = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    screens = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None
    if screens:
        screens.mkdir(parents=True, exist_ok=True)
    study = json.loads((export / "study" / "study.json").read_text(encoding="utf-8"))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        disk = from_disk(export, study, pathlib.Path(folder) / "disk", screens)
        served = through_server(program, export, study, pathlib.Path(folder) / "served", screens)
    print(f"{disk} answers from disk, {served} through the server: all in the CSV, the JSON and SQLite; "
          f"{time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
