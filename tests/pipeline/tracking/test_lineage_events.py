"""The events that runs send to a real HTTP server on this machine, and to a file."""

import contextlib
import http.server
import importlib.util
import json
import pathlib
import subprocess
import sys
import threading

import pytest

from core.config.review import Track
from core.errors import UserError
from pipeline.config import settings
from pipeline.graph import STAGES
from pipeline.tracking import lineage_events

ROOT = pathlib.Path(__file__).resolve().parents[3]
SMALL = ["--set", "model.family=linear", "--set", "tune.trials=0", "--set", "train.epochs=3"]
NAMES = [stage.name for stage in STAGES]


@contextlib.contextmanager
def server(accepted=1000):
    """Yields the address of a server, and the events that it took: it refuses those after the first ones."""
    events = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/prefix/api/v1/lineage" and len(events) < accepted:
                events.append({**event, "key": self.headers["Authorization"]})
                self.send_response(201)
            else:
                self.send_response(403)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}/prefix", events
        listener.shutdown()


def run(folder, address, *flags):
    rows = [f"{age},{'basic' if age % 2 else 'gold'},{'yes' if age > 40 else 'no'}" for age in [*range(18, 80)] * 20]
    (folder / "shop.csv").write_text("\n".join(["age,plan,bought", *rows]) + "\n")
    command = [sys.executable, "pipeline/run_local.py", "--data", str(folder / "shop.csv"), "--label", "bought"]
    command += ["--out", str(folder / "run"), *SMALL, "--set", f"track.openlineage={address}", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def states(events, job):
    return [event["eventType"] for event in events if event["job"]["name"] == job]


@pytest.mark.extras
@pytest.mark.slow
@pytest.mark.timeout(900)
class TestRuns:
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("openlineage", reason="openlineage-python is not installed: run `make test-extras`")

    def test_a_run_sends_its_events_and_those_of_its_stages(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "secret")
        with server() as (address, events):
            done = run(tmp_path, address, "--json")
        assert done.returncode == 0, done.stderr
        jobs = ["shop", *(f"shop.{name}" for name in NAMES)]
        assert all(states(events, job) == ["START", "COMPLETE"] for job in jobs)
        assert len(events) == 2 * len(jobs)
        assert {(event["job"]["namespace"], event["key"]) for event in events} == {("skewless", "Bearer secret")}
        first, last = events[0], events[-1]
        (table,) = first["inputs"]
        assert (table["namespace"], table["name"]) == ("file", str(tmp_path / "shop.csv"))
        fields = [(field["name"], field["type"]) for field in table["facets"]["schema"]["fields"]]
        assert fields == [("age", "BIGINT"), ("plan", "VARCHAR"), ("bought", "VARCHAR")]
        (model,) = last["outputs"]
        assert model["name"] == str(tmp_path / "run" / "serving" / "1")
        assert model["facets"]["version"]["datasetVersion"] == "1"
        assert last["run"]["runId"] == first["run"]["runId"]
        ended = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
        parents = {ended[job]["run"]["facets"]["parent"]["run"]["runId"] for job in jobs[1:]}
        assert parents == {last["run"]["runId"]}
        assert ended["shop.ExampleGen"]["inputs"] == first["inputs"]
        (examples,) = ended["shop.ExampleGen"]["outputs"]
        assert examples["name"] in {one["name"] for one in ended["shop.StatisticsGen"]["inputs"]}
        assert model in ended["shop.Pusher"]["outputs"]

    def test_a_run_that_stops_says_where_and_why(self, tmp_path):
        file = tmp_path / "events.jsonl"
        assert run(tmp_path, file, "--update-schema").returncode == 0
        schema = tmp_path / "run" / "schema.pbtxt"
        schema.write_text(schema.read_text().replace('value: "gold"', 'value: "silver"'))
        begun = len(file.read_text().splitlines())
        done = run(tmp_path, file, "--set", f"schema_file={schema}")
        assert done.returncode == 3, done.stderr
        events = [json.loads(line) for line in file.read_text().splitlines()[begun:]]
        assert states(events, "shop.ExampleGen") == ["START", "COMPLETE"]
        assert states(events, "shop.ExampleValidator") == ["START", "FAIL"]
        assert states(events, "shop") == ["START", "FAIL"]
        assert "gold" in events[-1]["run"]["facets"]["errorMessage"]["message"]
        assert events[-1]["outputs"] == []

    def test_a_server_that_is_lost_in_the_middle_is_one_warning(self, tmp_path):
        with server(accepted=5) as (address, events):
            done = run(tmp_path, address, "--to", "SchemaGen")
        assert done.returncode == 0, done.stderr
        assert [event["job"]["name"] for event in events[3:]] == ["shop.StatisticsGen", "shop.StatisticsGen"]
        assert (done.stdout + done.stderr).count("were not all sent to OpenLineage at http://127.0.0.1") == 1

    def test_a_server_that_is_not_there_is_one_warning(self, tmp_path):
        with server() as (address, _):
            pass
        done = run(tmp_path, address, "--to", "ExampleGen")
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).count("warning: ") == 1


def test_without_its_client_a_run_does_not_start(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    lineage_events.check(Track())
    with pytest.raises(UserError, match=r"openlineage is not installed. Run `make extras EXTRAS=openlineage`"):
        lineage_events.check(Track(openlineage="events.jsonl"))


def test_without_an_address_nothing_is_sent():
    events = lineage_events.LineageEvents(None, None)
    events.started()
    events.stage_ended("ExampleGen", None, ValueError("stopped"))
    events.run_ended(None, ValueError("stopped"))
    assert events.warning == ""


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/data/a.csv", ("file", "/data/a.csv")),
        ("s3://bucket/folder/a.csv", ("s3://bucket", "folder/a.csv")),
    ],
)
def test_files_and_objects_are_named_by_the_rules_of_openlineage(uri, name):
    assert lineage_events._name(uri) == name


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("events.json", "Write it like http://localhost:5000, or give the path of a file FILE.jsonl"),
        ("localhost:5000", "Write it like http://localhost:5000, or give the path of a file FILE.jsonl"),
        ("http://ann:secret@host", "Leave it out, and set OPENLINEAGE_API_KEY"),
    ],
)
def test_a_wrong_address_is_named(address, message):
    with pytest.raises(UserError, match=message) as caught:
        settings.load(files="a.csv", label="late", sets=[f"track.openlineage={address}"])
    assert "track.openlineage" in str(caught.value)
