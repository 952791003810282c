import Foundation

/// A device of the message push service. iOS keeps no connection: messages come by APNs, and the device asks over HTTP.
///
/// A new token of APNs is reported with `report(apnsToken:)`, which registers the device first where it is new.
public actor PushDevice {
    private static let apns = 2
    private static let maxBatch = 100

    private let config: Config
    private let requests: Requests
    private let accessGroup: String?
    private let outbox: Outbox
    private var credentials: Credentials
    private var isSending = false

    /// Makes the device, which asks nothing before the app does; so call nothing before the user has agreed.
    ///
    /// - Parameters:
    ///   - accessGroup: The Keychain access group that the app shares with its notification service extension.
    ///   - outbox: Name of the file of reports; an extension has another one than its app.
    public init(config: Config, accessGroup: String? = nil, outbox: String = "outbox") throws {
        self.config = config
        self.accessGroup = accessGroup
        self.outbox = try Outbox(name: outbox)
        requests = Requests(config: config)
        credentials = Credentials.load(accessGroup: accessGroup)
    }

    /// The Ad-token, to which backends push; nil until the device has registered.
    public var token: String? { credentials.adToken }

    /// Registers, unless the device has; a repeated attempt gets the same device.
    public func register() async throws {
        if credentials.adToken == nil {
            try await registerAgain()
        }
    }

    private func registerAgain() async throws {
        if credentials.registrationNonce == nil {
            credentials.registrationNonce = UUID().uuidString + UUID().uuidString
            try credentials.save(accessGroup: accessGroup) // before the first attempt: its answer may be lost
        }
        var payload = ["platform": "ios", "installationId": credentials.installationId]
        payload["registrationNonce"] = credentials.registrationNonce
        payload["deviceSecret"] = credentials.secret
        let issued = try await requests.post(
            "register", payload, user: "\(config.appId)-\(config.workspaceId)", password: config.clientKey)
        guard let adToken = issued["adToken"] as? String, let secret = issued["secret"] as? String else {
            throw PushError.unavailable(retryAfter: nil)
        }
        credentials.adToken = adToken
        credentials.secret = secret
        credentials.registrationNonce = nil
        try credentials.save(accessGroup: accessGroup)
    }

    /// Reports the token that `didRegisterForRemoteNotificationsWithDeviceToken` got. Call it at each start of the app.
    public func report(apnsToken: Data) async throws {
        let hex = apnsToken.map { String(format: "%02x", $0) }.joined()
        try await register()
        _ = try await ask("report", ["thirdChannel": PushDevice.apns, "thirdChannelDeviceToken": hex])
        try await sendEvents()
    }

    /// Binds the user who has logged in.
    ///
    /// - Parameter proof: Gets the bind token from the app's backend for the user and the Ad-token, where the workspace asks for one.
    public func bind(userId: String, proof: ((String, String) async throws -> String)? = nil) async throws {
        try await register()
        var payload = ["userId": userId]
        if let proof, let adToken = credentials.adToken {
            payload["bindToken"] = try await proof(userId, adToken)
        }
        _ = try await ask("bind", payload)
    }

    /// Ends the binding at logout.
    public func unbind(userId: String) async throws {
        _ = try await ask("unbind", ["userId": userId])
    }

    /// Reports a tapped notification; returns what it says, or nil if it is not the service's.
    public func opened(_ userInfo: [AnyHashable: Any]) async throws -> PushedMessage? {
        guard let message = PushedMessage(userInfo) else { return nil }
        try outbox.add(message.k, "opened")
        try? await sendEvents() // else with the next report
        return message
    }

    /// Reports that a notification was wiped away (`UNNotificationDismissActionIdentifier`).
    public func ignored(_ userInfo: [AnyHashable: Any]) async throws {
        guard let message = PushedMessage(userInfo) else { return }
        try outbox.add(message.k, "ignored")
        try? await sendEvents()
    }

    /// Reports that a message has arrived: a silent one, or one that the notification service extension saw.
    public func arrived(_ userInfo: [AnyHashable: Any]) async throws {
        guard let message = PushedMessage(userInfo) else { return }
        try outbox.add(message.k, "arrived")
        try? await sendEvents()
    }

    /// Sends the reports that wait.
    public func sendEvents() async throws {
        guard !isSending, credentials.adToken != nil else { return }
        isSending = true
        defer { isSending = false }
        var size = PushDevice.maxBatch
        while case let events = outbox.oldest(size), !events.isEmpty {
            do {
                _ = try await ask("events", events.map { ["k": $0.k, "event": $0.event, "at": $0.at] as [String: Any] })
            } catch PushError.refused(let code, _, _) where code != "401" {
                if events.count > 1 {
                    size = 1 // one of them is faulty
                    continue
                }
            }
            try outbox.remove(events)
        }
    }

    /// Ends the device: the service deletes it.
    public func unregister() async throws {
        _ = try await ask("unregister", [String: String]())
        Credentials.remove(accessGroup: accessGroup)
        credentials = Credentials()
        try outbox.clear()
    }

    /// Asks as the device; one whose credentials are refused registers again, once, and proves to be the same.
    private func ask(_ path: String, _ payload: Any) async throws -> [String: Any] {
        do {
            return try await askOnce(path, payload)
        } catch PushError.refused(let code, _, _) where code == "401" {
            try await registerAgain()
            return try await askOnce(path, payload)
        }
    }

    private func askOnce(_ path: String, _ payload: Any) async throws -> [String: Any] {
        guard let adToken = credentials.adToken, let secret = credentials.secret else {
            throw PushError.notRegistered
        }
        return try await requests.post(path, payload, user: adToken, password: secret)
    }
}
