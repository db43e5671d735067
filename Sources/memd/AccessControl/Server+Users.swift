// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import PubSub

// Users change here, and nowhere else, since their clients have to be told.

extension Server {
  /// What rules are read against now.
  var ruleContext: RuleContext { configuration.ruleContext(commands) }

  /// Gives a user other rules; one of this name is made if there was none.
  ///
  /// - Parameter caller: a client that is to get a reply before it is closed.
  func change(_ name: [UInt8], to rules: UserRules, caller: Client? = nil) {
    if let user = users.find(name.rawSpan) { revokeChannels(of: user, new: rules, caller: caller) }
    let user = users.set(name, rules)
    for client in clients.all where client.user === user { client.updateGate() }
    if user === users.defaultUser { forgetOutdatedPassword() }
  }

  /// `requirepass` shows the password only for as long as it is one of the default user's.
  private func forgetOutdatedPassword() {
    guard !configuration.requirePass.isEmpty else { return }
    let password = configuration.requirePass
    let hash = PasswordHash(of: password.rawSpan)
    let passwords = users.defaultUser.rules.passwords
    if !passwords.contains(where: { $0.equals(hash) }) { configuration.requirePass = "" }
  }

  /// Removes a user and disconnects its clients; the caller gets its reply first.
  func remove(_ user: User, caller: Client? = nil) {
    users.remove(user)
    for client in clients.all where client.user === user {
      client.user = users.defaultUser
      client.isAuthenticated = false
      if client === caller { closeAfterReply(client) } else { close(client) }
    }
  }

  /// Disconnects subscribers that may no longer use what they are subscribed to.
  private func revokeChannels(of user: User, new rules: UserRules, caller: Client?) {
    let channels = ChannelPatterns(union: rules.selectors)
    guard !channels.include(ChannelPatterns(union: user.rules.selectors)) else { return }
    for client in clients.all
    where client.user === user && !subscriptions(of: client, areWithin: channels) {
      if client === caller { closeAfterReply(client) } else { close(client) }
    }
  }

  /// Whether a client is subscribed to nothing but what the patterns allow.
  private func subscriptions(of client: Client, areWithin allowed: ChannelPatterns) -> Bool {
    guard let subscriptions = client.subscriptions else { return true }
    var areWithin = true
    for kind in [TopicKind.channel, .pattern, .shardChannel] {
      subscriptions.forEach(kind) { topic in
        let isAllowed =
          kind == .pattern ? allowed.allow(pattern: topic.name) : allowed.allow(channel: topic.name)
        areWithin = areWithin && isAllowed
      }
    }
    return areWithin
  }

  // MARK: - Start

  /// Makes the users that configuration file or ACL file declare.
  ///
  /// - Throws: lines for the log that say why the server can't start.
  func loadUsersAtStart() throws(UserFileError) {
    guard configuration.aclFile.isEmpty || configuration.declaredUsers.isEmpty else {
      throw UserFileError(
        message:
          "There is an ACL file, and users are declared in redis.conf, too. This setup is very"
          + " likely to lead to configuration errors and security holes, please define either an"
          + " ACL file or declare users directly in your redis.conf, but not both.")
    }
    let context = ruleContext
    for declared in configuration.declaredUsers {
      guard Users.isValid(name: declared.name.rawSpan) else {
        throw UserFileError(
          message: "Spaces not allowed in ACL usernames", place: declared.place)
      }
      var rules = UserRules(context)
      do throws(RuleFailure) {
        try rules.apply(declared.rules, context)
      } catch {
        throw UserFileError(declared, error)
      }
      change(declared.name, to: rules)
      if !rules.isOn {
        log.notice(
          "The user '\(declared.name.rawSpan.logText())' is disabled (there is no 'on' modifier in"
            + " the user description). Make sure this is not a configuration error.")
      }
    }
    configuration.declaredUsers = []
    if !configuration.aclFile.isEmpty { try loadUserFile() }
  }
}

/// Why users can't be loaded.
struct UserFileError: Error {
  let message: ByteText
  /// The line of redis.conf that declares the user.
  let place: ConfigurationPlace?

  init(message: ByteText, place: ConfigurationPlace? = nil) {
    self.message = message
    self.place = place
  }

  fileprivate init(_ user: DeclaredUser, _ failure: RuleFailure) {
    place = user.place
    switch failure {
    case .rule(let rule, let error):
      message =
        "Error loading ACL rule '\(echo: rule)' for the user named"
        + " '\(echo: user.name)': \(error.text)"
    case .unmatchedParenthesis: message = failure.message
    }
  }
}
