//! A linked plugin, and how one of its exports is called.
//!
//! Owns the life of one call: permit, store, instance, guest, wall deadline, clean-up. By default every call has an
//! instance of its own, and a store that trapped or was cut off is dropped and never entered again.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Func, Instance, InstancePre, Lift, Linker, Lower,
    Val,
};

use super::budget::{self, Budget, CallFailure};
use super::course::{Course, Fate};
use super::engine::Sandbox;
use super::in_place::{Parameters, calls_nothing};
use super::lane::Moved;
use super::weight::Weight;
use crate::capability::{CallContext, CallState, HasCallState, PluginCapabilities, rooms};
use crate::limits::PluginLimits;

/// The data of a store: one call's budget and what its imports work on.
#[derive(Debug)]
pub struct Guest {
    budget: Budget,
    call: CallState,
}

impl HasCallState for Guest {
    fn call_state(&mut self) -> &mut CallState {
        &mut self.call
    }
}

/// One exported function with its Rust types, found once when the plugin is loaded.
pub struct Export<P, R> {
    index: ComponentExportIndex,
    types: PhantomData<fn(P) -> R>,
}

// By hand, because a derive would ask the same of P and R.
impl<P, R> Clone for Export<P, R> {
    fn clone(&self) -> Self {
        Self { index: self.index, types: PhantomData }
    }
}

/// One exported function whose types are known only at load, called with values that say their types themselves.
#[derive(Debug, Clone, Copy)]
pub struct ValuesExport {
    index: ComponentExportIndex,
    results: usize,
}

impl ValuesExport {
    /// A function of a component by its place there, with the number of its results (none or one).
    #[must_use]
    pub fn new(index: ComponentExportIndex, results: usize) -> Self {
        Self { index, results }
    }

    /// The function in an instance, and room for its results.
    fn find(self, instance: &Instance, store: &mut Store<Guest>) -> wasmtime::Result<(Func, Vec<Val>)> {
        let function = instance
            .get_func(&mut *store, self.index)
            .ok_or_else(|| wasmtime::Error::msg("the component has no such function"))?;
        // What stands in them before the call is not looked at.
        Ok((function, vec![Val::Bool(false); self.results]))
    }
}

/// A result, and the turn that the call took on the plugin's rooms, if it did: whoever carries out the call's actions holds
/// it until they are.
#[derive(Debug)]
pub struct Answer<R> {
    /// What the export returned.
    pub value: R,
    /// See [`rooms::Turn`].
    pub turn: Option<rooms::Turn>,
}

/// A plugin's code, linked to its imports: what calls are made of.
pub struct Program {
    sandbox: Arc<Sandbox>,
    linked: Arc<Linked>,
    permits: Arc<Semaphore>,
    pub(super) weight: Weight,
}

/// What every call of a program holds on to, in one piece: a call may go on elsewhere when the program is gone.
struct Linked {
    pre: InstancePre<Guest>,
    limits: Arc<PluginLimits>,
    capabilities: Arc<PluginCapabilities>,
    /// Whether a call may be begun twice, see [`super::in_place`].
    calls_nothing: bool,
}

impl Linked {
    /// A store for one call, with every limit set.
    fn store(&self, context: CallContext, deadline: Instant) -> Store<Guest> {
        let Self { pre, limits, capabilities, .. } = self;
        let guest = Guest {
            budget: Budget::new(limits),
            call: CallState::new(context, deadline, Arc::clone(capabilities)),
        };
        let mut store = Store::new(pre.engine(), guest);
        store.limiter(|guest| &mut guest.budget);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().budget.on_tick()));
        store.set_epoch_deadline(1);
        let copied_bytes_max = limits.response_bytes_max.saturating_add(limits.hostcall_bytes_max);
        store.set_hostcall_fuel(usize::try_from(copied_bytes_max).unwrap_or(usize::MAX));
        store.set_max_component_handles(usize::try_from(limits.resources_max).unwrap_or(usize::MAX));
        store
    }
}

