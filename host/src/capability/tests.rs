//! What plugins can import, tried with guests written by hand.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use wasmtime::component::{Component, ResourceType};
use wasmtime::{Config, Engine, Store as WasmStore};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

use super::*;
use crate::limits::HostLimits;

struct Data(CallState);

impl HasCallState for Data {
    fn call_state(&mut self) -> &mut CallState {
        &mut self.0
    }
}

const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");

/// The interfaces of WASI that a guest's standard library uses to print, cut down to what the tests call.
const PRINTING: &str = "
    package test:guest;
    package wasi:io@0.2.3 {
        interface error { resource error; }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.3 {
        interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
        interface environment { get-environment: func() -> list<tuple<string, string>>; }
    }
    world guest {
        import wasi:cli/stdout@0.2.3;
        import wasi:cli/environment@0.2.3;
        import wasi:io/streams@0.2.3;
        export run: func() -> u32;
    }";

fn engine() -> Engine {
    let mut config = Config::new();
    config.concurrency_support(false);
    Engine::new(&config).unwrap()
}

/// Makes a component of a world of the contract, or of the text that is given.
fn component(world: &str, wit: Option<&str>, module: Option<&str>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = match wit {
        Some(text) if text.trim_start().starts_with("package test:guest;\n    package") => {
            resolve.push_str("test.wit", text).unwrap()
        }
        Some(text) => {
            resolve.push_dir(WIT).unwrap();
            resolve.push_str("test.wit", text).unwrap()
        }
        None => resolve.push_dir(WIT).unwrap().0,
    };
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = match module {
        Some(module) => wat::parse_str(module).unwrap(),
        None => wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync)),
    };
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}

fn grants() -> Grants {
    let config = BTreeMap::from([("greeting".to_owned(), "hello".to_owned())]);
    Grants { stores: vec!["default".to_owned()], config }
}

fn call_state(limits: &PluginLimits) -> CallState {
    let store = Store::on(|| Ok(redb::backends::InMemoryBackend::new()), &HostLimits::DEFAULT);
    let environment = Environment { store: store.unwrap() };
    let plugin = environment.for_plugin("guest".into(), &grants(), limits, Arc::default());
    let context = CallContext {
        identity: None,
        request_id: RequestId(0xabc),
        mount: "/guest".into(),
        started: Instant::now(),
    };
    CallState::new(context, Instant::now() + Duration::from_secs(10), Arc::new(plugin))
}

