"""A wrong setting refuses to start and says which; an unwise one is told by `manage.py check`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.checks import check_access, check_parts_cache

ROOT = Path(__file__).resolve().parents[2]
LONG = "x" * 50


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` in a process of its own."""
    sound = {"PATH": os.environ["PATH"], "SECRET_KEY": LONG, "DATABASE_URL": "sqlite:///:memory:"}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**sound, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_sound_settings_start():
    assert check().returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DEBUG", "perhaps", "DEBUG is 'perhaps'; it must be true or false."),
        ("SECRET_KEY", "", "SECRET_KEY is not set"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud'; it must be one of DEBUG, INFO"),
        ("API_ACCESS", "public", "API_ACCESS is 'public'; it must be one of open, private."),
        ("PARTS_CACHE_BYTES", "4 GB", "PARTS_CACHE_BYTES must be a whole number"),
        ("SANDBOX_WALL_SECONDS", "0", "SANDBOX_WALL_SECONDS is 0; it must be greater than 0."),
        ("SANDBOX_ISOLATION", "docker", "SANDBOX_ISOLATION is 'docker'"),
        ("DATABASE_URL", "mysql://u:secret@h/db", "DATABASE_URL names mysql; Exemplar runs on sqlite and postgres."),
        ("DATABASE_URL", "nonsense", "DATABASE_URL can't be read"),
    ],
)
def test_a_wrong_setting_refuses_to_start_and_says_why(name, value, message):
    outcome = check(**{name: value})
    assert outcome.returncode != 0
    assert message in outcome.stderr
    assert "secret" not in outcome.stderr.lower().replace("secret_key", "")


@pytest.mark.parametrize("hosts", [["127.0.0.1", "localhost", "[::1]", "127.0.0.2"], []])
def test_debug_on_this_machine_alone_is_wise(settings, hosts):
    settings.DEBUG, settings.ALLOWED_HOSTS = True, hosts
    assert check_access() == []


@pytest.mark.parametrize("host", ["*", "example.org", "10.0.0.1", "0.0.0.0"])
def test_debug_for_others_is_unwise(settings, host):
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["127.0.0.1", host]
    (warning,) = check_access()
    assert warning.id == "exemplar.W001"
    assert host in warning.msg


def test_a_short_secret_and_an_api_that_seems_open_are_unwise_in_production(settings):
    settings.DEBUG, settings.SECRET_KEY, settings.API_ACCESS = False, "short", "open"
    assert [warning.id for warning in check_access()] == ["exemplar.W002", "exemplar.W003"]
    settings.SECRET_KEY, settings.API_ACCESS = LONG, "private"
    assert check_access() == []


def test_a_cache_that_can_not_be_written_is_an_error(settings, tmp_path):
    settings.PARTS_CACHE_DIR = tmp_path / "made" / "later"
    assert check_parts_cache() == []
    (tmp_path / "file").write_text("")
    settings.PARTS_CACHE_DIR = tmp_path / "file" / "parts"
    assert [error.id for error in check_parts_cache()] == ["exemplar.E001"]
