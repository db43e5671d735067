// SPDX-License-Identifier: Apache-2.0

/// What is left of a stream that is trimmed.
public enum StreamTrim: Equatable, Sendable {
  /// At most so many entries (MAXLEN).
  case length(Int)
  /// Entries with this id and larger ones (MINID).
  case minimum(StreamID)
}

extension WritableStream {
  /// Deletes the entry with this id; false if there is none.
  ///
  /// The caller decides about `maxDeletedID`.
  public func remove(_ id: StreamID) -> Bool {
    guard let entry = reading.entry(id), let position = fields.nodes.floor(id) else { return false }
    // An id belongs to the last block that doesn't begin behind it.
    mark(entry, at: position)
    if fields.length == 0 {
      fields.firstID = .zero
    } else if id == fields.firstID {
      renewFirstID()
    }
    return true
  }

  /// Marks an entry as deleted; its block goes with the last one.
  private func mark(_ entry: StreamEntry, at position: OrderedPages<StreamNode>.Position) {
    willChange(position)
    var block = fields.nodes[position].block(allocator)
    let master = StreamMaster(block.listpack)
    fields.length -= 1
    guard master.liveCount > 1 else {
      block.free()
      fields.nodes.remove(at: position, allocator: allocator)
      return
    }
    setDeleted(&block, at: entry.position)
    setCounts(&block, live: master.liveCount - 1, deleted: master.deletedCount + 1)
    fields.nodes[position].moved(to: block)
  }

  private func setDeleted(_ block: inout ListpackBlock, at position: Int) {
    let flags = block.listpack.integer(at: position) ?? 0
    block.replace(at: position, withInteger: flags | StreamNode.deletedFlag)
  }

  private func setCounts(_ block: inout ListpackBlock, live: Int, deleted: Int) {
    let position = StreamMaster(block.listpack).deletedPosition
    block.replace(at: position, withInteger: deleted)
    block.replace(at: Listpack.headerCount, withInteger: live)
  }

  /// Takes deleted entries with larger ids out of the last block. All that are behind its last
  /// entry stand there, since no block is without one.
  func dropMarks(behind id: StreamID) {
    guard let position = fields.nodes.lastPosition else { return }
    willChange(position)
    let node = fields.nodes[position]
    var block = node.block(allocator)
    let master = StreamMaster(block.listpack)
    var end: Int?
    var dropped = 0
    var offset = master.firstEntry(block.listpack)
    while offset < block.listpack.end {
      let entry = StreamEntry(
        block.listpack, at: offset, node: node.id, fieldCount: master.fieldCount,
        names: master.namesPosition)
      if entry.id > id {
        precondition(entry.isDeleted, "an entry behind the last id")
        end = end ?? offset
        dropped += 1
      }
      offset = entry.behind
    }
    guard let end else { return }
    block.remove(at: end, count: .max)
    setCounts(&block, live: master.liveCount, deleted: master.deletedCount - dropped)
    fields.nodes[position].moved(to: block)
  }

  // MARK: - Trimming

  /// Removes entries from the front; returns how many.
  ///
  /// - Parameters:
  ///   - isApproximate: only whole blocks go.
  ///   - limit: no block goes if more than so many entries would have gone with it; 0: no limit.
  ///   - dropped: if many blocks go, a stream that belongs to nobody and holds those that were not
  ///     freed at once; the caller frees it.
  /// - Complexity: O(removed blocks), and one walk through a block if it is exact.
  public func trim(
    _ trim: StreamTrim, isApproximate: Bool, limit: Int, dropping dropped: inout WritableStream?
  ) -> Int {
    var removed = 0
    var freed = 0
    while let position = fields.nodes.firstPosition {
      if case .length(let most) = trim, fields.length <= most { break }
      let node = fields.nodes[position]
      let live = node.master.liveCount
      if limit > 0, removed + live > limit { break }
      if goesWhole(node, live: live, trim) {
        fields.nodes.remove(at: position, allocator: allocator)
        fields.length -= live
        removed += live
        if freed < WritableStream.blocksFreedAtOnce {
          freed += 1
          willFree(node)
          node.block(allocator).free()
        } else {
          if dropped == nil { dropped = WritableStream.make(allocator) }
          dropped?.fields.nodes.insert(node, allocator: allocator)
        }
        continue
      }
      if !isApproximate { removed += trimBlock(at: position, trim) }
      break
    }
    if removed > 0 { renewFirstID() }
    return removed
  }

  /// Blocks that are faster freed than kept for later.
  private static var blocksFreedAtOnce: Int { 8 }

  /// Whether nothing of a block is to be kept.
  private func goesWhole(_ node: StreamNode, live: Int, _ trim: StreamTrim) -> Bool {
    switch trim {
    case .length(let most): return fields.length - live >= most
    case .minimum(let id): return node.lastID < id
    }
  }

  /// Marks entries of a block as deleted until nothing more is to go; returns how many.
  private func trimBlock(at position: OrderedPages<StreamNode>.Position, _ trim: StreamTrim) -> Int
  {
    willChange(position)
    let node = fields.nodes[position]
    var block = node.block(allocator)
    let master = StreamMaster(block.listpack)
    var offset = master.firstEntry(block.listpack)
    var removed = 0
    while offset < block.listpack.end {
      let entry = StreamEntry(
        block.listpack, at: offset, node: node.id, fieldCount: master.fieldCount,
        names: master.namesPosition)
      switch trim {
      case .length(let most): if fields.length <= most { offset = .max }
      case .minimum(let id): if entry.id >= id { offset = .max }
      }
      if offset == .max { break }
      offset = entry.behind
      if entry.isDeleted { continue }
      // The flags stay one byte, so that nothing moves.
      setDeleted(&block, at: entry.position)
      removed += 1
      fields.length -= 1
    }
    if master.liveCount == removed {
      block.free()
      fields.nodes.remove(at: position, allocator: allocator)
    } else {
      setCounts(&block, live: master.liveCount - removed, deleted: master.deletedCount + removed)
      fields.nodes[position].moved(to: block)
    }
    return removed
  }
}
