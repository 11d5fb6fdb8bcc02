"""How many people a rule matches: invented, plausible, and the same for the same rule on every run.

Pinterest documents one figure only: an audience of fewer than 100 people is TOO_SMALL. Everything here is
chosen.
"""

from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pinterest.audiences.rule_schema import AudienceRule
from audience_mock.providers.pinterest.population import users_in


def estimate_people(audience_type: str, rule: AudienceRule, definition: str) -> int:
    """People in an audience once it is built; `definition` is the echo of its rule.

    VISITOR and ENGAGEMENT: 1,000 to 500,000. ACTALIKE: its percentage of the country's users. A VISITOR rule
    with `prefill` false starts with no people. A CUSTOMER_LIST has none of its own: its list has them.
    """
    if audience_type == "ACTALIKE":
        # With schema-only validation a percentage may be any number, and a text that is none.
        percentage = rule.percentage if isinstance(rule.percentage, int) else 0
        return users_in(rule.country or "") * min(max(percentage, 0), 100) // 100
    if audience_type == "CUSTOMER_LIST" or (audience_type == "VISITOR" and rule.prefill is False):
        return 0
    return estimate(1_000, 500_000, audience_type, definition)
