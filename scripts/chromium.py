"""A headless Chromium by chromedriver (Debian: chromium, chromium-driver), with nothing but Python's own library."""
import base64
import json
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Left": "\ue012", "Right": "\ue014", "Space": " ", "Shift": "\ue008"}


def missing_programs():
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Chromium:
    """One browser with a profile of its own; what it keeps lies in `profile`, and a later one finds it there."""

    def __init__(self, profile, downloads):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.address = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                     "--force-color-profile=srgb", "--no-first-run", f"--user-data-dir={profile}"]
        wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                  "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")}}
        self.until(lambda: self.ask("GET", "/status")["ready"], "chromedriver does not start")
        self.session = ""
        self.session = "/session/" + self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + getattr(self, "session", "") + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {json.load(error)['value']['message'].splitlines()[0]}") from None

    @staticmethod
    def until(holds, otherwise, seconds=20):
        give_up = time.monotonic() + seconds
        while True:
            try:
                result = holds()
            except (OSError, RuntimeError):
                result = None
            if result:
                return result
            if time.monotonic() > give_up:
                raise AssertionError(otherwise() if callable(otherwise) else otherwise)
            time.sleep(0.02)

    def cdp(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, css):
        return "/element/" + self.ask("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        """Fails where something lies over the element, as for a user."""
        self.ask("POST", self.find(css) + "/click", {})

    def type(self, css, text):
        self.ask("POST", self.find(css) + "/value", {"text": text})

    def press(self, *keys):
        """Keys one after the other; "Shift+Left" holds the first."""
        actions = []
        for key in keys:
            held = [KEYS.get(name, name) for name in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": name} for name in held]
            actions += [{"type": "keyUp", "value": name} for name in reversed(held)]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def touch(self, kind, *points):
        """touchStart, touchMove or touchEnd with the points (x, y) that are on the glass."""
        self.cdp("Input.dispatchTouchEvent", type=kind,
                 touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])

    def tap(self, css):
        x, y = self.run("const box = document.querySelector(arguments[0]).getBoundingClientRect();"
                        "return [box.x + box.width / 2, box.y + box.height / 2];", css)
        self.touch("touchStart", (x, y))
        self.touch("touchEnd")

    def set_screen(self, width, height, touch):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=5 if touch else 1)

    def screenshot(self, file):
        pathlib.Path(file).write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def complaints(self):
        """Errors and warnings of the console since the last call: scripts that failed, policies that were broken."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})
                if entry["level"] in ("SEVERE", "WARNING")]

    def close(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
