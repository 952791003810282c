import Foundation

/// What a notification of the service carries beside `aps` (sdk/PROTOCOL.md, "What a vendor carries").
public struct PushedMessage {
    /// The message's ID, with which it is reported.
    public let k: String
    /// What a tap opens; nil: the app.
    public let url: URL?
    /// Whether `url` is a page of the app, not a web address.
    public let opensPage: Bool
    /// Whether nothing was shown: the message is for the app.
    public let isSilent: Bool
    /// The address of the picture.
    public let image: URL?
    /// All names and texts, with the caller's extension parameters among them.
    public let values: [String: String]

    /// Reads a notification's `userInfo`; nil if it is not the service's.
    public init?(_ userInfo: [AnyHashable: Any]) {
        var values: [String: String] = [:]
        for case let (name as String, text as String) in userInfo {
            values[name] = text
        }
        guard let k = values["k"], !k.isEmpty, k.count <= 19, k.allSatisfy({ ("0"..."9").contains($0) }) else {
            return nil
        }
        self.k = k
        url = values["url"].flatMap(URL.init(string:))
        opensPage = values["action"] == "1"
        isSilent = values["silent"] == "1"
        image = values["image"].flatMap(URL.init(string:))
        self.values = values
    }
}
