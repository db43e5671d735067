// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct OutOfMemoryScoreTests {
  /// A process whose score is this, and all that was written to it.
  private final class Process {
    var score: Int
    var written: [Int] = []
    var refuses = false

    init(_ score: Int) { self.score = score }

    func write(_ score: Int) throws(DiskError) {
      if refuses { throw DiskError(operation: "write", path: "score", cause: .accessDenied) }
      self.score = score
      written.append(score)
    }
  }

  private func score(of process: Process) -> OutOfMemoryScore {
    OutOfMemoryScore(
      read: { process.score },
      write: { (score) throws(DiskError) in try process.write(score) })
  }

  private func configuration(_ adjustment: OutOfMemoryAdjustment, _ first: Int) -> Configuration {
    let configuration = Configuration()
    configuration.oomScoreAdjustment = adjustment
    configuration.oomScoreAdjustmentValues = [first, 200, 800]
    return configuration
  }

  @Test func `no writes nothing, whatever the values are`() throws {
    let process = Process(0)
    let score = score(of: process)
    try score.update(configuration(.no, 0))
    // Somebody else changes the score.
    process.score = 300
    try score.update(configuration(.no, 100))
    try score.update(configuration(.no, 200))
    #expect(process.written == [])
  }

  @Test func `yes counts from the score that it finds, and no brings that back`() throws {
    let process = Process(0)
    let score = score(of: process)
    try score.update(configuration(.no, 0))
    process.score = 300
    try score.update(configuration(.yes, 50))
    try score.update(configuration(.relative, 70))
    try score.update(configuration(.absolute, 70))
    try score.update(configuration(.yes, 900))
    try score.update(configuration(.no, 900))
    #expect(process.written == [350, 370, 70, 1000, 300])
    // Found anew next time.
    process.score = 10
    try score.update(configuration(.yes, 5))
    #expect(process.score == 15)
  }

  @Test func `a score that was absolute from the start is brought back, too`() throws {
    let process = Process(250)
    let score = score(of: process)
    try score.update(configuration(.absolute, 500))
    try score.update(configuration(.no, 500))
    #expect(process.written == [500, 250])
  }

  @Test func `a score that may not be written is an error`() throws {
    let process = Process(250)
    process.refuses = true
    let score = score(of: process)
    #expect(throws: ConfigurationChange.Failure.self) {
      try score.update(configuration(.yes, -100))
    }
    process.refuses = false
    try score.update(configuration(.no, -100))
    #expect(process.score == 250)
  }
}
