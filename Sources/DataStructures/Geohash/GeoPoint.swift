// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A place on the Earth, in degrees.
public struct GeoPoint: Equatable, Sendable {
  /// East is positive.
  public var longitude: Double
  /// North is positive.
  public var latitude: Double

  /// The largest longitude that can be indexed; the smallest is its negative.
  public static var longitudeLimit: Double { 180 }
  /// The largest latitude that can be indexed, where a Mercator map is a square (EPSG:3857).
  public static var latitudeLimit: Double { 85.05112878 }
  /// Metres from the Earth's centre to its surface, as Redis takes the Earth for a sphere.
  public static var earthRadius: Double { 6372797.560856 }

  /// A place, which may lie outside of what can be indexed.
  public init(longitude: Double, latitude: Double) {
    self.longitude = longitude
    self.latitude = latitude
  }

  /// Whether the place can be indexed.
  public var isValid: Bool {
    longitude.magnitude <= GeoPoint.longitudeLimit && latitude.magnitude <= GeoPoint.latitudeLimit
  }

  /// Metres along the surface to another place, by the haversine formula.
  public func distance(to other: GeoPoint) -> Double {
    let from = GeoPoint.radians(longitude)
    let to = GeoPoint.radians(other.longitude)
    let v = sin((to - from) / 2)
    // On one meridian; the general formula would round differently.
    if v == 0 { return latitudeDistance(to: other) }
    let latitude = GeoPoint.radians(self.latitude)
    let otherLatitude = GeoPoint.radians(other.latitude)
    let u = sin((otherLatitude - latitude) / 2)
    let a = u * u + cos(latitude) * cos(otherLatitude) * v * v
    return 2 * GeoPoint.earthRadius * asin(a.squareRoot())
  }

  /// Metres to the parallel of another place.
  public func latitudeDistance(to other: GeoPoint) -> Double {
    GeoPoint.earthRadius
      * (GeoPoint.radians(other.latitude) - GeoPoint.radians(latitude)).magnitude
  }

  /// The middle of some places: the direction of the sum of their vectors from the Earth's centre.
  public static func middle(of points: [GeoPoint]) -> GeoPoint {
    var (x, y, z) = (0.0, 0.0, 0.0)
    for point in points {
      let longitude = radians(point.longitude)
      let latitude = radians(point.latitude)
      x += cos(latitude) * cos(longitude)
      y += cos(latitude) * sin(longitude)
      z += sin(latitude)
    }
    let middle = GeoPoint(
      longitude: degrees(atan2(y, x)), latitude: degrees(atan2(z, (x * x + y * y).squareRoot())))
    return middle.clamped
  }

  /// The nearest place that can be indexed.
  var clamped: GeoPoint {
    GeoPoint(
      longitude: max(-GeoPoint.longitudeLimit, min(GeoPoint.longitudeLimit, longitude)),
      latitude: max(-GeoPoint.latitudeLimit, min(GeoPoint.latitudeLimit, latitude)))
  }

  /// An angle in radians; a product with the factor, since a quotient rounds differently.
  static func radians(_ degrees: Double) -> Double { degrees * (Double.pi / 180) }

  /// An angle in degrees.
  static func degrees(_ radians: Double) -> Double { radians / (Double.pi / 180) }

  /// The cosine of an angle in degrees.
  static func cosine(_ degrees: Double) -> Double { cos(radians(degrees)) }
}
