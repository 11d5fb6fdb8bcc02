"""The requests in PitchTarget's documentation, which tests send as they are or modified."""

import hashlib

FILE_FIELDS = {
    "fb_ad_account_id": "2",
    "name": "Spending users",
    "description": "Users who bought something on my site",
    "opt_out_link": "http://www.myshop.com/opt_out",
    "user_type": "email_hash",
}
USERS = "".join(f"{hashlib.sha256(f'{n}@example.com'.encode()).hexdigest()}\n" for n in range(5)).encode()
FILE = {"file": ("spending_users.csv", USERS, "text/plain")}
_BOUNDARY = "----------XnJLe9ZIbbGUYtzPQJ16u1"
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
FORM_HEAD = "".join(
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in FILE_FIELDS.items()
).encode() + (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="u.csv"\r\n\r\n'.encode()
)
FORM_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
"""A form, for tests that write the file between head and tail."""
LOOKALIKE = {
    "type": "lookalike",
    "fb_ad_account_id": "61",
    "name": "Boys Apparel_lookalike_US_Similarity",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}
WEBSITE = {
    "type": "website",
    "fb_ad_account_id": "28",
    "name": "Users that put items in the cart",
    "retention_days": 15,
    "rule": '{"url":{"i_contains":"cart"}}',
}


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'
