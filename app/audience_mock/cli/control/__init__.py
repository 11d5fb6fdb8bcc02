"""The commands that control a running server: each is one call of `audience_mock.client`.

`command.py` has what they share: the server that they talk to, exit statuses, and output as text or JSON.
They are imported when one of them runs, so that no other command pays for them; see `cli.main`.
"""
