"""A task's messages are found by their ids: the index on their task goes.

Tasks that may still get messages, from processes of the version before, too, are left as they are: their bounds are
looked for by their expiry until then.
"""

from django.db import migrations, models

FILL = """
UPDATE pushcore_pushtask t SET last_message_id = greatest(t.id, m.last)
FROM (SELECT task_id, max(id) AS last FROM pushcore_message GROUP BY task_id) m
WHERE m.task_id = t.id AND (t.kind IN ('simple', 'template') OR t.expire_at < now());
"""


class Migration(migrations.Migration):

    dependencies = [
        ('pushcore', '0008_vendor_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='pushtask',
            name='last_message_id',
            field=models.BigIntegerField('last message ID', editable=False, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveIndex(
            model_name='message',
            name='pushcore_msg_task',
        ),
    ]
