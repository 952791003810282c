// swift-tools-version:5.7
import PackageDescription

let package = Package(
    name: "MPSDevice",
    platforms: [.iOS(.v13)],
    products: [
        .library(name: "MPSDevice", targets: ["MPSDevice"]),
        .library(name: "MPSNotificationService", targets: ["MPSNotificationService"]),
    ],
    targets: [
        .target(name: "MPSDevice"),
        .target(name: "MPSNotificationService", dependencies: ["MPSDevice"]),
    ]
)
