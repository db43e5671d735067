// SPDX-License-Identifier: Apache-2.0
import Glibc
public struct Slice { public var offset: UInt32; public var count: UInt32; public var hash: UInt64
  @inlinable public init(offset: UInt32, count: UInt32, hash: UInt64) { self.offset = offset; self.count = count; self.hash = hash } }
@safe public struct SliceBuffer: ~Copyable {
  @usableFromInline var storage: UnsafeMutablePointer<Slice>; public private(set) var count = 0; @usableFromInline var capacity: Int
  public init(capacity: Int) { self.capacity = capacity; unsafe storage = .allocate(capacity: capacity) }
  deinit { unsafe storage.deallocate() }
  public var base: UnsafeMutablePointer<Slice> { unsafe storage }
  public mutating func append(_ s: Slice) { if count == capacity { let n = UnsafeMutablePointer<Slice>.allocate(capacity: capacity * 2); unsafe n.moveInitialize(from: storage, count: count); unsafe storage.deallocate(); unsafe storage = n; capacity *= 2 }
    unsafe (storage + count).initialize(to: s); count += 1 }
  public mutating func append(contentsOf o: borrowing SliceBuffer, from: Int) { var i = from; while i < o.count { append(unsafe o.storage[i]); i += 1 } }
  public mutating func removeAll() { count = 0 }
  public mutating func truncate(to: Int) { count = min(count, to) }
}
@safe public struct Arguments {
  let base: UnsafeRawPointer; let slices: UnsafeMutablePointer<Slice>; public let count: Int
  public init(base: UnsafeRawPointer, slices: UnsafeMutablePointer<Slice>, count: Int) { unsafe self.base = base; unsafe self.slices = slices; self.count = count }
  public subscript(index: Int) -> RawSpan { @_lifetime(borrow self) get {
    precondition(index >= 0 && index < count); let s = unsafe slices[index]
    return unsafe _overrideLifetime(RawSpan(_unsafeStart: base + Int(s.offset), byteCount: Int(s.count)), borrowing: self) } }
  public func hash(at i: Int) -> UInt64 { unsafe slices[i].hash }
  public func setHash(_ h: UInt64, at i: Int) { unsafe slices[i].hash = h }
}
public struct RequestLimits { public var maxArguments: Int; public var maxBulkLength: Int; public var maxInlineLength: Int; public var authenticated: Bool
  public init(maxArguments: Int = 1 << 20, maxBulkLength: Int = 512 << 20, maxInlineLength: Int = 64 << 10, authenticated: Bool = true) { self.maxArguments = maxArguments; self.maxBulkLength = maxBulkLength; self.maxInlineLength = maxInlineLength; self.authenticated = authenticated } }
