// SPDX-License-Identifier: Apache-2.0

// Options about memory: how much there may be, and in which form values are kept.

extension OptionTable {
  static let memoryOptions: [Option] = [
    .memory("maxmemory", .natural, \.maxMemory).effect([.settings, .memory]),
    .memory("lua-memory-limit", .natural, \.luaMemoryLimit).effect([.settings]),
    .choice("maxmemory-policy", \.maxMemoryPolicy),
    .integer("maxmemory-samples", .positive32, \.maxMemorySamples),
    .integer("maxmemory-eviction-tenacity", 0...100, \.maxMemoryEvictionTenacity),
    .integer("lfu-log-factor", .natural32, \.lfuLogFactor),
    .integer("lfu-decay-time", .natural32, \.lfuDecayTime),
    .flag("lazyfree-lazy-eviction", \.lazyFreeLazyEviction),
    .flag("lazyfree-lazy-expire", \.lazyFreeLazyExpire),
    .flag("lazyfree-lazy-server-del", \.lazyFreeLazyServerDel),
    .flag("lazyfree-lazy-user-del", \.lazyFreeLazyUserDel),
    .flag("lazyfree-lazy-user-flush", \.lazyFreeLazyUserFlush),
    .flag("activedefrag", \.activeDefrag),
    .memory("active-defrag-ignore-bytes", .positive, \.activeDefragIgnoreBytes),
    .integer("active-defrag-threshold-lower", 0...1000, \.activeDefragThresholdLower),
    .integer("active-defrag-threshold-upper", 0...1000, \.activeDefragThresholdUpper),
    .integer("active-defrag-cycle-min", 1...99, \.activeDefragCycleMin),
    .integer("active-defrag-cycle-max", 1...99, \.activeDefragCycleMax),
    .flag("activerehashing", \.activeRehashing),
    .integer("tracking-table-max-keys", .natural, \.trackingTableMaxKeys),
  ]

  static let encodingOptions: [Option] = [
    .integer("hash-max-listpack-entries", .natural, \.hashMaxListpackEntries)
      .alias("hash-max-ziplist-entries"),
    .memory("hash-max-listpack-value", .natural, \.hashMaxListpackValue)
      .alias("hash-max-ziplist-value"),
    .integer("list-max-listpack-size", .integer32, \.listMaxListpackSize)
      .alias("list-max-ziplist-size"),
    .integer("list-compress-depth", .natural32, \.listCompressDepth),
    .integer("set-max-intset-entries", .natural, \.setMaxIntsetEntries),
    .integer("set-max-listpack-entries", .natural, \.setMaxListpackEntries),
    .integer("set-max-listpack-value", .natural, \.setMaxListpackValue),
    .integer("zset-max-listpack-entries", .natural, \.zsetMaxListpackEntries)
      .alias("zset-max-ziplist-entries"),
    .memory("zset-max-listpack-value", .natural, \.zsetMaxListpackValue)
      .alias("zset-max-ziplist-value"),
    .memory("hll-sparse-max-bytes", .natural, \.hllSparseMaxBytes),
    .memory("stream-node-max-bytes", .natural, \.streamNodeMaxBytes),
    .integer("stream-node-max-entries", .natural, \.streamNodeMaxEntries),
  ]
}
