// SPDX-License-Identifier: Apache-2.0

/// Counters of the whole server, as INFO's sections `stats` and `clients` show them.
final class Statistics {
  var evictedClients = 0
  var commandsProcessed = 0
  var connectionsReceived = 0
  var connectionsRejected = 0
  var networkInputBytes = 0
  var networkOutputBytes = 0
  /// The part of it that comes from a leader, or goes to followers.
  var replicationInputBytes = 0
  var replicationOutputBytes = 0
  var readsProcessed = 0
  var writesProcessed = 0
  var errorReplies = 0
  var unexpectedErrorReplies = 0
  var queryBufferLimitDisconnections = 0
  var outputBufferLimitDisconnections = 0
  /// Denials by access control, by what was denied.
  var accessDeniedAuthentication = 0
  var accessDeniedCommand = 0
  var accessDeniedKey = 0
  var accessDeniedChannel = 0
  var accessDeniedCertificate = 0
  /// Largest buffers among the clients of the last seconds.
  var recentMaxInputBuffer = 0
  var recentMaxOutputBuffer = 0
  /// Total time, in microseconds, during which memory was over its limit.
  var evictionExceededMicroseconds: Int64 = 0
  /// Monotonic time, in microseconds, since when it is; nil: it is not.
  var evictionExceededSince: Int64?
  /// Turns of the loop, and what they took.
  var turns = 0
  var turnMicroseconds = 0.0
  /// What the periodic chores took.
  var cronMicroseconds = 0.0
  var commandsPerTurnMax = 0
  var memoryPeak = 0
  /// Followers that were sent the whole dataset.
  var fullSyncs = 0
  /// Followers that could go on where they were, and that asked for it in vain.
  var partialSyncs = 0
  var refusedPartialSyncs = 0
  /// Saves that SAVE, BGSAVE or a rule has begun.
  var saves = 0
  /// Rewrites of the log that were begun, and how often writes had to wait for it.
  var rewrites = 0
  var delayedSyncs = 0

  /// Sets every counter to zero; the peak of memory stays.
  func reset() {
    saves = 0
    rewrites = 0
    delayedSyncs = 0
    evictedClients = 0
    commandsProcessed = 0
    connectionsReceived = 0
    connectionsRejected = 0
    networkInputBytes = 0
    networkOutputBytes = 0
    replicationInputBytes = 0
    replicationOutputBytes = 0
    readsProcessed = 0
    writesProcessed = 0
    errorReplies = 0
    unexpectedErrorReplies = 0
    queryBufferLimitDisconnections = 0
    outputBufferLimitDisconnections = 0
    accessDeniedAuthentication = 0
    accessDeniedCommand = 0
    accessDeniedKey = 0
    accessDeniedChannel = 0
    accessDeniedCertificate = 0
    recentMaxInputBuffer = 0
    recentMaxOutputBuffer = 0
    evictionExceededMicroseconds = 0
    turns = 0
    turnMicroseconds = 0.0
    cronMicroseconds = 0.0
    fullSyncs = 0
    partialSyncs = 0
    refusedPartialSyncs = 0
    commandsPerTurnMax = 0
  }
}
