//! The sandbox alone: permit, store, instance, call, drop, as a request pays for them, without HTTP: for a REST plugin that does
//! nothing, for an RPC plugin that reads two numbers and writes one, and for a SOAP plugin that reads and writes XML and looks
//! into its store, which it imports.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use guesthouse::capability::rooms::Rooms;
use guesthouse::capability::store::Store;
use guesthouse::capability::{self, CallContext, Environment, Grants, RequestId};
use guesthouse::limits::{HostLimits, PluginLimits};
use guesthouse::sandbox::{Export, Parameters, Program, Sandbox};
use wasmtime::component::{Component, ComponentNamedList, Lift, Linker};

use crate::load;

mod rest {
    wasmtime::component::bindgen!({ path: "../wit", world: "rest-plugin" });
}

mod rpc {
    wasmtime::component::bindgen!({ path: "../wit", world: "rpc-plugin" });
}

mod soap {
    wasmtime::component::bindgen!({ path: "../wit", world: "soap-plugin" });
}

use rest::exports::guesthouse::plugin::rest::{Request, Response};
use rpc::exports::guesthouse::plugin::rpc::Failure;
use soap::exports::guesthouse::plugin::soap::{Call as SoapCall, Fault, QualifiedName, Reply, Version};

type Call = Export<(String, Option<String>), (Result<String, Failure>,)>;

const CALLS: u32 = 100_000;
const ROUNDS: usize = 9;

/// Prints the median of some rounds for each plugin, in nanoseconds per call.
pub(crate) fn measure(folder: &Path) {
    let state = std::env::temp_dir().join(format!("guesthouse-bench-state-{}", std::process::id()));
    std::fs::create_dir_all(&state).expect("a folder");
    let environment = Environment { store: Store::open(&state, &HostLimits::DEFAULT).expect("a store") };
    let sandbox = Sandbox::new(&HostLimits::DEFAULT, 1).expect("an engine");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

    let hello = program(&sandbox, &environment, folder, "hello");
    let handle: Export<(Request,), (Response,)> = runtime
        .block_on(hello.export("guesthouse:plugin/rest@1.0.0", "handle", context(0)))
        .expect("it exports `handle`");
    report("hello", || {
        runtime.block_on(rounds(&hello, &handle, || (request(),), |answer| answer.0.status == 200))
    });

    let spec = program(&sandbox, &environment, folder, "spec-rpc");
    let call: Call = runtime
        .block_on(spec.export("guesthouse:plugin/rpc@1.0.0", "call", context(0)))
        .expect("it exports `call`");
    let parameters = || ("subtract".to_owned(), Some("[42,23]".to_owned()));
    report("subtract", || {
        runtime.block_on(rounds(&spec, &call, parameters, |answer| {
            answer.0.as_deref().is_ok_and(|text| text == "19")
        }))
    });

    let bank = program(&sandbox, &environment, folder, "bank");
    let handle: Export<(SoapCall,), (Result<Reply, Fault>,)> = runtime
        .block_on(bank.export("guesthouse:plugin/soap@1.0.0", "handle", context(0)))
        .expect("it exports `handle`");
    let opened = runtime
        .block_on(bank.call(
            &handle,
            (soap_call("OpenAccount", "<owner>Ada</owner><openingBalance>100</openingBalance>"),),
            context(0),
        ))
        .expect("an answer");
    let reply = opened.value.0.expect("an account").body.expect("a body");
    let account = format!("<account>{}</account>", load::account_in(&reply));
    report("GetBalance", || {
        runtime.block_on(rounds(
            &bank,
            &handle,
            || (soap_call("GetBalance", &account),),
            |answer| {
                answer
                    .0
                    .as_ref()
                    .is_ok_and(|reply| reply.body.as_ref().is_some_and(|body| body.contains("100")))
            },
        ))
    });
    std::fs::remove_dir_all(&state).expect("the folder is removed");
}

fn soap_call(operation: &str, arguments: &str) -> SoapCall {
    SoapCall {
        version: Version::Soap11,
        action: None,
        operation: QualifiedName { namespace: "urn:guesthouse:bank".to_owned(), name: operation.to_owned() },
        headers: Vec::new(),
        body: format!("<{operation} xmlns=\"urn:guesthouse:bank\">{arguments}</{operation}>"),
        attachments: Vec::new(),
    }
}

fn report(name: &str, mut round: impl FnMut() -> u128) {
    let mut times: Vec<u128> = (0..ROUNDS).map(|_| round()).collect();
    times.sort_unstable();
    println!("sandbox alone, {name}: store, instance, call, drop {}", times[ROUNDS / 2]);
}

fn program(sandbox: &Arc<Sandbox>, environment: &Environment, folder: &Path, name: &str) -> Program {
    let bytes = std::fs::read(folder.join(format!("{name}.wasm"))).expect("the component is built");
    let component = Component::new(sandbox.engine(), bytes).expect("a component");
    let limits = Arc::new(PluginLimits::DEFAULT);
    let rooms = Arc::new(Rooms::default());
    let grants = Grants { stores: vec!["default".to_owned()], ..Grants::default() };
    let capabilities = Arc::new(environment.for_plugin(name.into(), &grants, &limits, rooms));
    let mut linker = Linker::new(sandbox.engine());
    let component_type = component.component_type();
    let imports: Vec<&str> = component_type.imports(sandbox.engine()).map(|(name, _)| name).collect();
    capability::link(&mut linker, &imports).expect("its imports are offered");
    Program::new(sandbox, &component, &linker, limits, capabilities).expect("it links")
}

fn request() -> Request {
    Request {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query: None,
        headers: vec![("host".to_owned(), "127.0.0.1:8080".to_owned())],
        body: Vec::new(),
    }
}

/// One round, in nanoseconds per call.
async fn rounds<P, R>(
    program: &Program,
    export: &Export<P, R>,
    parameters: impl Fn() -> P,
    is_right: impl Fn(&R) -> bool,
) -> u128
where
    P: Parameters,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let started = Instant::now();
    for number in 0..CALLS {
        let answer = program.call(export, parameters(), context(number)).await.expect("an answer");
        assert!(is_right(&answer.value));
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
