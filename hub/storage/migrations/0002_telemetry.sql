-- Values, and how far each stream has been stored.
-- Two shapes: a block is one scan of up to 100 tags of one column type in one row; a point is one
-- value of one tag with a time of its own. Both are partitioned by day of `time`.

-- Which tags a block holds, in which order; made when first seen, never changed.
CREATE TABLE block_layout (
    block_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    column_type text NOT NULL,  -- float8, float4, int8, bool or text: the table block_<column_type>
    tag_ids  int[] NOT NULL,
    digest   bytea NOT NULL UNIQUE  -- sha256 of column type and ids
);
CREATE TABLE block_member (
    tag_id   int NOT NULL,
    block_id int NOT NULL REFERENCES block_layout,
    position smallint NOT NULL,  -- from 1, as SQL counts array elements
    column_type text NOT NULL,  -- that of the layout: spares the view a join
    PRIMARY KEY (tag_id, block_id)
);

-- quality: one byte per value (schemas/quality.py), NULL when all are good; a bad value is NULL.
CREATE TABLE block_float8 (
    block_id int NOT NULL, time timestamptz NOT NULL, values float8[] NOT NULL, quality bytea
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE block_float4 (
    block_id int NOT NULL, time timestamptz NOT NULL, values float4[] NOT NULL, quality bytea
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE block_int8 (
    block_id int NOT NULL, time timestamptz NOT NULL, values int8[] NOT NULL, quality bytea
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE block_bool (
    block_id int NOT NULL, time timestamptz NOT NULL, values bool[] NOT NULL, quality bytea
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE block_text (
    block_id int NOT NULL, time timestamptz NOT NULL, values text[] NOT NULL, quality bytea
) /*plain: PARTITION BY RANGE (time) */;
CREATE INDEX block_float8_key ON block_float8 (block_id, time);
CREATE INDEX block_float4_key ON block_float4 (block_id, time);
CREATE INDEX block_int8_key ON block_int8 (block_id, time);
CREATE INDEX block_bool_key ON block_bool (block_id, time);
CREATE INDEX block_text_key ON block_text (block_id, time);

-- time is the source's, received the gateway's. An integer is in value_int, a text in value_text,
-- everything else in value (true is 1); all three are NULL when the value is bad.
CREATE TABLE point (
    time       timestamptz NOT NULL,
    tag_id     int NOT NULL,
    value      float8,
    value_int  bigint,
    value_text text,
    quality    smallint NOT NULL,
    received   timestamptz NOT NULL
) /*plain: PARTITION BY RANGE (time) */;
CREATE INDEX point_key ON point (tag_id, time);

/*timescale:
SELECT create_hypertable(name, 'time', chunk_time_interval => interval '1 day',
                         create_default_indexes => false)
  FROM unnest(ARRAY['block_float8', 'block_float4', 'block_int8', 'block_bool', 'block_text',
                    'point']::regclass[]) AS name;
*/
/*plain:
-- What no daily partition takes: times that make no sense, and clocks that are days ahead.
CREATE TABLE block_float8_other PARTITION OF block_float8 DEFAULT;
CREATE TABLE block_float4_other PARTITION OF block_float4 DEFAULT;
CREATE TABLE block_int8_other PARTITION OF block_int8 DEFAULT;
CREATE TABLE block_bool_other PARTITION OF block_bool DEFAULT;
CREATE TABLE block_text_other PARTITION OF block_text DEFAULT;
CREATE TABLE point_other PARTITION OF point DEFAULT;

-- Makes the partition of one UTC day, once, for whoever asks at the same time. It is filled with
-- what the default partition holds of that day before it is attached, so that readers wait briefly
-- at most and rows from a clock that was ahead find their place.
CREATE FUNCTION make_partition(parent text, day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
    first timestamptz := day::timestamp AT TIME ZONE 'UTC';
    after timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(child) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('spindle.partition'));
    IF to_regclass(child) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_other');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE time >= %L AND time < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', parent || '_other', first, after, child);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, first, after);
END $$;
*/

-- How far a spoke's stream has been stored. Written in the transaction of the values themselves.
CREATE TABLE stream_position (
    spoke_id     int NOT NULL REFERENCES spoke,
    epoch        text NOT NULL,
    created_at   timestamptz NOT NULL,  -- of the stream
    first_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    last_time_ns bigint NOT NULL DEFAULT 0,  -- JetStream's time of message last_seq: fork check
    messages     bigint NOT NULL DEFAULT 0,
    "values"     bigint NOT NULL DEFAULT 0,
    dead         bigint NOT NULL DEFAULT 0,
    lost         bigint NOT NULL DEFAULT 0,
    closed       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (spoke_id, epoch)
);

-- Messages that could not be stored as values; nothing is thrown away.
CREATE TABLE dead_letter (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spoke_id int NOT NULL REFERENCES spoke,
    epoch    text NOT NULL,
    sequence bigint NOT NULL,
    at       timestamptz NOT NULL,
    reason   text NOT NULL,
    payload  bytea NOT NULL
);
