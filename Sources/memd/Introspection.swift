// SPDX-License-Identifier: Apache-2.0
extension Server {
  func clientLine(_ client: Client) -> String { "id=\(client.id)" }
}
