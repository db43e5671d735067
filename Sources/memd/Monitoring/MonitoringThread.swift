// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// The thread that answers monitors where `metrics-port` and `metrics-bind` say.
final class MonitoringThread {
  /// What the thread works with; nobody else touches it from the start of the thread to its end.
  private final class Work: @unchecked Sendable {
    let service: HTTPService

    init(_ service: HTTPService) { self.service = service }
  }

  private let exchange: MonitoringExchange
  private let thread: ServiceThread

  /// Listens, and starts the thread.
  ///
  /// - Throws: where it can't listen, as `ListenError`, or why there are no descriptors for it.
  init(
    _ addresses: [ListenAddress], _ exchange: MonitoringExchange, _ clock: Clock
  ) throws(ListenError) {
    let transport: EpollTransport
    do throws(SystemError) {
      transport = try EpollTransport(eventsPerWait: 64)
    } catch {
      throw ListenError(address: addresses[0], operation: "epoll", code: error.code)
    }
    for address in addresses {
      do throws(ListenError) {
        _ = try transport.listen(on: address, backlog: 64)
      } catch {
        if !error.isTolerated { throw error }
      }
    }
    let site = MonitoringSite(exchange: exchange)
    let work = Work(HTTPService(transport, clock) { site.answer($0) })
    self.exchange = exchange
    exchange.attach(service: transport.waker)
    thread = ServiceThread(name: "memd-metrics") {
      while !exchange.isEnding { work.service.turn() }
      work.service.close()
    }
  }

  /// Ends the thread and waits for it; called once.
  func stop() {
    exchange.end()
    thread.join()
  }
}

/// Keeps the thread that the settings want.
final class MonitoringService {
  private var thread: MonitoringThread?
  private var addresses: [ListenAddress] = []

  /// Listens where the configuration says now; on a failure where it did before.
  func update(_ server: Server) throws(ListenError) {
    let wanted = server.configuration.monitoringAddresses
    guard wanted != addresses else { return }
    // Addresses that stay are in use until the old thread has ended.
    stop()
    addresses = wanted
    guard !wanted.isEmpty else { return }
    do throws(ListenError) {
      thread = try MonitoringThread(wanted, server.monitoring.exchange, server.clock)
    } catch {
      addresses = []
      throw error
    }
    server.log.notice("Metrics and the live page: http://\(wanted[0].authority)/")
  }

  /// Takes over what CONFIG SET has changed.
  func apply(_ change: ConfigurationChange, _ server: Server) throws(ConfigurationChange.Failure) {
    guard change.effects.contains(.monitoring) else { return }
    do throws(ListenError) {
      try update(server)
    } catch {
      server.log.warning("Warning: \(error.message)")
      throw ConfigurationChange.Failure(
        option: change.names.contains("metrics-port") ? "metrics-port" : "metrics-bind",
        message: "Unable to listen on this port. Check server logs.")
    }
  }

  func stop() {
    thread?.stop()
    thread = nil
    addresses = []
  }
}

extension Configuration {
  /// Where monitors are answered; nowhere if they are not.
  var monitoringAddresses: [ListenAddress] {
    guard let port = UInt16(exactly: metricsPort), port > 0 else { return [] }
    return metricsBind.map { ListenAddress(bind: $0, port: port) }
  }
}
