"""Settings: where a value comes from, what an invalid one reports, and how they are grouped."""

import re
from typing import Any

import pytest

from audience_mock.core.errors import InvalidSettingsError
from audience_mock.settings import (
    GROUPS,
    Settings,
    WorldSettings,
    check_world_settings,
    group_of,
    metavar_of,
    variable_of,
)


@pytest.mark.parametrize(
    ("given", "says", "setting"),
    [
        ({"prt": 1}, "prt: unknown setting 'prt', did you mean 'port'?", "prt"),
        ({"port": 70000}, "port: must be a whole number from 0 to 65535 (given: 70000)", "port"),
        (
            {"build_delay_s": "soon"},
            "build_delay_s: must be a number from 0 to 1000000000 (given: 'soon')",
            None,
        ),
        ({"max_upload_bytes": 0}, "max_upload_bytes: must be a whole number, 1 or more (given: 0)", None),
        ({"match_rate": "nan"}, "match_rate: must be a number from 0 to 1 (given: 'nan')", None),
        ({"auth_mode": "Strict"}, "auth_mode: must be one of 'lenient', 'strict' (given: 'Strict')", None),
        (
            {"pinterest_contract": "5.29"},
            "pinterest_contract: must be one of '5.18', '5.23', '5.28' (given: '5.29')",
            None,
        ),
        (
            {"pinterest_create_status": "204"},
            "pinterest_create_status: must be one of 201, 200 (given: 204)",
            None,
        ),
        (
            {"audience_ready": "soon"},
            "audience_ready: must be one of 'after_delay', 'at_once', 'after_reads:N', 'by_hand', 'failed'"
            " (given: 'soon')",
            None,
        ),
        ({"request_faults": "maybe"}, "request_faults: must be true or false (given: 'maybe')", None),
        ({"host": ""}, "host: must not be empty (given: '')", None),
        (
            {"admin_token": "short"},
            "admin_token: must be 8 or more ASCII characters without spaces",
            None,
        ),
        (
            {"trusted_proxies": "127.0.0.1, 10.0.0.1/8"},
            "trusted_proxies: must be addresses or networks such as 127.0.0.1,10.0.0.0/8: not '10.0.0.1/8'"
            " (given: '127.0.0.1, 10.0.0.1/8')",
            None,
        ),
        ({"cors_origins": [1]}, "cors_origins.0: must be a string (given: 1)", "cors_origins"),
    ],
)
def test_an_invalid_setting_is_explained(given: dict[str, Any], says: str, setting: str | None) -> None:
    """An invalid setting is reported by its name, with all that it takes and the value."""
    with pytest.raises(InvalidSettingsError) as error:
        Settings(**given)
    assert str(error.value) == says
    assert error.value.setting == (setting or next(iter(given)))


def test_an_invalid_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value from the environment is reported by its variable; an argument takes its place."""
    monkeypatch.setenv("AUDIENCE_MOCK_PORT", "eight")
    with pytest.raises(InvalidSettingsError) as error:
        Settings()
    assert str(error.value) == "AUDIENCE_MOCK_PORT: must be a whole number from 0 to 65535 (given: 'eight')"
    assert error.value.setting == "port"
    assert Settings(port=1).port == 1


def test_a_world_has_fewer_settings() -> None:
    """A setting of the server is none of a world, and the settings that a world has are listed."""
    check_world_settings({"build_delay_s": 0, "pinterest_create_status": "200"})
    with pytest.raises(InvalidSettingsError) as error:
        check_world_settings({"port": 1})
    known = ", ".join(WorldSettings.model_fields)
    assert str(error.value) == f"settings.port: unknown setting 'port' (known: {known})"
    with pytest.raises(InvalidSettingsError, match=r"^settings\.match_rate: must be a number from 0 to 1 \("):
        check_world_settings({"match_rate": 2})


def test_each_setting_has_a_group_and_a_placeholder() -> None:
    """Each setting is in one of the groups, each group has one, and a value that is no choice has a name."""
    assert {group_of(name) for name in Settings.model_fields} == set(GROUPS)
    assert variable_of("build_delay_s") == "AUDIENCE_MOCK_BUILD_DELAY_S"
    for name, field in Settings.model_fields.items():
        is_choice = field.annotation is bool or "Literal" in str(field.annotation)
        assert (metavar_of(name) is None) == is_choice, name
        assert re.fullmatch(r"[A-Z].*\.", field.description or ""), name


@pytest.mark.parametrize(
    "url",
    ["", "host/mock", "ftp://host", "https://", "https://host/a//b", "https://host/?a", "https://a@b/", "/x"],
)
def test_a_public_url_is_a_base_url(url: str) -> None:
    """What no path can be added to is no public URL."""
    with pytest.raises(InvalidSettingsError, match="public_url: "):
        Settings(public_url=url)


def test_a_public_url_needs_no_last_slash() -> None:
    """A slash at its end makes no difference."""
    for url in ("https://host", "https://host:8443/mock", "http://[::1]:8000/a/b"):
        assert Settings(public_url=url).public_url == Settings(public_url=f"{url}/").public_url == url
