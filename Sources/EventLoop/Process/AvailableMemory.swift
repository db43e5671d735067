// SPDX-License-Identifier: Apache-2.0

/// How much memory the system could still give, as far as it says: the machine, and the control
/// group that the process may be confined to.
public struct AvailableMemory: Equatable {
  /// In bytes; the largest number if nothing is known.
  public let byteCount: Int

  /// Asks the system.
  public static var now: AvailableMemory {
    AvailableMemory(
      machine: text("/proc/meminfo"), limit: text("/sys/fs/cgroup/memory.max"),
      current: text("/sys/fs/cgroup/memory.current"), group: text("/sys/fs/cgroup/memory.stat"))
  }

  /// Reads what the system says.
  ///
  /// - Parameters:
  ///   - machine: as /proc/meminfo.
  ///   - limit: as memory.max of a control group, a number or "max".
  ///   - current: as memory.current.
  ///   - group: as memory.stat.
  public init(machine: String, limit: String, current: String, group: String) {
    let free = AvailableMemory.number(of: "MemAvailable:", in: machine).map { $0 << 10 } ?? .max
    guard let limit = AvailableMemory.number(limit), let current = AvailableMemory.number(current)
    else {
      byteCount = free
      return
    }
    // Pages of files, which the kernel takes back before it refuses any.
    let files = AvailableMemory.number(of: "inactive_file", in: group) ?? 0
    byteCount = min(free, max(0, limit - max(0, current - files)))
  }

  private static func number(of name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 1, words[0] == name { return Int(words[1]) }
    }
    return nil
  }

  private static func number(_ text: String) -> Int? {
    text.split(separator: "\n").first.flatMap { Int($0) }
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? SystemDisk().read(path)) ?? [], as: UTF8.self)
  }
}
