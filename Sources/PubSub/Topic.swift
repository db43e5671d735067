// SPDX-License-Identifier: Apache-2.0

public import DataStructures

/// Whoever is subscribed, as a word that its owner understands: an address, a number. Never 0.
public struct Subscriber: Equatable, Sendable {
  /// What the owner makes of it.
  public let word: UInt64

  /// A subscriber that stands for `word`, which must not be 0.
  public init(word: UInt64) {
    assert(word != 0)
    self.word = word
  }
}

/// A channel or a pattern with at least one subscriber: one block, named by its address.
///
///      0                    8                           16
///     +--------------------+---------------------------+- - - - - - - -+ - - - - - - - - +
///     | byteCount, 2 flags | subscriber or their list  | name          | PatternLinks    |
///     +--------------------+---------------------------+- - - - - - - -+ - - - - - - - - +
///
/// As a rule a channel has one subscriber, who then stands in the block itself; a channel with a
/// name of 16 bytes takes 32. Only patterns have links, behind the name at a multiple of eight.
@safe
public struct Topic: HashTableElement, Equatable {
  /// The address of the block.
  public let word: UInt64

  private static let headerByteCount = 16
  /// In the first word: the second one is the address of a list.
  private static let listFlag: UInt64 = 1
  /// In the first word: there are links behind the name.
  private static let patternFlag: UInt64 = 2

  /// The topic that a table has kept.
  public init(word: UInt64) { self.word = word }

  /// A new topic with one subscriber.
  init(_ name: RawSpan, _ subscriber: Subscriber, isPattern: Bool, allocator: Allocator) {
    let count = name.byteCount
    let block = unsafe allocator.allocate(Topic.blockByteCount(count, isPattern: isPattern))
    let header = UInt64(count) << 2 | (isPattern ? Topic.patternFlag : 0)
    unsafe block.storeBytes(of: header, as: UInt64.self)
    unsafe block.storeBytes(of: subscriber.word, toByteOffset: 8, as: UInt64.self)
    unsafe name.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (block + Topic.headerByteCount).copyMemory(from: start, byteCount: source.count)
    }
    word = UInt64(UInt(bitPattern: block))
    if isPattern { unsafe links.initialize(to: PatternLinks()) }
  }

  private static func linksOffset(_ count: Int) -> Int { (headerByteCount + count + 7) & ~7 }

  private static func blockByteCount(_ count: Int, isPattern: Bool) -> Int {
    guard isPattern else { return headerByteCount + count }
    return linksOffset(count) + MemoryLayout<PatternLinks>.stride
  }

  // Made from an address by `init`, hence not zero.
  private var block: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  private var header: UInt64 { unsafe block.load(as: UInt64.self) }

  private var isPattern: Bool { header & Topic.patternFlag != 0 }

  private var nameByteCount: Int { Int(truncatingIfNeeded: header >> 2) }

  /// The name of the channel, or the pattern; valid until the topic is freed.
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(
        _unsafeStart: block + Topic.headerByteCount, byteCount: nameByteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// What the index of patterns keeps of a pattern. Only for patterns.
  var links: UnsafeMutablePointer<PatternLinks> {
    assert(isPattern)
    return unsafe (block + Topic.linksOffset(nameByteCount))
      .assumingMemoryBound(to: PatternLinks.self)
  }

  // MARK: - HashTableElement

  /// The hash of the name.
  public func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(name, seed) }

  /// Whether the topic has this name.
  public func hasKey(_ key: RawSpan) -> Bool { name.equals(key) }

  /// Starts loading the block.
  public func prefetch() { Prefetch.line(at: UInt(word)) }

  // MARK: - Subscribers

  private var content: UInt64 {
    get { unsafe block.load(fromByteOffset: 8, as: UInt64.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self) }
  }

  private var list: SubscriberList? {
    get { header & Topic.listFlag == 0 ? nil : SubscriberList(word: content) }
  }

  private func setHeader(isList: Bool) {
    let new = isList ? header | Topic.listFlag : header & ~Topic.listFlag
    unsafe block.storeBytes(of: new, as: UInt64.self)
  }

  /// How many are subscribed.
  public var subscriberCount: Int { list?.count ?? 1 }

  /// Visits the subscribers in the order in which they came; nobody may come or go meanwhile.
  public func forEachSubscriber(_ body: (Subscriber) -> Void) {
    if let list { return list.forEach(body) }
    body(Subscriber(word: content))
  }

  /// Adds a subscriber, who is not there yet.
  func add(_ subscriber: Subscriber, allocator: Allocator) {
    if let list {
      content = list.adding(subscriber, allocator: allocator).word
    } else {
      let pair = SubscriberList(Subscriber(word: content), subscriber, allocator: allocator)
      content = pair.word
      setHeader(isList: true)
    }
  }

  /// Takes a subscriber out; false if it was the last one: then the topic has to be freed.
  func remove(_ subscriber: Subscriber, allocator: Allocator) -> Bool {
    guard let list else {
      assert(content == subscriber.word)
      return false
    }
    let rest = list.removing(subscriber, allocator: allocator)
    guard rest.count == 1 else {
      content = rest.word
      return true
    }
    rest.forEach { last in content = last.word }
    setHeader(isList: false)
    rest.free(allocator)
    return true
  }

  /// Gives the memory back; the topic must not be used any more.
  func free(_ allocator: Allocator) {
    list?.free(allocator)
    unsafe allocator.deallocate(
      block, byteCount: Topic.blockByteCount(nameByteCount, isPattern: isPattern))
  }
}
