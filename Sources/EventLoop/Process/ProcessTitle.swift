// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The names that ps and top show.
public enum ProcessTitle {
  /// Names the calling thread; the kernel keeps 15 bytes.
  public static func nameThread(_ name: String) { _ = unsafe memd_set_thread_name(name) }

  /// Overwrites the arguments of the process with a title, as `set-proc-title` asks for.
  ///
  /// The title takes the memory of the arguments and of the environment behind them, which is
  /// copied elsewhere first; it is cut if that is not enough. To be called once, before any thread
  /// is started. The name by which pgrep and pidof find the process stays. False if /proc does not
  /// tell where the arguments are.
  @discardableResult
  public static func set(_ title: [UInt8]) -> Bool {
    // Swift reads the arguments when they are asked for first: before they are overwritten.
    _ = CommandLine.arguments
    guard let area = unsafe argumentArea(), area.count > 1 else { return false }
    memd_move_environment()
    unsafe area.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe area.copyBytes(from: title.prefix(area.count - 1))
    return true
  }

  /// The memory from the first argument to the end of the environment, by /proc/self/stat.
  private static func argumentArea() -> UnsafeMutableRawBufferPointer? {
    guard let bytes = try? SystemDisk().read("/proc/self/stat"),
      // The name in the second field is in parentheses and may contain anything.
      let end = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
    func address(_ field: Int) -> UInt {
      // Numbered as in proc(5): the first one behind the name is 3.
      guard fields.indices.contains(field - 3) else { return 0 }
      return UInt(String(decoding: fields[field - 3], as: UTF8.self)) ?? 0
    }
    let (argumentStart, argumentEnd) = (address(48), address(49))
    let (environmentStart, environmentEnd) = (address(50), address(51))
    guard argumentStart > 0, argumentEnd > argumentStart else { return nil }
    let areaEnd = environmentStart == argumentEnd ? environmentEnd : argumentEnd
    return unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: argumentStart),
      count: Int(max(areaEnd, argumentEnd) - argumentStart))
  }
}
