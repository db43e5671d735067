// SPDX-License-Identifier: Apache-2.0
enum MaxMemoryPolicy { case noEviction, allKeysLRU, allKeysLFU; var countsAccesses: Bool { self == .allKeysLFU }; var watchesAccesses: Bool { self != .noEviction } }
final class Configuration {
  var port = 6379
  var databases = 16, maxClients = 10000, replBacklogSize = 1 << 20, hz = 10
  var requirePass = "", protectedMode = true, tcpKeepAliveSeconds = 300, protoMaxBulkLength = 512 << 20, clientQueryBufferLimit = 1 << 30
  var activeExpireEnabled = true, slowlogLogSlowerThan = 10000, slowlogMaxLen = 128, latencyMonitorThreshold = 0, latencyTracking = true
  var maxMemory = 0, maxMemoryPolicy = MaxMemoryPolicy.noEviction, lfuLogFactor = 10, lfuDecayTime = 1, lazyFreeLazyExpire = true, lazyFreeLazyUserFlush = true
}
