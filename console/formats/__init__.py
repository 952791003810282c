"""Formats of dates and times in the console, one package a language (Django's FORMAT_MODULE_PATH)."""
