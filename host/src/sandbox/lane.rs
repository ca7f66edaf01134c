//! Threads for calls that run longer than a tick.
//!
//! Owns where a long call goes on. A guest that is still running at its first epoch tick is moved, in mid-call, from the
//! serving thread to one of these, which run at a lower priority: a plugin that computes for a second, or for ever, costs its
//! neighbours at most that first tick. The number of calls here is bounded by the permits, which they keep.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Added to the niceness of the process: the kernel then prefers a serving thread that has anything to do.
const NICENESS: i32 = 10;

#[derive(Debug)]
pub(super) struct Lanes {
    handles: Vec<Handle>,
    next: AtomicUsize,
    /// Dropped with the lanes, which ends their threads.
    _stop: Vec<oneshot::Sender<()>>,
}

impl Lanes {
    pub(super) fn start(count: usize) -> Result<Self> {
        let mut handles = Vec::new();
        let mut stops = Vec::new();
        for number in 0..count.max(1) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let (stop, stopped) = oneshot::channel::<()>();
            stops.push(stop);
            std::thread::Builder::new()
                .name(format!("lane-{number}"))
                .stack_size(4 * 1024 * 1024)
                .spawn(move || {
                    // On Linux, 0 is the calling thread. Raising niceness needs no privilege, so it does not fail; were it
                    // to, long calls would merely compete at equal terms.
                    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                        tracing::warn!(%error, "the priority of a lane cannot be lowered");
                    }
                    // An error means that the lanes were dropped, which is the signal.
                    let _: Result<(), _> = runtime.block_on(stopped);
                })
                .context("a thread for long calls cannot be started")?;
        }
        Ok(Self { handles, next: AtomicUsize::new(0), _stop: stops })
    }

    /// Goes on with a call here. None when the host is going down.
    pub(super) fn take<F>(&self, call: F) -> Option<Moved<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let handle = self.handles.get(turn.checked_rem(self.handles.len())?)?;
        Some(Moved(handle.spawn(call)))
    }
}

/// A call that goes on elsewhere. Dropping it ends the call: a client that hung up must not keep a core busy.
pub(super) struct Moved<T>(JoinHandle<T>);

impl<T> Moved<T> {
    /// The result; none when the call panicked or its lane is gone.
    pub(super) async fn result(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Moved<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
