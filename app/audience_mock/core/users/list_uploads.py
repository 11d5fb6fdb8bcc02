"""Uploads to customer lists: parts of a file, stored as they arrive and read when the upload is run."""

import json
from collections.abc import AsyncIterable, Iterable
from typing import Any, cast

from sqlalchemy import bindparam, delete, func, insert, select, update

from audience_mock.core.audiences.lifecycle import UNPROCESSED
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.errors import InvalidStateError, NotFoundError
from audience_mock.core.store import ids
from audience_mock.core.store.rows import ListUploadRow, UploadPartRow
from audience_mock.core.store.tables import ListUpload, UploadPart, UploadPiece, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import customer_lists, magic
from audience_mock.core.users.digests import DIGEST_BYTES, prepare_for
from audience_mock.core.users.records import Records
from audience_mock.core.users.samples import sample_of
from audience_mock.core.worlds.world import World

PIECE_BYTES = 1 << 20
"""The least size of a piece, except the last of a part."""

_table, _parts, _pieces = table_of(ListUpload), table_of(UploadPart), table_of(UploadPiece)
_c = _table.c
_INSERT = insert(_table)
_BY_NUMBER = select(_table).where(_c.number == bindparam("of_number"))
_UPDATE = update(_table).where(_c.number == bindparam("of_number"))
_OF_UPLOAD = _parts.c.upload == bindparam("of_upload")
_THIS_PART = _OF_UPLOAD & (_parts.c.part == bindparam("of_part"))
_PARTS = select(_parts).where(_OF_UPLOAD).order_by(_parts.c.part)
_PARTS_OF_SOME = (
    select(_parts)
    .where(_parts.c.upload.in_(bindparam("uploads", expanding=True)))
    .order_by(_parts.c.upload, _parts.c.part)
)
_OTHER_BYTES = select(func.coalesce(func.sum(_parts.c.size_bytes), 0)).where(
    _OF_UPLOAD, _parts.c.part != bindparam("of_part")
)
_DELETE_PART = delete(_parts).where(_THIS_PART)
_PIECE = select(_pieces.c.content).where(
    _pieces.c.file == bindparam("of_file"), _pieces.c.piece == bindparam("of_piece")
)
_DELETE_PIECES = delete(_pieces).where(_pieces.c.file == bindparam("of_file"))


def create(
    tx: Transaction, *, account: str, customer_list: int, action: str, total_parts: int
) -> ListUploadRow:
    """Create an upload of a file in `total_parts` parts to a list. Raises NotFoundError."""
    customer_lists.find(tx, account=account, number=customer_list)
    number = tx.new_id(ids.CUSTOMER_LIST_UPLOAD)
    while tx.execute(_BY_NUMBER, {"of_number": number}).first() is not None:
        # A test may set the sequence back; an id is given once.
        number = tx.new_id(ids.CUSTOMER_LIST_UPLOAD)
    row = ListUploadRow(
        number=number,
        customer_list=customer_list,
        operation=action,
        total_parts=total_parts,
        created_at_ms=tx.now_ms,
        started_at_ms=None,
        ready_at_ms=None,
        valid=None,
        invalid=None,
        errors=None,
    )
    tx.execute(_INSERT, row._asdict())
    return row


def find(tx: Transaction, *, account: str, customer_list: int, number: int) -> ListUploadRow:
    """The upload `number` to a list of an ad account. Raises NotFoundError."""
    customer_lists.find(tx, account=account, number=customer_list)
    upload = _find(tx, number)
    if upload.customer_list != customer_list:
        raise NotFoundError("customer list upload", str(number))
    return upload


def list_newest(tx: Transaction, *, limit: int) -> list[tuple[ListUploadRow, list[UploadPartRow]]]:
    """The latest uploads, newest first, each with the parts that are kept until it is run."""
    rows = [
        ListUploadRow._make(row) for row in tx.execute(select(_table).order_by(_c.number.desc()).limit(limit))
    ]
    parts: dict[int, list[UploadPartRow]] = {row.number: [] for row in rows}
    for part in map(UploadPartRow._make, tx.execute(_PARTS_OF_SOME, {"uploads": [*parts]}) if parts else ()):
        parts[part.upload].append(part)
    return [(row, parts[row.number]) for row in rows]


def _find(tx: Transaction, number: int) -> ListUploadRow:
    row = tx.execute(_BY_NUMBER, {"of_number": number}).first() if number <= MAX_NUMBER else None
    if row is None:
        raise NotFoundError("customer list upload", str(number))
    return ListUploadRow._make(row)


def bytes_of_other_parts(tx: Transaction, *, upload: int, part: int) -> int:
    """The bytes of an upload's other parts. Raises NotFoundError (no such upload or part), InvalidStateError
    (it was run)."""
    _check_open(tx, upload, part)
    return cast(int, tx.execute(_OTHER_BYTES, {"of_upload": upload, "of_part": part}).scalar_one())


def _check_open(tx: Transaction, upload: int, part: int) -> None:
    found = _find(tx, upload)
    if not 1 <= part <= found.total_parts:
        raise NotFoundError("part", str(part))
    if found.started_at_ms is not None:
        raise InvalidStateError(f"customer list upload {upload} was run already")


async def store_part(world: World, *, upload: int, part: int, content: AsyncIterable[bytes]) -> None:
    """Store a part as it arrives, replacing an earlier one of its number; if it breaks off, nothing is
    stored. Raises as `bytes_of_other_parts`."""
    with world.interruptible():
        await world.read(bytes_of_other_parts, upload=upload, part=part)
        file = await world.transact(_new_file)
        held: list[bytes] = []
        pieces = held_bytes = size_bytes = 0
        stored = False
        try:
            async for some in content:
                held.append(some)
                held_bytes += len(some)
                size_bytes += len(some)
                if held_bytes >= PIECE_BYTES:
                    await world.transact(_insert_piece, file=file, piece=pieces, content=b"".join(held))
                    pieces, held_bytes = pieces + 1, 0
                    held.clear()
            if held:
                await world.transact(_insert_piece, file=file, piece=pieces, content=b"".join(held))
            await world.transact(_replace_part, upload=upload, part=part, file=file, size_bytes=size_bytes)
            stored = True
        finally:
            if not stored:
                await world.transact(_delete_pieces, file=file)
                await world.give_space_back()


