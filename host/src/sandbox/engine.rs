//! The one engine: its settings and its instance pool.
//!
//! Owns every wasmtime setting, each with its reason. Refuses to know plugins.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
};

use super::clock::Clock;
use super::lane::Lanes;
use crate::limits::{HostLimits, MEMORY_BYTES_CEILING, PluginLimits};

/// Guest frames may take this much of a fiber's stack.
const WASM_STACK_BYTES_MAX: usize = 512 * 1024;
/// A fiber's whole stack: what guest frames leave is guaranteed to host functions, which run on the same stack.
const FIBER_STACK_BYTES: usize = 1024 * 1024;
/// Core instances of one component. One of Rust has one or, with WASI, three; one of Python is linked together from some
/// fourteen libraries.
const CORE_INSTANCES_MAX: u32 = 32;
/// The host's own memory for one instance of a component: mostly pointers to its functions and globals. One of Rust has a few
/// kilobytes, one of Python 416.
const INSTANCE_BYTES_MAX: usize = 1024 * 1024;
/// Restored page by page after a call where only dirty pages have to be (see [`swap_is_off`]).
const KEEP_RESIDENT_SCANNED_BYTES: usize = 2 * 1024 * 1024;
/// Zeroed whole after every call otherwise, so it is small.
const KEEP_RESIDENT_ZEROED_BYTES: usize = 64 * 1024;

/// The engine, its pool's permits and the threads for long calls.
#[derive(Debug)]
pub struct Sandbox {
    engine: Engine,
    pub(super) permits: Arc<Semaphore>,
    pub(super) lanes: Lanes,
    /// Milliseconds that a call waits for a permit.
    pub(super) queue_wait: Duration,
    reset: Reset,
    pub(super) clock: Arc<Clock>,
}

/// How an instance's memory is cleaned for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Only the pages that were written to: fast, and safe only where no page can have been swapped out.
    DirtyPages,
    /// The first pages are zeroed, the others given back to the operating system.
    Whole,
}

impl Sandbox {
    /// Makes the engine and reserves its pool. `lanes` is the number of threads for calls that run longer than a tick.
    ///
    /// # Errors
    /// When the address space for the pool cannot be reserved or the processor is not supported.
    pub fn new(limits: &HostLimits, lanes: usize) -> Result<Arc<Self>> {
        let reset = if swap_is_off() { Reset::DirtyPages } else { Reset::Whole };
        let slots =
            u32::try_from(limits.requests_in_flight_max).context("requests_in_flight_max is too large")?;
        let engine = Engine::new(&serving_config(slots, reset))
            .map_err(anyhow::Error::from)
            .context("the WebAssembly engine cannot start: the address space for its instance pool may be limited (ulimit -v)")?;
        let all = usize::try_from(slots)?;
        let permits = Arc::new(Semaphore::new(all));
        let clock = Clock::start(engine.weak(), Arc::clone(&permits), all)?;
        Ok(Arc::new(Self {
            engine,
            permits,
            lanes: Lanes::start(lanes)?,
            queue_wait: Duration::from_millis(limits.queue_wait_ms_max),
            reset,
            clock,
        }))
    }

    /// For compiling, loading and linking.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How memory is cleaned between two instances.
    #[must_use]
    pub fn reset(&self) -> Reset {
        self.reset
    }
}

/// The settings that decide what compiled code looks like. The compiling child and the serving host share them: wasmtime
/// refuses code that was compiled under others.
fn code_config() -> Config {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed);
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking);
    config.wasm_component_model(true);
    // Off: what the contract does not need and what most advisories of 2025 and 2026 were about. The runtime of WASI 0.3
    // also taxes every call (wasmtime PR 12377).
    config.concurrency_support(false);
    config.wasm_memory64(false).wasm_multi_memory(false);
    config.wasm_wide_arithmetic(false).wasm_custom_page_sizes(false).wasm_stack_switching(false);
    config.epoch_interruption(true);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(8));
    // Faster to load and to drop; only native debuggers would read it.
    config.native_unwind_info(false);
    config.max_wasm_stack(WASM_STACK_BYTES_MAX);
    config.async_stack_size(FIBER_STACK_BYTES);
    config
}

/// For the compiling child: no pool, because its address space is limited.
#[must_use]
pub fn compiling_config() -> Config {
    let mut config = code_config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config
}

fn serving_config(slots: u32, reset: Reset) -> Config {
    let mut config = code_config();
    config.memory_init_cow(true);
    // Images live in memory, not in the cached file: truncating that file must not become a SIGBUS.
    config.force_memory_init_memfd(true);
    let mut pool = PoolingAllocationConfig::new();
    // The permits, not the pool, say no: a little more room than there are permits.
    let slots = slots.saturating_add(16);
    pool.total_component_instances(slots)
        // A count and no memory: what a component of Python has.
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(4))
        .total_stacks(slots)
        .max_unused_warm_slots(slots)
        .max_memory_size(usize::try_from(MEMORY_BYTES_CEILING).unwrap_or(usize::MAX))
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_memories_per_component(1)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_tables_per_component(4)
        .max_tables_per_module(4)
        .table_elements(usize::try_from(PluginLimits::DEFAULT.table_elements_max).unwrap_or(usize::MAX))
        .table_keep_resident(64 * 1024)
        .decommit_batch_size(1);
    match reset {
        Reset::DirtyPages => {
            pool.linear_memory_keep_resident(KEEP_RESIDENT_SCANNED_BYTES).pagemap_scan(Enabled::Auto);
        }
        Reset::Whole => {
            pool.linear_memory_keep_resident(KEEP_RESIDENT_ZEROED_BYTES).pagemap_scan(Enabled::No);
        }
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// Whether no page of this process can be swapped out. wasmtime's scan for dirty pages overlooks those that were
/// (wasmtime PR 14357), and the next tenant of a slot would read them.
fn swap_is_off() -> bool {
    let no_swap_device = std::fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() <= 1);
    let no_swap_for_us =
        std::fs::read_to_string("/sys/fs/cgroup/memory.swap.max").is_ok_and(|text| text.trim() == "0");
    no_swap_device || no_swap_for_us
}