async fn run(bytes: &[u8], limits: &PluginLimits) -> wasmtime::Result<u32> {
    let engine = engine();
    let component = Component::new(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    let imports = imports(&engine, &component);
    check(&imports, &grants()).unwrap();
    link(&mut linker, &imports).unwrap();
    let mut store = WasmStore::new(&engine, Data(call_state(limits)));
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
    Ok(run.call_async(&mut store, ()).await?.0)
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(work: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(work));
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_function_of_the_contract_is_linked_with_the_type_it_has_there() {
    let engine = engine();
    let component = Component::new(&engine, component("capabilities", None, None)).unwrap();
    let imports = imports(&engine, &component);
    assert!(imports.len() >= 13, "{imports:?}");
    check(&imports, &grants()).unwrap();
    let mut linker = Linker::<Data>::new(&engine);
    link(&mut linker, &imports).unwrap();
    linker.instantiate_pre(&component).unwrap();
}

#[test]
fn everything_that_is_offered_can_be_linked_together() {
    let everything: Vec<_> = offered().iter().map(|offer| offer.interface).collect();
    check(&everything, &grants()).unwrap();
    link(&mut Linker::<Data>::new(&engine()), &everything).unwrap();
}

#[test]
fn only_what_is_imported_is_linked() {
    let mut linker = Linker::<Data>::new(&engine());
    link(&mut linker, &["guesthouse:plugin/context@1.0.0", "guesthouse:plugin/context@1.0.0"]).unwrap();
    // Free still, so it can be defined here.
    linker
        .instance("wasi:keyvalue/store@0.2.0-draft")
        .unwrap()
        .resource("bucket", ResourceType::host::<u8>(), |_, _| Ok(()))
        .unwrap();
}

#[test]
fn an_import_that_is_not_granted_is_refused_with_the_remedy() {
    let none = Grants::default();
    let refused = |import: &str| check(&[import], &none).unwrap_err().to_string();
    assert_eq!(
        refused("wasi:keyvalue/store@0.2.0-draft"),
        "the import `wasi:keyvalue/store@0.2.0-draft` is not granted; add `stores = [\"default\"]` under [grants] in \
         the manifest"
    );
    assert!(refused("guesthouse:plugin/transaction@1.0.0").contains("stores = "));
    assert!(refused("wasi:config/store@0.2.0-rc.1").contains("[grants.config]"));
    for free in ["guesthouse:plugin/context@1.0.0", "wasi:random/random@0.2.3", "wasi:cli/exit@0.2.0"] {
        assert_eq!(check(&[free], &none), Ok(()));
    }
}

#[test]
fn a_store_that_cannot_be_named_so_is_refused() {
    for name in [String::new(), "x".repeat(256)] {
        let grants = Grants { stores: vec!["default".to_owned(), name.clone()], ..Grants::default() };
        assert_eq!(check::<&str>(&[], &grants), Err(Refused::StoreName { name }));
    }
}

#[test]
fn an_import_that_is_not_offered_is_refused_with_what_is() {
    for import in ["wasi:nn/tensor@0.2.0", "env", "wasi:http/upgrade@0.2.0", ""] {
        let text = check(&[import], &grants()).unwrap_err().to_string();
        assert!(text.contains(&format!("`{import}` is not offered")), "{text}");
        assert!(text.contains("wasi:keyvalue/store@0.2.0-draft"), "{text}");
    }
}

#[test]
fn http_is_offered_only_to_components_that_answer_by_it() {
    let imports = ["wasi:io/poll@0.2.0", "wasi:http/outgoing-handler@0.2.10"];
    assert_eq!(check_http(&imports, &["wasi:http/incoming-handler@0.2.10"]), Ok(()));
    assert_eq!(check_http(&imports[..1], &["guesthouse:plugin/rest@1.0.0"]), Ok(()));
    let text = check_http(&imports, &["guesthouse:plugin/rest@1.0.0"]).unwrap_err().to_string();
    assert!(text.contains("`wasi:http/outgoing-handler@0.2.10` is not offered"), "{text}");
}

#[test]
fn versions_are_taken_as_wasmtime_takes_them() {
    for compatible in
        ["wasi:clocks/wall-clock@0.2.0", "wasi:clocks/wall-clock@0.2.11", "wasi:io/poll@0.2.3+build"]
    {
        assert_eq!(check(&[compatible], &grants()), Ok(()), "{compatible}");
    }
    for other in [
        "wasi:clocks/wall-clock@0.3.0",
        "wasi:clocks/wall-clock@0.2.0-rc.1",
        "wasi:clocks/wall-clock",
        "wasi:clocks/wall-clock@0.2",
        "wasi:keyvalue/store@0.2.0",
        "wasi:keyvalue/store@0.2.0-draft2",
        "guesthouse:plugin/context@2.0.0",
    ] {
        let text = check(&[other], &grants()).unwrap_err().to_string();
        let name = other.split('@').next().unwrap();
        assert!(text.contains(&format!("`{other}` is offered as `{name}@")), "{text}");
    }
}

#[test]
fn a_guest_that_prints_finds_its_lines_in_the_log_and_no_environment() {
    let module = r#"(module
        (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
        (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
        (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
            (func $write (param i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "hello\n\1b[31mred\n")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (result i32)
            (call $write (call $stdout) (i32.const 16) (i32.const 15) (i32.const 0))
            (call $environment (i32.const 200))
            (i32.load (i32.const 204))))"#;
    let bytes = component("guest", Some(PRINTING), Some(module));
    let log = logged(async {
        assert_eq!(run(&bytes, &PluginLimits::DEFAULT).await.unwrap(), 0);
    });
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains("hello") && lines[0].contains("plugin=\"guest\""), "{log}");
    assert!(lines[0].contains("request_id=0000000000000abc") && lines[0].contains("stdout"), "{log}");
    assert!(lines[1].contains("\\u{1b}[31mred") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_flood_of_log_lines_is_cut_counted_and_neutralised() {
    let module = r#"(module
        (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "forged\nERROR line \e2\80\ae")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (result i32) (local $count i32)
            (loop $again
                (call $log (i32.const 2) (i32.const 16) (i32.const 6) (i32.const 16) (i32.const 21))
                (br_if $again (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1)))
                    (i32.const 1000))))
            (i32.const 0)))"#;
    let wit = "package test:guest; world guest {
        import wasi:logging/logging@0.1.0-draft; export run: func() -> u32; }";
    let bytes = component("guest", Some(wit), Some(module));
    let limits = PluginLimits { log_lines_max: 10, ..PluginLimits::DEFAULT };
    let log = logged(async {
        run(&bytes, &limits).await.unwrap();
    });
    assert_eq!(log.lines().count(), 11, "{log}");
    assert!(log.contains("forged\\nERROR line \\u{202e}"), "{log}");
    assert!(log.lines().last().unwrap().contains("990 more log lines of this call were dropped"), "{log}");
    let limits = PluginLimits { log_bytes_max: 100, ..PluginLimits::DEFAULT };
    let log = logged(async {
        run(&bytes, &limits).await.unwrap();
    });
    assert!(log.contains('…') && log.contains("996 more log lines"), "{log}");
}

