// SPDX-License-Identifier: Apache-2.0
import EventLoop

/// A job that calls back on the loop when it is finished.
final class TestJob: Job, @unchecked Sendable {
  private let onPerform: () -> Void
  private let onFinish: () -> Void

  init(onPerform: @escaping () -> Void = {}, onFinish: @escaping () -> Void = {}) {
    self.onPerform = onPerform
    self.onFinish = onFinish
  }

  override func perform() { onPerform() }
  override func finish() { onFinish() }
}

/// A counter that two sides may touch one after the other.
final class Recorder {
  var lines: [String] = []
}
