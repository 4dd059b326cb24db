"""Configuration files: what is wrong with one is told by file and field, and never with what may be a secret."""

from pathlib import Path
from typing import Any

import pytest

from unit.bridges.samples import KINDS, written
from wattswitch.bridges.config import read_config, unreadable_files
from wattswitch.bridges.kinds import load
from wattswitch.bridges.mqtt import Mqtt
from wattswitch.bridges.webhook import Webhook
from wattswitch.errors import SpecInvalid

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        ("webhook", {"programme": "x"}, "programme: is not a known field: check its spelling, or remove it"),
        ("webhook", {"secretFiles": None}, "secretFiles: is required: add it"),
        ("webhook", {"secretFiles": []}, "secretFiles: has too few entries: use at least 1"),
        ("webhook", {"secretFiles": ["secret"]}, 'secretFiles[0]: "secret" has the wrong form'),
        ("webhook", {"program": ""}, "program: is too short: use at least 1 characters"),
        ("webhook", {"path": "events"}, 'path: "events" has the wrong form'),
        ("mqtt", {"silentSeconds": "240"}, 'silentSeconds: must be a whole number without quotes, not "240"'),
        ("mqtt", {"silentSeconds": 0}, "silentSeconds: 0 is too low: use 1 or more"),
        ("mqtt", {"silent_seconds": 240}, "silent_seconds: is not a known field"),
        ("mqtt", {"url": f"mqtt://me:{SECRET}@broker"}, "url: this URL has the wrong form"),
        ("mqtt", {"topic": "sites/#"}, 'topic: "sites/#" has the wrong form'),
        ("mqtt", {"password": SECRET}, "password: is not a known field"),
        ("openadr2b", {"urgency": "Firm"}, "urgency: is not a known field"),
        ("openadr3", {"version": 3.1}, "version: 3.1 is not allowed: use '3.0.1' or '3.1'"),
        ("openadr3", {"understood": {"levels": {"simple": {4: {"all": True}}}}}, "understood.levels.simple"),
        (
            "openadr3",
            {"understood": {"levels": {"simple": {1: {"all": True, "toWatts": 1}}}}},
            "understood.levels.simple",
        ),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, kind: str, fields: dict[str, Any], problem: str) -> None:
    file = written(tmp_path, kind, **fields)
    with pytest.raises(SpecInvalid) as caught:
        read_config(file, load(kind).spec)
    assert f"{file}: {problem}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_every_wrong_field_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid) as caught:
        read_config(written(tmp_path, "mqtt", extra=1, flipSeconds=-1, topic=None), Mqtt)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must be one block of fields"),
        (b"- program: ers", "must be one block of fields"),
        (b"a: 1\n---\nb: 2\n", "must be one block of fields"),
        (b"program: ers\npassword: [hunter2\n", r", line \d: is not YAML"),
        (b"\xff\xfe", "is not text"),
    ],
)
def test_what_is_no_configuration_says_why(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_bytes(content)
    with pytest.raises(SpecInvalid, match=problem) as caught:
        read_config(file, Webhook)
    assert SECRET not in str(caught.value)


def test_files_that_are_not_there_are_told_by_field_and_are_no_error(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_text(SECRET)
    spec = read_config(written(tmp_path, "webhook", secretFiles=[str(there), str(missing)]), Webhook)
    assert list(unreadable_files(spec)) == [
        f"secretFiles: {missing} can't be read (No such file or directory): make it readable, or name another file"
    ]
    mqtt = read_config(written(tmp_path, "mqtt", passwordFile=str(missing), usernameFile=None), Mqtt)
    assert [problem.split(":")[0] for problem in unreadable_files(mqtt)] == ["passwordFile"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_names_only_files_that_are_looked_at(tmp_path: Path, kind: str) -> None:
    spec = read_config(written(tmp_path, kind), load(kind).spec)
    told = {problem.split(":")[0] for problem in unreadable_files(spec)}
    assert told == {
        info.alias
        for name, info in type(spec).model_fields.items()
        if "File" in str(info.alias) and getattr(spec, name)
    }
