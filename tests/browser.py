"""A real browser without a window: Chromium, spoken to over a pipe in its own protocol."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESKTOP = 390, 1280  # pixels of CSS across


def found() -> str | None:
    """The path of a browser; None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page; `with` ends the browser."""

    def __init__(self, seconds: float = 60) -> None:
        """seconds: the longest wait for an answer, or for a page."""
        path = found()
        assert path is not None, "no Chromium is installed"
        self.seconds = seconds
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (read, theirs_out), (theirs_in, write) = os.pipe(), os.pipe()
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
        # It reads from descriptor 3 and writes to 4.
        words = [path, *flags, "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}"]
        line = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", line, "bash", *words],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._write = os.fdopen(read, "rb", buffering=0), os.fdopen(write, "wb", buffering=0)
        self._rest, self._number, self._session = b"", 0, ""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._read.close()
        self._write.close()
        self.profile.cleanup()

    def open(self, address: str, width: int, height: int = 900, ready: str = "true") -> None:
        """Opens a page so many pixels wide, as a phone where it is narrow; waits for it, and for `ready`.

        Raises:
            TimeoutError: `ready`, JavaScript, is not true in time.
        """
        self.resize(width, height)
        self._ask("Page.navigate", url=address)
        self.wait_for(f"document.readyState === 'complete' && ({ready})")

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self._ask("Emulation.setDeviceMetricsOverride", mobile=width < 600, **size)

    def wait_for(self, ready: str) -> None:
        end = time.monotonic() + self.seconds
        while self.evaluate(f"Boolean({ready})") is not True:
            if time.monotonic() > end:
                raise TimeoutError(f"{ready} is not true after {self.seconds:g} s")
            time.sleep(0.2)

    def evaluate(self, script: str) -> Any:
        """The value of JavaScript on the page; None while it cannot be had."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        taken = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _ask(self, method: str, **values: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": values}
        if self._session:
            asked["sessionId"] = self._session
        self._write.write(json.dumps(asked).encode() + b"\0")
        while True:  # what else it says, events, nobody waits for
            while b"\0" not in self._rest:
                more = self._read.read(2**20)
                if not more:
                    raise RuntimeError("the browser has ended")
                self._rest += more
            line, self._rest = self._rest.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
