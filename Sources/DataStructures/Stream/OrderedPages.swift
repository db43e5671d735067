// SPDX-License-Identifier: Apache-2.0

// The ordered index of streams: blocks by the id of their first entry, and pending entries by id.
//
// Elements stand in pages of up to 64, sorted by id; a directory has the first id and the address
// of every page. That is a B+ tree whose inner levels are one sorted array. It was chosen over a
// radix tree because ids come in ascending order and leave from the front: appending writes one
// slot, a page dropped at the front only moves the directory's head, and an element costs its own
// bytes and no more (a radix tree costs an inner path, a leaf and a pointer for each). A page that
// leaves or arrives in the middle moves the shorter side of the directory: 24 bytes for every 64
// elements, 4 MB for ten million, about 100 us, once in 64 operations at the worst place.

/// What stands in `OrderedPages`: a value of a few words that has an id.
protocol OrderedElement: BitwiseCopyable {
  /// What elements are sorted by; unique.
  var id: StreamID { get }
}

extension StreamID: OrderedElement {
  var id: StreamID { self }
}

/// A sorted sequence of elements with ids.
///
///     directory  [ spare ][ page 0 ][ page 1 ] ... [ page n-1 ][ spare ]
///                           |  first id, 16 bytes
///                           |  address 48 bits, count 8 bits, capacity 8 bits
///                           v
///     page       [ element ][ element ] ... [ spare ]            at most 64
///
/// The owner frees it with `removeAll` or `popLast`; it knows no allocator of its own.
///
/// - Complexity: look-up O(log n); insertion and removal at an end O(1) amortised, elsewhere a move
///   within the page.
@safe
struct OrderedPages<Element: OrderedElement>: ~Copyable {
  /// Where an element stands; valid until the next insertion or removal.
  struct Position: Equatable {
    /// Number of the page; the number of pages at the end.
    var page: Int
    /// Number of the element in its page.
    var slot: Int
  }

  /// A line of the directory.
  @safe
  struct Page {
    /// Id of the first element.
    var first: StreamID
    private var word: UInt64

    init(_ elements: UnsafeMutablePointer<Element>, count: Int, capacity: Int, first: StreamID) {
      self.first = first
      word =
        UInt64(UInt(bitPattern: elements)) | UInt64(count) << 48 | UInt64(capacity) << 56
    }

    var elements: UnsafeMutablePointer<Element> {
      // Made from an address, hence not zero.
      unsafe UnsafeMutablePointer(bitPattern: UInt(word & 0xFFFF_FFFF_FFFF)).unsafelyUnwrapped
    }
    var count: Int {
      get { Int(word >> 48 & 0xFF) }
      set { word = word & ~(0xFF << 48) | UInt64(newValue) << 48 }
    }
    var capacity: Int { Int(word >> 56) }

    /// The first slot whose id is not less than `id`.
    func lowerBound(_ id: StreamID) -> Int {
      var low = 0
      var high = count
      let elements = unsafe self.elements
      while low < high {
        let middle = (low &+ high) / 2
        if unsafe elements[middle].id < id { low = middle &+ 1 } else { high = middle }
      }
      return low
    }
  }

  /// Elements of a full page.
  static var pageCapacity: Int { 64 }

  private(set) var count = 0
  private var directory: UnsafeMutablePointer<Page>?
  private var storedHead: UInt32 = 0
  private var storedPageCount: UInt32 = 0
  private var storedCapacity: UInt32 = 0

  init() { unsafe directory = nil }

  var isEmpty: Bool { count == 0 }
  /// Number of pages.
  var pageCount: Int { Int(storedPageCount) }

  /// The line of page `index`.
  private(set) subscript(page index: Int) -> Page {
    get {
      precondition(index >= 0 && index < pageCount)
      return unsafe directory.unsafelyUnwrapped[Int(storedHead) &+ index]
    }
    set {
      precondition(index >= 0 && index < pageCount)
      unsafe directory.unsafelyUnwrapped[Int(storedHead) &+ index] = newValue
    }
  }

  // MARK: - Elements

