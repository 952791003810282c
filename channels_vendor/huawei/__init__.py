"""Huawei Push Kit for Android (HMS)."""
