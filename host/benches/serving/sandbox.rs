//! The sandbox alone: permit, store, instance, call, drop, as a request pays for them, without HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use guesthouse::capability::rooms::Rooms;
use guesthouse::capability::store::Store;
use guesthouse::capability::{CallContext, Environment, Grants, RequestId};
use guesthouse::limits::{HostLimits, PluginLimits};
use guesthouse::sandbox::{Export, Program, Sandbox};
use wasmtime::component::{Component, Linker};

mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "rest-plugin" });
}

use bindings::exports::guesthouse::plugin::rest::{Request, Response};

const CALLS: u32 = 100_000;
const ROUNDS: usize = 9;

/// Prints the median of some rounds, in nanoseconds per call.
pub(crate) fn measure(component: &Path) {
    let sandbox = Sandbox::new(&HostLimits::DEFAULT, 1).expect("an engine");
    let bytes = std::fs::read(component).expect("the component is built");
    let component = Component::new(sandbox.engine(), bytes).expect("a component");
    let state = std::env::temp_dir().join(format!("guesthouse-bench-state-{}", std::process::id()));
    std::fs::create_dir_all(&state).expect("a folder");
    let environment = Environment { store: Store::open(&state, &HostLimits::DEFAULT).expect("a store") };
    let limits = Arc::new(PluginLimits::DEFAULT);
    let rooms = Arc::new(Rooms::default());
    let capabilities = Arc::new(environment.for_plugin("hello".into(), &Grants::default(), &limits, rooms));
    let linker = Linker::new(sandbox.engine());
    let program = Program::new(&sandbox, &component, &linker, limits, capabilities).expect("it links");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime
        .block_on(program.export("guesthouse:plugin/rest@1.0.0", "handle", context(0)))
        .expect("it exports `handle`");
    let mut rounds: Vec<u128> = (0..ROUNDS).map(|_| runtime.block_on(round(&program, &handle))).collect();
    rounds.sort_unstable();
    println!("sandbox alone, hello: store, instance, call, drop {}", rounds[ROUNDS / 2]);
    std::fs::remove_dir_all(&state).expect("the folder is removed");
}

async fn round(program: &Program, handle: &Export<(Request,), (Response,)>) -> u128 {
    let started = Instant::now();
    for number in 0..CALLS {
        let request = Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: None,
            headers: vec![("host".to_owned(), "127.0.0.1:8080".to_owned())],
            body: Vec::new(),
        };
        let answer = program.call(handle, (request,), context(number)).await.expect("an answer");
        assert_eq!(answer.value.0.status, 200);
    }
    started.elapsed().as_nanos() / u128::from(CALLS)
}

fn context(number: u32) -> CallContext {
    CallContext {
        identity: None,
        request_id: RequestId(u64::from(number)),
        mount: "/hello".into(),
        started: Instant::now(),
    }
}
