// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// How the kernel treats the memory of this process.
public enum MemoryPolicy {
  /// Turns transparent huge pages off for the process (`disable-thp`); false if the kernel refuses.
  @discardableResult
  public static func disableHugePages() -> Bool { memd_disable_huge_pages(1) == 0 }

  /// Gives free memory of malloc back to the system (MEMORY PURGE).
  public static func returnFreeMemory() { _ = malloc_trim(0) }

  /// The score that the out-of-memory killer adds (-1000 to 1000); nil if /proc is not there.
  public static var outOfMemoryScore: Int? {
    guard let bytes = try? SystemDisk().read("/proc/self/oom_score_adj") else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  /// Sets that score (`oom-score-adj`); lowering it needs privileges.
  public static func setOutOfMemoryScore(_ score: Int) throws(DiskError) {
    let file = try SystemDisk().open("/proc/self/oom_score_adj", .append)
    defer { file.close() }
    try file.write(Array("\(score)".utf8))
  }
}
