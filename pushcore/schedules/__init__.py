"""Scheduled pushes (strategyType 1 and 2).

times      a strategy and a time zone -> the moments of sending
service    a push becomes a schedule with its occurrences; listed, cancelled
firing     what is due is sent, each occurrence once
"""
