// SPDX-License-Identifier: Apache-2.0

/// A view on the arguments of one request. It owns nothing and dies with the turn of the loop.
///
/// The bytes and the slices belong to whoever received and parsed the request; both must stay where
/// they are as long as the view is in use.
@safe
public struct Arguments {
  @usableFromInline let base: UnsafeRawPointer
  @usableFromInline let slices: UnsafeMutablePointer<Slice>
  /// Number of arguments, the command's name included.
  public let count: Int

  /// Makes a view on `count` slices; `base` is the address of the first byte of the request.
  @inlinable
  public init(base: UnsafeRawPointer, slices: UnsafeMutablePointer<Slice>, count: Int) {
    unsafe self.base = base
    unsafe self.slices = slices
    self.count = count
  }

  /// The bytes of one argument.
  @inlinable
  public subscript(index: Int) -> RawSpan {
    @_lifetime(borrow self)
    get {
      precondition(index >= 0 && index < count)
      let slice = unsafe slices[index]
      let start = unsafe base + Int(slice.offset)
      let bytes = unsafe RawSpan(_unsafeStart: start, byteCount: Int(slice.count))
      return unsafe _overrideLifetime(bytes, borrowing: self)
    }
  }

  /// The length of one argument in bytes.
  @inlinable
  public func byteCount(at index: Int) -> Int {
    precondition(index >= 0 && index < count)
    return unsafe Int(slices[index].count)
  }

  /// The hash that was noted for one argument; 0 if none was.
  @inlinable
  public func hash(at index: Int) -> UInt64 {
    precondition(index >= 0 && index < count)
    return unsafe slices[index].hash
  }

  /// Notes the hash of one argument; every view on the same slices sees it.
  @inlinable
  public func setHash(_ hash: UInt64, at index: Int) {
    precondition(index >= 0 && index < count)
    unsafe slices[index].hash = hash
  }

  /// The same request without its first arguments, as a container sees its subcommand.
  @inlinable
  public func dropFirst(_ dropped: Int) -> Arguments {
    precondition(dropped >= 0 && dropped <= count)
    return unsafe Arguments(base: base, slices: slices + dropped, count: count &- dropped)
  }
}
