"""Real browser without a window, driven by the W3C's WebDriver protocol."""

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BROWSERS, DRIVER = ("chromium", "chromium-browser", "google-chrome"), "chromedriver"

ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)

PATIENCE = 60.0
"""Most seconds that a page may take."""


def missing() -> str:
    """Message on what is not installed, or an empty string."""
    if not any(map(shutil.which, BROWSERS)):
        return f"none of {', '.join(BROWSERS)} is installed"
    return "" if shutil.which(DRIVER) else f"{DRIVER} is not installed"


class Browser:
    """Chromium with its own profile, for the duration of the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if match := re.search(r"started successfully on port (\d+)", line):
                self._at = f"http://127.0.0.1:{match[1]}/session"
                break
        binary = next(path for path in map(shutil.which, BROWSERS) if path)
        options = {"binary": binary, "args": [*ARGUMENTS, f"--user-data-dir={self._folder}"]}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._ask("", {"capabilities": {"alwaysMatch": capabilities}})
        self._at += "/" + session["sessionId"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._ask(method="DELETE")
        finally:
            self._driver.terminate()
            self._driver.communicate(timeout=20)

    def open(self, url: str, width: int, scheme: str = "light") -> None:
        """Load a page in a window of that width, for a reader who prefers a light or a dark scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._command("Emulation.setEmulatedMedia", {"media": "", "features": features})
        self._ask("/url", {"url": url})
        # On a busy machine chromedriver may answer while the page is still empty.
        end = time.monotonic() + PATIENCE
        while not self.run("return document.readyState === 'complete' && !!document.querySelector('main > *')"):
            assert time.monotonic() < end, f"{url} does not load"
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """Run the body of a JavaScript function, and return its result."""
        return self._ask("/execute/sync", {"script": script, "args": []})

    def complaints(self) -> list[str]:
        """Warnings and errors on the console since the last call."""
        entries = self._ask("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def printed(self) -> bytes:
        """Print the page to a PDF file."""
        return base64.b64decode(self._command("Page.printToPDF", {})["data"])

    def print_as_media(self) -> None:
        """Show the page as on paper until the next page is opened."""
        self._command("Emulation.setEmulatedMedia", {"media": "print"})

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        return self._ask("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def _ask(self, path: str = "", body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        data = None if method == "DELETE" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self._at + path, data, {"Content-Type": "application/json"}, method=method)
        # The driver is on this machine: no proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]
