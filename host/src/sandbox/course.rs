//! A call that answers bit by bit while it runs.
//!
//! Owns where such a call is run and when it has to end: on the serving thread in many short slices, on a lane once it has
//! computed for long, until its answer has begun under the one deadline and from there on under the other. Refuses to know what the
//! answer is and who takes it. Whoever drops a course ends its call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use super::budget::{self, CallFailure};
use super::lane::Moved;
use super::program::{Program, poll_caught};

type Call = Pin<Box<dyn Future<Output = Result<(), CallFailure>> + Send>>;
/// None when it panicked, or its lane is gone.
type MovedCall = Pin<Box<dyn Future<Output = Option<Result<(), CallFailure>>> + Send>>;

/// Whether a call came to a good end. Known before what the call held is dropped, so that nobody who reads what it made takes an
/// end that came too early for the end.
#[derive(Debug, Clone, Default)]
pub struct Fate(Arc<AtomicBool>);

impl Fate {
    /// Whether the call has failed, or was ended.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict { fate: self.clone(), succeeded: false }
    }
}

/// Says that the call has failed, unless it is told otherwise before it is dropped.
pub(super) struct Verdict {
    fate: Fate,
    succeeded: bool,
}

impl Verdict {
    pub(super) fn succeed(&mut self) {
        self.succeeded = true;
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if !self.succeeded {
            self.fate.0.store(true, Ordering::Release);
        }
    }
}

/// A call under way. It gets on when it is polled, and is not polled again when it is over.
pub struct Course {
    program: Arc<Program>,
    place: Place,
    fate: Fate,
    /// When it has to end, and which limit says so.
    deadline: Instant,
    limit_ms: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

enum Place {
    /// On the thread of whoever polls the course.
    Here(Metered),
    /// On a lane.
    Elsewhere(MovedCall),
    Over,
}

impl Course {
    pub(super) fn new(program: Arc<Program>, call: Call, fate: Fate, deadline: Instant) -> Self {
        let limit_ms = program.limits().wall_ms_max;
        let call = Metered { call, uncharged: Duration::ZERO };
        let place = if program.weight.is_heavy() { elsewhere(&program, call) } else { Place::Here(call) };
        Self { program, place, fate, deadline, limit_ms, timer: None }
    }

    /// Whether the call fails before its end.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Its answer has begun: from now on it is not the time to an answer that is limited but the time of the stream.
    pub fn answer_has_begun(&mut self) {
        self.limit_ms = self.program.limits().stream_ms_max;
        self.deadline = Instant::now() + Duration::from_millis(self.limit_ms);
        self.timer = None;
    }
}

fn elsewhere(program: &Arc<Program>, call: Metered) -> Place {
    match program.move_to_lane(call) {
        Some(moved) => Place::Elsewhere(Box::pin(Moved::result(moved))),
        None => Place::Over,
    }
}

impl Future for Course {
    type Output = Result<(), CallFailure>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let course = &mut *self;
        let over = match &mut course.place {
            Place::Here(call) => match Pin::new(call).poll(task) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => match budget::long_slice() {
                    None => None,
                    Some(used) => {
                        course.program.weight.mark_heavy(used);
                        if let Place::Here(call) = std::mem::replace(&mut course.place, Place::Over) {
                            course.place = elsewhere(&course.program, call);
                        }
                        task.waker().wake_by_ref();
                        None
                    }
                },
            },
            Place::Elsewhere(call) => match call.as_mut().poll(task) {
                Poll::Ready(result) => Some(result.unwrap_or(Err(CallFailure::HostPanic))),
                Poll::Pending => None,
            },
            Place::Over => Some(Err(CallFailure::HostPanic)),
        };
        if let Some(result) = over {
            course.place = Place::Over;
            return Poll::Ready(result);
        }
        let deadline = course.deadline;
        let timer = course.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        if timer.as_mut().poll(task).is_ready() {
            course.place = Place::Over;
            return Poll::Ready(Err(CallFailure::OutOfTime(course.limit_ms)));
        }
        Poll::Pending
    }
}

/// A call whose CPU time is counted over all its slices, short ones too: one that is woken a thousand times a second must not
/// get them for nothing.
struct Metered {
    call: Call,
    /// Used since a tick last charged the call.
    uncharged: Duration,
}

impl Future for Metered {
    type Output = Result<(), CallFailure>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        budget::begin_slice_owing(self.uncharged);
        let polled = poll_caught(self.call.as_mut(), task);
        self.uncharged = budget::slice_used().unwrap_or_default();
        polled
    }
}
