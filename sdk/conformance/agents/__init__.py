"""Agents: one small program for each SDK."""
