// SPDX-License-Identifier: Apache-2.0

import DataStructures

// Access control: who may run which commands on which keys and channels.
//
// Every client acts for a `User`. Its `UserRules` hold passwords and one or more selectors; a
// request runs if one selector allows its command, all its keys and all its channels, which are
// known from the command's declaration (`KeySpec`, `ChannelSpec`) and from nothing else. Users who
// may do everything, as the default user usually may, cost nothing: their clients' `Gate` doesn't
// contain `accessControl`, and admission never gets here.

/// Somebody who may use the server.
final class User {
  let name: [UInt8]
  /// Changed by `Server.change` only, as clients have to be told.
  fileprivate(set) var rules: UserRules
  /// Nothing that this user asks for has to be looked at.
  private(set) var isUnlimited: Bool

  init(name: [UInt8], rules: UserRules) {
    self.name = name
    self.rules = rules
    isUnlimited = rules.allowsEverything
  }

  /// "user alice on nopass ~* &* +@all".
  var line: [UInt8] { Array("user ".utf8) + name + [UInt8(ascii: " ")] + rules.text }

  fileprivate func replaceRules(_ new: UserRules) {
    rules = new
    isUnlimited = new.allowsEverything
  }
}

/// All users, in the order of their names.
final class Users {
  static let defaultName = Array("default".utf8)

  /// The user of everybody who hasn't authenticated.
  let defaultUser: User
  private(set) var all: [User]
  let accessLog = AccessLog()

  init(_ commands: CommandTable) {
    defaultUser = User(name: Users.defaultName, rules: .unlimited(commands))
    all = [defaultUser]
  }

  /// The user with this name.
  func find(_ name: RawSpan) -> User? {
    let index = position(of: name)
    guard index < all.count else { return nil }
    let user = all[index]
    let found = user.name
    return found.rawSpan.equals(name) ? user : nil
  }

  /// Where the user with this name stands, or would stand.
  private func position(of name: RawSpan) -> Int {
    var low = 0
    var high = all.count
    while low < high {
      let middle = (low + high) / 2
      let other = all[middle].name
      if other.rawSpan.compare(name) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Gives a user other rules; one of this name is made if there was none.
  @discardableResult
  func set(_ name: [UInt8], _ rules: UserRules) -> User {
    if let user = find(name.rawSpan) {
      user.replaceRules(rules)
      return user
    }
    let user = User(name: name, rules: rules)
    all.insert(user, at: position(of: name.rawSpan))
    return user
  }

  /// Removes a user other than the default one.
  func remove(_ user: User) {
    if user !== defaultUser { all.removeAll { $0 === user } }
  }

  /// Names can't contain blanks or zero bytes, as lists of users couldn't be read back.
  static func isValid(name: RawSpan) -> Bool {
    !(0..<name.byteCount).contains { DirectiveText.isBlankOrNull(name.byte($0)) }
  }
}
