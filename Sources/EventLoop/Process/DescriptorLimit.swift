// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The limit on open descriptors, which bounds the number of clients.
public enum DescriptorLimit {
  /// Descriptors kept for files, listeners and the loop itself, as many as Redis keeps.
  public static let reserved = 32

  /// The soft limit; nil if the system doesn't tell.
  public static var current: Int? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else {
      return nil
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Raises the soft limit (and, where allowed, the hard one) for so many clients; returns how many
  /// clients are possible, at most `maxClients`.
  ///
  /// When the system refuses, the highest limit that it grants is searched by bisection.
  public static func adjust(for maxClients: Int) -> Int {
    guard let old = current else { return maxClients }
    let (sum, overflows) = max(maxClients, 1).addingReportingOverflow(reserved)
    let wanted = overflows ? Int.max : sum
    if old >= wanted || set(wanted) { return maxClients }
    var granted = old
    var refused = wanted
    while refused - granted > 1 {
      let middle = granted + (refused - granted) / 2
      if set(middle) { granted = middle } else { refused = middle }
    }
    return max(1, min(maxClients, granted - reserved))
  }

  private static func set(_ count: Int) -> Bool {
    var limit = rlimit()
    let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    guard unsafe getrlimit(resource, &limit) == 0 else { return false }
    limit.rlim_cur = rlim_t(count)
    limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
    return unsafe setrlimit(resource, &limit) == 0
  }
}
