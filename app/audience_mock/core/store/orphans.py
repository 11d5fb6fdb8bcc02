"""What was being written when a copy was taken, or the process was killed."""

from sqlalchemy import Connection, delete, select, union_all, update

from audience_mock.core.store import tables


def delete_from(connection: Connection) -> None:
    """Delete sets of users and files that were being written, and let uploads that were being read be run
    again: this is a copy, or the process that wrote them was killed."""
    blocks, pieces = tables.table_of(tables.UserBlock), tables.table_of(tables.UploadPiece)
    audiences, lists = tables.table_of(tables.Audience).c, tables.table_of(tables.CustomerList).c
    owned = [
        select(owner).where(owner.is_not(None))
        for owner in (audiences.user_set, lists.user_set, lists.link_set)
    ]
    connection.execute(delete(blocks).where(blocks.c.user_set.not_in(union_all(*owned))))
    parts, uploads = tables.table_of(tables.UploadPart).c, tables.table_of(tables.ListUpload)
    connection.execute(delete(pieces).where(pieces.c.file.not_in(select(parts.file))))
    half_read = uploads.c.started_at_ms.is_not(None) & uploads.c.valid.is_(None)
    connection.execute(update(uploads).where(half_read).values(started_at_ms=None, ready_at_ms=None))
