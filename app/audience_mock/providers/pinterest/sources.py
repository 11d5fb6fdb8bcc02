"""Sources of what this server knows of Pinterest's API; each rule of the provider names one of these."""

from audience_mock.web.evidence import chosen, documented, inferred, recorded

PRODUCTION = recorded("production, July 2026")
QUOTED = recorded("live responses that developers quoted")
DESCRIPTION = documented("description 5.23")
NEWEST = documented("description 5.28, by its client package")
CHANGES = documented("Pinterest's list of changes from 5.23 to 5.28")
UNTIL_5_18 = documented("descriptions 5.8 to 5.18")
PROSE = documented("the description's prose, not its schema")
DOCUMENTATION = documented("documentation")
CLIENTS = inferred("clients rely on it")
JSONSCHEMA = inferred("the wording of python-jsonschema, which quoted responses have")
NEEDED = chosen("it is needed, so an empty one is rejected")
TEMPLATES = inferred("targeting templates, which are described alike and were recorded")
MEMBERS = inferred("a segment is made of what it names")
UNPUBLISHED = chosen("no response of this kind was ever published")
OURS = chosen("the mock's own")
BOUNDED = chosen("no limit is documented, and a request stays small")

KEYS_IN_ORDER = PRODUCTION.says("all keys, in this order")
BOOKMARK = PRODUCTION.says("bookmark is always present, null on the last page")
CREATED = chosen("the newest description names 200 and 201, production sent 200").says(
    "success is 201, or 200 by setting or Prefer"
)
