// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

extension Server {
  /// Memory: what is accounted for, what the system says, and how they differ.
  func writeMemoryInfo(to text: inout InfoText) {
    let figures = MemoryFigures(self)
    text.section("Memory")
    text.bytes("used_memory", figures.used)
    text.bytes("used_memory_rss", figures.resident)
    text.bytes("used_memory_peak", figures.peak)
    text.field("used_memory_peak_perc", figures.peakPercentage, unit: "%")
    text.field("used_memory_overhead", figures.overhead)
    text.field("used_memory_startup", figures.startup)
    text.field("used_memory_dataset", figures.dataset)
    text.field("used_memory_dataset_perc", figures.datasetPercentage, unit: "%")
    text.field("allocator_allocated", figures.allocated)
    text.field("allocator_active", figures.active)
    text.field("allocator_resident", figures.resident)
    text.bytes("total_system_memory", ProcessFacts.totalMemoryByteCount)
    writeScriptMemoryInfo(to: &text)
    text.bytes("maxmemory", configuration.maxMemory)
    text.field("maxmemory_policy", configuration.maxMemoryPolicy.rawValue)
    text.field("allocator_frag_ratio", figures.fragmentationRatio)
    text.field("allocator_frag_bytes", figures.slabFree)
    text.field("allocator_rss_ratio", figures.overheadRatio)
    text.field("allocator_rss_bytes", figures.resident - figures.active)
    text.field("rss_overhead_ratio", 1.0)
    text.field("rss_overhead_bytes", 0)
    text.field("mem_fragmentation_ratio", figures.residentRatio)
    text.field("mem_fragmentation_bytes", figures.resident - figures.used)
    text.field("mem_not_counted_for_evict", effects.stream.byteCountForReaders)
    text.field("mem_replication_backlog", figures.backlog)
    text.field(
      "mem_total_replication_buffers", figures.backlog + effects.stream.byteCountForReaders)
    text.field("mem_clients_slaves", 0)
    text.field("mem_clients_normal", figures.clients)
    text.field("mem_cluster_links", 0)
    text.field("mem_aof_buffer", 0)
    text.field("mem_overhead_db_hashtable_rehashing", 0)
    text.field("mem_allocator", "memd-slabs")
    text.field("active_defrag_running", compactionPercent)
    text.field("lazyfree_pending_objects", keyspace.unlinked.pendingCount)
    text.field("lazyfreed_objects", keyspace.unlinked.freedCount)
  }

  private func writeScriptMemoryInfo(to text: inout InfoText) {
    let interpreter = scripting.interpreterByteCount
    let functionInterpreter = scripting.functionInterpreterByteCount
    let libraries = scripting.libraries
    text.bytes("used_memory_lua", interpreter)
    text.field("used_memory_vm_eval", interpreter)
    text.field("used_memory_scripts_eval", scripting.cache.byteCount)
    text.field("number_of_cached_scripts", scripting.cache.count)
    text.field("number_of_functions", libraries.functionCount)
    text.field("number_of_libraries", libraries.libraries.count)
    text.field("used_memory_vm_functions", functionInterpreter)
    text.bytes("used_memory_vm_total", scripting.allInterpretersByteCount)
    text.field("used_memory_functions", libraries.byteCount)
    text.bytes("used_memory_scripts", scripting.cache.byteCount + libraries.byteCount)
  }
}
