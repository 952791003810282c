# What is due is found by workspace: the many receipts of one that does not answer hide nobody else's. The table was made
# anew by the migration before, with the processes that write it at rest.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pushcore", "0019_template_variables"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="receipt", name="pushcore_receipt_due"),
        migrations.AddIndex(
            model_name="receipt",
            index=models.Index(
                condition=models.Q(("state", "due")),
                fields=["workspace", "next_attempt_at"],
                name="pushcore_receipt_by_endpoint",
            ),
        ),
    ]
