"""The names of secrets: those of OAuth and of the two APIs, and those that web applications use."""

import re
from functools import cached_property

_ENDINGS = (
    r"token|secret|passw(?:or)?d|passphrase|pwd|api[_-]?key|(?:access|private|secret|subscription|functions)"
    r"[_-]?key|signature|credential|assertion|verifier|cookie|session[_-]?id|jwt"
)
"""How the names of secrets end, perhaps with an s: `access_token`, `appSecret`, `X-Amz-Signature`."""
_WHOLE = r"pass|auth|bearer|sig|authorization|otp"
"""Names of secrets that may be the end of a harmless word."""
_CODE = r"(?:auth(?:orization)?[_-]?|device[_-]?|user[_-]?)?code"
"""Secrets in a request; in a response, `code` is that of an error. `country_code` is none."""


class SecretNames:
    """Recognises the names of secrets: in a parameter's name or a JSON key, and in text. The patterns are
    made at their first use: a server that rejects nothing needs none."""

    def __init__(self, alone: str | None = None) -> None:
        self._alone = alone

    @cached_property
    def key(self) -> re.Pattern[str]:
        alone = f"|{self._alone}" if self._alone else ""
        return re.compile(
            rf"(?:.*(?:{_ENDINGS})|(?:.*[^a-z])?(?:{_WHOLE})|x[_-]?auth.*{alone})s?", re.IGNORECASE
        )

    @cached_property
    def text(self) -> re.Pattern[str]:
        # All repetitions that follow one another are bounded: a hostile text must not take long.
        start = "(?:(?<![a-z{also}])|(?<=%[0-9a-f][0-9a-f]))"
        alone = f"|{start.format(also='0-9_-')}(?:{self._alone})" if self._alone else ""
        whole = f"{start.format(also='')}(?:{_WHOLE})"
        # With the brackets of PHP and Rails: `access_token[]`, `user[password]`.
        brackets = r"(?:\]|%5D)?(?:\[[^\]\s=&]{0,40}\]|%5B[^\s=&]{0,40}?%5D){0,3}"
        name = rf"(?:(?:{_ENDINGS})|{whole}|x-auth[a-z_-]{{0,40}}{alone})s?{brackets}"
        kinds = (
            # JSON, also within the text of a JSON value, its quotes escaped. Lists and objects are hidden to
            # their end; Python writes single quotes.
            rf"({name}'\s{{0,20}}:\s{{0,20}})(\[[^\]]*|\{{[^}}]*|'(?:\\.|[^'\\])*)",
            rf'({name}\\*"\s{{0,20}}:\s{{0,20}})'
            r'(\[[^\]]*|\{[^}]*|"(?:\\.|[^"\\])*|\\+"(?:[^"\\]|\\(?!\\*"))*|-?[0-9][0-9.e+-]*)',
            # A query or a form.
            rf"({name}\s?(?:=|%3D))([^&;,\s\"'\\<>]*)",
            # A field of a multipart form.
            rf'(name="[^"\r\n]{{0,100}}{name}"[^\r\n]{{0,200}}\r?\n'
            r"(?:[^\r\n]{1,200}\r?\n){0,5}\r?\n)([^\r\n]*)",
            # XML.
            rf"(<[^<>\s]{{0,100}}{name}>)([^<]*)",
            # The user of a URL.
            r"(://)([^/@\s\"']{1,200})(?=@)",
            # A header that was put into a text.
            r"(\b(?:Bearer|OAuth|Basic) {1,5})((?=[^\s]{0,40}[0-9_=])[A-Za-z0-9._~+/-]{8,}=*)",
        )
        return re.compile("|".join(kinds), re.IGNORECASE)


RESPONSE_SECRETS = SecretNames()
REQUEST_SECRETS = SecretNames(_CODE)
