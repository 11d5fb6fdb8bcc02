"""The plugin by which a test that leaves its process changed fails."""

import logging
from pathlib import Path

import pytest

from helpers.pytest_runs import Project, outcomes

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parents[1]


@pytest.fixture
def watched(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Runs in a process of its own, which finds the plugin."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("PYTEST_PLUGINS", "helpers.leftovers")
    return project


def test_what_a_test_leaves_behind_fails_it(watched: Project) -> None:
    """The error is that of the test itself, at its end, and says what is changed."""
    watched.write(
        test_leaves="""
            import os, signal, sys

            def test_a_variable(): os.environ["LEFT"] = "behind"
            def test_a_folder(): os.chdir("/")
            def test_a_path(): sys.path.append("/nowhere")
            def test_a_handler(): signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            def test_nothing(): pass
        """
    )
    ran = watched.start()
    assert outcomes(ran) == {"passed": 5, "errors": 4}
    ran.stdout.fnmatch_lines(["*the test leaves changes behind (before, after): {'LEFT': (None, 'behind')}*"])


def test_the_level_of_the_log_is_taken_back(watched: Project) -> None:
    """A command that runs in the process of a test sets it; the next test has it as it was."""
    watched.write(
        test_log=f"""
            import logging

            log = logging.getLogger("audience_mock")

            def test_a_command():
                log.setLevel({logging.CRITICAL})

            def test_another():
                assert log.level != {logging.CRITICAL}
        """
    )
    assert outcomes(watched.start()) == {"passed": 2}
