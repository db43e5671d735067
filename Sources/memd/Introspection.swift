// SPDX-License-Identifier: Apache-2.0
extension Server {
  func feedMonitors(_ call: borrowing Call) {}
}
