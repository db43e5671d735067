// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Kinds of scores that leaves store in different ways.
enum HostileScores: CaseIterable {
  case integers, fractions, timestamps, equal, zeros, infinities, denormals, spans, neighbors
  case powers, anything

  func draw(_ generator: inout RandomGenerator) -> Double {
    switch self {
    case .integers: return Double(generator.next(below: 2001) - 1000)
    case .fractions: return Double(generator.next(below: 100_000)) / 7
    case .timestamps: return 1.7e12 + Double(generator.next(below: 1 << 30))
    case .equal: return -2.5
    case .zeros: return [0, -0.0, 0, -0.0, 1, -1][generator.next(below: 6)]
    case .infinities:
      return [.infinity, -.infinity, 1, .greatestFiniteMagnitude, -.greatestFiniteMagnitude][
        generator.next(below: 5)]
    case .denormals:
      let magnitude = Double(bitPattern: UInt64(generator.next(below: 300)))
      return generator.next(below: 2) == 0 ? magnitude : -magnitude
    case .spans:
      while true {
        let score = Double(bitPattern: generator.next())
        if !score.isNaN { return score }
      }
    case .neighbors: return Double(bitPattern: (1.0).bitPattern + generator.next() >> 54)
    case .powers:
      let power = Double(sign: .plus, exponent: generator.next(below: 2098) - 1074, significand: 1)
      return generator.next(below: 2) == 0 ? power : -power
    case .anything:
      let kind = HostileScores.allCases[generator.next(below: HostileScores.allCases.count - 1)]
      return kind.draw(&generator)
    }
  }
}

/// Kinds of members: their lengths decide whether a leaf is mixed and whether they stand in it.
enum HostileMembers: CaseIterable {
  case short, boundary, longest, long, lengths, zeros, prefixes, skewed, huge

  /// The member with a number below 900; different numbers give different members.
  func make(_ number: Int) -> [UInt8] {
    let digits: [UInt8] = [UInt8(number >> 8), UInt8(number & 255)]
    switch self {
    case .short:
      // The empty member, all of one byte, and some of two.
      return number == 0 ? [] : number <= 256 ? [UInt8(number - 1)] : digits
    case .boundary: return digits + [UInt8](repeating: 7, count: [124, 125, 126, 127][number % 4])
    case .longest: return digits + [UInt8](repeating: 0, count: 125)
    case .long: return digits + [UInt8](repeating: 255, count: 126 + number % 3 * 120)
    case .lengths: return digits + [UInt8](repeating: UInt8(number % 3), count: number % 131)
    case .zeros: return [UInt8](repeating: 0, count: number / 3) + [[], [1], [0x80]][number % 3]
    case .prefixes: return Array("the same".utf8) + digits.reversed()
    case .skewed: return digits + [UInt8](repeating: 9, count: number % 5 == 0 ? 125 : 0)
    case .huge:
      return digits + [UInt8](repeating: 3, count: number % 100 == 0 ? 1 << 20 - 2 : number % 300)
    }
  }

  /// `zeros` are all the same bytes but for where they end: three of a kind per length.
  static var numberCount: Int { 900 }
}
