-- The view for people, Grafana and BI: one row per value, whatever its shape. A filter on time and
-- on tag_id, tag, device or spoke goes by index in every branch.
-- value: numbers and bool (1, 0); value_int: integers exactly; value_text: texts. A bad value is
-- NULL in all three. quality: one byte as in schemas/quality.py, 192 is good.
-- A tag that is not configured (any more, or after a restore) keeps its values; its names are NULL.

CREATE VIEW samples AS
SELECT b.time, m.tag_id, t.name AS tag, d.name AS device, s.name AS spoke,
       b.values[m.position] AS value, NULL::text AS value_text,
       coalesce(get_byte(b.quality, m.position - 1), 192)::smallint AS quality,
       NULL::bigint AS value_int
  FROM block_member m JOIN block_float8 b USING (block_id)
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id)
 WHERE m.column_type = 'float8'
UNION ALL
SELECT b.time, m.tag_id, t.name, d.name, s.name,
       b.values[m.position]::float8, NULL,
       coalesce(get_byte(b.quality, m.position - 1), 192)::smallint, NULL
  FROM block_member m JOIN block_float4 b USING (block_id)
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id)
 WHERE m.column_type = 'float4'
UNION ALL
SELECT b.time, m.tag_id, t.name, d.name, s.name,
       b.values[m.position]::float8, NULL,
       coalesce(get_byte(b.quality, m.position - 1), 192)::smallint, b.values[m.position]
  FROM block_member m JOIN block_int8 b USING (block_id)
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id)
 WHERE m.column_type = 'int8'
UNION ALL
SELECT b.time, m.tag_id, t.name, d.name, s.name,
       b.values[m.position]::int::float8, NULL,
       coalesce(get_byte(b.quality, m.position - 1), 192)::smallint, NULL
  FROM block_member m JOIN block_bool b USING (block_id)
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id)
 WHERE m.column_type = 'bool'
UNION ALL
SELECT b.time, m.tag_id, t.name, d.name, s.name,
       NULL, b.values[m.position],
       coalesce(get_byte(b.quality, m.position - 1), 192)::smallint, NULL
  FROM block_member m JOIN block_text b USING (block_id)
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id)
 WHERE m.column_type = 'text'
UNION ALL
SELECT b.time, b.tag_id, t.name, d.name, s.name,
       coalesce(b.value, b.value_int::float8), b.value_text, b.quality, b.value_int
  FROM point b
  LEFT JOIN tag t USING (tag_id) LEFT JOIN device d USING (device_id) LEFT JOIN spoke s USING (spoke_id);