def _new_file(tx: Transaction) -> int:
    return tx.new_id(ids.UPLOADED_FILE)


def _insert_piece(tx: Transaction, *, file: int, piece: int, content: bytes) -> None:
    tx.require_space(len(content))
    tx.execute(insert(_pieces), {"file": file, "piece": piece, "content": content})


def _replace_part(tx: Transaction, *, upload: int, part: int, file: int, size_bytes: int) -> None:
    _check_open(tx, upload, part)
    which = {"of_upload": upload, "of_part": part}
    for (before,) in tx.execute(select(_parts.c.file).where(_THIS_PART), which).all():
        tx.execute(_DELETE_PIECES, {"of_file": before})
    tx.execute(_DELETE_PART, which)
    tx.execute(insert(_parts), {"upload": upload, "part": part, "file": file, "size_bytes": size_bytes})


def insert_part(tx: Transaction, *, upload: int, part: int, pieces: Iterable[bytes]) -> None:
    """Store a complete part in this transaction."""
    file, size_bytes = tx.new_id(ids.UPLOADED_FILE), 0
    for piece, content in enumerate(filter(None, pieces)):
        _insert_piece(tx, file=file, piece=piece, content=content)
        size_bytes += len(content)
    tx.execute(insert(_parts), {"upload": upload, "part": part, "file": file, "size_bytes": size_bytes})


def _delete_pieces(tx: Transaction, *, file: int) -> None:
    tx.execute(_DELETE_PIECES, {"of_file": file})


async def run(world: World, *, account: str, customer_list: int, number: int) -> ListUploadRow:
    """Apply the records of an upload to its list, as one batch; returns the upload as it is then.

    Raises NotFoundError, and InvalidStateError if parts are missing or it was run before. The list changes at
    once; the state of the upload follows the clock.
    """
    this: dict[str, Any] = {"account": account, "customer_list": customer_list, "number": number}
    with world.interruptible() as operation:
        upload, parts = await world.transact(_start, **this)
        try:
            row = await world.read(customer_lists.find, account=account, number=customer_list)
            await prepare_for(sum(part.size_bytes for part in parts))
            watched = magic.watched_by(world)
            with Records(row.list_type, sample=sample_of(world), watched=watched) as records:
                for part in parts:
                    await _read_part(world, part.file, records)
                records.finish()

                def finish(tx: Transaction, effects: magic.Effects) -> None:
                    _finish(tx, number=number, parts=parts, records=records, effects=effects)

                await customer_lists.apply_batch(
                    world,
                    records,
                    account=account,
                    number=customer_list,
                    action=upload.operation,
                    also=finish,
                )
        except BaseException:
            # In a world that was replaced, another upload may have this number.
            if not operation.interrupted:
                await world.transact(_set, number=number, values={"started_at_ms": None, "ready_at_ms": None})
            raise
    return await world.read(find, **this)


def _start(
    tx: Transaction, *, account: str, customer_list: int, number: int
) -> tuple[ListUploadRow, list[UploadPartRow]]:
    upload = find(tx, account=account, customer_list=customer_list, number=number)
    if upload.started_at_ms is not None:
        raise InvalidStateError(f"customer list upload {number} was run already")
    parts = [UploadPartRow._make(row) for row in tx.execute(_PARTS, {"of_upload": number})]
    missing = {*range(1, upload.total_parts + 1)} - {part.part for part in parts}
    if missing:
        named = ", ".join(str(part) for part in sorted(missing))
        raise InvalidStateError(f"customer list upload {number} lacks parts: {named}")
    _set(tx, number=number, values=_processed_from(tx))
    return upload, parts


def _processed_from(tx: Transaction) -> dict[str, Any]:
    return {"started_at_ms": tx.now_ms, "ready_at_ms": tx.now_ms + tx.rules.list_delay_ms}


async def _read_part(world: World, file: int, records: Records) -> None:
    piece = 0
    while content := await world.read(_piece, file=file, piece=piece):
        await records.read_text(content)
        piece += 1


def _piece(tx: Transaction, *, file: int, piece: int) -> bytes:
    found = tx.execute(_PIECE, {"of_file": file, "of_piece": piece}).scalar_one_or_none()
    return cast(bytes, found or b"")


def _finish(
    tx: Transaction, *, number: int, parts: list[UploadPartRow], records: Records, effects: magic.Effects
) -> None:
    invalid = records.invalid.total()
    counts = {"valid": records.sent - invalid, "invalid": invalid, "errors": json.dumps(records.invalid)}
    if effects.keeps_half:
        # Chosen: those that were kept are the valid ones, and the others were not processed.
        kept = records.people.size_bytes // DIGEST_BYTES
        errors = {**records.invalid, UNPROCESSED: records.sent - invalid - kept}
        counts |= {"valid": kept, "errors": json.dumps(errors)}
    _set(tx, number=number, values=counts | _processed_from(tx))
    for part in parts:
        tx.execute(_DELETE_PIECES, {"of_file": part.file})
        tx.execute(_DELETE_PART, {"of_upload": part.upload, "of_part": part.part})


def _set(tx: Transaction, *, number: int, values: dict[str, Any]) -> None:
    tx.execute(_UPDATE, {**values, "of_number": number})
