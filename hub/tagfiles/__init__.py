"""Tag files: CSV and Excel tables, Kepware exports, TIA Portal tag tables and DB sources. Pure.

`kinds.read_file` tells the kind of a file and reads it into drafts; `preview.preview_rows` compares
the drafts with a device; `own_table.write_table` writes a device's tags. No I/O and no database.
"""
