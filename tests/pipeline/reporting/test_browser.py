"""Opens a report in a headless browser: no error, nothing wider than the page, and a slider that moves."""

import contextlib
import functools
import html
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest

from pipeline.reporting import page
from tests.pipeline.reporting import records

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: `make browser` installs it"),
]
# Two frames of the widths of a telephone and of a desktop, in which the page is looked at and used.
LOOK = """<!DOCTYPE html><body><script>
const found = [], widths = [360, 1440];
const text = (page, id) => page.getElementById(id).textContent;
const ids = ["true-negatives", "false-positives", "false-negatives", "true-positives"];
const cells = (page) => ids.map((id) => text(page, id));
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style = `width:${width}px;height:900px;border:0`;
  frame.addEventListener("load", () => {
    const page = frame.contentDocument, slider = page.getElementById("threshold"), at = {width};
    page.querySelectorAll("details").forEach((part) => part.open = true);
    at.scroll = page.documentElement.scrollWidth;
    at.before = cells(page);
    slider.value = 20;
    slider.dispatchEvent(new frame.contentWindow.Event("input"));
    at.threshold = text(page, "threshold-value");
    at.after = cells(page);
    page.getElementById("cheapest").click();
    at.cheapest = text(page, "threshold-value");
    found.push(at);
    if (found.length === widths.length) document.body.textContent = JSON.stringify(found);
  });
  frame.src = "report.html";
  document.body.append(frame);
}
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Prints no requests."""


@contextlib.contextmanager
def served(folder):
    """Serves a folder on this machine, and yields its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "report.html").write_text(page.render(records.evaluated(tmp_path_factory.mktemp("run"))), "utf-8")
    (folder / "look.html").write_text(LOOK, "utf-8")
    profile = tmp_path_factory.mktemp("profile")
    with served(folder) as address:
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--window-size=1600,1000", f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom",
            f"{address}/look.html",
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_nothing_is_written_to_the_console(looked):
    assert [line for line in looked.stderr.splitlines() if "CONSOLE" in line] == []


def test_nothing_is_wider_than_the_page_and_the_slider_moves_the_matrix(looked):
    body = re.search(r"<body>(.*)</body>", looked.stdout, re.DOTALL)
    found = json.loads(html.unescape(body[1]))
    assert sorted(at["width"] for at in found) == [360, 1440]
    assert all(at["scroll"] <= at["width"] for at in found)
    for at in found:
        # By hand from the counts of the record: at 0.50 four rows are true positives and one is a false positive.
        assert at["before"] == ["5", "1", "2", "4"]
        assert (at["threshold"], at["after"]) == ("0.20", ["0", "6", "0", "6"])
        assert at["cheapest"] == "0.50"
