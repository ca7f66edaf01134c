//! `wasi:http`: components that answer HTTP by themselves, as `wasmtime serve` and Spin run them.
//!
//! Owns the way between an exchange and the one function of `wasi:http/incoming-handler`: which path the component sees, when its
//! answer begins, whether it is sent whole or bit by bit, and what a failure before and after the head looks like. The component
//! is the application: there is no contract to enforce, and every method and path goes through.
//!
//! A component's call, its answer and its request's body are three things that get on at the same time. Until the answer has
//! begun, the connection's own task polls all of them, and for most requests that is all there is. What has not ended by then goes
//! on in tasks of the same worker, each with a bound: the call with its deadline, the request's body with the call.

mod answer;
mod request;

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use tokio::sync::oneshot;

use self::answer::{Frames, Progress};
use super::{failure_of, problem};
use crate::capability::CallContext;
use crate::capability::http::{self as wasi, Answer, Outparam, Request};
use crate::exchange::{LocalFuture, Payload, Response, Streamed};
use crate::failure::Failure;
use crate::limits::{STREAM_GATHER_BYTES_MAX, STREAM_GATHER_MS};
use crate::plugin::{Endpoint, Exchange, Source, Style, Surface};
use crate::sandbox::{CallFailure, Course, Export, Program};

const INTERFACE: &str = "wasi:http/incoming-handler@0.2.0";

/// The style.
pub struct WasiHttp;

impl Style for WasiHttp {
    fn name(&self) -> &'static str {
        "wasi:http"
    }

    fn interface(&self) -> &'static str {
        INTERFACE
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        _source: &'a Source,
    ) -> LocalFuture<'a, Result<Arc<dyn Endpoint>>> {
        Box::pin(async move {
            let handle = program.export(INTERFACE, "handle", context).await?;
            let endpoint: Arc<dyn Endpoint> = Arc::new(Component { program, handle });
            Ok(endpoint)
        })
    }
}

struct Component {
    program: Arc<Program>,
    handle: Export<(Request, Outparam), ()>,
}

impl Endpoint for Component {
    fn style(&self) -> &'static str {
        "wasi:http"
    }

    fn summary(&self) -> String {
        "every path and method".to_owned()
    }

    fn surface(&self) -> Surface {
        Surface::at_mount(&["HTTP"])
    }

    fn claims(&self, _head: &Parts) -> bool {
        true
    }

    fn serve(&self, exchange: Exchange) -> LocalFuture<'_, Result<Response, Failure>> {
        Box::pin(self.answer(exchange))
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        problem::render(failure, Some(&head.method))
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// What went wrong with a request's body, if anything has: known to whoever reads it, and needed by whoever answers.
type Fault = Rc<RefCell<Option<Failure>>>;

impl Component {
    async fn answer(&self, exchange: Exchange) -> Result<Response, Failure> {
        let limits = self.program.limits_shared();
        let head = request::head(&exchange)?;
        let is_head = exchange.head.method == Method::HEAD;
        let Exchange { body, context, secure, lifetime, .. } = exchange;
        let (body, pump) = request::body(body, &head, limits.streamed_body_bytes_max)?;
        let fault = Fault::default();
        let mut pump = Some(Box::pin(pump.run(Rc::clone(&fault))));

        let (sender, mut begun) = oneshot::channel();
        let request = http::Request::from_parts(head, body);
        let parameters = move |call: &mut _| {
            wasi::exchange(call, secure, request, move |answer| {
                // Nobody waits for it any more.
                let _: Result<(), Answer> = sender.send(answer);
            })
        };
        let course = self.program.begin(&self.handle, parameters, context.clone()).await;
        let mut course = Some(course.map_err(|failure| self.explain(&failure, &context))?);
        let fate = course.as_ref().map(Course::fate).unwrap_or_default();

        // Until the answer begins.
        let mut never = false;
        let begun = std::future::poll_fn(|task| {
            poll_part(&mut pump, task);
            let over = match course.as_mut().map(|course| Pin::new(course).poll(task)) {
                Some(Poll::Ready(result)) => {
                    course = None;
                    Some(result)
                }
                _ => None,
            };
            if !never && let Poll::Ready(answer) = Pin::new(&mut begun).poll(task) {
                match answer {
                    Ok(answer) => return Poll::Ready(Ok((answer, over))),
                    // It has thrown away what it would have answered with.
                    Err(_) => never = true,
                }
            }
            match over {
                None => Poll::Pending,
                Some(result) => Poll::Ready(Err(result)),
            }
        });
        let (answer, over) = match begun.await {
            Ok(begun) => begun,
            Err(Err(failure)) => {
                let failure = self.explain(&failure, &context);
                return Err(fault.take().unwrap_or(failure));
            }
            Err(_) => {
                return Err(fault
                    .take()
                    .unwrap_or_else(|| self.invalid(&context, "it never began its answer")));
            }
        };
        if let Some(failure) = fault.take() {
            return Err(failure);
        }
        if let Some(Err(failure)) = over {
            return Err(self.explain(&failure, &context));
        }
        if let Some(course) = &mut course {
            course.answer_has_begun();
        }
        let answer = answer.map_err(|code| self.invalid(&context, &format!("it gave up with {code:?}")))?;
        let (mut head, body) = answer.into_parts();
        let length = answer::check_head(&mut head, &limits)
            .map_err(|invalid| self.invalid(&context, &invalid.to_string()))?;
        let has_body = !is_head
            && !matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
            );
        let mut frames = Frames::new(body, fate.clone(), Rc::clone(&fault), length, &limits);

