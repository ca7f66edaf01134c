//! Several calls in one request: a JSON-RPC batch, a `system.multicall`.
//!
//! Owns what one such request may take from others. Its calls run side by side, `batch_parallel_max` at a time, each with a
//! permit of its own like any other call; their results together are no larger than one answer; those that have not begun when
//! it is `batch_ms_max` old never do. And because a quick call is over without ever waiting, a row of them would hold the
//! worker's thread from the first to the last: after every tick of that the event loop has its turn.

use std::cell::Cell;
use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use super::service::{Fault, REPLY_TOO_LARGE, Service};
use crate::failure::Failure;
use crate::limits::{EPOCH_TICK_MS, PluginLimits};

const TICK: Duration = Duration::from_millis(EPOCH_TICK_MS);

/// What the calls of one request share.
pub(super) struct Batch {
    parallel_max: usize,
    began: Instant,
    age_max: Duration,
    /// When the event loop last had its turn.
    yielded: Cell<Instant>,
    /// What the results may still take up, so that fifty calls do not hold fifty times the largest answer.
    left_bytes: Cell<u64>,
}

impl Batch {
    /// A batch that begins now.
    pub(super) fn of(limits: &PluginLimits) -> Self {
        let now = Instant::now();
        Self {
            parallel_max: usize::try_from(limits.batch_parallel_max).unwrap_or(usize::MAX).max(1),
            began: now,
            age_max: Duration::from_millis(limits.batch_ms_max),
            yielded: Cell::new(now),
            left_bytes: Cell::new(limits.response_bytes_max),
        }
    }

    /// Answers all calls, and gives the answers in the order of the calls.
    pub(super) async fn run<T, R, F: Future<Output = R>>(
        &self,
        calls: Vec<T>,
        answer: impl Fn(T) -> F,
    ) -> Vec<R> {
        let answer = &answer;
        let mut replies: Vec<(usize, R)> = stream::iter(calls.into_iter().enumerate())
            .map(|(place, call)| async move {
                self.pause().await;
                (place, answer(call).await)
            })
            .buffer_unordered(self.parallel_max)
            .collect()
            .await;
        replies.sort_unstable_by_key(|(place, _)| *place);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Lets others have the thread when this batch has held it for a tick.
    async fn pause(&self) {
        let mut yielded = self.yielded.get();
        while yielded.elapsed() >= TICK {
            tokio::task::yield_now().await;
            // The first call to go on after the event loop's turn begins a new tick, the others see whether it is over already.
            if self.yielded.get() == yielded {
                self.yielded.set(Instant::now());
                return;
            }
            yielded = self.yielded.get();
        }
    }

    /// Asked before each call.
    ///
    /// # Errors
    /// When the batch is too old for another.
    pub(super) fn may_begin<C>(&self, service: &Service<'_, C>) -> Result<(), Fault> {
        if self.began.elapsed() < self.age_max {
            return Ok(());
        }
        Err(Fault::of_host(&Failure::PluginOutOfTime, Some(service.request_id)))
    }

    /// Takes what a result needs.
    ///
    /// # Errors
    /// When it is more than is left: the result is then to be dropped.
    pub(super) fn take(&self, length: usize) -> Result<(), Fault> {
        let needed = u64::try_from(length).unwrap_or(u64::MAX);
        let left = self.left_bytes.get().checked_sub(needed).ok_or_else(|| {
            Fault::new(REPLY_TOO_LARGE, "The replies of this batch are larger than this service sends.")
        })?;
        self.left_bytes.set(left);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::future::{Either, select};

    use super::super::testing::Fake;
    use super::*;

    #[test]
    fn a_row_of_quick_calls_lets_the_event_loop_have_its_turn_after_every_tick() {
        const CALLS: usize = 20;
        let turns = Cell::new(0);
        let neighbour = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        let batch = Batch::of(&PluginLimits::DEFAULT);
        // Each call takes a tick of the thread and never waits.
        let call = |place| {
            let began = batch.yielded.get();
            async move {
                while began.elapsed() < TICK {
                    std::hint::spin_loop();
                }
                place
            }
        };
        let (calls, neighbour) = (pin!(batch.run((0..CALLS).collect(), call)), pin!(neighbour));
        let Either::Left((places, _)) = Fake::runtime().block_on(select(calls, neighbour));
        assert_eq!(places, (0..CALLS).collect::<Vec<_>>());
        assert!(turns.get() >= CALLS - 1, "{} turns", turns.get());
    }
}
