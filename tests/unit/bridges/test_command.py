"""`wattswitch bridge`: what is wrong with its command line, and a bridge that prints, as a process."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unit.bridges.bridge_process import PATIENCE_SECONDS, SECRET, Bridge
from unit.bridges.samples import KINDS, written
from unit.test_cli import KUBECONFIG
from wattswitch.cli import main
from wattswitch.cli.bridge import KINDS as NAMED


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["bridge", *arguments])


def run_apart(*arguments: str) -> tuple[int, str]:
    """Exit code and log of one that gets as far as to configure the logs of its process."""
    command = [sys.executable, "-m", "wattswitch", "bridge", "webhook", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    return done.returncode, done.stderr


def test_the_command_knows_every_kind() -> None:
    assert NAMED == KINDS


@pytest.mark.parametrize("arguments", [[], ["soap"], ["mqtt"], ["mqtt", "--budget", "west"]], ids=str)
def test_what_is_missing_is_told(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, "Traceback" in result.output) == (2, False)


@pytest.mark.parametrize("arguments", [["--budget", "West Texas"], ["--budget", ""], ["--port", "0"]], ids=str)
def test_what_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    result = run("webhook", "--budget", "west", "--config", str(written(tmp_path, "webhook")), *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_a_wrong_configuration_is_told_by_its_field(tmp_path: Path) -> None:
    result = run("webhook", "--budget", "west", "--config", str(written(tmp_path, "webhook", programme="ers")))
    assert result.exit_code == 1
    assert "webhook.yaml: programme: is not a known field" in result.output


@pytest.mark.parametrize(("kind", "library"), [("openadr3", "toadr3"), ("openadr2b", "openleadr"), ("mqtt", "aiomqtt")])
def test_a_missing_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    for loaded in [name for name in sys.modules if name.startswith(f"wattswitch.bridges.{kind}")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, library, None)
    result = run(kind, "--budget", "west", "--config", str(written(tmp_path, kind)))
    assert result.exit_code == 1
    assert result.output == f"Error: the {kind} bridge needs {library}: pip install 'wattswitch[bridges]'\n"


def test_the_webhook_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("toadr3", "openleadr", "aiomqtt"):
        monkeypatch.setitem(sys.modules, library, None)
    result = run("webhook", "--budget", "west", "--config", str(written(tmp_path, "webhook", path="no")))
    assert "path:" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file; pass --kubeconfig or set KUBECONFIG"), ("a: [", "no usable cluster credentials")],
)
def test_a_cluster_that_can_not_be_found_is_told(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    config = str(written(tmp_path, "webhook"))
    code, log = run_apart("--budget", "west", "--config", config, "--kubeconfig", str(file))
    assert (code, "Traceback" in log) == (2, False)
    assert message in log


@pytest.fixture
def dry(tmp_path: Path) -> Iterator[Bridge]:
    """A webhook that prints."""
    (tmp_path / "secret").write_text(SECRET)
    config = written(tmp_path, "webhook", secretFiles=[str(tmp_path / "secret")])
    bridge = Bridge(tmp_path, "webhook", "--config", str(config), "--budget", "west-texas", "--dry-run")
    bridge.await_up()
    yield bridge
    bridge.kill()


def test_a_dry_run_prints_needs_no_cluster_and_ends_when_told(dry: Bridge) -> None:
    assert dry.post({"reference": "1", "limit": {"toWatts": 5}})[0] == 202
    assert dry.post({"reference": "1", "cancelled": True})[0] == 202
    assert [(raw["kind"], raw["spec"]["limit"], raw["spec"]["cancelled"]) for raw in dry.printed] == [
        ("CurtailmentEvent", {"toWatts": 5}, False),
        ("CurtailmentEvent", {"toWatts": 5}, True),
    ]
    assert [dry.ask("GET", f"/{path}")[0] for path in ("limit", "price", "curve")] == [503] * 3
    assert [dry.ask("GET", f"/{path}") for path in ("healthz", "readyz")] == [(200, "ok")] * 2
    assert dry.stop() == 0
    assert "told to stop" in dry.log


def test_a_port_that_is_taken_is_told(dry: Bridge, tmp_path: Path) -> None:
    config = str(tmp_path / "webhook.yaml")
    code, log = run_apart("--config", config, "--budget", "west", "--dry-run", "--port", str(dry.port))
    assert (code, "Traceback" in log) == (1, False)
    assert f"127.0.0.1:{dry.port} can't be listened at" in log


def test_a_cluster_that_does_not_answer_keeps_no_bridge_from_running(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    config = written(tmp_path, "webhook", secretFiles=[str(tmp_path / "missing")])
    bridge = Bridge(
        tmp_path,
        *("webhook", "--config", str(config), "--budget", "west", "--kubeconfig", str(tmp_path / "kubeconfig")),
    )
    try:
        bridge.await_up()
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while bridge.ask("GET", "/readyz")[0] != 503:
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        assert bridge.ask("GET", "/healthz") == (
            200,
            "events: NotPublished: the event could not be published (ApiUnreachable)",
        )
        assert bridge.post({"reference": "1", "limit": {"toWatts": 5}})[1]["reason"] == "SecretUnreadable"
        assert bridge.stop(signal.SIGINT) == 0
        assert f"secretFiles: {tmp_path / 'missing'} can't be read" in bridge.log
        assert "Traceback" not in bridge.log
    finally:
        bridge.kill()


@pytest.mark.parametrize(
    ("kind", "fields", "problem", "printed"),
    [
        ("openadr3", {"vtnUrl": "http://127.0.0.1:1"}, "vtn: SecretUnreadable: ", []),
        ("openadr2b", {"vtnUrl": "https://127.0.0.1:1"}, "vtn: SecretUnreadable: ", []),
        ("mqtt", {"url": "mqtt://127.0.0.1:1"}, "broker: SecretUnreadable: ", [{"all": True}]),
    ],
)
def test_every_kind_runs_without_its_peer_and_says_so(
    tmp_path: Path, kind: str, fields: dict[str, str], problem: str, printed: list[dict[str, bool]]
) -> None:
    config = written(tmp_path, kind, **fields)
    bridge = Bridge(tmp_path, kind, "--config", str(config), "--budget", "west-texas", "--dry-run")
    try:
        bridge.await_up()
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while problem not in bridge.ask("GET", "/healthz")[1]:
            assert time.monotonic() < ends_at, bridge.ask("GET", "/healthz")
            time.sleep(0.05)
        assert [raw["spec"]["limit"] for raw in bridge.printed] == printed
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log
    finally:
        bridge.kill()