impl Program {
    /// Links a component.
    ///
    /// # Errors
    /// When an import is missing from the linker or of another type; the caller has vetted both, so the text is wasmtime's.
    pub fn new(
        sandbox: &Arc<Sandbox>,
        component: &Component,
        linker: &Linker<Guest>,
        limits: Arc<PluginLimits>,
        capabilities: Arc<PluginCapabilities>,
    ) -> Result<Self> {
        let pre = linker
            .instantiate_pre(component)
            .map_err(anyhow::Error::from)
            .context("the component's imports cannot be linked")?;
        // Makes the memory image now rather than under the first request.
        component
            .initialize_copy_on_write_image()
            .map_err(anyhow::Error::from)
            .context("the component's memory image cannot be made")?;
        let calls_nothing = calls_nothing(component, sandbox.engine());
        let permits = usize::try_from(limits.instances_max).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            sandbox: Arc::clone(sandbox),
            linked: Arc::new(Linked { pre, limits, capabilities, calls_nothing }),
            permits: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            weight: Weight::new(),
        })
    }

    /// The plugin's limits.
    #[must_use]
    pub fn limits(&self) -> &PluginLimits {
        &self.linked.limits
    }

    /// The plugin's limits, for what outlives this version.
    #[must_use]
    pub fn limits_shared(&self) -> Arc<PluginLimits> {
        Arc::clone(&self.linked.limits)
    }

    /// What the plugin's calls share.
    #[must_use]
    pub fn capabilities(&self) -> &Arc<PluginCapabilities> {
        &self.linked.capabilities
    }

    /// Finds an exported function and checks its type on an instance, so that a plugin of another shape, or one that cannot
    /// even be instantiated, is refused at load.
    ///
    /// # Errors
    /// When the component has no such interface or function, or one of another type, or cannot be instantiated within its
    /// limits.
    pub async fn export<P, R>(
        &self,
        interface: &str,
        function: &str,
        context: CallContext,
    ) -> Result<Export<P, R>>
    where
        P: ComponentNamedList + Lower + 'static,
        R: ComponentNamedList + Lift + 'static,
    {
        let component = self.linked.pre.component();
        let (_, instance) = component
            .get_export(None, interface)
            .ok_or_else(|| anyhow!("the component does not export the interface `{interface}`"))?;
        let (_, index) = component
            .get_export(Some(&instance), function)
            .ok_or_else(|| anyhow!("the interface `{interface}` has no function `{function}`"))?;
        let wall_ms_max = self.linked.limits.wall_ms_max;
        let deadline = Instant::now() + Duration::from_millis(wall_ms_max);
        let _held = self.sandbox.clock.hold();
        let linked = Arc::clone(&self.linked);
        let check = Box::pin(async move {
            let mut store = linked.store(context, deadline);
            match linked.pre.instantiate_async(&mut store).await {
                Ok(instance) => {
                    let mismatch = instance.get_typed_func::<P, R>(&mut store, &index).err();
                    Ok(Answer { value: mismatch.map(|error| format!("{error:#}")), turn: None })
                }
                Err(error) => Err(store.data().budget.explain(&error, &linked.limits)),
            }
        });
        match within(check, deadline, wall_ms_max).await {
            Ok(Answer { value: None, .. }) => Ok(Export { index, types: PhantomData }),
            Ok(Answer { value: Some(mismatch), .. }) => Err(anyhow!(
                "the function `{function}` of `{interface}` is not of the contract's type: {mismatch}; build the plugin \
                 against the WIT of that version"
            )),
            Err(failure) => Err(anyhow!(failure).context("the component cannot be instantiated")),
        }
    }

    /// Whether the component exports an interface, in this or a compatible version.
    #[must_use]
    pub fn exports(&self, interface: &str) -> bool {
        self.linked.pre.component().get_export(None, interface).is_some()
    }

    /// Calls an export on a fresh instance.
    ///
    /// # Errors
    /// See [`CallFailure`]. The instance is gone in any case.
    pub fn call<P, R>(
        &self,
        export: &Export<P, R>,
        parameters: P,
        context: CallContext,
    ) -> impl Future<Output = Result<Answer<R>, CallFailure>>
    where
        P: Parameters,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let index = export.index;
        // Not an `async fn`, which would hold its arguments twice: this is part of the future of every request.
        async move {
            let (permits, deadline) = self.admit().await?;
            let in_place = self.in_place(&context, deadline, |pre, store| {
                let instance = pre.instantiate(&mut *store)?;
                let function = instance.get_typed_func::<P::References<'_>, R>(&mut *store, &index)?;
                function.call(store, parameters.references())
            });
            if let Some(result) = in_place {
                return result;
            }
            let linked = Arc::clone(&self.linked);
            let call = Box::pin(async move {
                let _permits = permits;
                let mut store = linked.store(context, deadline);
                match enter(&linked.pre, &mut store, index, parameters).await {
                    Ok(value) => Ok(Answer { value, turn: store.data_mut().call.turn.take() }),
                    Err(error) => Err(store.data().budget.explain(&error, &linked.limits)),
                }
            });
            self.drive(call, deadline).await
        }
    }

    /// Calls an export on a fresh instance with values. They are checked against the function's types on the way in, and what
    /// comes back is bounded by `typed_value_bytes_max`, because a value of this form takes many times the bytes that it has
    /// in the guest.
    ///
    /// # Errors
    /// See [`CallFailure`]. The instance is gone in any case.
    pub async fn call_values(
        &self,
        export: ValuesExport,
        parameters: Vec<Val>,
        context: CallContext,
    ) -> Result<Answer<Vec<Val>>, CallFailure> {
        let (permits, deadline) = self.admit().await?;
        let in_place = self.in_place(&context, deadline, |pre, store| {
            store.set_hostcall_fuel(typed_value_bytes_max(&self.linked.limits));
            let instance = pre.instantiate(&mut *store)?;
            let (function, mut results) = export.find(&instance, store)?;
            function.call(store, &parameters, &mut results)?;
            Ok(results)
        });
        if let Some(result) = in_place {
            return result;
        }
        let linked = Arc::clone(&self.linked);
        self.drive(Box::pin(run_values(linked, export, parameters, context, deadline, permits)), deadline)
            .await
    }

    /// Makes an instance and calls nothing, so that a component that cannot even be instantiated is refused at load.
    ///
    /// # Errors
    /// When it cannot be instantiated within its limits.
    pub async fn probe(&self, context: CallContext) -> Result<Probe> {
        let wall_ms_max = self.linked.limits.wall_ms_max;
        let deadline = Instant::now() + Duration::from_millis(wall_ms_max);
        let _held = self.sandbox.clock.hold();
        let linked = Arc::clone(&self.linked);
        let check = Box::pin(async move {
            let mut store = linked.store(context, deadline);
            match linked.pre.instantiate_async(&mut store).await {
                Ok(_) => Ok(Answer { value: Probe { _store: store }, turn: None }),
                Err(error) => Err(store.data().budget.explain(&error, &linked.limits)),
            }
        });
        match within(check, deadline, wall_ms_max).await {
            Ok(answer) => Ok(answer.value),
            Err(failure) => Err(anyhow!(failure).context("the component cannot be instantiated")),
        }
    }

    /// The component, for those who read its types.
    #[must_use]
    pub fn component(&self) -> &Component {
        self.linked.pre.component()
    }

    /// Waits for the permits of one call and says when its time is over.
    async fn admit(&self) -> Result<(Permits, Instant), CallFailure> {
        let permits = self.permits().await?;
        // From here, not from the request's arrival: a client that sends its body slowly must not use up the plugin's time.
        Ok((permits, Instant::now() + Duration::from_millis(self.linked.limits.wall_ms_max)))
    }

    /// Carries out a call without a fiber, if that may be and it is short; none when it is to be begun where it can be put aside.
    fn in_place<R>(
        &self,
        context: &CallContext,
        deadline: Instant,
        enter: impl FnOnce(&InstancePre<Guest>, &mut Store<Guest>) -> wasmtime::Result<R>,
    ) -> Option<Result<Answer<R>, CallFailure>> {
        let linked = &*self.linked;
        if !linked.calls_nothing || self.weight.is_heavy() || self.weight.is_suspect() {
            return None;
        }
        let began = self.sandbox.clock.ticks();
        budget::begin_first_slice();
        let entered = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut store = linked.store(context.clone(), deadline);
            store.data_mut().budget.stay_in_place();
            match enter(&linked.pre, &mut store) {
                Ok(value) => Ok(Ok(Answer { value, turn: None })),
                Err(error) => {
                    let budget = &store.data().budget;
                    budget.outstayed().map_or_else(|| Ok(Err(budget.explain(&error, &linked.limits))), Err)
                }
            }
        }));
        match entered.unwrap_or(Ok(Err(CallFailure::HostPanic))) {
            Ok(result) => {
                self.weight.judge(false, self.sandbox.clock.ticks().saturating_sub(began));
                Some(result)
            }
            Err(used) => {
                self.weight.mark_heavy(used);
                None
            }
        }
    }

    /// Carries out a call: here as long as it is short, then on a lane.
    async fn drive<R: Send + 'static>(
        &self,
        mut call: Pin<Box<impl Future<Output = Result<Answer<R>, CallFailure>> + Send + 'static>>,
        deadline: Instant,
    ) -> Result<Answer<R>, CallFailure> {
        let wall_ms_max = self.linked.limits.wall_ms_max;
        if !self.weight.is_heavy() {
            let suspect = self.weight.is_suspect();
            let began = self.sandbox.clock.ticks();
            match on_serving_thread(&mut call, suspect, deadline, wall_ms_max).await {
                Turn::DoneAtOnce(result) => {
                    self.weight.judge(suspect, self.sandbox.clock.ticks().saturating_sub(began));
                    return result;
                }
                Turn::Done(result) => return result,
                Turn::TooLong(used) => self.weight.mark_heavy(used),
            }
        }
        let moved = self.sandbox.lanes.take(within(call, deadline, wall_ms_max));
        match moved {
            Some(moved) => moved.result().await.unwrap_or(Err(CallFailure::HostPanic)),
            None => Err(CallFailure::HostPanic),
        }
    }

    /// Begins a call of an export that hands over its answer bit by bit while it runs, through what `parameters` puts into the
    /// call's hands. The call is the caller's to poll.
    ///
    /// # Errors
    /// [`CallFailure::Overloaded`].
    pub async fn begin<P>(
        self: &Arc<Self>,
        export: &Export<P, ()>,
        parameters: impl FnOnce(&mut CallState) -> wasmtime::Result<P> + Send + 'static,
        context: CallContext,
    ) -> Result<Course, CallFailure>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
    {
        let permits = self.permits().await?;
        let deadline = Instant::now() + Duration::from_millis(self.linked.limits.wall_ms_max);
        let fate = Fate::default();
        let call = run_streamed(
            Arc::clone(&self.linked),
            export.index,
            parameters,
            context,
            deadline,
            permits,
            fate.clone(),
        );
        Ok(Course::new(Arc::clone(self), Box::pin(call), fate, deadline))
    }

    /// Goes on with a streamed call on a lane.
    pub(super) fn move_to_lane<F>(&self, call: F) -> Option<Moved<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.sandbox.lanes.take(call)
    }

    /// One permit of the host and one of the plugin, in that order for every call, so that two calls never wait for each
    /// other.
    async fn permits(&self) -> Result<Permits, CallFailure> {
        let permits = self.take_permits().await;
        self.sandbox.clock.rouse();
        permits
    }

    async fn take_permits(&self) -> Result<Permits, CallFailure> {
        let of_plugin = Arc::clone(&self.permits).try_acquire_owned();
        let of_host = Arc::clone(&self.sandbox.permits).try_acquire_owned();
        if let (Ok(of_plugin), Ok(of_host)) = (of_plugin, of_host) {
            return Ok(Permits { _of_plugin: of_plugin, _of_host: of_host });
        }
        // Few requests wait, so that what waiting takes is not part of every request's future.
        Box::pin(self.wait_for_permits()).await
    }

    async fn wait_for_permits(&self) -> Result<Permits, CallFailure> {
        let wait = self.sandbox.queue_wait;
        let both = async {
            let of_plugin = Arc::clone(&self.permits).acquire_owned().await;
            let of_host = Arc::clone(&self.sandbox.permits).acquire_owned().await;
            (of_plugin, of_host)
        };
        match tokio::time::timeout(wait, both).await {
            Ok((Ok(of_plugin), Ok(of_host))) => Ok(Permits { _of_plugin: of_plugin, _of_host: of_host }),
            _ => Err(CallFailure::Overloaded(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))),
        }
    }
}

