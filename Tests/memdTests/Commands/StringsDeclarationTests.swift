// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct StringsDeclarationTests {
  /// Name, arity, flags, first, last and step of the keys, categories, key access: as
  /// redis-server 7.0.15's COMMAND INFO has them.
  static let reference = [
    "get 2 readonly,fast 1 1 1 read,string,fast RO,access",
    "set -3 write,denyoom 1 1 1 write,string,slow RW,access,update,variable_flags",
    "setnx 3 write,denyoom,fast 1 1 1 write,string,fast OW,insert",
    "setex 4 write,denyoom 1 1 1 write,string,slow OW,update",
    "psetex 4 write,denyoom 1 1 1 write,string,slow OW,update",
    "getset 3 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "getdel 2 write,fast 1 1 1 write,string,fast RW,access,delete",
    "getex -2 write,fast 1 1 1 write,string,fast RW,access,update",
    "mget -2 readonly,fast 1 -1 1 read,string,fast RO,access",
    "mset -3 write,denyoom 1 -1 2 write,string,slow OW,update",
    "msetnx -3 write,denyoom 1 -1 2 write,string,slow OW,insert",
    "append 3 write,denyoom,fast 1 1 1 write,string,fast RW,insert",
    "strlen 2 readonly,fast 1 1 1 read,string,fast RO",
    "getrange 4 readonly 1 1 1 read,string,slow RO,access",
    "substr 4 readonly 1 1 1 read,string,slow RO,access",
    "setrange 4 write,denyoom 1 1 1 write,string,slow RW,update",
    "incr 2 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "decr 2 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "incrby 3 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "decrby 3 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "incrbyfloat 3 write,denyoom,fast 1 1 1 write,string,fast RW,access,update",
    "lcs -3 readonly 1 2 1 read,string,slow RO,access",
    "setbit 4 write,denyoom 1 1 1 write,bitmap,slow RW,access,update",
    "getbit 3 readonly,fast 1 1 1 read,bitmap,fast RO,access",
  ]

  @Test(arguments: reference)
  func `commands are declared as the reference server declares them`(line: String) throws {
    let table = CommandTable()
    let name = String(line.prefix { $0 != " " })
    let description = try #require(table.topLevel.first { $0.fullName == name })
    let command = description.command
    let reference = table[description.id]
    let flags = CommandFlags.names.filter { command.flags.contains($0.0) }
    let implied = ACLCategories.implied(by: command.flags, group: description.group)
    let categories = ACLCategories.names.filter { implied.contains($0.0) }
    let spec = try #require(command.keys.first)
    let access = KeySpec.Access.names.filter { spec.access.contains($0.0) }
    let words = [
      name, String(reference.arity), flags.map { "\($0.1)" }.joined(separator: ","),
      String(reference.keys.first), String(reference.keys.last), String(reference.keys.step),
      categories.map { "\($0.1)" }.joined(separator: ","),
      access.map { "\($0.1)" }.joined(separator: ","),
    ]
    #expect(words.joined(separator: " ") == line)
  }

  @Test func `newer commands take as many words as their documentation says`() {
    let table = CommandTable()
    let arities = ["msetex": -4, "increx": -2, "delex": -2, "delifeq": 3, "digest": 2]
    for description in table.topLevel {
      guard let arity = arities[description.fullName] else { continue }
      #expect(table[description.id].arity == arity, "\(description.fullName)")
    }
  }
}
