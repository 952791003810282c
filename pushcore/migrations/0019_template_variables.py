"""Templates name their placeholders. Those made before keep the ones they had: any text between two number signs."""

from __future__ import annotations

import re
from typing import Any

from django.db import migrations, models

_BEFORE = re.compile(r"#([^#\r\n]{1,64})#")
_NOW = re.compile(r"#([\w.-]{1,64})#")


def keep_names(apps: Any, editor: Any) -> None:
    templates = apps.get_model("pushcore", "Template").objects
    for template in templates.filter(variables=None).iterator():
        texts = (template.title, template.body, template.uri)
        before = sorted({name for text in texts for name in _BEFORE.findall(text)})
        if before != sorted({name for text in texts for name in _NOW.findall(text)}):
            templates.filter(pk=template.pk).update(variables=before)


class Migration(migrations.Migration):
    dependencies = [("pushcore", "0018_installations")]

    operations = [
        migrations.AddField("fileimport", "variables", models.JSONField(default=None, null=True)),
        migrations.AddField("template", "variables", models.JSONField(default=None, editable=False, null=True)),
        migrations.RunPython(keep_names, migrations.RunPython.noop),
    ]
