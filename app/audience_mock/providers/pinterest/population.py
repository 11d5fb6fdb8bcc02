"""How many people a rule finds: invented, plausible, and the same for the same rule on every run.

Pinterest documents one figure only: an audience of fewer than 100 people is TOO_SMALL. Everything here
is chosen.
"""

from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pinterest.audiences.schemas import AudienceRule

# About the monthly users of Pinterest, from its public reports; the smallest market for any other country.
_USERS = {"US": 98_000_000, "CA": 12_000_000, "GB": 11_000_000}
_USERS_ELSEWHERE = 5_000_000


def people(audience_type: str, rule: AudienceRule, definition: str) -> int:
    """People in an audience once it is built; `definition` is the echo of its rule.

    VISITOR and ENGAGEMENT: 1,000 to 500,000. ACTALIKE: its percentage of the country's users. A VISITOR
    rule with `prefill` false starts with nobody. A CUSTOMER_LIST has none of its own: its list has them.
    """
    if audience_type == "ACTALIKE":
        # By schema alone a percentage may be any number.
        return users_in(rule.country or "") * min(max(rule.percentage or 0, 0), 100) // 100
    if audience_type == "CUSTOMER_LIST" or (audience_type == "VISITOR" and rule.prefill is False):
        return 0
    return estimate(1_000, 500_000, audience_type, definition)


def users_in(country: str) -> int:
    """People on Pinterest in a country, by its two letters."""
    return _USERS.get(country, _USERS_ELSEWHERE)
