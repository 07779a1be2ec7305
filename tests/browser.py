"""A real browser for tests of pages: Chromium, driven over its debugging pipe."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")


class Browser:
    """Chromium over its debugging pipe: JSON messages, each ended by a NUL, on file descriptors 3 and 4."""

    def __init__(self, folder):
        # Copies above 9, so that moving them to 3 and 4 in the child overwrites neither.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for pair in (os.pipe(), os.pipe()) for fd in pair]
        theirs_in, self.out, self.into, theirs_out = ends

        def move():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        flags += "--disable-component-update --disable-sync --disable-features=IsolateSandboxedIframes "
        flags += "--force-prefers-reduced-motion --remote-debugging-pipe"
        self.process = subprocess.Popen(
            [CHROMIUM, *flags.split(), f"--user-data-dir={folder}"],
            preexec_fn=move,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.last, self.buffer, self.events, self.session = 0, b"", [], None

    def send(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self._until(lambda answer: answer.get("id") == self.last)["result"]

    def _until(self, wanted, seconds=30):
        end = time.monotonic() + seconds
        while True:
            while b"\0" not in self.buffer:
                ready = select.select([self.into], [], [], max(0, end - time.monotonic()))[0]
                data = os.read(self.into, 1 << 20) if ready else b""
                if not data:
                    raise TimeoutError("the browser does not answer")
                self.buffer += data
            message, self.buffer = self.buffer.split(b"\0", 1)
            message = json.loads(message)
            assert "error" not in message, message
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message

    def open(self, address, width=1280, height=800):
        self.session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        self.send("Page.navigate", url=address)
        if not self.saw("Page.loadEventFired"):
            self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def saw(self, *methods):
        return [event["params"] for event in self.events if event["method"] in methods]

    def evaluate(self, expression, context=None):
        where = {"contextId": context} if context else {}
        # The policy of the page holds for what is evaluated here as well.
        where["allowUnsafeEvalBlockedByCSP"] = False
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, **where)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, text=None):
        codes = {" ": ("Space", 32), "Enter": ("Enter", 13)}
        code, number = codes.get(key, (key, 0))
        down = {"type": "keyDown" if text or key == " " else "rawKeyDown", "key": key, "code": code}
        if text or key == " ":
            down["text"] = text or " "
        self.send("Input.dispatchKeyEvent", windowsVirtualKeyCode=number, **down)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=number)

    def faults(self):
        """Everything that was complained of or asked for but the page itself."""
        errors = self.saw("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        requests = [event["request"]["url"] for event in self.saw("Network.requestWillBeSent")]
        return errors + [url for url in requests if not url.startswith(("file:", "data:", "about:"))] + requests[2:]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        os.close(self.out)
        os.close(self.into)
