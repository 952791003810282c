import MPSDevice
import UserNotifications

/// Base of an app's notification service extension: attaches the picture, and reports that the message has arrived.
///
/// The subclass returns its device from `makeDevice`, with the app's access group and an outbox of its own.
open class PushNotificationService: UNNotificationServiceExtension {
    private var deliver: ((UNNotificationContent) -> Void)?
    private var content: UNMutableNotificationContent?

    /// Makes the device that reports; nil reports nothing.
    open func makeDevice() -> PushDevice? { nil }

    override open func didReceive(
        _ request: UNNotificationRequest, withContentHandler contentHandler: @escaping (UNNotificationContent) -> Void
    ) {
        guard let content = request.content.mutableCopy() as? UNMutableNotificationContent else {
            contentHandler(request.content)
            return
        }
        self.content = content
        deliver = contentHandler
        let device = makeDevice()
        let userInfo = content.userInfo
        let reporting = Task { try? await device?.arrived(userInfo) }
        Task {
            if let address = PushedMessage(userInfo)?.image, let picture = try? await attachment(address) {
                content.attachments = [picture]
            }
            _ = await reporting.value
            finish()
        }
    }

    override open func serviceExtensionTimeWillExpire() {
        finish()
    }

    private func finish() {
        DispatchQueue.main.async {
            if let content = self.content {
                self.deliver?(content)
            }
            self.deliver = nil
        }
    }

    private func attachment(_ address: URL) async throws -> UNNotificationAttachment {
        try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.downloadTask(with: address) { file, response, error in
                guard let file else {
                    continuation.resume(throwing: error ?? URLError(.badServerResponse))
                    return
                }
                // The system tells the kind by the name.
                let kind = response?.suggestedFilename.map { ($0 as NSString).pathExtension } ?? "jpg"
                let named = FileManager.default.temporaryDirectory
                    .appendingPathComponent(UUID().uuidString)
                    .appendingPathExtension(kind.isEmpty ? "jpg" : kind)
                continuation.resume(with: Result {
                    try FileManager.default.moveItem(at: file, to: named)
                    return try UNNotificationAttachment(identifier: "image", url: named)
                })
            }.resume()
        }
    }
}