  /// The element at `position`; a new one must have the same id.
  subscript(position: Position) -> Element {
    get {
      let page = self[page: position.page]
      precondition(position.slot >= 0 && position.slot < page.count)
      return unsafe page.elements[position.slot]
    }
    set {
      let page = self[page: position.page]
      precondition(position.slot >= 0 && position.slot < page.count)
      unsafe assert(page.elements[position.slot].id == newValue.id)
      unsafe page.elements[position.slot] = newValue
    }
  }

  var first: Element? { isEmpty ? nil : self[Position(page: 0, slot: 0)] }
  var last: Element? { lastPosition.map { self[$0] } }
  var firstPosition: Position? { isEmpty ? nil : Position(page: 0, slot: 0) }
  var lastPosition: Position? {
    isEmpty ? nil : Position(page: pageCount - 1, slot: self[page: pageCount - 1].count - 1)
  }

  func next(_ position: Position) -> Position? {
    if position.slot + 1 < self[page: position.page].count {
      return Position(page: position.page, slot: position.slot + 1)
    }
    return position.page + 1 < pageCount ? Position(page: position.page + 1, slot: 0) : nil
  }

  func previous(_ position: Position) -> Position? {
    if position.slot > 0 { return Position(page: position.page, slot: position.slot - 1) }
    guard position.page > 0 else { return nil }
    return Position(page: position.page - 1, slot: self[page: position.page - 1].count - 1)
  }

  // MARK: - Look-up

  /// The last page whose first id is not greater than `id`; -1 if there is none.
  private func pageIndex(_ id: StreamID) -> Int {
    var low = 0
    var high = pageCount
    while low < high {
      let middle = (low &+ high) / 2
      if id < self[page: middle].first { high = middle } else { low = middle &+ 1 }
    }
    return low - 1
  }

  /// The element with this id.
  func find(_ id: StreamID) -> Position? {
    guard let position = lowerBound(id), self[position].id == id else { return nil }
    return position
  }

  /// The first element whose id is not less than `id`.
  func lowerBound(_ id: StreamID) -> Position? {
    guard !isEmpty else { return nil }
    let page = max(0, pageIndex(id))
    let slot = self[page: page].lowerBound(id)
    if slot < self[page: page].count { return Position(page: page, slot: slot) }
    return page + 1 < pageCount ? Position(page: page + 1, slot: 0) : nil
  }

  /// The last element whose id is not greater than `id`.
  func floor(_ id: StreamID) -> Position? {
    let page = pageIndex(id)
    guard page >= 0 else { return nil }
    let slot = self[page: page].lowerBound(id)
    if slot < self[page: page].count, unsafe self[page: page].elements[slot].id == id {
      return Position(page: page, slot: slot)
    }
    return Position(page: page, slot: slot - 1)
  }

  // MARK: - Insertion

  /// Puts in an element whose id is absent.
  mutating func insert(_ element: Element, allocator: Allocator) {
    let id = element.id
    var index = max(0, pageIndex(id))
    if pageCount == 0 {
      insertPage(at: 0, capacity: 1, first: id, allocator)
    } else if self[page: index].count == Self.pageCapacity {
      let page = self[page: index]
      if index == pageCount - 1, unsafe page.elements[page.count - 1].id < id {
        // Ids that ascend leave full pages behind.
        insertPage(at: index + 1, capacity: Self.pageCapacity, first: id, allocator)
        index += 1
      } else {
        split(index, allocator)
        if !(id < self[page: index + 1].first) { index += 1 }
      }
    }
    var page = self[page: index]
    if page.count == page.capacity {
      page = resized(page, to: min(page.capacity * 2, Self.pageCapacity), allocator)
    }
    let slot = page.lowerBound(id)
    let place = unsafe page.elements + slot
    unsafe assert(slot == page.count || place.pointee.id != id, "inserted twice")
    unsafe (place + 1).update(from: place, count: page.count - slot)
    unsafe place.initialize(to: element)
    page.count += 1
    if slot == 0 { page.first = id }
    self[page: index] = page
    count += 1
  }

  /// Moves the upper half of a page into a new one behind it.
  private mutating func split(_ index: Int, _ allocator: Allocator) {
    var page = self[page: index]
    let kept = page.count / 2
    let moved = page.count - kept
    let first = unsafe page.elements[kept].id
    insertPage(at: index + 1, capacity: Self.pageCapacity, first: first, allocator)
    var upper = self[page: index + 1]
    unsafe upper.elements.update(from: page.elements + kept, count: moved)
    upper.count = moved
    page.count = kept
    self[page: index] = page
    self[page: index + 1] = upper
  }

