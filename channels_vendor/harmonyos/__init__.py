"""Huawei Push Kit for HarmonyOS."""
