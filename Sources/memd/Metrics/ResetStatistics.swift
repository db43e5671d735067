// SPDX-License-Identifier: Apache-2.0

extension Server {
  /// Sets everything that is counted since the start to zero (CONFIG RESETSTAT).
  func resetStatistics() {
    statistics.reset()
    commandStatistics.reset()
    errorStatistics.reset()
    turnDurations.reset()
    expirationLag.reset()
  }
}
