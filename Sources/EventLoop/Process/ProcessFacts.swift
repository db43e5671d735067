// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// What INFO tells about the process and its machine. Nothing is cached; each read asks the system.
public enum ProcessFacts {
  /// Whose processor time is asked for.
  public enum Account: Sendable {
    /// All threads of the process.
    case process
    /// The calling thread.
    case thread
    /// Children that have ended and were waited for.
    case children
  }

  /// The number of the process.
  public static var processID: Int32 { getpid() }

  /// Bytes that are resident; 0 if /proc is not there.
  public static var residentByteCount: Int {
    // Disk reads in pieces, as files of /proc have no size.
    guard let bytes = try? SystemDisk().read("/proc/self/statm") else { return 0 }
    let fields = bytes.split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else {
      return 0
    }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Bytes of memory of the machine.
  public static var totalMemoryByteCount: Int {
    max(0, sysconf(Int32(_SC_PHYS_PAGES))) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Processor time that was used, in microseconds, in the process and in the kernel for it.
  public static func processorTime(
    of account: Account
  ) -> (userMicroseconds: Int64, systemMicroseconds: Int64) {
    // RUSAGE_THREAD is 1; the overlay hides it.
    let who: Int32 =
      switch account {
      case .process: 0
      case .thread: 1
      case .children: -1
      }
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(who), &usage)
    return (microseconds(usage.ru_utime), microseconds(usage.ru_stime))
  }

  /// "Linux 6.1.0 x86_64".
  public static var operatingSystem: String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "Linux" }
    let system = text(of: &names.sysname)
    let release = text(of: &names.release)
    let machine = text(of: &names.machine)
    return "\(system) \(release) \(machine)"
  }

  /// The words of the command line as they came, the program's first: any bytes, which
  /// `CommandLine.arguments` would repair.
  public static var arguments: [[UInt8]] {
    (0..<Int(CommandLine.argc)).compactMap { index in
      guard let word = unsafe CommandLine.unsafeArgv[index] else { return nil }
      return unsafe Array(UnsafeRawBufferPointer(start: word, count: strlen(word)))
    }
  }

  /// The absolute path of the running program; empty if /proc is not there.
  public static var executablePath: String {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
      let count = unsafe buffer.withMemoryRebound(to: CChar.self) { characters -> Int in
        guard let base = characters.baseAddress else { return 0 }
        return unsafe readlink("/proc/self/exe", base, characters.count)
      }
      return unsafe String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
  }

  /// The working directory; empty if it was removed.
  public static var workingDirectory: String {
    guard let path = unsafe getcwd(nil, 0) else { return "" }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  /// A variable of the environment.
  public static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  private static func microseconds(_ time: timeval) -> Int64 {
    Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec)
  }

  private static func text<Characters>(of characters: inout Characters) -> String {
    unsafe withUnsafeBytes(of: &characters) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
