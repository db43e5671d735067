// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Glibc
import Testing

@Suite struct ProcessTests {
  @Test func `facts about the process are plausible`() {
    #expect(ProcessFacts.processID == getpid())
    #expect(ProcessFacts.residentByteCount > 1 << 20)
    #expect(ProcessFacts.totalMemoryByteCount > ProcessFacts.residentByteCount)
    #expect(ProcessFacts.operatingSystem.hasPrefix("Linux "))
    #expect(ProcessFacts.operatingSystem.split(separator: " ").count == 3)
    #expect(ProcessFacts.executablePath.hasPrefix("/"))
    #expect(ProcessFacts.workingDirectory.hasPrefix("/"))
    #expect(MemoryPolicy.outOfMemoryScore != nil)
  }

  @Test func `processor time grows with work`() {
    let before = ProcessFacts.processorTime(of: .thread)
    let clock = SystemClock()
    let start = clock.monotonicNanoseconds()
    while clock.monotonicNanoseconds() - start < 30_000_000 {}
    let after = ProcessFacts.processorTime(of: .thread)
    let used =
      after.userMicroseconds + after.systemMicroseconds
      - before.userMicroseconds - before.systemMicroseconds
    #expect(used > 1000)
    #expect(ProcessFacts.processorTime(of: .process).userMicroseconds > 0)
  }

  @Test func `the descriptor limit tells how many clients are possible`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let limit = try #require(DescriptorLimit.current)
      let reserved = DescriptorLimit.reserved
      #expect(DescriptorLimit.adjust(for: 10) == 10)
      #expect(DescriptorLimit.current == limit)
      let possible = DescriptorLimit.adjust(for: .max)
      let raised = try #require(DescriptorLimit.current)
      #expect(raised >= limit && possible == raised - reserved)
      // What was granted once is granted again, and one more is not.
      #expect(DescriptorLimit.adjust(for: possible) == possible)
      #expect(DescriptorLimit.adjust(for: possible + 1) == possible)
    }
  }

  @Test func `a title replaces the arguments and leaves the environment`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let path = try #require(ProcessFacts.environment("PATH"))
      #expect(ProcessTitle.set(Array("memd 127.0.0.1:6379".utf8)))
      let shown = try SystemDisk().read("/proc/self/cmdline").prefix { $0 != 0 }
      #expect(String(decoding: shown, as: UTF8.self) == "memd 127.0.0.1:6379")
      #expect(ProcessFacts.environment("PATH") == path)
    }
  }

  @Test func `errors have the system's texts`() {
    #expect(SystemError(EADDRINUSE).text == "Address already in use")
    #expect("\(SystemError.noSpace)" == "No space left on device")
  }

  @Test func `a service notification is one datagram`() throws {
    let path = "/tmp/memd-notify-\(getpid())"
    unsafe unlink(path)
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer {
      close(descriptor)
      unsafe unlink(path)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    #expect(ServiceNotification.send("READY=1\nSTATUS=Ready", to: path))
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self) == "READY=1\nSTATUS=Ready")
    #expect(!ServiceNotification.send("READY=1", to: "/nowhere"))
  }

  @Test func `a daemon leads a session of its own without streams`() async throws {
    await #expect(processExitsWith: .exitCode(0)) {
      var ends: [Int32] = [0, 0]
      _ = unsafe pipe(&ends)
      let session = getsid(0)
      let parent = getpid()
      let child = Daemon.fork()
      if child == 0 {
        try Daemon.detach()
        var answer: UInt8 = getsid(0) == getpid() && getsid(0) != session ? 1 : 2
        if getpid() == parent || isatty(1) == 1 { answer = 3 }
        _ = unsafe write(ends[1], &answer, 1)
        Daemon.exit(code: 0)
      }
      var answer: UInt8 = 0
      let count = unsafe read(ends[0], &answer, 1)
      Daemon.exit(code: count == 1 && answer == 1 ? 0 : 1)
    }
  }

  /// What ends a process by default and means nothing to a server.
  static let strays: [Int32] =
    [
      SIGHUP, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGIO, SIGPWR, SIGXFSZ,
      SIGXCPU, SIGSTKFLT,
    ] + (34...64)

  @Test func `a stray signal is no end`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ProcessSignals.ignoreStrays()
      // To the process: the threads that tests run on block what is sent to them.
      for number in ProcessTests.strays { kill(getpid(), number) }
      usleep(50_000)
      Daemon.exit(code: 0)
    }
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
  func `a signal that asks for the end is not ignored`(number: Int32) async {
    await #expect(processExitsWith: .signal(number)) { [number] in
      ProcessSignals.ignoreStrays()
      kill(getpid(), number)
      sleep(10)
    }
  }

  // SIGABRT is below, by abort: worker threads of the test run block it for raise.
  @Test(arguments: [SIGSEGV, SIGBUS, SIGILL])
  func `a crash writes a report and ends by its signal`(number: Int32) async throws {
    let result = await #expect(
      processExitsWith: .signal(number), observing: [\.standardErrorContent]
    ) { [number] in
      CrashReport.install(version: "1.2.3")
      CrashReport.setInformation("# Server\nold:0\n")
      CrashReport.setInformation("# Server\nmemd_version:1.2.3\n")
      raise(number)
    }
    let report = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(report.contains("=== MEMD BUG REPORT START: Cut & paste starting from here ===\n"))
    #expect(report.contains("memd 1.2.3 crashed by signal: \(number), si_code: -6\n"))
    #expect(report.contains("------ STACK TRACE ------"))
    #expect(report.contains("Killed by PID: "))
    #expect(report.contains("memd_version:1.2.3"))
    #expect(!report.contains("old:0"))
    #expect(report.contains("libc"))
  }

  @Test func `a trap of Swift is reported too`() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      CrashReport.install(version: "1.2.3")
      let numbers = [1, 2, 3]
      let index = Int(getpid())
      Daemon.exit(code: Int32(numbers[index]) & 0)
    }
    let report = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(report.contains("crashed by signal: "))
    #expect(report.contains("=== MEMD BUG REPORT END ==="))
  }

  @Test func `a crash report goes to the log file and removes the pid file`() async throws {
    let log = "/tmp/memd-crash-\(getpid()).log"
    let identity = "/tmp/memd-crash-\(getpid()).pid"
    let disk = SystemDisk()
    try disk.append(to: identity, [1])
    defer { try? disk.remove(log) }
    await #expect(processExitsWith: .signal(SIGABRT)) {
      [log = log as String, identity = identity as String] in
      CrashReport.install(version: "9", logPath: log, processIDPath: identity)
      abort()
    }
    let report = String(decoding: try disk.read(log), as: UTF8.self)
    #expect(report.contains("memd 9 crashed by signal: 6"))
    #expect(!disk.exists(identity))
  }
}