#[tokio::test]
async fn a_guest_writes_and_reads_the_stores_it_was_granted_and_no_other() {
    let module = r#"(module
        (import "wasi:keyvalue/store@0.2.0-draft" "open" (func $open (param i32 i32 i32)))
        (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.set" (func $set (param i32 i32 i32 i32 i32 i32)))
        (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.get" (func $get (param i32 i32 i32 i32)))
        (import "wasi:keyvalue/atomics@0.2.0-draft" "increment" (func $increment (param i32 i32 i32 i64 i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "default")
        (data (i32.const 32) "other")
        (data (i32.const 48) "41")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (result i32) (local $bucket i32)
            (call $open (i32.const 32) (i32.const 5) (i32.const 100))
            ;; An error: access-denied.
            (if (i32.ne (i32.load8_u (i32.const 100)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 104)) (i32.const 1)) (then unreachable))
            (call $open (i32.const 16) (i32.const 7) (i32.const 100))
            (if (i32.load8_u (i32.const 100)) (then unreachable))
            (local.set $bucket (i32.load (i32.const 104)))
            (call $set (local.get $bucket) (i32.const 16) (i32.const 3) (i32.const 48) (i32.const 2) (i32.const 100))
            (if (i32.load8_u (i32.const 100)) (then unreachable))
            (call $increment (local.get $bucket) (i32.const 16) (i32.const 3) (i64.const 1) (i32.const 200))
            (if (i32.load8_u (i32.const 200)) (then unreachable))
            (call $get (local.get $bucket) (i32.const 16) (i32.const 3) (i32.const 100))
            (if (i32.load8_u (i32.const 100)) (then unreachable))
            ;; The digits' first two bytes and the sum.
            (i32.add (i32.load16_u (i32.load (i32.const 108))) (i32.wrap_i64 (i64.load (i32.const 208))))))"#;
    let wit = "package test:guest; world guest {
        import wasi:keyvalue/store@0.2.0-draft; import wasi:keyvalue/atomics@0.2.0-draft;
        export run: func() -> u32; }";
    let bytes = component("guest", Some(wit), Some(module));
    let digits = u32::from(u16::from_le_bytes(*b"42"));
    assert_eq!(run(&bytes, &PluginLimits::DEFAULT).await.unwrap(), digits + 42);
}

#[tokio::test]
async fn more_random_bytes_than_allowed_end_the_call_with_the_limits_name() {
    let module = r#"(module
        (import "wasi:random/random@0.2.0" "get-random-bytes" (func $bytes (param i64 i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (result i32)
            (call $bytes (i64.const 100) (i32.const 16))
            (call $bytes (i64.const 0x7fffffffffffffff) (i32.const 16))
            (i32.const 0)))"#;
    let wit =
        "package test:guest; world guest { import wasi:random/random@0.2.0; export run: func() -> u32; }";
    let bytes = component("guest", Some(wit), Some(module));
    let error = run(&bytes, &PluginLimits::DEFAULT).await.unwrap_err();
    assert!(format!("{error:#}").contains("random_bytes_max"), "{error:#}");
}
