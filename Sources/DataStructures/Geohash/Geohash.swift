// SPDX-License-Identifier: Apache-2.0

// A geohash (Niemeyer, 2008) halves the map again and again, longitude and latitude by turns, and
// writes down one bit per halving. Cells that share leading bits are near each other, so a
// sorted set whose scores are 52-bit geohashes finds what is near by ranges of scores.
//
//     bit     2s-1  2s-2 ...    3     2     1     0
//           +------+------+---+-----+-----+-----+-----+
//           | lon  | lat  |...| lon | lat | lon | lat |     s steps, the first halving on the left
//           +------+------+---+-----+-----+-----+-----+
//
// With 26 steps the cell is 0.6 m high, and the number has 52 bits, which a score holds exactly.

/// A cell of the map: `steps` halvings in each direction.
public struct Geohash: Equatable, Sendable {
  /// Longitude in the odd bits, latitude in the even ones.
  public let bits: UInt64
  /// Halvings of each coordinate; 1 to 26.
  public let steps: Int

  /// Steps of a hash that is a score.
  public static var fullSteps: Int { 26 }

  /// The cell with these bits.
  public init(bits: UInt64, steps: Int) {
    self.bits = bits
    self.steps = steps
  }

  /// The cell that contains a place, which must be valid.
  ///
  /// - Parameter latitudeLimit: where the map ends; 90 in the standard's text form.
  public init(
    _ point: GeoPoint, steps: Int = Geohash.fullSteps,
    latitudeLimit: Double = GeoPoint.latitudeLimit
  ) {
    let scale = Double(1 << steps)
    let row = (point.latitude + latitudeLimit) / (latitudeLimit + latitudeLimit) * scale
    let column =
      (point.longitude + GeoPoint.longitudeLimit)
      / (GeoPoint.longitudeLimit + GeoPoint.longitudeLimit) * scale
    bits = Geohash.interleave(even: UInt32(row), odd: UInt32(column))
    self.steps = steps
  }

  /// The cell that a score stands for, whatever number that is.
  public init(score: Double) {
    bits = Geohash.bits(of: score)
    steps = Geohash.fullSteps
  }

  /// A score as an integer; those that are none give what C's conversion gives on x86-64.
  private static func bits(of score: Double) -> UInt64 {
    let limit = 9223372036854775808.0
    if score < limit {
      return UInt64(bitPattern: score >= -limit ? Int64(score) : .min)
    }
    let rest = score - limit
    return UInt64(bitPattern: rest < limit ? Int64(rest) : .min) ^ 1 << 63
  }

  /// The score of a cell of 26 steps.
  public var score: Double { Double(bits) }

  /// The scores of the places in the cell; the upper bound does not belong to it.
  public var scores: Range<Double> {
    let shift = UInt64(52 - 2 * steps)
    return Double(bits << shift)..<Double((bits + 1) << shift)
  }

  // MARK: - On the map

  /// The borders of a cell.
  public struct Area {
    /// The western border.
    public var west: Double
    /// The eastern border.
    public var east: Double
    /// The southern border.
    public var south: Double
    /// The northern border.
    public var north: Double

    /// Where the middle is.
    public var middle: GeoPoint {
      GeoPoint(longitude: (west + east) / 2, latitude: (south + north) / 2).clamped
    }
  }

  /// Where the cell is.
  public var area: Area {
    let (row, column) = Geohash.deinterleave(bits)
    let scale = Double(1 << steps)
    let height = GeoPoint.latitudeLimit + GeoPoint.latitudeLimit
    let width = GeoPoint.longitudeLimit + GeoPoint.longitudeLimit
    return Area(
      west: Double(column) / scale * width - GeoPoint.longitudeLimit,
      east: (Double(column) + 1) / scale * width - GeoPoint.longitudeLimit,
      south: Double(row) / scale * height - GeoPoint.latitudeLimit,
      north: (Double(row) + 1) / scale * height - GeoPoint.latitudeLimit)
  }

  /// The place that stands for the whole cell.
  public var point: GeoPoint { area.middle }

  /// The cell some columns to the east and some rows to the north; the map has no edge.
  public func neighbor(east: Int, north: Int) -> Geohash {
    let (row, column) = Geohash.deinterleave(bits)
    let mask = UInt32(truncatingIfNeeded: 1 << steps - 1)
    // The last row of all has a bit more than others; it stays unless the row changes.
    let newRow = north == 0 ? row : (row &+ UInt32(truncatingIfNeeded: north)) & mask
    let newColumn = east == 0 ? column : (column &+ UInt32(truncatingIfNeeded: east)) & mask
    return Geohash(bits: Geohash.interleave(even: newRow, odd: newColumn), steps: steps)
  }

  // MARK: - Text

  /// The standard's text of a place, as other systems read it: 11 digits of base 32.
  public static func text(of point: GeoPoint) -> [UInt8] {
    let digits = Array("0123456789bcdefghjkmnpqrstuvwxyz".utf8)
    // The standard's map ends at the poles.
    let bits = Geohash(point, latitudeLimit: 90).bits
    var text: [UInt8] = []
    for index in 0..<10 {
      let shift = UInt64(47 - 5 * index)
      text.append(digits[Int(bits >> shift & 31)])
    }
    // 52 bits fill ten digits; Redis makes the eleventh a zero.
    text.append(digits[0])
    return text
  }

  // MARK: - Bits

  /// Mixes the bits of two numbers.
  static func interleave(even: UInt32, odd: UInt32) -> UInt64 {
    spread(even) | spread(odd) << 1
  }

  /// The numbers whose bits were mixed.
  static func deinterleave(_ bits: UInt64) -> (even: UInt32, odd: UInt32) {
    (gather(bits), gather(bits >> 1))
  }

  /// Puts a zero in front of every bit, by halves, quarters and so on.
  private static func spread(_ number: UInt32) -> UInt64 {
    var bits = UInt64(number)
    bits = (bits | bits << 16) & 0x0000_FFFF_0000_FFFF
    bits = (bits | bits << 8) & 0x00FF_00FF_00FF_00FF
    bits = (bits | bits << 4) & 0x0F0F_0F0F_0F0F_0F0F
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333
    return (bits | bits << 1) & 0x5555_5555_5555_5555
  }

  /// Takes every other bit, from the lowest on.
  private static func gather(_ mixed: UInt64) -> UInt32 {
    var bits = mixed & 0x5555_5555_5555_5555
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333
    bits = (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F
    bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF
    bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: bits | bits >> 16)
  }
}
