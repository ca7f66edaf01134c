//! Bytes to HTTP and back.
//!
//! Owns sockets, connections and everything that HTTP says about them: listening, telling HTTP/1.1 from HTTP/2, the limits
//! on heads and bodies, slow peers, and draining. Knows no plugin and no style: whoever implements
//! [`Handler`] answers.
//!
//! One thread per core, each with its own event loop and its own listener on the same address (`SO_REUSEPORT`), so that a
//! connection stays on one core from its first byte to its last and workers share nothing on the way of a request.

mod admission;
mod answer;
mod body;
mod check;
mod clock;
mod connection;
mod frames;
mod framing;
mod intake;
mod stall;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use self::admission::Admission;
use self::clock::Clock;
use self::connection::Site;
use self::intake::Intake;
use self::stall::{Order, Watch, Watched, Watches};
use crate::exchange::Handler;
use crate::limits::{ACCEPT_PAUSE_MS, DRAIN_IDLE_MS, HostLimits, LISTEN_BACKLOG, STALL_SWEEP_MS};

/// Stacks of the workers: for the host's code between two awaits, and for guests that run in place, which have a bound of their own.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    stop: CancellationToken,
    workers: Vec<JoinHandle<Result<()>>>,
}

impl Running {
    /// The address that is listened on, with the port that was chosen when 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Begins to drain and returns at once: no connection is accepted any more, every open one ends with its current answer
    /// (`Connection: close`, GOAWAY), and `Arrival::draining` is cancelled. What is still in flight after
    /// `drain_ms_max` is cut. May be called more than once.
    pub fn drain(&self) {
        self.stop.cancel();
    }

    /// Waits until every worker has ended, which is after [`Running::drain`]. Blocks the calling thread.
    ///
    /// # Errors
    /// When a worker could not go on.
    pub fn join(mut self) -> Result<()> {
        let mut ended = Ok(());
        for worker in self.workers.drain(..) {
            let worker = worker.join().unwrap_or_else(|_| Err(anyhow!("a worker of the server panicked")));
            ended = ended.and(worker);
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Listens on `listen` with so many workers (at least one) and has every request answered by `handler`. All listeners are
/// bound when this returns; port 0 picks a free port.
///
/// Raises the soft limit on open files of the process to its hard limit, because connections are files.
///
/// # Errors
/// When the address cannot be listened on or a thread cannot be started.
pub fn start(
    listen: SocketAddr,
    workers: usize,
    handler: Arc<dyn Handler>,
    limits: Arc<HostLimits>,
) -> Result<Running> {
    let workers_count = workers.max(1);
    if listen.port() != 0 {
        // Another process of ours could share the port unnoticed, and would get part of the connections.
        drop(bind(listen, false).with_context(|| format!("cannot listen on {listen}"))?);
    }
    let first = bind(listen, true).with_context(|| format!("cannot listen on {listen}"))?;
    let local_addr = first
        .local_addr()
        .context("the listener has no address")?
        .as_socket()
        .context("the listener's address is not one of IP")?;
    let mut listeners = vec![first];
    while listeners.len() < workers_count {
        listeners.push(
            bind(local_addr, true).with_context(|| format!("cannot listen on {local_addr} once more"))?,
        );
    }
    let per_client = usize::try_from(limits.connections_per_address_max).unwrap_or(usize::MAX);
    let admission = Admission::new(connections_max(&limits), per_client);
    let stop = CancellationToken::new();
    // Until every worker is up, an error on the way ends those that are.
    let mut running = Running { local_addr, stop: stop.clone(), workers: Vec::new() };
    let (ready, started) = mpsc::sync_channel(workers_count);
    for (number, listener) in listeners.into_iter().enumerate() {
        let worker = Worker {
            admission: Arc::clone(&admission),
            handler: Arc::clone(&handler),
            limits: Arc::clone(&limits),
            stop: stop.clone(),
            ready: ready.clone(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || worker.run(listener))
            .context("a worker thread cannot be started")?;
        running.workers.push(thread);
    }
    drop(ready);
    if started.iter().count() < workers_count {
        // A worker ended before it was ready; its error says why.
        running.drain();
        running.join()?;
        return Err(anyhow!("a worker ended while it was starting"));
    }
    Ok(running)
}

/// Half of the descriptors, at most: the other half is for the host's own files, so that it can always open one.
fn connections_max(limits: &HostLimits) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is "unlimited".
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let descriptors = if raised.is_ok() { maximum } else { current };
    let half = descriptors.map_or(u64::MAX, |descriptors| descriptors / 2);
    usize::try_from(limits.connections_max.min(half).max(1)).unwrap_or(usize::MAX)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for the connections of the former process to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

/// What one worker needs to begin.
struct Worker {
    admission: Arc<Admission>,
    handler: Arc<dyn Handler>,
    limits: Arc<HostLimits>,
    stop: CancellationToken,
    /// Told once, when the worker is about to accept; dropped when it cannot.
    ready: mpsc::SyncSender<()>,
}

impl Worker {
    fn run(self, listener: Socket) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .context("an event loop cannot be started")?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener.into()).context("the listener cannot be polled")?;
            // Whoever started the worker is waiting for this.
            self.ready.send(()).context("the server was given up while it was starting")?;
            self.serve(listener).await;
            Ok(())
        })
        // Dropping the event loop drops the tasks that are left: this is what cuts them.
    }

