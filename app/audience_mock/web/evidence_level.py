"""The level of evidence that a request may ask for; `strict_evidence` says what follows."""

HEADER = "X-Audience-Mock-Evidence"

LEVELS = ("inferred", "documented", "recorded")
OFF = "off"
"""What a request sends to be answered although the mock has to guess."""