        // Until it is complete, or it is clear that it is made bit by bit.
        let is_event_stream = head
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let mut gathered = Vec::new();
        let mut gathered_bytes = 0;
        let mut patience = pin!(tokio::time::sleep(Duration::from_millis(STREAM_GATHER_MS)));
        let progress = std::future::poll_fn(|task| {
            loop {
                poll_part(&mut pump, task);
                if let Some(Poll::Ready(result)) = course.as_mut().map(|course| Pin::new(course).poll(task)) {
                    course = None;
                    if let Err(failure) = result {
                        return Poll::Ready(Err(failure));
                    }
                }
                let before = gathered_bytes;
                loop {
                    match frames.poll(task) {
                        Poll::Ready(Progress::Data(data)) => {
                            gathered_bytes += data.len();
                            gathered.push(data);
                            if gathered_bytes > STREAM_GATHER_BYTES_MAX {
                                return Poll::Ready(Ok(Progress::Data(Bytes::new())));
                            }
                        }
                        Poll::Ready(end) => return Poll::Ready(Ok(end)),
                        Poll::Pending => break,
                    }
                }
                // What was taken made room for more.
                if gathered_bytes == before {
                    break;
                }
            }
            if is_event_stream || patience.as_mut().poll(task).is_ready() {
                return Poll::Ready(Ok(Progress::Data(Bytes::new())));
            }
            Poll::Pending
        });
        let progress = progress.await;
        if let Some(failure) = fault.take() {
            return Err(failure);
        }
        let trailers = match progress {
            // Nothing has been sent yet, so it can still be said.
            Err(failure) => return Err(self.explain(&failure, &context)),
            Ok(Progress::Broken(why)) => {
                // A call that has failed says why a moment later.
                if fate.has_failed()
                    && let Some(course) = course
                    && let Err(failure) = course.await
                {
                    return Err(self.explain(&failure, &context));
                }
                return Err(self.invalid(&context, why));
            }
            Ok(Progress::End) => None,
            Ok(Progress::Trailers(trailers)) => Some(trailers),
            Ok(Progress::Data(_)) => {
                let response = Response::from_parts(head, Payload::empty());
                return Ok(self.stream(Rest {
                    response,
                    frames,
                    gathered,
                    has_body,
                    course,
                    pump,
                    context,
                    lifetime,
                }));
            }
        };
        if let Some(course) = course {
            // It has answered, and has something left to do.
            lifetime.tasks.spawn_local(self.finish(course, context));
        }
        if !has_body {
            if is_head && length.is_none() {
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(gathered_bytes));
            }
            return Ok(Response::from_parts(head, Payload::empty()));
        }
        if let Some(trailers) = trailers {
            let source = answer::with_trailers(gathered, trailers);
            return Ok(Response::from_parts(head, Payload::Streamed(Streamed::new(source))));
        }
        Ok(Response::from_parts(head, Payload::Whole(join(gathered, gathered_bytes))))
    }

    /// An answer that goes on being made when its head is sent.
    fn stream<P: Future<Output = ()> + 'static>(&self, rest: Rest<P>) -> Response {
        let Rest { mut response, mut frames, gathered, has_body, course, pump, context, lifetime } = rest;
        if let Some(pump) = pump {
            lifetime.tasks.spawn_local(pump);
        }
        if let Some(course) = course {
            let task = lifetime.tasks.spawn_local(self.finish(course, context.clone()));
            frames.ends(task.abort_handle());
        }
        frames.prepend(gathered);
        frames.log_as(Arc::clone(&self.program.capabilities().plugin), context.request_id);
        if has_body {
            *response.body_mut() = Payload::Streamed(Streamed::new(Box::pin(frames)));
        } else {
            // The component need not know that nobody reads it; but not for longer than an answer may take.
            let patience = Duration::from_millis(self.program.limits().wall_ms_max);
            lifetime.tasks.spawn_local(async move {
                // Past it the frames are dropped, which ends the call.
                let _: Result<(), _> = tokio::time::timeout(patience, frames.discard()).await;
            });
            *response.body_mut() = Payload::Streamed(Streamed::new(Box::pin(answer::Unsent)));
        }
        response
    }

    /// Runs a call to its end.
    fn finish(&self, course: Course, context: CallContext) -> impl Future<Output = ()> + 'static {
        let program = Arc::clone(&self.program);
        async move {
            if let Err(failure) = course.await {
                // The head is gone: what is left is the line in the log, and the end of the connection.
                drop(failure_of(&failure, &program, &context));
            }
        }
    }

    fn explain(&self, failure: &CallFailure, context: &CallContext) -> Failure {
        failure_of(failure, &self.program, context)
    }

    fn invalid(&self, context: &CallContext, why: &str) -> Failure {
        tracing::warn!(
            plugin = %self.program.capabilities().plugin, request = %context.request_id,
            "the plugin's answer cannot be sent: {why}"
        );
        Failure::PluginAnswerInvalid
    }
}

/// What goes on after the head.
struct Rest<P> {
    response: Response,
    frames: Frames,
    gathered: Vec<Bytes>,
    has_body: bool,
    course: Option<Course>,
    pump: Option<Pin<Box<P>>>,
    context: CallContext,
    lifetime: Rc<crate::exchange::Lifetime>,
}

/// Polls what may have ended before.
fn poll_part<F: Future<Output = ()>>(part: &mut Option<Pin<Box<F>>>, task: &mut std::task::Context<'_>) {
    if part.as_mut().is_some_and(|part| part.as_mut().poll(task).is_ready()) {
        *part = None;
    }
}

fn join(mut pieces: Vec<Bytes>, bytes: usize) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = Vec::with_capacity(bytes);
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    Bytes::from(whole)
}
