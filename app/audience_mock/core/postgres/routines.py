"""The functions of the database: copies of images and their end, which cross the policy of rows and so run as
the owner; and what is counted in one trip."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Table

from audience_mock.core.store import ids

_AS_OWNER = "SECURITY DEFINER SET search_path FROM CURRENT"
"""The schema that is current when the functions are created."""

_NEXT = "\n    "

_OWNED_SETS = """SELECT user_set FROM audiences WHERE image = {image} AND user_set IS NOT NULL
        UNION ALL SELECT user_set FROM customer_lists WHERE image = {image} AND user_set IS NOT NULL
        UNION ALL SELECT link_set FROM customer_lists WHERE image = {image} AND link_set IS NOT NULL"""
_OWNED_FILES = "SELECT file FROM upload_parts WHERE image = {image}"

_OWNED = {"user_blocks": ("user_set", _OWNED_SETS), "upload_pieces": ("file", _OWNED_FILES)}
"""By table of what is written piece by piece: the column that a row elsewhere refers to once it is complete,
and the values that are referred to."""


def next_key_name(table: str) -> str:
    return f"next_key_of_{table}"


def next_key(table: str) -> str:
    """The key of a new row, as SQLite gives it. Its writers take turns: they hold the lock of the world."""
    return f"""CREATE FUNCTION {next_key_name(table)}() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SET search_path FROM CURRENT AS $$
    BEGIN RETURN (SELECT coalesce(max(key), 0) + 1 FROM {table}); END $$"""


def create(copied: Sequence[Table], beside: Iterable[str]) -> list[str]:
    """The statements that create the functions, once there are the tables."""
    return [
        INSTR,
        _copy_image(copied),
        _filled_tables(copied),
        SWITCH_WORLD,
        _drop_image([*(table.name for table in copied), *beside]),
        _image_bytes(copied),
        _measure_worlds(),
        *_TOUCH_UPLOAD,
        _delete_unowned(),
        COUNT_CALL,
        TRIM_JOURNAL,
        CLEAR_JOURNAL,
        ADD_TO_JOURNAL,
    ]


INSTR = """CREATE FUNCTION instr(within text, part text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT position(part IN within) $$"""
"""SQLite's."""


_COPIED = "hashtextextended('copied', {image})"
"""Locked while an image is copied: it is not dropped meanwhile."""


def _copy_image(copied: Sequence[Table]) -> str:
    """A new image with the rows of `source`, complete: without what is being written piece by piece, and with
    uploads that are being read to be run again. An image 0 has no rows: a copy of it is empty. `tables` are
    those that have rows, if the caller knows: what is not copied need not be prepared, either, which takes a
    new connection longer than a small copy."""
    steps = []
    for table in copied:
        names = ", ".join(f'"{column.name}"' for column in table.columns if column.name != "image")
        condition = ""
        if table.name in _OWNED:
            column, owned = _OWNED[table.name]
            condition = f" AND {column} IN ({owned.format(image='source')})"
        steps.append(
            f"""IF tables IS NULL OR '{table.name}' = ANY(tables) THEN
        INSERT INTO {table.name} (image, {names})
        SELECT made, {names} FROM {table.name} WHERE image = source{condition};
    END IF;"""
        )
    return f"""CREATE FUNCTION copy_image(source bigint, tables text[] DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql {_AS_OWNER} AS $$
    DECLARE made bigint := nextval('images');
    BEGIN
    PERFORM pg_advisory_xact_lock_shared({_COPIED.format(image="source")});
    {_NEXT.join(steps)}
    IF tables IS NULL OR 'list_uploads' = ANY(tables) THEN
        UPDATE list_uploads SET started_at_ms = NULL, ready_at_ms = NULL
        WHERE image = made AND started_at_ms IS NOT NULL AND valid IS NULL;
    END IF;
    RETURN made;
    END $$"""


def _filled_tables(copied: Sequence[Table]) -> str:
    """Those that have rows of an image, for `copy_image`."""
    found = f",{_NEXT}".join(
        f"CASE WHEN EXISTS (SELECT FROM {table.name} WHERE image = of_image) THEN '{table.name}' END"
        for table in copied
    )
    return f"""CREATE FUNCTION filled_tables(of_image bigint) RETURNS text[] LANGUAGE sql STABLE {_AS_OWNER}
    AS $$ SELECT array_remove(ARRAY[
    {found}], NULL) $$"""


SWITCH_WORLD = f"""CREATE FUNCTION switch_world(
        of_name text, made bigint, of_ahead_ms bigint, of_frozen_at_ms bigint
    ) RETURNS boolean LANGUAGE plpgsql {_AS_OWNER} AS $$
    DECLARE old bigint;
    BEGIN
    SELECT image INTO old FROM worlds WHERE name = of_name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE sequences SET next = greatest(sequences.next, before.next)
    FROM sequences AS before
    WHERE sequences.image = made AND before.image = old AND before.name = sequences.name
        AND sequences.name IN ('{ids.USER_SET}', '{ids.UPLOADED_FILE}');
    UPDATE worlds SET image = made, ahead_ms = of_ahead_ms, frozen_at_ms = of_frozen_at_ms,
        version = version + 1, incarnation = incarnation + 1
    WHERE name = of_name;
    INSERT INTO unused_images (image) VALUES (old) ON CONFLICT DO NOTHING;
    RETURN true;
    END $$"""
"""Let a world have another image; false if there is no such world. Its transactions take turns with those
that lock it. Sequences of what has no owner yet never go back: a writer meets no other's number."""


def _drop_image(names: Iterable[str]) -> str:
    """Unless it is being copied: the next sweep will."""
    steps = _NEXT.join(f"DELETE FROM {name} WHERE image = dropped;" for name in names)
    return f"""CREATE FUNCTION drop_image(dropped bigint) RETURNS void LANGUAGE plpgsql {_AS_OWNER} AS $$
    BEGIN
    IF EXISTS (SELECT FROM worlds WHERE image = dropped)
        OR EXISTS (SELECT FROM snapshots WHERE image = dropped) THEN
        RAISE EXCEPTION 'image % is in use', dropped;
    END IF;
    IF NOT pg_try_advisory_xact_lock({_COPIED.format(image="dropped")}) THEN
        RETURN;
    END IF;
    {steps}
    DELETE FROM unused_images WHERE image = dropped;
    END $$"""


def _image_bytes(copied: Sequence[Table]) -> str:
    """Bytes of the rows of an image, without indexes; what is compressed counts as compressed."""
    sums = " + ".join(
        f"(SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM {table.name} AS t WHERE image = counted)"
        for table in copied
    )
    return f"""CREATE FUNCTION image_bytes(counted bigint) RETURNS bigint LANGUAGE sql STABLE {_AS_OWNER}
    AS $$ SELECT {sums} $$"""


def _measure_worlds() -> str:
    """What each world uses of what quotas may limit, counted anew."""
    counts = {
        "worlds": "1",
        "audiences": "(SELECT count(*) FROM audiences AS t WHERE t.image = w.image)",
        "lists": "(SELECT count(*) FROM customer_lists AS t WHERE t.image = w.image)",
        "uploads": "(SELECT count(*) FROM list_uploads AS t WHERE t.image = w.image"
        " AND t.started_at_ms IS NULL)",
        "tokens": "(SELECT count(*) FROM tokens AS t WHERE t.image = w.image)",
        "bytes": "image_bytes(w.image)",
        "journal": "(SELECT coalesce(sum(held_bytes), 0) FROM journals AS t WHERE t.image = w.image)",
        "snapshots": "(SELECT coalesce(sum(image_bytes(t.image)), 0) FROM snapshots AS t"
        " WHERE t.world = w.name)",
    }
    rows = ", ".join(f"('{kind}', {count}::bigint)" for kind, count in counts.items())
    return f"""CREATE FUNCTION measure_worlds() RETURNS void LANGUAGE sql {_AS_OWNER} AS $$
    INSERT INTO usage (world, kind, tenant, amount)
    SELECT w.name, counted.kind, split_part(w.name, '.', 1), counted.amount
    FROM worlds AS w CROSS JOIN LATERAL (VALUES {rows}) AS counted(kind, amount)
    WHERE w.name NOT LIKE '@%'
    ON CONFLICT (world, kind) DO UPDATE SET amount = excluded.amount $$"""


_TOUCH_UPLOAD = (
    """CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.written_at := now(); RETURN NEW; END $$""",
    "CREATE TRIGGER touch BEFORE UPDATE ON list_uploads FOR EACH ROW EXECUTE FUNCTION touch()",
)


def _delete_unowned() -> str:
    """What a server that ended was writing or reading: nothing of it was written for so long."""
    steps = " ".join(
        f"""DELETE FROM {name} AS t USING (
            SELECT image, {column} FROM {name} GROUP BY image, {column}
            HAVING max(written_at) < now() - older_than
        ) AS old
        WHERE t.image = old.image AND t.{column} = old.{column}
            AND NOT EXISTS (SELECT FROM ({owned.format(image="old.image")}) AS owned(of)
                WHERE owned.of = old.{column});"""
        for name, (column, owned) in _OWNED.items()
    )
    return f"""CREATE FUNCTION delete_unowned(older_than interval) RETURNS void
    LANGUAGE plpgsql {_AS_OWNER} AS $$
    BEGIN
    {steps}
    UPDATE list_uploads SET started_at_ms = NULL, ready_at_ms = NULL
        WHERE started_at_ms IS NOT NULL AND valid IS NULL AND written_at < now() - older_than;
    END $$"""


COUNT_CALL = """CREATE FUNCTION count_call(
        of_image bigint, of_caller text, names text[], most bigint[], lengths_ms bigint[], now_ms bigint,
        OUT tightest integer, OUT calls_left bigint, OUT resets_in_ms bigint, OUT is_within boolean
    ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    #variable_conflict use_column
    DECLARE
        least bigint := 9223372036854775807;
        counted record;
    BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_caller, of_image));
    FOR place IN 1 .. array_length(names, 1) LOOP
        INSERT INTO windows AS w (image, caller, name, ends_at_ms, calls_left, calls)
        VALUES (of_image, of_caller, names[place], now_ms + lengths_ms[place], most[place] - 1, most[place])
        ON CONFLICT (image, caller, name) DO UPDATE SET
            ends_at_ms = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.ends_at_ms ELSE excluded.ends_at_ms END,
            calls_left = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.calls_left - 1 ELSE excluded.calls_left END,
            calls = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.calls ELSE excluded.calls END
        RETURNING w.ends_at_ms, w.calls_left INTO counted;
        IF counted.calls_left < least THEN
            tightest := place - 1;
            least := counted.calls_left;
            resets_in_ms := counted.ends_at_ms - now_ms;
        END IF;
    END LOOP;
    is_within := least >= 0;
    calls_left := greatest(least, 0);
    IF NOT is_within THEN
        UPDATE windows SET calls_left = windows.calls_left + 1
        WHERE image = of_image AND caller = of_caller AND name = ANY(names);
    END IF;
    END $$"""
"""As `controls.rate_limits.Limits.count`. Calls of one caller take turns."""

TRIM_JOURNAL = """CREATE FUNCTION trim_journal(of_image bigint, max_entries bigint, max_bytes bigint)
    RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        counted journals;
        dropped_bytes bigint;
    BEGIN
    SELECT * INTO counted FROM journals WHERE image = of_image FOR UPDATE;
    WHILE counted.entries > max_entries OR (counted.held_bytes > max_bytes AND counted.entries > 0) LOOP
        DELETE FROM journal WHERE image = of_image AND number = counted.last - counted.entries + 1
        RETURNING journal.held_bytes INTO dropped_bytes;
        counted.entries := counted.entries - 1;
        counted.held_bytes := counted.held_bytes - coalesce(dropped_bytes, 0);
    END LOOP;
    UPDATE journals SET entries = counted.entries, held_bytes = counted.held_bytes WHERE image = of_image;
    END $$"""
"""As `controls.journal.Journal.trim`."""

CLEAR_JOURNAL = """CREATE FUNCTION clear_journal(of_image bigint) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
    UPDATE journals SET cleared_at = last, entries = 0, held_bytes = 0 WHERE image = of_image;
    DELETE FROM journal WHERE image = of_image;
    END $$"""
"""As `controls.journal.Journal.clear`. The counts are locked first: no entry is added in between."""

ADD_TO_JOURNAL = """CREATE FUNCTION add_to_journal(
        of_image bigint, of_at_ms bigint, of_bytes bigint, of_record bytea, max_entries bigint,
        max_bytes bigint
    ) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        counted journals;
    BEGIN
    INSERT INTO journals AS j (image, last, entries, held_bytes) VALUES (of_image, 1, 1, of_bytes)
    ON CONFLICT (image) DO UPDATE
        SET last = j.last + 1, entries = j.entries + 1, held_bytes = j.held_bytes + of_bytes
    RETURNING j.* INTO counted;
    INSERT INTO journal (image, number, at_ms, held_bytes, record)
    VALUES (of_image, counted.last, of_at_ms, of_bytes, of_record);
    IF counted.entries > max_entries OR counted.held_bytes > max_bytes THEN
        PERFORM trim_journal(of_image, max_entries, max_bytes);
    END IF;
    RETURN counted.last;
    END $$"""
"""As `controls.journal.Journal.add`: the number is counted, the entry added and the oldest dropped."""
