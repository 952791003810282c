"""Vendor channels: APNs, FCM, Huawei, Xiaomi, OPPO, vivo, HONOR. Each vendor becomes a folder and offers a lane."""
