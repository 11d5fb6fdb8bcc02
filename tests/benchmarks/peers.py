"""Other mock servers, each given the request closest to our workload; installed once, from lock files.

Prism serves this project's own description of Pinterest's API and returns its examples. json-server and
Mockoon store the same audiences and accept any. moto stores them as items of a DynamoDB table.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from benchmarks import exchanges
from benchmarks.exchanges import ACCOUNT, CREATE, FIRST_ID, GET, LIST, NEW_AUDIENCE, PAGE_SIZE, Request, post
from benchmarks.processes import ROOT, BenchError, ask
from benchmarks.servers import Server

PRISM, JSON_SERVER, MOCKOON, MOTO = "prism", "json-server", "mockoon", "moto"
NAMES = (PRISM, JSON_SERVER, MOCKOON, MOTO)
TITLES = {
    PRISM: "Prism, examples",
    JSON_SERVER: "json-server",
    MOCKOON: "Mockoon, data bucket",
    MOTO: "moto, DynamoDB",
}
LOCKS = Path(__file__).with_name("peers")
INSTALL_WITHIN_S = 900
BATCH = 25
"""Items that DynamoDB takes in one BatchWriteItem."""


def peers(names: tuple[str, ...], cache: Path) -> list[Server]:
    """The peers of these names, installed into `cache`. Raises BenchError."""
    found = []
    if {PRISM, JSON_SERVER, MOCKOON} & set(names):
        modules = _install_from_npm(cache / "npm")
        makers = {PRISM: _prism, JSON_SERVER: _json_server, MOCKOON: _mockoon}
        found += [make(modules) for name, make in makers.items() if name in names]
    if MOTO in names:
        found.append(_moto(_install_moto(cache / "moto")))
    return found


def versions() -> dict[str, str]:
    """The installed versions, from the files that pin them."""
    pinned = dict(json.loads((LOCKS / "package.json").read_text())["dependencies"])
    (moto,) = (line for line in (LOCKS / "moto.in").read_text().splitlines() if line.startswith("moto"))
    return {**pinned, "moto": moto.partition("==")[2]}


def _install_from_npm(folder: Path) -> Path:
    files = (LOCKS / "package.json", LOCKS / "package-lock.json")
    _node()
    if _needs_install(folder, *files):
        npm = shutil.which("npm")
        if npm is None:
            raise BenchError("npm is missing: the peers need Node.js 18.20 or newer with npm")
        for file in files:
            shutil.copy(file, folder)
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        _mark_installed(folder, *files)
    return folder / "node_modules"


def _install_moto(folder: Path) -> Path:
    lock = LOCKS / "moto.lock"
    if _needs_install(folder, lock):
        venv.create(folder / "venv", with_pip=True, clear=True)
        pip = [str(folder / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        _run([*pip, "install", "--require-hashes", "-r", str(lock)], folder)
        _mark_installed(folder, lock)
    return folder / "venv"


def _needs_install(folder: Path, *locks: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "installed"
    return not done.exists() or done.read_text() != _digest(*locks)


def _mark_installed(folder: Path, *locks: Path) -> None:
    (folder / "installed").write_text(_digest(*locks))


def _digest(*locks: Path) -> str:
    content = sys.version.encode() + b"".join(lock.read_bytes() for lock in locks)
    return hashlib.sha256(content).hexdigest()


def _run(command: list[str], folder: Path) -> None:
    print(
        f"  installing into {folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder}", flush=True
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    }
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_WITHIN_S,
        )
    except subprocess.CalledProcessError as error:
        output = (error.stderr or error.stdout).strip().splitlines()
        raise BenchError(f"{' '.join(command[:3])} failed: {output[-1] if output else 'no output'}") from None


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise BenchError("node is missing: the peers need Node.js 18.20 or newer (or choose --server)")
    return node


def _node_files(modules: Path) -> tuple[Path, ...]:
    return (Path(_node()).resolve(), modules)


def _prism(modules: Path) -> Server:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        description = str(ROOT / "openapi/pinterest.json")
        where = ["--port", str(port), "--host", "127.0.0.1"]
        return [_node(), str(modules / ".bin/prism"), "mock", *where, "--verboseLevel", "error", description]

    # Prism ignores the base path of the description's servers.
    calls = {
        workload: Request(ours.method, ours.path.removeprefix("/v5"), ours.headers, ours.body)
        for workload, ours in exchanges.OURS.items()
        if workload in (GET, LIST, CREATE)
    }
    return Server(PRISM, command, calls, calls[LIST], files=_node_files(modules))


def _json_server(modules: Path) -> Server:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        database = own / "db.json"
        database.write_text(exchanges.compact({"audiences": exchanges.items(audiences)}))
        where = ["--port", str(port), "--host", "127.0.0.1"]
        return [_node(), str(modules / ".bin/json-server"), "--quiet", *where, str(database)]

    calls = {
        GET: Request("GET", f"/audiences/{FIRST_ID}"),
        LIST: Request("GET", f"/audiences?_page=1&_limit={PAGE_SIZE}"),
        CREATE: post("/audiences", {}, NEW_AUDIENCE),
    }
    return Server(JSON_SERVER, command, calls, calls[GET], files=_node_files(modules))


def _mockoon(modules: Path) -> Server:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        data = own / "mockoon.json"
        data.write_text(exchanges.compact(_mockoon_environment(audiences)))
        where = ["--port", str(port), "--hostname", "127.0.0.1", "--disable-log-to-file"]
        return [_node(), str(modules / ".bin/mockoon-cli"), "start", *where, "--data", str(data)]

    calls = {
        GET: Request("GET", f"/audiences/{FIRST_ID}"),
        LIST: Request("GET", f"/audiences?page=1&limit={PAGE_SIZE}"),
        CREATE: post("/audiences", {}, NEW_AUDIENCE),
    }
    return Server(
        MOCKOON, command, calls, calls[GET], {"HOME": str(modules.parent)}, files=_node_files(modules)
    )


def _mockoon_environment(audiences: int) -> dict[str, object]:
    """A CRUD route over a data bucket, as Mockoon's own application saves it."""
    ids = [f"1f6c6e0e-0000-4000-8000-{number:012d}" for number in range(4)]
    response = {
        "uuid": ids[0],
        "body": "{}",
        "latency": 0,
        "statusCode": 200,
        "label": "",
        "headers": [],
        "bodyType": "DATABUCKET",
        "filePath": "",
        "databucketID": "audn",
        "sendFileAsBody": False,
        "rules": [],
        "rulesOperator": "OR",
        "disableTemplating": True,
        "fallbackTo404": False,
        "default": True,
        "crudKey": "id",
        "callbacks": [],
    }
    route = {
        "uuid": ids[1],
        "type": "crud",
        "documentation": "",
        "method": "",
        "endpoint": "audiences",
        "responses": [response],
        "responseMode": None,
        "streamingMode": None,
        "streamingInterval": 0,
    }
    bucket = {
        "uuid": ids[2],
        "id": "audn",
        "name": "audiences",
        "documentation": "",
        "value": exchanges.compact(exchanges.items(audiences)),
    }
    return {
        "uuid": ids[3],
        "lastMigration": 33,
        "name": "Audiences",
        "port": 3000,
        "hostname": "127.0.0.1",
        "endpointPrefix": "",
        "latency": 0,
        "rootChildren": [{"type": "route", "uuid": route["uuid"]}],
        "folders": [],
        "routes": [route],
        "proxyMode": False,
        "proxyHost": "",
        "proxyRemovePrefix": False,
        "tlsOptions": {
            "enabled": False,
            "type": "CERT",
            **dict.fromkeys(("pfxPath", "certPath", "keyPath", "caPath", "passphrase"), ""),
        },
        "cors": True,
        "headers": [],
        "proxyReqHeaders": [],
        "proxyResHeaders": [],
        "data": [bucket],
        "callbacks": [],
    }


