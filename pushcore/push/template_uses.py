"""What uses a template: the newest schedules and push tasks, looked for among so many."""

from __future__ import annotations

from pushcore.models import PushTask, Schedule, Template

# Push tasks among which those of a template are looked for: the newest of the workspace. No index names the template.
SEARCHED_TASKS = 20_000
MAX_SHOWN = 10
_WITH_TEMPLATE = (PushTask.Kind.TEMPLATE, PushTask.Kind.MULTIPLE, PushTask.Kind.BROADCAST, PushTask.Kind.AUDIENCE)


def schedules(template: Template) -> list[Schedule]:
    """Return the newest schedules with the template, at most `MAX_SHOWN`, whether they wait or are over."""
    named = Schedule.objects.filter(workspace_id=template.workspace_id, template_name=template.name)
    return list(named.defer("request").order_by("-pk")[:MAX_SHOWN])


def tasks(template: Template) -> list[PushTask]:
    """Return the newest push tasks with the template, at most `MAX_SHOWN`, among the newest `SEARCHED_TASKS`."""
    of_workspace = PushTask.objects.filter(workspace_id=template.workspace_id)
    begin = of_workspace.order_by("-pk").values_list("pk", flat=True)[SEARCHED_TASKS - 1 : SEARCHED_TASKS].first()
    among = of_workspace if begin is None else of_workspace.filter(pk__gte=begin)
    named = among.filter(kind__in=_WITH_TEMPLATE, content__templateCode=template.name)
    return list(named.order_by("-pk")[:MAX_SHOWN])
