"""The image without an engine: what its files promise, and their steps run in an empty folder."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
import yaml

from audience_mock.settings import ENVIRONMENT_PREFIX, Settings
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

TOP = Path(__file__).parents[2]
COPIED_PER_STAGE = re.compile(r"--from=(\w+)")
LIMIT_S = 300
"""Seconds that one step of the build may take; they are spent on a slow network only."""


@dataclass
class Stage:
    """A stage of the Dockerfile: its base, and its instructions in their order."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [rest for given, rest in self.instructions if given == keyword]

    def one(self, keyword: str) -> str:
        (rest,) = self.all(keyword)
        return rest

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for rest in self.all("ENV") for pair in shlex.split(rest))


def read_dockerfile() -> list[Stage]:
    text = "\n".join(line for line in (TOP / "Dockerfile").read_text().splitlines() if line[:1] != "#")
    stages: list[Stage] = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        keyword, rest = line.split(None, 1)
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].instructions.append((keyword, rest))
    return stages


def read_compose() -> dict[str, Any]:
    """As it is where the environment names none of its variables."""
    text = re.sub(r"\$\{\w+:-(\w*)\}", r'"\1"', (TOP / "compose.yaml").read_text())
    found: dict[str, Any] = yaml.safe_load(text)
    return found


BUILD, FINAL = read_dockerfile()
SERVICE: dict[str, Any] = read_compose()["services"]["audience-mock"]


