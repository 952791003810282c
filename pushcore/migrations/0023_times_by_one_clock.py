"""Devices and lost tokens get their times by the database's clock. Nothing changes in the database."""

from django.db import migrations, models

import pushcore.storage.clock


class Migration(migrations.Migration):
    dependencies = [
        ("pushcore", "0022_expiry"),
    ]

    operations = [
        migrations.AlterField(
            model_name="device",
            name="created_at",
            field=models.DateTimeField(default=pushcore.storage.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name="tokenloss",
            name="at",
            field=models.DateTimeField(db_index=True, default=pushcore.storage.clock.now),
        ),
    ]
