"""Sample clients for fault sweeps: one job with its calls, and mistakes that it may make.

The job gets a token, looks for its audience, creates it if there is none, and reads it. A mistake is one of
NO_RETRY_OF_READ, POST_REPEATED and NO_TIME_OUT. It is a program of the standard library alone, or a function.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from audience_mock.client import MockWorld

NO_RETRY_OF_READ = "no retry of the read"
POST_REPEATED = "the POST is repeated without looking"
NO_TIME_OUT = "no time-out"

_PROGRAM = """
import os, sys
from urllib.parse import urlsplit

MISTAKE = sys.argv[1] if len(sys.argv) > 1 else ""
BASE = urlsplit(os.environ["AUDIENCE_MOCK_PINTEREST_URL"])
"""
_SYNC = '''
import http.client, json, sys, time

AUDIENCES = "/ad_accounts/549755885175/audiences"
NEW = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1", "retention_days": 30}}
FORM = {"Authorization": "Basic MTIzOnNlY3JldA==", "Content-Type": "application/x-www-form-urlencoded"}
headers = {"Content-Type": "application/json"}


def call(method, path, body=None, retries=5, before_retry=lambda: None):
    """The answer, after retries: what the job found before one takes its place."""
    for attempt in range(retries):
        if attempt and (found := before_retry()):
            return found
        sent = FORM if path == "/oauth/token" else headers
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        time_out = None if MISTAKE == "no time-out" else 3
        link = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=time_out)
        try:
            link.request(method, BASE.path + path, content, sent)
            answer = link.getresponse()
            read = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            continue
        finally:
            link.close()
        if answer.status < 300:
            return read
        if answer.status == 401:
            authorize()
        if answer.status == 429:
            time.sleep(int(answer.headers["x-ratelimit-reset"]))
    sys.exit(f"{method} {path} failed")


def authorize():
    token = call("POST", "/oauth/token", "grant_type=refresh_token&refresh_token=pinr_kept")
    headers["Authorization"] = f"Bearer {token['access_token']}"


def find():
    items = call("GET", AUDIENCES)["items"]
    return next((item for item in items if item["name"] == NEW["name"]), None)


authorize()
if not (audience := find()):
    look = (lambda: None) if MISTAKE == "the POST is repeated without looking" else find
    audience = call("POST", AUDIENCES, NEW, before_retry=look)
call("GET", f"{AUDIENCES}/{audience['id']}", retries=1 if MISTAKE == "no retry of the read" else 5)
print("synced", audience["id"])
'''

JOB = _PROGRAM + _SYNC
"""The program: it takes a mistake as its argument."""


def job(mistake: str = "") -> Callable[[MockWorld], None]:
    """The same as a function."""
    code = compile(_SYNC, "sync_clients.JOB", "exec")

    def sync(world: MockWorld) -> None:
        exec(code, {"MISTAKE": mistake, "BASE": urlsplit(world.urls.pinterest)})

    return sync