  // MARK: - Removal

  /// Takes out the element at `position`; returns where the one behind it stands now.
  @discardableResult
  mutating func remove(at position: Position, allocator: Allocator) -> Position? {
    var page = self[page: position.page]
    precondition(position.slot >= 0 && position.slot < page.count)
    let place = unsafe page.elements + position.slot
    unsafe place.update(from: place + 1, count: page.count - position.slot - 1)
    page.count -= 1
    count -= 1
    if page.count == 0 {
      Self.free(page, allocator)
      removePage(at: position.page, allocator)
      return position.page < pageCount ? Position(page: position.page, slot: 0) : nil
    }
    if position.slot == 0 { page.first = unsafe page.elements[0].id }
    self[page: position.page] = page
    var following = position
    if page.count <= Self.pageCapacity / 4 { following = settle(position, allocator) }
    if following.slot < self[page: following.page].count { return following }
    return following.page + 1 < pageCount ? Position(page: following.page + 1, slot: 0) : nil
  }

  /// Joins a page that has become thin with a neighbour, or makes it smaller; returns where
  /// `position` is then.
  private mutating func settle(_ position: Position, _ allocator: Allocator) -> Position {
    let index = position.page
    let page = self[page: index]
    let limit = Self.pageCapacity / 4 * 3
    if index > 0, self[page: index - 1].count + page.count <= limit {
      let slot = self[page: index - 1].count + position.slot
      join(index - 1, allocator)
      return Position(page: index - 1, slot: slot)
    }
    if index + 1 < pageCount, self[page: index + 1].count + page.count <= limit {
      join(index, allocator)
      return position
    }
    if page.count <= page.capacity / 4 {
      self[page: index] = resized(page, to: page.capacity / 2, allocator)
    }
    return position
  }

  /// Moves the elements of the page behind `index` into it.
  private mutating func join(_ index: Int, _ allocator: Allocator) {
    var page = self[page: index]
    let other = self[page: index + 1]
    let total = page.count + other.count
    if page.capacity < total { page = resized(page, to: Self.pageCapacity, allocator) }
    unsafe (page.elements + page.count).update(from: other.elements, count: other.count)
    page.count = total
    self[page: index] = page
    Self.free(other, allocator)
    removePage(at: index + 1, allocator)
  }

  /// Takes out the last element; nil if there is none. The last one takes all memory with it.
  mutating func popLast(allocator: Allocator) -> Element? {
    guard let position = lastPosition else { return nil }
    var page = self[page: position.page]
    let element = unsafe page.elements[position.slot]
    page.count -= 1
    count -= 1
    if page.count == 0 {
      Self.free(page, allocator)
      removePage(at: position.page, allocator)
    } else {
      self[page: position.page] = page
    }
    return element
  }

  /// Frees the last page with its elements; returns how many those were, 0 if there are none.
  mutating func dropLastPage(allocator: Allocator) -> Int {
    guard pageCount > 0 else { return 0 }
    let page = self[page: pageCount - 1]
    count -= page.count
    Self.free(page, allocator)
    removePage(at: pageCount - 1, allocator)
    return page.count
  }

  /// Frees pages from the end until `budget` elements are gone or all; true if all are.
  mutating func drain(budget: inout Int, allocator: Allocator) -> Bool {
    while count > 0 {
      if budget <= 0 { return false }
      budget -= dropLastPage(allocator: allocator)
    }
    return true
  }
}

// MARK: - Memory

extension OrderedPages {
  private static func byteCount(_ capacity: Int) -> Int {
    capacity * MemoryLayout<Element>.stride
  }

  private static func free(_ page: Page, _ allocator: Allocator) {
    unsafe allocator.deallocate(page.elements, byteCount: byteCount(page.capacity))
  }

  /// The page with room for `capacity` elements, not less than it has.
  private func resized(_ page: Page, to capacity: Int, _ allocator: Allocator) -> Page {
    let moved = unsafe allocator.reallocate(
      page.elements, from: Self.byteCount(page.capacity), to: Self.byteCount(capacity))
    let elements = unsafe moved.assumingMemoryBound(to: Element.self)
    return unsafe Page(elements, count: page.count, capacity: capacity, first: page.first)
  }