/// An instance of which nothing is asked. It keeps its slot of the pool, so that calls meanwhile take other slots; dropped
/// after them, its slot is the next to be taken, and has none of the pages that they wrote. Pages once written are zeroed
/// after every later call in the same slot, and describing itself makes a plugin write more than most calls do.
pub struct Probe {
    _store: Store<Guest>,
}

struct Permits {
    _of_plugin: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

/// What became of a call on its serving thread.
enum Turn<R> {
    /// It was over without a wait.
    DoneAtOnce(Result<Answer<R>, CallFailure>),
    /// It is over.
    Done(Result<Answer<R>, CallFailure>),
    /// It has computed for so long at a stretch: its neighbours have waited enough.
    TooLong(Duration),
}

async fn on_serving_thread<R>(
    call: &mut Pin<Box<impl Future<Output = Result<Answer<R>, CallFailure>>>>,
    suspect: bool,
    deadline: Instant,
    wall_ms_max: u64,
) -> Turn<R> {
    let mut slices = 0_u32;
    // Made when the call waits for the first time, which most never do.
    let mut timer = None;
    std::future::poll_fn(|task| {
        if slices == 0 && !suspect {
            budget::begin_first_slice();
        } else {
            budget::begin_slice();
        }
        slices = slices.saturating_add(1);
        match poll_caught(call.as_mut(), task) {
            Poll::Ready(result) if slices == 1 => Poll::Ready(Turn::DoneAtOnce(result)),
            Poll::Ready(result) => Poll::Ready(Turn::Done(result)),
            Poll::Pending => {
                if let Some(used) = budget::long_slice() {
                    return Poll::Ready(Turn::TooLong(used));
                }
                timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())))
                    .as_mut()
                    .poll(task)
                    .map(|()| Turn::Done(Err(CallFailure::OutOfTime(wall_ms_max))))
            }
        }
    })
    .await
}

