"""A token at a vendor's channel belongs to one device of a workspace, the one that reported it last.

What is kept by now is brought in order first, in steps, while devices go on reporting: APNs tokens are spelled in one
way, tokens without a channel or for another platform (nobody is reached by these) are forgotten, and of devices with
the same token the one that reported it last keeps it. The index is built beside the traffic; where a process of the
version before spoils it meanwhile, both are done again.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import IntegrityError, migrations, models

STEP = 10_000
MAX_DUPLICATES_AT_ONCE = 100_000
TRIES = 5

INDEX = "pushcore_device_one_a_token"
CREATE = (
    f'CREATE UNIQUE INDEX CONCURRENTLY "{INDEX}" ON "pushcore_device" ("workspace_id", "third_token", "third_channel")'
    """ WHERE (NOT ("third_token" = '') AND "activity_id" IS NULL)"""
)

PLAIN = "lower(regexp_replace(third_token, '[<>[:space:]]+', '', 'g'))"
# 2 is APNs, of platform 2 (iOS); 13 the channel of HarmonyOS, platform 7; all others are for Android, 1.
OF_ANOTHER = (
    "third_channel IS NULL OR platform <> CASE third_channel WHEN 2 THEN 2 WHEN 13 THEN 7 ELSE 1 END"
)
TIDY = f"""
UPDATE pushcore_device SET
  third_channel = CASE WHEN {OF_ANOTHER} THEN NULL ELSE third_channel END,
  third_token = CASE WHEN {OF_ANOTHER} THEN '' WHEN {PLAIN} ~ '^[0-9a-f]+$' THEN {PLAIN} ELSE third_token END
WHERE id IN (
  SELECT id FROM pushcore_device WHERE id > %s AND id <= %s AND third_token <> ''
  AND ({OF_ANOTHER} OR (third_channel = 2 AND third_token <> {PLAIN}))
  ORDER BY id FOR NO KEY UPDATE
)
"""
# Hexadecimal tokens of other channels have a case of their own.
TIDY = TIDY.replace(f"WHEN {PLAIN} ~", f"WHEN third_channel = 2 AND {PLAIN} ~")
DISOWN = f"""
UPDATE pushcore_device SET third_token = '', third_channel = NULL WHERE id IN (
  SELECT id FROM pushcore_device WHERE id = ANY(ARRAY(
    SELECT id FROM (
      SELECT id, row_number() OVER (PARTITION BY workspace_id, third_channel, third_token
        ORDER BY third_reported_at DESC NULLS LAST, id DESC) AS place
      FROM pushcore_device WHERE third_token <> '' AND activity_id IS NULL
    ) placed WHERE place > 1 LIMIT {MAX_DUPLICATES_AT_ONCE}
  )) ORDER BY id FOR NO KEY UPDATE
)
"""


def bring_in_order(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for _ in range(TRIES):
            tidy(cursor)
            disown(cursor)
            cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{INDEX}"')
            try:
                cursor.execute(CREATE)
            except IntegrityError:
                continue
            return
    raise RuntimeError("devices keep reporting tokens of others; end the processes of the version before, and migrate")


def tidy(cursor):
    last = 0
    while True:
        cursor.execute("SELECT max(id) FROM (SELECT id FROM pushcore_device WHERE id > %s ORDER BY id LIMIT %s) step",
                       [last, STEP])
        [end] = cursor.fetchone()
        if end is None:
            return
        cursor.execute(TIDY, [last, end])
        last = end


def disown(cursor):
    while True:
        cursor.execute(DISOWN)
        if cursor.rowcount < MAX_DUPLICATES_AT_ONCE:
            return


def drop(apps, schema_editor):
    schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{INDEX}"')


class Migration(migrations.Migration):
    # Indexes are not built concurrently within a transaction, and steps are steps.
    atomic = False

    dependencies = [
        ('pushcore', '0013_two_client_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='TokenLoss',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(choices=[(0, 'common'), (2, 'apns'), (4, 'xiaomi'), (5, 'huawei'), (6, 'fcm'), (7, 'oppo'), (8, 'vivo'), (11, 'honor'), (13, 'harmonyos')], verbose_name='third-party channel')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_losses', to='pushcore.device')),
                ('taken_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pushcore.device')),
            ],
            options={
                'verbose_name': 'lost token',
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(bring_in_order, drop)],
            state_operations=[
                migrations.AddConstraint(
                    model_name='device',
                    constraint=models.UniqueConstraint(condition=models.Q(models.Q(('third_token', ''), _negated=True), ('activity_id__isnull', True)), fields=('workspace', 'third_token', 'third_channel'), name='pushcore_device_one_a_token'),
                ),
            ],
        ),
    ]
