// SPDX-License-Identifier: Apache-2.0

import RESP

@testable import memd

extension TestServer {
  /// Loads a library with this code behind its first line.
  @discardableResult
  func load(_ code: String, as name: String = "lib", _ options: String...) -> Reply {
    run(["FUNCTION", "LOAD"] + options + ["#!lua name=\(name)\n\(code)"])
  }

  /// Loads a library with one function, whose body is given.
  @discardableResult
  func register(_ function: String, _ body: String, in library: String = "lib") -> Reply {
    load(
      "redis.register_function('\(function)', function(keys, args) \(body) end)", as: library,
      "REPLACE")
  }

  /// What FUNCTION LIST says of each library: its name, and its functions in brackets.
  var libraries: [String] {
    run("FUNCTION LIST").elements.map { library in
      let names = library.elements[5].elements.map { $0.elements[1].text }
      return "\(library.elements[1].text)[\(names.joined(separator: " "))]"
    }
  }

  /// The payload of FUNCTION DUMP.
  var functionDump: [UInt8] {
    LibraryPayload.make(
      of: server.scripting.libraries.libraries, compresses: server.configuration.rdbCompression)
  }

  /// FUNCTION RESTORE of a payload, with a policy.
  func restoreFunctions(_ payload: [UInt8], _ policy: [String] = []) -> Reply {
    let words = policy.map { Array($0.utf8) }
    return run(octets: [Array("FUNCTION".utf8), Array("RESTORE".utf8), payload] + words)
  }
}
