// SPDX-License-Identifier: Apache-2.0

extension EncodingLimits {
  /// Takes over what the configuration says.
  func update(from configuration: Configuration) {
    hashMaxListpackEntries = configuration.hashMaxListpackEntries
    hashMaxListpackValue = configuration.hashMaxListpackValue
    listMaxListpackSize = configuration.listMaxListpackSize
    setMaxIntsetEntries = configuration.setMaxIntsetEntries
    setMaxListpackEntries = configuration.setMaxListpackEntries
    setMaxListpackValue = configuration.setMaxListpackValue
    zsetMaxListpackEntries = configuration.zsetMaxListpackEntries
    zsetMaxListpackValue = configuration.zsetMaxListpackValue
    hllSparseMaxBytes = configuration.hllSparseMaxBytes
    streamNodeMaxBytes = configuration.streamNodeMaxBytes
    streamNodeMaxEntries = configuration.streamNodeMaxEntries
  }
}