def _moto(environment: Path) -> Server:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        return [str(environment / "bin/moto_server"), "--host", "127.0.0.1", "--port", str(port)]

    key = {"account": {"S": ACCOUNT}, "id": {"S": str(FIRST_ID)}}
    query = {
        "TableName": "audiences",
        "Limit": PAGE_SIZE,
        "KeyConditionExpression": "account = :a",
        "ExpressionAttributeValues": {":a": {"S": ACCOUNT}},
    }
    new = {"ad_account_id": ACCOUNT, "id": str(FIRST_ID - 1), **NEW_AUDIENCE}
    calls = {
        GET: _dynamodb("GetItem", {"TableName": "audiences", "Key": key}),
        LIST: _dynamodb("Query", query),
        CREATE: _dynamodb("PutItem", {"TableName": "audiences", "Item": _item(new)}),
    }
    python = Path(sys.executable).resolve()
    files = (python, Path(os.__file__).parent, environment)
    return Server(MOTO, command, calls, _dynamodb("ListTables", {}), fill=_fill_moto, files=files)


def _fill_moto(port: int, audiences: int) -> None:
    table = {
        "TableName": "audiences",
        "KeySchema": [
            {"AttributeName": "account", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "account", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    calls = [_dynamodb("CreateTable", table)]
    puts = [{"PutRequest": {"Item": _item(item)}} for item in exchanges.items(audiences)]
    for at in range(0, len(puts), BATCH):
        batch = {"RequestItems": {"audiences": puts[at : at + BATCH]}}
        calls.append(_dynamodb("BatchWriteItem", batch))
    for call in calls:
        status, body = ask(port, call)
        if status != 200:
            raise BenchError(f"moto answers {status} while the table is filled: {body[:200]!r}")


def _dynamodb(operation: str, value: object) -> Request:
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request,"
        " SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
    }
    return Request("POST", "/", headers, exchanges.compact(value))


def _item(audience: Mapping[str, object]) -> dict[str, object]:
    item = {"account": audience["ad_account_id"], **audience}
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: object) -> dict[str, object]:
    """A value as DynamoDB writes it."""
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case dict():
            return {"M": {name: _attribute(inner) for name, inner in value.items()}}
        case _:
            return {"S": str(value)}