/// Goes on with a call until it is done or its wall time is over; then the call is dropped, which unwinds the guest.
async fn within<R>(
    mut call: Pin<Box<impl Future<Output = Result<Answer<R>, CallFailure>>>>,
    deadline: Instant,
    wall_ms_max: u64,
) -> Result<Answer<R>, CallFailure> {
    let metered = std::future::poll_fn(|task| {
        budget::begin_slice();
        poll_caught(call.as_mut(), task)
    });
    tokio::time::timeout_at(deadline.into(), metered)
        .await
        .unwrap_or(Err(CallFailure::OutOfTime(wall_ms_max)))
}

/// A panic in a host function must end this call only, wherever it is polled.
pub(super) fn poll_caught<R, F>(
    call: Pin<&mut F>,
    task: &mut std::task::Context<'_>,
) -> Poll<Result<R, CallFailure>>
where
    F: Future<Output = Result<R, CallFailure>> + ?Sized,
{
    std::panic::catch_unwind(AssertUnwindSafe(|| call.poll(task)))
        .unwrap_or(Poll::Ready(Err(CallFailure::HostPanic)))
}

async fn run_streamed<P>(
    linked: Arc<Linked>,
    export: ComponentExportIndex,
    parameters: impl FnOnce(&mut CallState) -> wasmtime::Result<P>,
    context: CallContext,
    deadline: Instant,
    _permits: Permits,
    fate: Fate,
) -> Result<(), CallFailure>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    let mut store = linked.store(context, deadline);
    // Falls before the store does, however that comes about.
    let mut verdict = fate.verdict();
    let result = match parameters(&mut store.data_mut().call) {
        Ok(parameters) => enter(&linked.pre, &mut store, export, parameters).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => {
            verdict.succeed();
            Ok(())
        }
        Err(error) => Err(store.data().budget.explain(&error, &linked.limits)),
    }
}

