"""JSON as PitchTarget writes it."""

from typing import Any

import pytest

from audience_mock.providers.pitchtarget.responses import rails_json


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, None, True, 0.05]}, b'{"a":[1,null,true,0.05]}'),
        ("<b>&é\u2028", b'"\\u003cb\\u003e\\u0026\xc3\xa9\xe2\x80\xa8"'),
        ({"<": '\x1f\n"\\/'}, b'{"\\u003c":"\\u001f\\n\\"\\\\/"}'),
        (6006164557194 * 10**9, b"6006164557194000000000"),
    ],
)
def test_json_is_compact_with_the_escapes_of_rails(value: Any, written: bytes) -> None:
    """<, > and & are escaped wherever they stand; other characters are UTF-8; numbers are exact."""
    assert rails_json(value) == written
