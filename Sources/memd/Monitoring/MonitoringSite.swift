// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What is found at which path.
struct MonitoringSite {
  private static let help = """
    There is:
    /: the live page
    /metrics: figures for Prometheus, in OpenMetrics if it can read that
    /metrics?names=redis_exporter: the same by the names of redis_exporter
    /healthz: whether the server's loop turns
    /readyz: whether it can serve clients
    """

  let exchange: MonitoringExchange

  /// The answer to a question; nil: not yet.
  func answer(_ question: HTTPService.Question) -> HTTPResponse? {
    guard isTrusted(question) else {
      return HTTPResponse(
        .forbidden, "Ask by an address, or as localhost: other names may belong to anybody.")
    }
    switch question.request.path {
    case "/": return HTTPResponse(.ok, "text/html; charset=utf-8", LivePage.document)
    case "/live.css": return HTTPResponse(.ok, "text/css; charset=utf-8", LivePage.style)
    case "/live.js":
      return HTTPResponse(
        .ok, "text/javascript; charset=utf-8", LivePage.script + LivePage.keysScript)
    case "/live.json":
      return exchange.report(askedAt: question.askedAt).map {
        HTTPResponse(.ok, "application/json", LiveFigures($0).text)
      }
    case "/metrics": return metrics(question)
    case "/healthz":
      return exchange.pulse(askedAt: question.askedAt).map { _ in HTTPResponse(.ok, "ok") }
    case "/readyz":
      return exchange.pulse(askedAt: question.askedAt).map {
        $0.obstacle.map { HTTPResponse(.unavailable, "not ready: \($0)") }
          ?? HTTPResponse(.ok, "ready")
      }
    default: return HTTPResponse(.notFound, Self.help)
    }
  }

  private func metrics(_ question: HTTPService.Question) -> HTTPResponse? {
    let request = question.request
    let format: MetricsText.Format =
      request.accepts("application/openmetrics-text") ? .openMetrics : .prometheus
    let names: MetricsText.Names =
      request.query.split(separator: "&").contains("names=redis_exporter") ? .exporter : .own
    // Percentiles are among redis_exporter's metrics only; they take time.
    let report = exchange.report(
      askedAt: question.askedAt, withPercentiles: names == .exporter)
    return report.map {
      HTTPResponse(.ok, format.contentType, MetricsText($0, format, names).text)
    }
  }

  /// A page from elsewhere can have a browser on this machine ask for a name of its own that leads
  /// here ("DNS rebinding"), and then read the answer. It can't do that by an address.
  private func isTrusted(_ question: HTTPService.Question) -> Bool {
    guard question.isLocal, let host = question.request.host else { return true }
    return ["localhost", "localhost."].contains(host) || host.hasSuffix(".localhost")
      || host.hasPrefix("[")
      || host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
  }
}
