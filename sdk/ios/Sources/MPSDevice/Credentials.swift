import Foundation
import Security

/// The device's identity in the Keychain: on this phone only, so that no backup carries it to another one.
struct Credentials: Codable {
    var installationId = UUID().uuidString
    var registrationNonce: String?
    var adToken: String?
    var secret: String?

    /// Reads the identity, which an app shares with its notification service extension by a Keychain access group.
    static func load(accessGroup: String?) -> Credentials {
        var query = item(accessGroup)
        query[kSecReturnData as String] = true
        var found: CFTypeRef?
        guard SecItemCopyMatching(query as CFDictionary, &found) == errSecSuccess, let data = found as? Data,
            let kept = try? JSONDecoder().decode(Credentials.self, from: data)
        else {
            return Credentials()
        }
        return kept
    }

    func save(accessGroup: String?) throws {
        let data = try JSONEncoder().encode(self)
        let query = Credentials.item(accessGroup)
        let values: [String: Any] = [
            kSecValueData as String: data,
            kSecAttrAccessible as String: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        var status = SecItemUpdate(query as CFDictionary, values as CFDictionary)
        if status == errSecItemNotFound {
            status = SecItemAdd(query.merging(values) { $1 } as CFDictionary, nil)
        }
        guard status == errSecSuccess else {
            throw NSError(domain: NSOSStatusErrorDomain, code: Int(status))
        }
    }

    static func remove(accessGroup: String?) {
        SecItemDelete(item(accessGroup) as CFDictionary)
    }

    private static func item(_ accessGroup: String?) -> [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: "mps-device",
            kSecAttrAccount as String: "credentials",
        ]
        if let accessGroup {
            query[kSecAttrAccessGroup as String] = accessGroup
        }
        return query
    }
}
