"""Debian's Chromium: Playwright's own would have to be downloaded."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def launch(running: Playwright) -> Browser:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: apt-get install chromium, or set CHROMIUM to its path"
    return running.chromium.launch(executable_path=path, args=list(ARGUMENTS))
