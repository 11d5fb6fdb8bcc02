"""The sequences that ids are taken from, read and set."""

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, select, update

from audience_mock.core.store import ids
from audience_mock.core.store.tables import NextFacebookId, Sequence, table_of
from audience_mock.core.worlds.world import Transaction

SHOWN = (
    ids.PITCHTARGET_AUDIENCE,
    ids.FACEBOOK,
    ids.PINTEREST_AUDIENCE,
    ids.PINTEREST_CUSTOMER_LIST,
    ids.PINTEREST_UPLOAD,
)
"""Those whose numbers a client sees."""

NUMBERS = range(1, 10**17)
"""What may be the next number: of 17 digits at most, as in a seed; what counts on from there still has the 18
that an id may have."""

_table, _named = table_of(Sequence), table_of(NextFacebookId)
_NEXT = select(_table.c.name, _table.c.next).where(_table.c.name.in_(SHOWN))
_SET = update(_table).where(_table.c.name == bindparam("sequence")).values(next=bindparam("number"))
_NAMED = select(_named.c.facebook_id).order_by(_named.c.position).limit(1)


def upcoming(tx: Transaction) -> Mapping[str, str]:
    """The next id of each sequence; one that something has is passed over when it is its turn.

    Facebook's is the first that a seed names, as long as there are such.
    """
    found = {row.name: str(row.next) for row in tx.execute(_NEXT).all()}
    named = tx.execute(_NAMED).scalar_one_or_none()
    if named is not None:
        found[ids.FACEBOOK] = named
    return {name: found[name] for name in SHOWN}


def continue_at(tx: Transaction, numbers: Mapping[str, int]) -> Mapping[str, str]:
    """Let sequences go on from other numbers, higher or lower; answers as `upcoming`. Where Facebook's is
    set, the ids that a seed names for it are dropped."""
    for name, number in numbers.items():
        tx.execute(_SET, {"sequence": name, "number": number})
    if ids.FACEBOOK in numbers:
        tx.execute(delete(_named))
    return upcoming(tx)
