// SPDX-License-Identifier: Apache-2.0

/// What a geo search looks into: a circle, a box or a polygon around a centre; sizes in metres.
public struct GeoShape {
  /// The forms, with their sizes.
  public enum Form {
    /// A circle with this radius.
    case circle(Double)
    /// A box whose borders are parallels and meridians, as far as they can be.
    case box(width: Double, height: Double)
    /// The inside of a polygon, on a map whose degrees are equally long everywhere.
    case polygon([GeoPoint])
  }

  /// From where distances are measured.
  public let center: GeoPoint
  /// Circle, box or polygon.
  public let form: Form

  /// A circle or box around a centre; a polygon brings its own.
  public init(_ form: Form, around center: GeoPoint) {
    self.form = form
    self.center = center
  }

  /// A polygon, whose centre is the middle of its corners.
  public init(polygon corners: [GeoPoint]) {
    self.init(.polygon(corners), around: .middle(of: corners))
  }

  /// The distance of a place from the centre in metres; nil if it is outside.
  public func distance(ifInside point: GeoPoint) -> Double? {
    switch form {
    case .circle(let radius):
      let distance = center.distance(to: point)
      return distance > radius ? nil : distance
    case .box(let width, let height):
      if point.latitudeDistance(to: center) > height / 2 { return nil }
      let besides = GeoPoint(longitude: center.longitude, latitude: point.latitude)
      if point.distance(to: besides) > width / 2 { return nil }
      return center.distance(to: point)
    case .polygon(let corners):
      guard GeoShape.contains(point, corners) else { return nil }
      return center.distance(to: point)
    }
  }

  /// Whether a ray to the east crosses an odd number of edges (Franklin's PNPOLY).
  private static func contains(_ point: GeoPoint, _ corners: [GeoPoint]) -> Bool {
    var isInside = false
    guard var from = corners.last else { return false }
    for to in corners {
      if (to.latitude > point.latitude) != (from.latitude > point.latitude) {
        let share = (point.latitude - to.latitude) / (from.latitude - to.latitude)
        let crossing = (from.longitude - to.longitude) * share + to.longitude
        if point.longitude < crossing { isInside.toggle() }
      }
      from = to
    }
    return isInside
  }

  // MARK: - Cells

  /// The borders of the shape; for circles and boxes those of a box around it.
  var bounds: Geohash.Area {
    switch form {
    case .circle(let radius): box(halfWidth: radius, halfHeight: radius)
    case .box(let width, let height): box(halfWidth: width / 2, halfHeight: height / 2)
    case .polygon(let corners):
      corners.reduce(into: Geohash.Area(west: 180, east: -180, south: 90, north: -90)) {
        $0.west = min($0.west, $1.longitude)
        $0.east = max($0.east, $1.longitude)
        $0.south = min($0.south, $1.latitude)
        $0.north = max($0.north, $1.latitude)
      }
    }
  }

  private func box(halfWidth: Double, halfHeight: Double) -> Geohash.Area {
    let north = GeoPoint.degrees(halfHeight / GeoPoint.earthRadius)
    // Parallels are shorter towards the pole, so as many metres are more degrees there.
    let latitude = center.latitude < 0 ? center.latitude - north : center.latitude + north
    let east = GeoPoint.degrees(
      halfWidth / GeoPoint.earthRadius / GeoPoint.cosine(latitude))
    return Geohash.Area(
      west: center.longitude - east, east: center.longitude + east,
      south: center.latitude - north, north: center.latitude + north)
  }

  /// Metres from the centre that are searched.
  private var radius: Double {
    switch form {
    case .circle(let radius): return radius
    case .box(let width, let height):
      return ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot()
    case .polygon:
      let bounds = self.bounds
      var radius = 0.0
      for longitude in [bounds.west, bounds.east] {
        for latitude in [bounds.south, bounds.north] {
          let corner = GeoPoint(longitude: longitude, latitude: latitude)
          radius = max(radius, center.distance(to: corner))
        }
      }
      return radius
    }
  }

  /// The cells that together contain all of the shape: that of the centre and some around it.
  ///
  /// Redis's choice and order, which the order of unsorted results follows.
  public var cells: [Geohash] {
    let bounds = self.bounds
    var steps = GeoShape.steps(radius: radius, latitude: center.latitude)
    var cell = Geohash(center, steps: steps)
    while steps > 1, !GeoShape.covers(bounds, around: cell) {
      steps -= 1
      cell = Geohash(center, steps: steps)
      // Compatibility: circles and boxes get one larger size at most.
      if case .polygon = form { continue }
      break
    }
    let area = cell.area
    let leavesOut = steps >= 2
    var cells = [cell]
    for (east, north) in GeoShape.neighbors {
      if leavesOut {
        if north < 0, area.south < bounds.south { continue }
        if north > 0, area.north > bounds.north { continue }
        if east < 0, area.west < bounds.west { continue }
        if east > 0, area.east > bounds.east { continue }
      }
      let neighbor = cell.neighbor(east: east, north: north)
      // With huge cells a neighbour may be the cell itself, or one on the other side.
      if neighbor != cells[cells.count - 1] { cells.append(neighbor) }
    }
    return cells
  }

  /// Directions of the neighbours in the order in which they are searched.
  private static let neighbors = [
    (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1),
  ]

  /// Whether a cell and its eight neighbours reach as far as `bounds`.
  private static func covers(_ bounds: Geohash.Area, around cell: Geohash) -> Bool {
    // Written so that a bound which is not a number is no reason for larger cells.
    !(cell.neighbor(east: 0, north: 1).area.north < bounds.north
      || cell.neighbor(east: 0, north: -1).area.south > bounds.south
      || cell.neighbor(east: 1, north: 0).area.east < bounds.east
      || cell.neighbor(east: -1, north: 0).area.west > bounds.west)
  }

  /// The size of cells of which nine most likely cover a circle.
  private static func steps(radius: Double, latitude: Double) -> Int {
    if radius == 0 { return Geohash.fullSteps }
    // Half the length of the equator on the map.
    let mapLimit = 20037726.37
    var steps = 1
    var reach = radius
    while reach < mapLimit, steps < 64 {
      reach *= 2
      steps += 1
    }
    steps -= 2
    // Cells are narrower near the poles.
    if latitude.magnitude > 66 { steps -= 1 }
    if latitude.magnitude > 80 { steps -= 1 }
    return max(1, min(steps, Geohash.fullSteps))
  }
}
