import Foundation

/// What the console offers for download as `mps-device.json`. On iOS only the HTTP endpoint is used.
public struct Config: Codable {
    public let httpEndpoint: String
    public let appId: String
    public let workspaceId: String
    public let clientKey: String

    /// Reads the file from a bundle.
    public static func load(from bundle: Bundle = .main, name: String = "mps-device") throws -> Config {
        guard let url = bundle.url(forResource: name, withExtension: "json") else {
            throw PushError.notConfigured
        }
        return try JSONDecoder().decode(Config.self, from: Data(contentsOf: url))
    }
}

/// What requests fail with.
public enum PushError: Error {
    /// `mps-device.json` is not in the bundle.
    case notConfigured
    /// The device has not registered yet.
    case notRegistered
    /// The service refused; code and name are of the table in sdk/PROTOCOL.md.
    case refused(code: String, name: String, message: String)
    /// The service is away, or asks to wait; `retryAfter` in seconds where it says so.
    case unavailable(retryAfter: TimeInterval?)
}
