// SPDX-License-Identifier: Apache-2.0

import Glibc
import RESP

@testable import memd

/// The redis-server that is installed on this machine, started for one test on a unix socket.
final class ReferenceServer {
  /// Where the program lies, nil if it is not installed: tests that need it are skipped.
  static let path: String? = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].first {
    unsafe access($0, X_OK) == 0
  }

  private let processID: pid_t
  /// Its working directory, where dump.rdb lies.
  let directory: String
  private let socketDescriptor: Int32
  private var received: [UInt8] = []

  /// Starts it and waits until it accepts connections; nil if that fails.
  init?(_ arguments: [String] = []) {
    guard let path = ReferenceServer.path, let directory = ReferenceServer.makeDirectory() else {
      return nil
    }
    self.directory = directory
    let socketPath = directory + "/s"
    var output: [Int32] = [-1, -1]
    guard unsafe pipe(&output) == 0 else { return nil }
    let words =
      [path, "--port", "0", "--unixsocket", socketPath, "--save", "", "--dir", directory]
      + arguments
    guard let processID = ReferenceServer.spawn(words, output: output[1]) else { return nil }
    self.processID = processID
    close(output[1])
    // The log is read until the server says that it is ready: no sleeping, no polling.
    var log = ""
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !log.contains("now ready to accept connections at") {
      let count = unsafe read(output[0], &chunk, chunk.count)
      if count <= 0 { return nil }
      log += String(decoding: chunk[0..<count], as: UTF8.self)
    }
    close(output[0])
    socketDescriptor = ReferenceServer.connect(socketPath)
  }

  deinit {
    close(socketDescriptor)
    kill(processID, SIGKILL)
    var status: Int32 = 0
    unsafe waitpid(processID, &status, 0)
    unsafe unlink(directory + "/s")
    unsafe unlink(directory + "/dump.rdb")
    unsafe rmdir(directory)
  }

  private static func makeDirectory() -> String? {
    var template = Array("/tmp/memd-reference-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { return nil }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func spawn(_ words: [String], output: Int32) -> pid_t? {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    var pointers = unsafe words.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { unsafe pointers.forEach { unsafe free($0) } }
    var processID: pid_t = 0
    let result = unsafe posix_spawn(&processID, words[0], &actions, nil, pointers, environ)
    return result == 0 ? processID : nil
  }

  private static func connect(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      unsafe target.copyBytes(from: Array(path.utf8) + [0])
    }
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(result == 0)
    return descriptor
  }

  /// Sends a command given as words and returns its reply.
  @discardableResult
  func run(_ words: [String]) -> Reply { run(octets: words.map { Array($0.utf8) }) }

  /// Sends a command whose words may hold any bytes and returns its reply.
  @discardableResult
  func run(octets words: [[UInt8]]) -> Reply {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
    _ = unsafe write(socketDescriptor, bytes, bytes.count)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var parser = ReplyParser(received)
      if !parser.isAtEnd, let reply = parser.next() {
        received.removeFirst(parser.position)
        return reply
      }
      let count = unsafe read(socketDescriptor, &chunk, chunk.count)
      guard count > 0 else { return .error("connection lost") }
      received += chunk[0..<count]
    }
  }

  /// Sends a command line, words separated by blanks.
  @discardableResult
  func run(_ line: String) -> Reply { run(TestClient.words(line)) }

  /// Sends a command whose words may hold any bytes, and returns the bytes of the reply.
  func exchange(octets words: [[UInt8]]) -> [UInt8] {
    received = []
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
    _ = unsafe write(socketDescriptor, bytes, bytes.count)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(socketDescriptor, &chunk, chunk.count)
      guard count > 0 else { return received }
      received += chunk[0..<count]
      var parser = ReplyParser(received)
      if !parser.isAtEnd, parser.next() != nil {
        defer { received = [] }
        return received
      }
    }
  }
}

extension TestServer {
  /// Lets all clients speak RESP3 from now on, as HELLO 3 does.
  func speakVersion3() {
    for client in server.clients.all { client.version = .resp3 }
  }
}
