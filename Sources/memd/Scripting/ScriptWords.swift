// SPDX-License-Identifier: Apache-2.0

import RESP

/// The words of a command that a script calls, copied from Lua's strings into one piece of memory,
/// which is used again and again.
struct ScriptWords: ~Copyable {
  private var bytes = ByteBuffer()
  private var slices = SliceBuffer(capacity: 16)
  /// Larger memory is given back behind the command that needed it.
  private static let keptByteCount = 64 << 10
  private static let keptSliceCount = 4096

  /// Takes the values on the stack as words; the reason if one can't be.
  ///
  /// - Parameter limit: bytes of all of them, as one text may be many words.
  mutating func take(from stack: LuaStack, limit: Int) -> StaticString? {
    let count = stack.count
    guard count > 0 else {
      return "ERR Please specify at least one argument for this redis lib call"
    }
    removeAll()
    var index = 1
    while index <= count {
      let start = bytes.count
      switch stack.type(at: index) {
      case .string:
        let text = stack.string(at: index)
        guard text.byteCount <= limit - bytes.count else {
          removeAll()
          return "ERR arguments of a command exceed what a script may use"
        }
        bytes.append(text)
      case .number: append(stack.number(at: index))
      default: return "ERR Lua redis lib command arguments must be strings or integers"
      }
      slices.append(
        Slice(
          offset: UInt32(truncatingIfNeeded: start),
          count: UInt32(truncatingIfNeeded: bytes.count &- start)))
      index &+= 1
    }
    return nil
  }

  /// Integers have no exponent, whatever their size, so that commands take them.
  private mutating func append(_ number: Double) {
    if number >= -0x1p63, number < 0x1p63, number == number.rounded(.towardZero),
      number != 0 || number.sign == .plus
    {
      bytes.append(integer: Int(number))
    } else {
      DoubleText.append(number, to: &bytes)
    }
  }

  private mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.capacity <= ScriptWords.keptByteCount)
    slices.removeAll()
    if slices.capacity > ScriptWords.keptSliceCount { slices.shrink(toCapacity: 16) }
  }

  /// Lends the words.
  borrowing func withArguments<Result>(_ body: (Arguments) -> Result) -> Result {
    let count = slices.count
    let slices = unsafe self.slices.base
    return unsafe bytes.bytes.withUnsafeBytes {
      let base = unsafe $0.baseAddress ?? UnsafeRawPointer(slices)
      return unsafe body(Arguments(base: base, slices: slices, count: count))
    }
  }
}
