"""The people on this Pinterest, by country, age, gender and device: invented, the same on every run.

Everything here is chosen.
"""

# About the monthly users of Pinterest, from its public reports; the smallest market for any other country.
_USERS = {"US": 98_000_000, "CA": 12_000_000, "GB": 11_000_000}
_USERS_ELSEWHERE = 5_000_000

COUNTRIES = {
    "US": "United States",
    "CA": "Canada",
    "GB": "United Kingdom",
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "BR": "Brazil",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "IE": "Ireland",
    "IT": "Italy",
    "JP": "Japan",
    "MX": "Mexico",
    "NL": "Netherlands",
    "NO": "Norway",
    "NZ": "New Zealand",
    "PT": "Portugal",
    "SE": "Sweden",
}
"""Where all people of this Pinterest live."""

# Weights; the names of ages, genders and devices are those that an ad group is targeted with.
AGES = {"18-24": 22, "25-34": 30, "35-44": 18, "45-49": 7, "50-54": 6, "55-64": 10, "65+": 7}
GENDERS = {"female": 68, "male": 22, "unknown": 10}
DEVICES = {
    "iphone": 38,
    "android_mobile": 34,
    "web": 16,
    "web_mobile": 6,
    "ipad": 4,
    "android_tablet": 2,
}


def users_in(country: str) -> int:
    """People on Pinterest in a country, by its two letters."""
    return _USERS.get(country, _USERS_ELSEWHERE)


ALL_USERS = sum(users_in(country) for country in COUNTRIES)


def round_up(number: int) -> int:
    """The next number of two digits and zeros."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // step) * step
