"""No index names a message's status any more, and its page has room for the outcome: outcomes are HOT updates.

Pages that are full already stay so. Processes of the version before must have ended when a gateway of this one starts:
they do not say when a bind gives a device an older message.
"""

from django.db import migrations, models

from pushcore.storage.partitioned_indexes import AddIndexByPartition

# As in `pushcore.storage.partitions`.
FILL = """
DO $$
DECLARE leaf regclass;
BEGIN
  FOR leaf IN SELECT relid FROM pg_partition_tree('pushcore_message') WHERE isleaf LOOP
    EXECUTE format('ALTER TABLE %s SET (fillfactor = 45)', leaf);
  END LOOP;
END $$;
"""


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('pushcore', '0009_last_message'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='settled_id',
            field=models.BigIntegerField(db_default=0, editable=False),
        ),
        AddIndexByPartition(
            model_name='message',
            index=models.Index(fields=['device', 'id'], name='pushcore_msg_device'),
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='pushcore_msg_pending',
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