public struct ProtocolError: Error { public let message: String }
public enum ProtocolVersion { case resp2, resp3 }
public struct RequestParser {
  public enum Outcome { case request, empty, incomplete, failure(ProtocolError) }
  public var isInsideRequest = false; public var bytesNeeded = 0; public var isCanonical = true; public var bulkLengthPending = 0
  public init() {}
  static func line(_ b: UnsafeMutableRawBufferPointer, _ p: inout Int) -> Int? {
    var v = 0; var neg = false; var i = p
    while i + 1 < b.count { let c = unsafe b[i]; if c == 13 { p = i + 2; return neg ? -v : v }; if c == 45 { neg = true } else { v = v * 10 + Int(c) - 48 }; i += 1 }
    return nil }
  public mutating func next(in b: UnsafeMutableRawBufferPointer, position: inout Int, limits: RequestLimits, slices: inout SliceBuffer) -> Outcome {
    let first = slices.count; var p = position
    func giveUp() -> Outcome { .incomplete }
    if unsafe b[p] != 42 {
      var e = p; while e < b.count, unsafe b[e] != 10 { e += 1 }
      if e == b.count { return .incomplete }
      var end = e; if end > p, unsafe b[end - 1] == 13 { end -= 1 }
      var i = p
      while i < end { while i < end, unsafe b[i] == 32 { i += 1 }; let s = i; while i < end, unsafe b[i] != 32 { i += 1 }; if i > s { slices.append(Slice(offset: UInt32(s - position), count: UInt32(i - s), hash: 0)) } }
      position = e + 1; isCanonical = false
      return slices.count == first ? .empty : .request
    }
    isCanonical = true; p += 1
    guard let n = unsafe RequestParser.line(b, &p) else { return .incomplete }
    if n <= 0 { position = p; return .empty }
    for _ in 0..<n {
      guard p < b.count else { slices.truncate(to: first); return .incomplete }
      if unsafe b[p] != 36 { return .failure(ProtocolError(message: "Protocol error: expected '$'")) }
      p += 1
      guard let l = unsafe RequestParser.line(b, &p), p + l + 2 <= b.count else { slices.truncate(to: first); return .incomplete }
      slices.append(Slice(offset: UInt32(p - position), count: UInt32(l), hash: 0)); p += l + 2 }
    position = p; return .request }
}
@safe public struct ReplyStorage { let base: UnsafeMutableRawPointer; public let capacity: Int; public func free() { unsafe base.deallocate() } }
@safe public struct ReplyWriter: ~Copyable {
  var base: UnsafeMutableRawPointer?; public private(set) var count = 0; public private(set) var capacity = 0; public var version = ProtocolVersion.resp2
  public init(version: ProtocolVersion = .resp2) { self.version = version; unsafe base = nil }
  deinit { unsafe base?.deallocate() }
  public var isEmpty: Bool { count == 0 }
  public var bytes: RawSpan { @_lifetime(borrow self) get { unsafe _overrideLifetime(base == nil ? RawSpan() : RawSpan(_unsafeStart: UnsafeRawPointer(base!), byteCount: count), borrowing: self) } }
  public mutating func reserve(_ n: Int) { if count + n > capacity { let c = max(16384, max(capacity * 2, count + n)); unsafe base = realloc(base, c); capacity = c } }
  public mutating func append(raw s: RawSpan) { reserve(s.byteCount); unsafe s.withUnsafeBytes { if let a = $0.baseAddress { unsafe (base! + count).copyMemory(from: a, byteCount: $0.count) } }; count += s.byteCount }
  public mutating func append(_ t: StaticString) { append(raw: unsafe RawSpan(_unsafeStart: t.utf8Start, byteCount: t.utf8CodeUnitCount)) }
  mutating func text(_ s: String) { let a = Array(s.utf8); append(raw: unsafe a.span.bytes) }
  public mutating func ok() { append("+OK\r\n") }
  public mutating func status(_ t: StaticString) { append("+"); append(t); append("\r\n") }
  public mutating func error(_ t: StaticString) { append("-"); append(t); append("\r\n") }
  public mutating func error(_ t: String) { append("-"); text(t); append("\r\n") }
  public mutating func integer(_ i: Int) { append(":"); text(String(i)); append("\r\n") }
  public mutating func bulk(_ s: RawSpan) { append("$"); text(String(s.byteCount)); append("\r\n"); append(raw: s); append("\r\n") }
  public mutating func bulk(_ s: String) { let a = Array(s.utf8); bulk(unsafe a.span.bytes) }
  public mutating func bulk(_ t: StaticString) { bulk(unsafe RawSpan(_unsafeStart: t.utf8Start, byteCount: t.utf8CodeUnitCount)) }
  public mutating func bulk(integer i: Int) { bulk(String(i)) }
  public mutating func null() { append(version == .resp2 ? "$-1\r\n" : "_\r\n") }
  public mutating func nullArray() { append(version == .resp2 ? "*-1\r\n" : "_\r\n") }
  public mutating func array(_ n: Int) { append("*"); text(String(n)); append("\r\n") }
  public mutating func map(_ n: Int) { append(version == .resp2 ? "*" : "%"); text(String(version == .resp2 ? n * 2 : n)); append("\r\n") }
  public mutating func truncate(to n: Int) { count = min(n, count) }
  public mutating func removeFirst(_ n: Int) { unsafe memmove(base!, base! + n, count - n); count -= n }
  public mutating func removeAll(keepingCapacity: Bool) { count = 0 }
  public mutating func takeStorage() -> ReplyStorage? { guard let b = unsafe base else { return nil }; unsafe base = nil; let c = capacity; capacity = 0; count = 0; return unsafe ReplyStorage(base: b, capacity: c) }
  public mutating func adopt(_ s: ReplyStorage) { unsafe base?.deallocate(); unsafe base = s.base; capacity = s.capacity; count = 0 }
}
public enum DecimalText {
  public static func parse(_ s: RawSpan) -> Int? { let t = unsafe s.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }; guard let v = Int(t), String(v) == t else { return nil }; return v }
  public static func digitCount(_ v: Int) -> Int { String(v).utf8.count }
  public static func write(_ v: Int, to b: UnsafeMutableRawBufferPointer) -> Int { var i = 0; for c in String(v).utf8 { unsafe b[i] = c; i += 1 }; return i }
}
public struct ByteBuffer: ~Copyable { var a: [UInt8] = []; public init() {}
  public var count: Int { a.count }
  public var bytes: RawSpan { @_lifetime(borrow self) get { unsafe _overrideLifetime(a.span.bytes, borrowing: self) } }
  public mutating func append(_ s: RawSpan) { unsafe s.withUnsafeBytes { unsafe a.append(contentsOf: $0) } }
  public mutating func removeAll() { a.removeAll(keepingCapacity: true) }
}
public enum CommandWriter {
  static func text(_ s: String, _ b: inout ByteBuffer) { b.append(unsafe Array(s.utf8).span.bytes) }
  public static func append(arrayCount n: Int, to b: inout ByteBuffer) { text("*\(n)\r\n", &b) }
  public static func append(bulk s: RawSpan, to b: inout ByteBuffer) { text("$\(s.byteCount)\r\n", &b); b.append(s); text("\r\n", &b) }
  public static func append(bulk t: StaticString, to b: inout ByteBuffer) { append(bulk: unsafe RawSpan(_unsafeStart: t.utf8Start, byteCount: t.utf8CodeUnitCount), to: &b) }
  public static func append(integer i: Int, to b: inout ByteBuffer) { append(bulk: unsafe Array(String(i).utf8).span.bytes, to: &b) }
}