async fn run_values(
    linked: Arc<Linked>,
    export: ValuesExport,
    parameters: Vec<Val>,
    context: CallContext,
    deadline: Instant,
    _permits: Permits,
) -> Result<Answer<Vec<Val>>, CallFailure> {
    let mut store = linked.store(context, deadline);
    store.set_hostcall_fuel(typed_value_bytes_max(&linked.limits));
    match enter_values(&linked.pre, &mut store, export, &parameters).await {
        Ok(value) => Ok(Answer { value, turn: store.data_mut().call.turn.take() }),
        Err(error) => Err(store.data().budget.explain(&error, &linked.limits)),
    }
}

fn typed_value_bytes_max(limits: &PluginLimits) -> usize {
    usize::try_from(limits.typed_value_bytes_max).unwrap_or(usize::MAX)
}

async fn enter_values(
    pre: &InstancePre<Guest>,
    store: &mut Store<Guest>,
    export: ValuesExport,
    parameters: &[Val],
) -> wasmtime::Result<Vec<Val>> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let (function, mut results) = export.find(&instance, store)?;
    function.call_async(store, parameters, &mut results).await?;
    Ok(results)
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` would hold its arguments twice")]
fn enter<P, R>(
    pre: &InstancePre<Guest>,
    store: &mut Store<Guest>,
    export: ComponentExportIndex,
    parameters: P,
) -> impl Future<Output = wasmtime::Result<R>> + Send
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    async move {
        let instance = pre.instantiate_async(&mut *store).await?;
        let function = instance.get_typed_func::<P, R>(&mut *store, &export)?;
        function.call_async(store, parameters).await
    }
}
