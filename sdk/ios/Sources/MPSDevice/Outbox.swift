import Foundation

/// A report of what the user, or the phone, did with a message; `at` is milliseconds since 1970.
struct Event: Codable, Equatable {
    let k: String
    let event: String
    let at: Int64
}

/// Reports that wait to be sent, in a file: 10,000 at most, the oldest go first. App and extension have one each.
final class Outbox {
    private static let maxEvents = 10_000
    private let file: URL
    private var events: [Event]

    init(name: String) throws {
        let folder = try FileManager.default.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        var file = folder.appendingPathComponent("mps-\(name).json")
        events = (try? JSONDecoder().decode([Event].self, from: Data(contentsOf: file))) ?? []
        self.file = file
        try save()
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try file.setResourceValues(values)
    }

    func add(_ k: String, _ event: String) throws {
        guard !events.contains(where: { $0.k == k && $0.event == event }) else { return }
        events.append(Event(k: k, event: event, at: Int64(Date().timeIntervalSince1970 * 1_000)))
        events.removeFirst(max(0, events.count - Outbox.maxEvents))
        try save()
    }

    func oldest(_ count: Int) -> [Event] {
        Array(events.prefix(count))
    }

    func remove(_ sent: [Event]) throws {
        events.removeAll(where: sent.contains)
        try save()
    }

    func clear() throws {
        events = []
        try save()
    }

    private func save() throws {
        try JSONEncoder().encode(events).write(to: file, options: .atomic)
    }
}
