"""The sequences that ids come from, and where each starts: a fresh world gives the same ids every time."""

from audience_mock.core.apis import public_sequences

FACEBOOK = "facebook"
CUSTOMER_LIST = "pinterest_customer_list"
CUSTOMER_LIST_UPLOAD = "pinterest_upload"
CUSTOMER_SEGMENT = "pinterest_customer_segment"
AD_ACCOUNT = "pinterest_ad_account"
USER_SET = "user_set"
GRANT = "grant"
SHARE = "share"
UPLOADED_FILE = "uploaded_file"

INTERNAL = (USER_SET, GRANT, SHARE, UPLOADED_FILE)
"""Sequences of numbers that no client sees; each starts at 1."""


def first_ids() -> dict[str, int]:
    """The first number of each sequence."""
    return dict.fromkeys(INTERNAL, 1) | public_sequences()
