-- Roll-ups per minute and per hour, so that a long trend draws from few rows. The hub keeps them
-- (hub/storage/rollups.py); they hold usable values only, and outlive the raw values.

-- What must be rolled up (again): written in the transaction that stores the values, deleted in the
-- one that rolls them up. So a range without a mark is complete, whatever crashed when.
CREATE TABLE rollup_mark (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    level   int NOT NULL,  -- seconds: 60 or 3600
    points  boolean NOT NULL,  -- ids are of tags (points) or of blocks
    ids     int[] NOT NULL,
    first   timestamptz NOT NULL,  -- start of the first minute or hour
    last    timestamptz NOT NULL   -- start of the last one
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX rollup_mark_first ON rollup_mark (first);

CREATE TABLE rollup_state (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    raw_from timestamptz  -- raw values before this were dropped by the retention
);
INSERT INTO rollup_state DEFAULT VALUES;

-- One row per block and minute or hour; arrays as in block_layout.tag_ids. Where count is 0, min, max
-- and last are NaN. PLAIN: a row of 100 tags is 3.7 kB and stays in one piece.
CREATE TABLE rollup_block_60 (
    block_id int NOT NULL, time timestamptz NOT NULL, min float8[] NOT NULL, max float8[] NOT NULL,
    sum float8[] NOT NULL, count int[] NOT NULL, last float8[] NOT NULL
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE rollup_block_3600 (
    block_id int NOT NULL, time timestamptz NOT NULL, min float8[] NOT NULL, max float8[] NOT NULL,
    sum float8[] NOT NULL, count int[] NOT NULL, last float8[] NOT NULL
);
ALTER TABLE rollup_block_60 ALTER min SET STORAGE PLAIN, ALTER max SET STORAGE PLAIN,
    ALTER sum SET STORAGE PLAIN, ALTER count SET STORAGE PLAIN, ALTER last SET STORAGE PLAIN;
ALTER TABLE rollup_block_3600 ALTER min SET STORAGE PLAIN, ALTER max SET STORAGE PLAIN,
    ALTER sum SET STORAGE PLAIN, ALTER count SET STORAGE PLAIN, ALTER last SET STORAGE PLAIN;
CREATE INDEX rollup_block_60_key ON rollup_block_60 (block_id, time);
CREATE INDEX rollup_block_3600_key ON rollup_block_3600 (block_id, time);

-- The same of points, one row per tag; min, max and last are NULL where count is 0.
CREATE TABLE rollup_point_60 (
    tag_id int NOT NULL, time timestamptz NOT NULL, min float8, max float8, sum float8 NOT NULL,
    count bigint NOT NULL, last float8
) /*plain: PARTITION BY RANGE (time) */;
CREATE TABLE rollup_point_3600 (
    tag_id int NOT NULL, time timestamptz NOT NULL, min float8, max float8, sum float8 NOT NULL,
    count bigint NOT NULL, last float8
);
CREATE INDEX rollup_point_60_key ON rollup_point_60 (tag_id, time);
CREATE INDEX rollup_point_3600_key ON rollup_point_3600 (tag_id, time);

/*plain:
CREATE TABLE rollup_block_60_other PARTITION OF rollup_block_60 DEFAULT;
CREATE TABLE rollup_point_60_other PARTITION OF rollup_point_60 DEFAULT;
*/
/*timescale:
SELECT create_hypertable(name, 'time', chunk_time_interval => interval '1 day',
                         create_default_indexes => false)
  FROM unnest(ARRAY['rollup_block_60', 'rollup_point_60']::regclass[]) AS name;
*/

-- What was stored before there were roll-ups.
INSERT INTO rollup_mark (level, points, ids, first, last)
SELECT 60, false, ARRAY[block_id], date_bin('1 minute', first, 'epoch'),
       date_bin('1 minute', last, 'epoch')
  FROM (SELECT l.block_id, min(b.time) AS first, max(b.time) AS last
          FROM block_layout l
         CROSS JOIN LATERAL (
               SELECT time FROM block_float8 WHERE block_id = l.block_id
               UNION ALL SELECT time FROM block_float4 WHERE block_id = l.block_id
               UNION ALL SELECT time FROM block_int8 WHERE block_id = l.block_id) AS b
         WHERE l.column_type IN ('float8', 'float4', 'int8') GROUP BY l.block_id) AS stored;
INSERT INTO rollup_mark (level, points, ids, first, last)
SELECT 60, true, ARRAY[tag_id], date_bin('1 minute', min(time), 'epoch'),
       date_bin('1 minute', max(time), 'epoch')
  FROM point WHERE value_text IS NULL GROUP BY tag_id;
