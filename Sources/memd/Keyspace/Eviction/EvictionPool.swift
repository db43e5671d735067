// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The best candidates for eviction that sampling has met so far.
///
/// Each eviction samples a few keys at random and keeps the sixteen that deserve it most, also from
/// earlier samples. That comes close to exact LRU or LFU at no memory per key (the idea, and the
/// size of the pool, are those of Redis 3.0). Candidates are remembered by key, since an entry may
/// be moved or freed before its turn comes.
struct EvictionPool {
  /// A key that may be evicted.
  struct Candidate {
    let key: [UInt8]
    let hash: UInt64
    let database: Int
    /// The higher, the sooner it goes.
    let score: UInt64

    /// The same key with another score.
    func rated(_ score: UInt64) -> Candidate {
      Candidate(key: key, hash: hash, database: database, score: score)
    }
  }

  static let capacity = 16

  /// Worst first, so that the best is taken from the end.
  private var candidates: [Candidate] = []

  init() { candidates.reserveCapacity(EvictionPool.capacity + 1) }

  /// True if a key with this score would be kept.
  func admits(_ score: UInt64) -> Bool {
    candidates.count < EvictionPool.capacity || score > candidates[0].score
  }

  /// True if some key in the pool deserves to go more than one with this score.
  func outranks(_ score: UInt64) -> Bool { candidates.last.map { $0.score > score } ?? false }

  /// Adds a key; the worst one gives way if the pool is full. A key that is in the pool already
  /// stays once, with its new score.
  mutating func add(_ candidate: Candidate) {
    if let known = candidates.firstIndex(where: {
      $0.hash == candidate.hash && $0.database == candidate.database && $0.key == candidate.key
    }) {
      candidates.remove(at: known)
    }
    let place = candidates.firstIndex { $0.score >= candidate.score } ?? candidates.count
    candidates.insert(candidate, at: place)
    if candidates.count > EvictionPool.capacity { candidates.removeFirst() }
  }

  /// Takes the best candidate out; nil if there is none.
  mutating func takeBest() -> Candidate? { candidates.popLast() }

  mutating func removeAll() { candidates.removeAll(keepingCapacity: true) }
}
