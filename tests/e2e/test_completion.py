"""The completion scripts, in the shells that they are for, installed as the guide says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import samples
from click.testing import CliRunner

from audience_mock.cli.main import main
from helpers.environment import environment_without
from helpers.terminals import needs_pty, read_until

GUIDE = samples.TOP / "docs/guides/shell.md"
LIMIT_S = 60

CASES = [
    ("audience-mock sna", {"snapshot"}),
    ("audience-mock snapshot ", {"take", "restore", "list", "delete"}),
    ("audience-mock fault add x --stall ", {"before", "in"}),
    ("audience-mock clock advance --t", {"--to"}),
    ("audience-mock serve --auth-mode ", {"lenient", "strict"}),
    ("audience-mock completion ", {"bash", "zsh", "fish"}),
    ("audience-mock check see", {"seed.json"}),
    ("audience-mock serve --seed see", {"seed.json"}),
]
"""What is typed, and all that it may become; the last two are files, which a shell completes itself."""
ONE = [(typed, *completed) for typed, completed in CASES if len(completed) == 1]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a seed file, in which the samples of the guide for all shells have run."""
    (block,) = (each for each in samples.blocks(GUIDE.read_text()) if "completion zsh" in each.code)
    subprocess.run(["bash", "-euc", block.code], cwd=tmp_path, env=variables(tmp_path), check=True)
    (tmp_path / "seed.json").write_text("{}")
    return tmp_path


def variables(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return environment_without("XDG_", "ZDOTDIR", "fish_", HOME=str(home), PATH=path, TERM="dumb")


def run(home: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=home, env=variables(home), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@needs("bash")
@pytest.mark.parametrize(("typed", "completed"), CASES[:-2])
def test_bash(home: Path, typed: str, completed: set[str]) -> None:
    """bash completes commands, flags and allowed values."""
    words = typed.split(" ")
    code = (
        f". {home}/.local/share/bash-completion/completions/audience-mock\n"
        f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}\n"
        "complete -p audience-mock | grep -o -- '-F [a-z_]*'\n"
        "_audience_mock_completion audience-mock\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    function, *replies = run(home, "bash", "-euo", "pipefail", "-c", code).split("\n")
    assert function == "-F _audience_mock_completion"
    assert {*filter(None, replies)} == completed


@needs("fish")
@pytest.mark.parametrize(("typed", "completed"), CASES)
def test_fish(home: Path, typed: str, completed: set[str]) -> None:
    """fish completes commands, flags, allowed values and files."""
    lines = run(home, "fish", "-c", f"complete -C '{typed}'").splitlines()
    assert {line.partition("\t")[0] for line in lines} == completed


@needs("fish")
def test_descriptions_in_fish(home: Path) -> None:
    """fish shows the whole description of a command, with its commas."""
    (line,) = run(home, "fish", "-c", "complete -C 'audience-mock sna'").splitlines()
    help_of_all = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    name, _, description = line.partition("\t")
    assert "," in description
    assert f" {name} {description} " in help_of_all


@needs_pty
@pytest.mark.parametrize(("typed", "completed"), ONE)
@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in ("bash", "zsh")])
def test_a_press_of_tab(home: Path, shell: str, typed: str, completed: str) -> None:
    """bash in a session of the guide's `eval`, and zsh started by its lines of .zshrc, complete what is typed
    at a press of Tab: commands, flags, values and files."""
    import pty

    guide = GUIDE.read_text()
    (of_zsh,) = re.findall(r"`~/\.zshrc`:\n+```sh.*?\n(.*?)```", guide, flags=re.DOTALL)
    (of_bash,) = re.findall(r'`(eval "\$\(audience-mock completion bash\)")`', guide)
    (home / ".zshrc").write_text(f"{of_zsh}PS1='%% '\n")
    (home / ".bashrc").write_text(f"{of_bash}\nPS1='% '\n")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [shell, "-i"],
        cwd=home,
        env=variables(home),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            read_until(ours, "% ")
            os.write(ours, f"{typed}\t".encode())
            line = f"{typed.rpartition(' ')[0]} {completed} "
            assert line in read_until(ours, line)
        finally:
            process.kill()
            os.close(ours)