def goes_to_the_build(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last line that fits it, or a folder of it, decides."""
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    goes = True
    for line in (TOP / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, parent) for parent in parents):
            goes = line.startswith("!")
    return goes


def copied() -> list[str]:
    """What the Dockerfile takes from the tree."""
    return [
        source
        for stage in (BUILD, FINAL)
        for rest in stage.all("COPY")
        if not COPIED_PER_STAGE.search(rest)
        for source in rest.split()[:-1]
    ]


# What the files say


def test_two_stages() -> None:
    """It is built in one stage and run in another, of the same slim base, which downloads nothing."""
    assert BUILD.name == "build"
    assert BUILD.base == FINAL.base
    assert re.fullmatch(r"python:3\.1[1-9]-slim", FINAL.base)
    assert {COPIED_PER_STAGE.findall(rest)[0] for rest in FINAL.all("COPY")} == {"build"}
    assert not any(re.search(r"\bpip\b|\bapt", rest) for rest in FINAL.all("RUN"))


def test_locked() -> None:
    """All that is downloaded is locked with hashes; the wheel brings nothing along."""
    installs = [step for rest in BUILD.all("RUN") for step in rest.split("&&") if " install " in step]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes -r " in step or "--no-deps --no-index dist/*.whl" in step
    assert any(" --require-hashes -r requirements.lock" in step for step in installs)


def test_bytecode() -> None:
    """What is run is compiled, the standard library too, and that of the Python which the base has."""
    assert re.search(r"-m compileall .*/opt/audience-mock/lib$", BUILD.all("RUN")[-1])
    version = FINAL.base.removeprefix("python:").removesuffix("-slim")
    assert FINAL.one("RUN").endswith(f" /usr/local/lib/python{version}")


def test_nothing_secret_nothing_fetched() -> None:
    """No instruction adds a URL, takes an argument, pipes a script or holds a secret."""
    keywords = {keyword for stage in (BUILD, FINAL) for keyword, _ in stage.instructions}
    assert keywords <= {*("ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER"), "EXPOSE", *_STARTING}
    text = (TOP / "Dockerfile").read_text() + (TOP / "compose.yaml").read_text()
    # Named, and given by whoever starts it.
    text = text.replace("for a token: give one by AUDIENCE_MOCK_ADMIN_TOKEN=…", "")
    text = text.replace("AUDIENCE_MOCK_ADMIN_TOKEN: ${AUDIENCE_MOCK_ADMIN_TOKEN:-}", "")
    assert not re.search(r"(?i)secret|token|passw|_key|curl|wget|https://", text)


_STARTING = ("HEALTHCHECK", "ENTRYPOINT", "CMD")


def test_user() -> None:
    """It runs as a user by number who is not root, in the group of the same number, and owns /data."""
    user, group = FINAL.one("USER").split(":")
    assert user == group
    assert int(user) >= 10_000
    assert f"--from=build --chown={user}:{group} /data /data" in FINAL.all("COPY")
    order = [keyword for keyword, _ in FINAL.instructions]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert "RUN" not in order[order.index("USER") :]


def test_one_process() -> None:
    """ENTRYPOINT and CMD are in exec form: the command is the process that gets the signals."""
    assert json.loads(FINAL.one("ENTRYPOINT")) == ["audience-mock"]
    assert json.loads(FINAL.one("CMD")) == ["serve"]


def test_health_check() -> None:
    """The health check is `audience-mock wait` on the port of the variable; it ends before Docker ends it."""
    flags, _, check = FINAL.one("HEALTHCHECK").partition(" CMD ")
    assert check.split()[:3] == ["audience-mock", "wait", '"http://127.0.0.1:${AUDIENCE_MOCK_PORT}"']
    timeout_s = re.search(r"--timeout=([0-9]+)s", flags)
    waits_s = re.search(r"--timeout-s ([0-9.]+)", check)
    assert timeout_s
    assert waits_s
    assert float(waits_s[1]) < float(timeout_s[1])


def test_settings() -> None:
    """The image and compose.yaml set what is a setting, to values that are right; the port is exposed."""
    given = FINAL.environment | SERVICE["environment"]
    values = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in given.items()
        if name.startswith(ENVIRONMENT_PREFIX) and value
    }
    assert values.keys() <= Settings.model_fields.keys()
    settings = Settings(**values)
    assert settings.host == "0.0.0.0"
    assert settings.request_faults is False, "whoever reaches a container could ask for faults"
    assert str(settings.port) == FINAL.one("EXPOSE")


def test_ignored() -> None:
    """The build gets what is copied, and neither the history, environments, caches nor stores of a desk."""
    for source in copied():
        assert (TOP / source).exists()
        assert goes_to_the_build(source), source
    assert goes_to_the_build("app/audience_mock/core/world.py")
    kept_out = (
        ".git/config",
        ".venv/bin/python",
        ".env",
        "tests/conftest.py",
        "audiences.db",
        "app/a.db-wal",
    )
    caches = (".mypy_cache/x", "app/audience_mock/__pycache__/cli.cpython-313.pyc", "dist/x.whl")
    assert [path for path in (*kept_out, *caches) if goes_to_the_build(path)] == []


def test_compose() -> None:
    """compose.yaml runs this image for this machine only, with a store in the volume and nothing to gain."""
    assert SERVICE["build"] == "."
    assert SERVICE["ports"] == [f"127.0.0.1:8000:{FINAL.one('EXPOSE')}"]
    volume, _, mounted = SERVICE["volumes"][0].partition(":")
    assert volume in read_compose()["volumes"]
    database = SERVICE["environment"]["AUDIENCE_MOCK_DATABASE"]
    assert Path(database.removeprefix("sqlite:///")).parent == Path(mounted) == Path(FINAL.one("WORKDIR"))
    assert SERVICE["read_only"] is True
    assert SERVICE["tmpfs"] == ["/tmp"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["environment"]["AUDIENCE_MOCK_ADMIN_TOKEN"] == "", "without a token /__admin stays closed"
    assert not SERVICE.keys() & {"healthcheck", "privileged", "user", "command", "entrypoint", "cap_add"}


# What the steps make


class Image:
    """The Dockerfile's instructions, run in a folder that stands for its root.

    The base image is an empty virtual environment of this Python. Both stages have the same root, one
    after the other, so that paths written into files hold. Owners are not changed.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._base = folder / "base"
        self._stages: dict[str, Path] = {}
        self._folder = folder
        self._context = folder / "context"
        subprocess.run([sys.executable, "-m", "venv", self._base], check=True)
        for source in copied():
            target = self._context / source
            target.parent.mkdir(parents=True, exist_ok=True)
            if (TOP / source).is_dir():
                shutil.copytree(TOP / source, target, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))
            else:
                shutil.copy2(TOP / source, target)

    def build(self, stage: Stage) -> None:
        self.environment = {"PATH": f"{self._base}/bin:/usr/bin:/bin", "HOME": str(self._folder / "home")}
        # What a desk needs to reach its registry; a download is tried twice at most.
        reach = re.compile(r"PIP_.*|(?i:https?_proxy|no_proxy)|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")
        self.environment |= {name: value for name, value in os.environ.items() if reach.fullmatch(name)}
        self.environment["PIP_RETRIES"] = "1"
        self.root.mkdir()
        (self.root / "usr/local/lib").mkdir(parents=True)
        (self.root / "usr/local/lib" / FINAL.base[:-5].replace(":", "")).mkdir()
        self.workdir = self.root
        for keyword, rest in stage.instructions:
            match keyword:
                case "WORKDIR":
                    self.workdir = Path(self.placed(rest))
                    self.workdir.mkdir(parents=True, exist_ok=True)
                case "ENV":
                    for pair in shlex.split(rest):
                        name, _, value = pair.partition("=")
                        expanded = self.placed(value).replace("$PATH", self.environment["PATH"])
                        self.environment[name] = expanded
                case "COPY":
                    self._copy(rest)
                case "RUN":
                    self._run(self.placed(rest))
        if stage.name:
            self._stages[stage.name] = self.root.rename(self._folder / stage.name)

    def placed(self, text: str) -> str:
        """The same with the absolute paths under this root."""
        return re.sub(r"""(?<![\w.:"/}])/(?=(opt|src|data|usr)\b)""", f"{self.root}/", text)

    def _copy(self, rest: str) -> None:
        stage = COPIED_PER_STAGE.search(rest)
        *sources, target = (part for part in rest.split() if not part.startswith("--"))
        for source in sources:
            origin = self._context / source if stage is None else self._stages[stage[1]] / source[1:]
            place = Path(self.placed(target)) if target.startswith("/") else self.workdir / target
            if origin.is_dir():
                shutil.copytree(origin, place, symlinks=True, dirs_exist_ok=True)
            else:
                place = place / origin.name if target.endswith("/") else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, place)

    def _run(self, command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.workdir,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode:
            said = done.stdout + done.stderr
            if re.search(r"NameResolution|NewConnection|ConnectTimeout|Max retries", said):
                _without_a_registry()
            pytest.fail(f"{command}\n{said}")


def _without_a_registry() -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail("CI has to reach the package registry")
    pytest.skip("the package registry cannot be reached")


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of all files."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


# The slow one, up to a minute: it downloads what the image has.
@pytest.mark.ci
def test_slow_build_and_run(tmp_path: Path) -> None:
    """What the Dockerfile builds starts as it says, is healthy, creates on both APIs, writes only where it
    may, and ends with 0 on SIGTERM."""
    image = Image(tmp_path)
    image.build(BUILD)
    image.build(FINAL)
    root, data, temporary = image.root, image.root / "data", tmp_path / "tmp"
    temporary.mkdir()
    packages = next((root / "opt/audience-mock/lib").glob("python3*/site-packages"))
    modules = set((packages / "audience_mock").rglob("*.py"))
    compiled = {path.parents[1] / f"{path.name.partition('.')[0]}.py" for path in packages.rglob("*.pyc")}
    assert {packages / "audience_mock/app.py", packages / "audience_mock/cli/main.py"} <= modules
    assert modules <= compiled
    assert (packages / "audience_mock/worlds/demo.json").is_file()
    assert not list(packages.glob("pip*"))
    before = listing(root)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink() and data not in (path, *path.parents):
            path.chmod(path.stat().st_mode & ~0o222)

    environment = image.environment | SERVICE["environment"]
    environment |= {"TMPDIR": str(temporary), "HOME": str(tmp_path / "home"), "AUDIENCE_MOCK_PORT": "0"}
    # On every address only in a container.
    environment["AUDIENCE_MOCK_HOST"] = "127.0.0.1"
    environment["AUDIENCE_MOCK_DATABASE"] = f"sqlite:///{data}/audiences.db"
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        server = subprocess.Popen(
            [*json.loads(FINAL.one("ENTRYPOINT")), *json.loads(FINAL.one("CMD"))],
            executable=shutil.which(json.loads(FINAL.one("ENTRYPOINT"))[0], path=environment["PATH"]),
            cwd=image.workdir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        end = time.monotonic() + 30
        while not (said := (tmp_path / "out").read_text()).endswith("\n"):
            assert server.poll() is None, (tmp_path / "err").read_text()
            assert time.monotonic() < end
            time.sleep(0.01)
        url = said.split()[-1]
        environment["AUDIENCE_MOCK_PORT"] = url.rpartition(":")[2]
        check = FINAL.one("HEALTHCHECK").partition(" CMD ")[2]
        assert subprocess.run(["/bin/sh", "-c", check], env=environment, check=False).returncode == 0
        made = httpx.post(
            f"{url}/v5/ad_accounts/{AD_ACCOUNT}/audiences",
            json={"name": "n", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}},
            headers=PINTEREST_TOKEN,
        )
        assert made.status_code == 201, made.text
        fields = {"fb_ad_account_id": "107", "name": "n", "user_type": "fbid"}
        # Large enough for a temporary file.
        users = b"".join(b"%d\n" % number for number in range(300_000))
        uploaded = httpx.post(
            f"{url}/custom_audiences", data=fields, files={"file": users}, headers=PITCHTARGET_TOKEN
        )
        assert uploaded.status_code == 201, uploaded.text
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT_S) == 0
        assert (tmp_path / "err").read_text() == ""
        # With the port that nobody listens on any more, the check fails.
        assert subprocess.run(["/bin/sh", "-c", check], env=environment, check=False).returncode == 1
    finally:
        server.kill()
        server.wait()
        for path in [root, *root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
    after = listing(root)
    assert after.keys() - before.keys() == {"data/audiences.db"}
    assert {name: after[name] for name in before} == before
    assert not list(temporary.iterdir())
    assert not (tmp_path / "home").exists()