  /// Enters a new empty page into the directory.
  private mutating func insertPage(
    at index: Int, capacity pageCapacity: Int, first: StreamID, _ allocator: Allocator
  ) {
    let memory = unsafe allocator.allocate(Self.byteCount(pageCapacity))
    let elements = unsafe memory.bindMemory(to: Element.self, capacity: pageCapacity)
    let page = unsafe Page(elements, count: 0, capacity: pageCapacity, first: first)
    let capacity = Int(storedCapacity)
    if Int(storedHead) + pageCount == capacity {
      if Int(storedHead) > capacity / 2 {
        let base = unsafe directory.unsafelyUnwrapped
        unsafe base.update(from: base + Int(storedHead), count: pageCount)
        storedHead = 0
      } else {
        moveDirectory(to: max(1, capacity * 2), allocator)
      }
    }
    let place = unsafe directory.unsafelyUnwrapped + (Int(storedHead) + index)
    unsafe (place + 1).update(from: place, count: pageCount - index)
    unsafe place.initialize(to: page)
    storedPageCount += 1
  }

  /// Takes a page whose memory is gone out of the directory.
  private mutating func removePage(at index: Int, _ allocator: Allocator) {
    let base = unsafe directory.unsafelyUnwrapped + Int(storedHead)
    if index < pageCount / 2 {
      unsafe (base + 1).update(from: base, count: index)
      storedHead += 1
    } else {
      unsafe (base + index).update(from: base + index + 1, count: pageCount - index - 1)
    }
    storedPageCount -= 1
    let capacity = Int(storedCapacity)
    if pageCount == 0 {
      moveDirectory(to: 0, allocator)
    } else if capacity >= 8, pageCount <= capacity / 4 {
      moveDirectory(to: capacity / 2, allocator)
    }
  }

  /// Gives the directory room for `capacity` pages, the head in front.
  private mutating func moveDirectory(to capacity: Int, _ allocator: Allocator) {
    let stride = MemoryLayout<Page>.stride
    var target: UnsafeMutablePointer<Page>? = nil
    if capacity > 0 {
      let memory = unsafe allocator.allocate(capacity * stride)
      unsafe target = memory.bindMemory(to: Page.self, capacity: capacity)
    }
    if let old = unsafe directory {
      if let target = unsafe target {
        unsafe target.update(from: old + Int(storedHead), count: pageCount)
      }
      unsafe allocator.deallocate(old, byteCount: Int(storedCapacity) * stride)
    }
    unsafe directory = unsafe target
    storedCapacity = UInt32(truncatingIfNeeded: capacity)
    storedHead = 0
  }

  /// Memory of pages and directory, in usable bytes.
  ///
  /// - Parameter samples: how many pages are measured to estimate all; 0 measures all.
  /// - Complexity: O(pages that are measured)
  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    guard let directory = unsafe directory else { return 0 }
    let size = unsafe allocator.allocatedSize(
      of: Int(storedCapacity) * MemoryLayout<Page>.stride, at: directory)
    return size
      + SampledSum.of(pageCount, samples: samples) { index in
        let page = self[page: index]
        return unsafe allocator.allocatedSize(
          of: Self.byteCount(page.capacity), at: page.elements)
      }
  }

  /// Stops the process if order, counts or the directory are damaged.
  func checkInvariants() {
    var total = 0
    var previous: StreamID?
    for index in 0..<pageCount {
      let page = self[page: index]
      precondition(page.count > 0 && page.count <= page.capacity, "count of page \(index)")
      precondition(page.capacity <= Self.pageCapacity, "capacity of page \(index)")
      precondition(unsafe page.first == page.elements[0].id, "first id of page \(index)")
      for slot in 0..<page.count {
        let id = unsafe page.elements[slot].id
        if let previous { precondition(previous < id, "order in page \(index)") }
        previous = id
      }
      total += page.count
    }
    precondition(total == count, "count")
    precondition(Int(storedHead) + pageCount <= Int(storedCapacity), "directory")
    precondition(count > 0 || storedCapacity == 0, "an empty sequence has memory")
  }
}
