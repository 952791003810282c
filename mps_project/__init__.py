"""Project package: settings, URLs, processes, embedded engines, health."""

from mps_project.celery import app as celery_app

__all__ = ["celery_app"]
