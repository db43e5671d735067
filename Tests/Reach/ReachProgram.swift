// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import memd

/// The two things that the program does; the result is its exit code.
enum ReachProgram {
  static func run(seed: UInt64, requests: Int, path: String?) -> Int32 {
    let run = ReachRun(seed: seed)
    var file: Int32 = -1
    if let path { file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    if file >= 0 {
      // Before it is done: it may be the last one.
      run.onStep = { ReachProgram.write(ReachScript.text($0) + "\n", to: file) }
    }
    let failure = run.run(requests: requests)
    for line in run.report { print(line) }
    return conclude(failure)
  }

  static func replay(path: String, checkInterval: Int) -> Int32 {
    let world = ReachWorld(seed: 1)
    let bytesAtRest = world.firstRest()
    var count = 0
    for step in ReachScript.steps(contents(path)) {
      if step.pause != nil {
        world.finishTurn()
        count += 1
        if count % checkInterval == 0 { world.check(isThorough: true) }
      }
      if world.failure != nil { break }
      world.perform(step)
    }
    world.finishTurn()
    world.check(isThorough: true)
    if let failure = world.failure { return conclude(failure) }
    let bytes = world.rest()
    world.check(isThorough: true)
    if let failure = world.failure { return conclude(failure) }
    let isLess = bytes != bytesAtRest
    return conclude(isLess ? "\(bytes) bytes are in use at rest, \(bytesAtRest) at the start" : nil)
  }

  /// What is never sent, can't succeed or can't be reached: a name, a tab, the reason.
  static func printExcused() {
    for command in CommandSyntax.all(CommandTable()) {
      let name = command.name
      let reason = SpecialRequests.leftOut[name] ?? SpecialRequests.reasonForFailing(name)
      if let reason { print("\(name)\t\(reason)") }
    }
    for (name, reason) in SpecialRequests.cannotBeReached { print("\(name)\t\(reason)") }
  }

  private static func conclude(_ failure: String?) -> Int32 {
    guard let failure else { return 0 }
    print("failure \(failure)")
    return 1
  }

  private static func write(_ line: String, to file: Int32) {
    var line = line
    line.withUTF8 { bytes in
      _ = unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
    }
  }

  private static func contents(_ path: String) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file, &buffer, buffer.count)
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}