    async fn serve(self, listener: TcpListener) {
        drop(self.ready);
        let clock = Arc::new(Clock::new());
        let watches = RefCell::new(Watches::default());
        let draining = CancellationToken::new();
        let site = Rc::new(Site::new(self.handler, Arc::clone(&self.limits), draining.clone()));
        let floor = Floor { clock, watches, site, admission: self.admission };

        let sweeping = sweep(&floor.clock, &floor.watches, &self.limits);
        let serving = async {
            self.stop.run_until_cancelled(floor.accept(&listener)).await;
            // Connections that the kernel has completed are ours already: closing the listener would reset them.
            floor.accept_waiting(&listener).await;
            drop(listener);
            floor.drain(&draining, self.limits.drain_ms_max).await;
        };
        // The sweep goes on through the drain, and never ends by itself.
        tokio::select! {
            () = serving => {}
            () = sweeping => {}
        }
    }
}

async fn sweep(clock: &Clock, watches: &RefCell<Watches>, limits: &HostLimits) {
    let mut ticks = interval(Duration::from_millis(STALL_SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now_ms = clock.advance();
        watches.borrow_mut().sweep(now_ms, limits);
    }
}

/// Where a worker keeps its connections.
struct Floor {
    clock: Arc<Clock>,
    watches: RefCell<Watches>,
    site: Rc<Site>,
    admission: Arc<Admission>,
}

impl Floor {
    /// Accepts until it is dropped. No error of one connection ends it, and none makes it spin.
    async fn accept(&self, listener: &TcpListener) {
        let mut starved = false;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    starved = false;
                    self.take(stream, address);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of descriptors or memory. The listener stays readable, so trying at once again would spin.
                    if !starved {
                        tracing::warn!(%error, "connections cannot be accepted for now");
                    }
                    starved = true;
                    sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    /// Accepts what is waiting already.
    async fn accept_waiting(&self, listener: &TcpListener) {
        poll_fn(|context| {
            while let Poll::Ready(Ok((stream, address))) = listener.poll_accept(context) {
                self.take(stream, address);
            }
            Poll::Ready(())
        })
        .await;
    }

    fn take(&self, stream: TcpStream, address: SocketAddr) {
        // Over a cap: dropping closes it.
        let Some(permit) = self.admission.admit(address.ip()) else { return };
        // Answers are written whole, so there is nothing to gain from waiting for more of them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let watch = Watch::new(Arc::clone(&self.clock));
        self.watches.borrow_mut().add(Arc::clone(&watch));
        let discard = |stream: &TcpStream| drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
        let io = Intake::new(Watched::new(stream, Arc::clone(&watch), permit, discard), Arc::clone(&watch));
        drop(self.site.lifetime.tasks.spawn_local(connection::serve(
            io,
            watch,
            Rc::clone(&self.site),
            address,
        )));
    }

    /// Ends every connection in good order, as far as there is time.
    async fn drain(&self, draining: &CancellationToken, drain_ms_max: u64) {
        let began = Instant::now();
        let deadline = began + Duration::from_millis(drain_ms_max);
        let idle_deadline = deadline.min(began + Duration::from_millis(DRAIN_IDLE_MS));
        draining.cancel();
        self.site.lifetime.tasks.close();
        self.watches.borrow().tell(Order::Finish);
        if timeout_at(idle_deadline, self.site.lifetime.tasks.wait()).await.is_ok() {
            return;
        }
        self.watches.borrow().tell(Order::Close);
        if timeout_at(deadline, self.site.lifetime.tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.site.lifetime.tasks.len(),
                "cut what was still in flight at the end of the drain"
            );
        }
    }
}

/// Errors of accept(2) that concern the connection which was to be accepted, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
