"""The default partition of messages goes: with one, no partition can be detached while others write.

What it holds moves into partitions of its days.
"""

from django.db import migrations

FILL_PERCENT = 45
# As `pushcore.storage.ids` reckons: milliseconds since 2020 above 21 bits.
MOVE = f"""
DO $$
DECLARE day date; low bigint; high bigint; part text;
BEGIN
  ALTER TABLE pushcore_message DETACH PARTITION pushcore_message_default;
  FOR day IN SELECT DISTINCT (timestamp '2020-01-01' + (id >> 21) * interval '1 millisecond')::date
      FROM pushcore_message_default LOOP
    low := (extract(epoch FROM day - timestamp '2020-01-01') * 1000)::bigint << 21;
    high := low + (86400000::bigint << 21);
    part := 'pushcore_message_' || to_char(day, 'YYYYMMDD');
    EXECUTE format('CREATE TABLE %I (LIKE pushcore_message INCLUDING DEFAULTS INCLUDING CONSTRAINTS)'
      ' WITH (fillfactor = {FILL_PERCENT})', part);
    EXECUTE format('INSERT INTO %I SELECT * FROM pushcore_message_default WHERE id >= $1 AND id < $2', part)
      USING low, high;
    EXECUTE format('ALTER TABLE pushcore_message ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, low, high);
  END LOOP;
  DROP TABLE pushcore_message_default;
END $$;
"""
BACK = "CREATE TABLE pushcore_message_default PARTITION OF pushcore_message DEFAULT"


class Migration(migrations.Migration):

    dependencies = [
        ("pushcore", "0010_settled"),
    ]

    operations = [migrations.RunSQL(MOVE, BACK)]
