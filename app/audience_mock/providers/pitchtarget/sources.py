"""Where the facts of PitchTarget's API come from; each rule of the provider names one of these."""

from audience_mock.web.evidence import Evidence, chosen, documented, inferred, recorded


def exchanges(*dates: str) -> Evidence:
    """Available exchanges that revisions of these dates published: a test compares each claim with them."""
    return recorded(f"published exchanges of {', '.join(dates)}, proved by their ETags")


IN_APRIL = exchanges("2014-04-03")
IN_MAY = exchanges("2014-05-12")
IN_BOTH = exchanges("2014-04-03", "2014-05-12")
AT_ALL_DATES = exchanges("2014-04-03", "2014-04-15", "2014-05-12")
ANSWERS = documented("answers of the documentation of 2014 that are not available")
DOCUMENTATION = documented("documentation of April and May 2014")
SHOWN = inferred("the documentation's examples")
RAILS = chosen("what a Rails application of 2014 would do; no error was documented")
OURS = chosen("the mock's own")
UNIQUE = inferred("names are unique by the documentation of 2014-04-04; the message is Rails' own")
