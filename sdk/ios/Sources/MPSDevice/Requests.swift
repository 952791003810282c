import Foundation

/// The HTTP requests of a device (sdk/PROTOCOL.md, "Asking").
struct Requests {
    let config: Config

    /// Posts JSON with HTTP Basic authentication, and returns the answer's `data`.
    func post(_ path: String, _ payload: Any, user: String, password: String) async throws -> [String: Any] {
        let base = config.httpEndpoint.hasSuffix("/") ? String(config.httpEndpoint.dropLast()) : config.httpEndpoint
        guard let url = URL(string: "\(base)/device/v1/\(path)") else {
            throw PushError.notConfigured
        }
        var request = URLRequest(url: url, timeoutInterval: 15)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let credentials = Data("\(user):\(password)".utf8).base64EncodedString()
        request.setValue("Basic \(credentials)", forHTTPHeaderField: "Authorization")
        request.httpBody = try JSONSerialization.data(withJSONObject: payload)
        let (data, response) = try await send(request)
        if response.statusCode == 429 || response.statusCode >= 500 {
            let seconds = response.value(forHTTPHeaderField: "Retry-After").flatMap(TimeInterval.init)
            throw PushError.unavailable(retryAfter: seconds)
        }
        let answer = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
        guard answer["success"] as? Bool == true else {
            let name = answer["name"] as? String ?? "HTTP \(response.statusCode)"
            if name == "SYSTEM_ERROR" {
                throw PushError.unavailable(retryAfter: nil)
            }
            throw PushError.refused(
                code: response.statusCode == 401 ? "401" : answer["code"] as? String ?? "",
                name: name,
                message: answer["message"] as? String ?? "")
        }
        return answer["data"] as? [String: Any] ?? [:]
    }

    /// `URLSession.data(for:)` exists from iOS 15 on only.
    private func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.dataTask(with: request) { data, response, error in
                if let data, let response = response as? HTTPURLResponse {
                    continuation.resume(returning: (data, response))
                } else {
                    continuation.resume(throwing: error ?? PushError.unavailable(retryAfter: nil))
                }
            }.resume()
        }
    }
}
