// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A section of INFO: its name, who gets it without asking, and how it is written.
struct InfoSection {
  /// Which requests include a section that they don't name.
  enum Scope: Equatable {
    /// INFO without arguments, and all wider requests.
    case standard
    /// INFO all and INFO everything, which differ only where there are modules.
    case all
    /// Only requests that name it.
    case named
  }

  let name: StaticString
  let scope: Scope
  /// Whether it has a line for each command.
  var isPerCommand = false
  let write: (Server, inout InfoText) -> Void

  /// All sections, in the order in which they are shown.
  static var all: [InfoSection] {
    [
      InfoSection(name: "server", scope: .standard) { $0.writeServerInfo(to: &$1) },
      InfoSection(name: "clients", scope: .standard) { $0.writeClientsInfo(to: &$1) },
      InfoSection(name: "memory", scope: .standard) { $0.writeMemoryInfo(to: &$1) },
      InfoSection(name: "persistence", scope: .standard) { $0.writePersistenceInfo(to: &$1) },
      InfoSection(name: "stats", scope: .standard) { $0.writeStatsInfo(to: &$1) },
      InfoSection(name: "replication", scope: .standard) { $0.writeReplicationInfo(to: &$1) },
      InfoSection(name: "cpu", scope: .standard) { $0.writeProcessorInfo(to: &$1) },
      InfoSection(name: "modules", scope: .standard) { $1.section("Modules") },
      InfoSection(name: "tls", scope: .all) { $0.writeEncryptionInfo(to: &$1) },
      InfoSection(name: "commandstats", scope: .all, isPerCommand: true) {
        $0.writeCommandInfo(to: &$1)
      },
      InfoSection(name: "errorstats", scope: .standard) { $0.writeErrorInfo(to: &$1) },
      InfoSection(name: "latencystats", scope: .all, isPerCommand: true) {
        $0.writeLatencyInfo(to: &$1)
      },
      InfoSection(name: "cluster", scope: .standard) { server, text in
        text.section("Cluster")
        text.field("cluster_enabled", false)
      },
      InfoSection(name: "keyspace", scope: .standard) { $0.writeKeyspaceInfo(to: &$1) },
      InfoSection(name: "debug", scope: .named) { $0.writeDebugInfo(to: &$1) },
    ]
  }
}

extension Server {
  /// The text of INFO for the sections that a request names; none asks for the usual.
  ///
  /// Unknown names are passed over; a section that is named twice is shown once.
  func info(_ request: Arguments) -> String {
    var text = InfoText()
    for section in InfoSection.all where isWanted(section, request) { section.write(self, &text) }
    return text.text
  }

  private func isWanted(_ section: InfoSection, _ request: Arguments) -> Bool {
    if request.count < 2 { return section.scope == .standard }
    for index in 1..<request.count {
      switch FoldedName(folding: request[index]) {
      case FoldedName("all"), FoldedName("everything"): if section.scope != .named { return true }
      case FoldedName("default"): if section.scope == .standard { return true }
      default: if request[index].spells(section.name) { return true }
      }
    }
    return false
  }
}
