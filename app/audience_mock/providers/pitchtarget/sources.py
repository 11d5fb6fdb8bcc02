"""Where the facts of PitchTarget's API come from; each rule of the provider names one of these."""

from audience_mock.web.evidence import chosen, documented, inferred, recorded

EXCHANGES = recorded("published exchanges, proved by their ETags")
DOCUMENTATION = documented("documentation of April and May 2014")
SHOWN = inferred("the documentation's examples")
RAILS = chosen("what a Rails application of 2014 would do; no error was documented")
OURS = chosen("the mock's own")
