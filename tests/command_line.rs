//! `guesthouse inspect` and `guesthouse call`: what they say of every kind of file, and their exit codes.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::support::host::plugin_bytes;
use crate::support::run::Output;
use crate::support::{Host, repository, run};

/// A folder with plugin files, gone at the end of the test.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("command-line-{}-{number}", std::process::id());
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("temporary")).expect("a folder can be made");
        Self(root)
    }

    /// With a plugin of this repository and its manifest.
    fn plugin(self, name: &str) -> Self {
        let manifest = repository().join("plugins").join(name).join(format!("{name}.toml"));
        let this = self.file(&format!("{name}.wasm"), plugin_bytes(name));
        match std::fs::read(manifest) {
            Ok(manifest) => this.file(&format!("{name}.toml"), manifest),
            Err(_) => this,
        }
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.0.join(name), content).expect("a file can be written");
        self
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guesthouse"));
        command.args(arguments).current_dir(&self.0).env("TMPDIR", self.0.join("temporary"));
        let output = run(&mut command, input.as_bytes());
        let left = std::fs::read_dir(self.0.join("temporary")).expect("it is there").count();
        assert_eq!(left, 0, "{arguments:?} left something behind");
        output
    }

    /// The report, and the exit code.
    #[track_caller]
    fn inspect(&self, file: &str) -> (Value, Option<i32>) {
        let output = self.run(&["inspect", file, "--json"], "");
        let report =
            serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (report, output.status.code())
    }

    /// Standard output as JSON; the call must go well.
    #[track_caller]
    fn call(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["call"], arguments].concat(), "");
        serde_json::from_str(&output.success()).expect("a result is JSON")
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, expected: &[&str]) {
        let output = self.run(&[&["call"], arguments].concat(), "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, "", "{arguments:?}");
        for part in expected {
            assert!(output.stderr.contains(part), "{arguments:?}: {:?} lacks {part:?}", output.stderr);
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A service whose only function never ends, and one that divides by zero.
fn misbehaving() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (core module $m
                (func (export "spin") (loop (br 0)))
                (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0)))))
            (core instance $i (instantiate $m))
            (func (export "spin") (canon lift (core func $i "spin")))
            (func (export "divide") (canon lift (core func $i "divide"))))"#,
    )
    .expect("the text is valid")
}

const DRAFT: &str = r#"{"customer": "Ada", "extras": ["express"], "lines": [{"sku": "tea-1", "quantity": 2,
    "unitPrice": {"currency": "eur", "minorUnits": "350"}}]}"#;

#[test]
fn a_typed_service_is_inspected_with_its_functions_routes_and_forms() {
    let files = Files::new().plugin("orders");
    let (report, code) = files.inspect("orders.wasm");
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["served"], true);
    assert_eq!(report["reason"], Value::Null);
    assert_eq!(report["mount"], "/shop");
    assert_eq!(report["manifest"], "read");
    assert_eq!(report["exports"], json!(["acme:shop/orders@1.0.0"]));
    assert_eq!(report["bytes"], plugin_bytes("orders").len());
    assert_eq!(report["digest"].as_str().map(str::len), Some(64));
    let functions = report["functions"].as_array().expect("a list");
    let get = functions.iter().find(|function| function["wit"] == "get-order").expect("it is there");
    assert_eq!(get["name"], "getOrder");
    assert_eq!(get["route"], "GET /shop/orders/{id}");
    assert_eq!(get["docs"], "Gives an order.");
    assert_eq!(get["signature"], "get-order: func(id: u64) -> result<order, problem>");
    assert!(report["types"].as_str().expect("text").contains("variant payment {"), "{report}");
    let forms = report["forms"].as_array().expect("a list");
    assert!(forms.contains(&json!({ "form": "JSON-RPC", "path": "/shop/rpc" })), "{report}");
    let store = report["imports"].as_array().expect("a list").iter();
    let store = store.clone().find(|import| import["name"] == "wasi:keyvalue/store@0.2.0-draft");
    let store = store.expect("it is imported");
    assert_eq!((&store["offered"], &store["granted"]), (&json!(true), &json!(true)));
    assert!(store["needs"].as_str().expect("text").contains("[grants]"));

    let text = files.run(&["inspect", "orders.wasm"], "").success();
    for part in ["served at /shop", "Gives an order.", "as getOrder, GET /shop/orders/{id}", "REST"] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[test]
fn plugins_of_the_styles_are_inspected_too() {
    let files = Files::new().plugin("todo").plugin("bank");
    for (file, mount, style) in [("todo.wasm", "/todo", "REST"), ("bank.wasm", "/bank", "SOAP")] {
        let (report, code) = files.inspect(file);
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(report["mount"], mount);
        let styles = report["styles"].as_array().expect("a list");
        assert!(styles.iter().any(|one| one["style"] == style), "{report}");
        assert_eq!(report["functions"], json!([]));
        files.fails(&[file, "anything"], 2, &["no functions of its own", style]);
    }
}

#[test]
fn inspect_lists_what_can_be_called_and_where_the_contracts_are() {
    let files = Files::new().plugin("todo").plugin("bank").plugin("users").plugin("orders");
    let table = [
        ("todo.wasm", "GET /items", json!({ "language": "OpenAPI", "path": "/todo/openapi.json" })),
        ("bank.wasm", "{urn:guesthouse:bank}Transfer", json!({ "language": "WSDL", "path": "/bank?wsdl" })),
        (
            "users.wasm",
            "createUser(name: string, email: string) -> int",
            json!({ "language": "OpenRPC", "path": "/users", "method": "rpc.discover" }),
        ),
    ];
    for (file, operation, contract) in table {
        let (report, _) = files.inspect(file);
        let operations = report["operations"].as_array().expect("a list");
        assert!(operations.iter().any(|one| one["name"] == operation), "{report:#}");
        assert!(report["contracts"].as_array().expect("a list").contains(&contract), "{report:#}");
        let text = files.run(&["inspect", file], "").success();
        assert!(text.contains(operation) && text.contains("\ncontracts\n"), "{text}");
    }
    let (report, _) = files.inspect("orders.wasm");
    assert_eq!(report["page"], "/shop/");
    let languages: Vec<&Value> =
        report["contracts"].as_array().expect("a list").iter().map(|one| &one["language"]).collect();
    assert_eq!(languages, ["OpenAPI", "OpenRPC", "XML-RPC introspection", "WSDL", "AsyncAPI", "WIT"]);
    let protocols: Vec<&Value> =
        report["protocols"].as_array().expect("a list").iter().map(|one| &one["path"]).collect();
    assert_eq!(protocols, ["/shop", "/shop/rpc", "/shop/soap", "/shop/ws", "/shop/xmlrpc"]);
}

#[test]
fn what_inspect_says_of_a_refused_file_is_what_the_host_says() {
    let refused_import = wat::parse_str(
        r#"(component (import "acme:sky/lift@1.0.0" (instance)) (instance $i) (export "acme:a/b@1.0.0" (instance $i)))"#,
    )
    .expect("the text is valid");
    let table: [(&str, Vec<u8>, Option<&str>, &str); 7] = [
        ("broken", b"not wasm".to_vec(), None, "broken.wasm is not WebAssembly"),
        ("truncated", plugin_bytes("orders")[..1000].to_vec(), None, "truncated.wasm is truncated"),
        ("core", b"\0asm\x01\0\0\0".to_vec(), None, "core.wasm is a core module, not a component"),
        ("import", refused_import, None, "the import `acme:sky/lift@1.0.0` is not offered"),
        ("orders", plugin_bytes("orders"), None, "is not granted; add `stores"),
        ("todo", plugin_bytes("todo"), Some("mont = \"/x\""), "todo.toml, line 1"),
        (
            "typed",
            plugin_bytes("orders"),
            Some("[grants]\nstores = [\"a\"]\n[typed.routes]\nget-oder = \"GET /x\""),
            "`typed.routes.get-oder`: there is no function",
        ),
    ];
    let mut files = Files::new();
    let mut host = Host::builder();
    for (name, bytes, manifest, _) in &table {
        files = files.file(&format!("{name}.wasm"), bytes);
        host = host.file(&format!("{name}.wasm"), bytes.clone());
        if let Some(manifest) = manifest {
            files = files.file(&format!("{name}.toml"), manifest);
            host = host.file(&format!("{name}.toml"), *manifest);
        }
    }
    let host = host.start();
    for (name, _, _, expected) in &table {
        let (report, code) = files.inspect(&format!("{name}.wasm"));
        let reason = report["reason"].as_str().unwrap_or_else(|| panic!("{name}: {report}"));
        assert_eq!(code, Some(1), "{name}");
        assert_eq!(report["served"], false, "{name}");
        assert!(reason.contains(expected), "{name}: {reason:?} lacks {expected:?}");
        host.wait_for_log(&format!("plugin {name}: not loaded: {reason}"));
        let text = files.run(&["inspect", &format!("{name}.wasm")], "");
        assert!(text.stdout.contains(&format!("not served: {reason}")), "{name}: {text:?}");
        files.fails(&[&format!("{name}.wasm"), "get-order"], 2, &[reason]);
    }
    let (report, _) = files.inspect("import.wasm");
    assert_eq!(report["imports"][0]["offered"], false, "{report}");
    let (report, _) = files.inspect("todo.wasm");
    assert_eq!(report["manifest"], "invalid");
}

#[test]
fn a_file_that_is_no_plugin_file_is_refused_by_its_name() {
    let files = Files::new().file("a b.wasm", "").file("orders.zip", "");
    for (file, expected) in [
        ("a b.wasm", "cannot name a plugin"),
        ("orders.zip", "is no plugin file"),
        ("gone.wasm", "gone.wasm is not there"),
    ] {
        let output = files.run(&["inspect", file], "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stderr.contains(expected), "{output:?}");
    }
}

#[test]
fn a_function_is_called_by_each_of_its_names_with_arguments_by_place_and_by_name() {
    let files = Files::new().plugin("orders");
    let lines = r#"[{"sku": "a", "quantity": 3, "unitPrice": {"currency": "eur", "minorUnits": "100"}}]"#;
    let total = json!({ "currency": "eur", "minorUnits": "300" });
    let by_place = format!("[{lines}]");
    let by_name = format!("{{\"lines\": {lines}}}");
    for name in
        ["get-total", "getTotal", "orders.get-total", "orders.getTotal", "acme:shop/orders@1.0.0#get-total"]
    {
        for arguments in [&by_place, &by_name] {
            assert_eq!(files.call(&["orders.wasm", name, "--json", arguments]), total, "{name} {arguments}");
        }
    }
    assert_eq!(files.call(&["orders.wasm", "list-orders"]), json!([]));
    let output = files.run(&["call", "orders.wasm", "get-total", "--json", "-"], &by_name);
    assert_eq!(serde_json::from_str::<Value>(&output.success()).expect("JSON"), total);
}

#[test]
fn stores_are_kept_only_where_a_state_folder_is_named() {
    let files = Files::new().plugin("orders");
    let draft = format!("[{DRAFT}]");
    let kept = |state: &[&str]| {
        let create = [&["orders.wasm", "create-order", "--json", &draft], state].concat();
        assert_eq!(files.call(&create)["customer"], "Ada");
        files.call(&[&["orders.wasm", "list-orders"], state].concat()).as_array().map(Vec::len)
    };
    assert_eq!(kept(&[]), Some(0));
    assert_eq!(kept(&["--state", "state"]), Some(1));
    assert_eq!(kept(&["--state", "state"]), Some(2));
}

#[test]
fn a_functions_own_error_is_on_standard_error_with_exit_code_1() {
    let files = Files::new().plugin("orders");
    let output = files.run(&["call", "orders.wasm", "get-order", "--json", "[\"7\"]"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, "");
    assert_eq!(serde_json::from_str::<Value>(&output.stderr).expect("JSON"), json!({ "notFound": "7" }));
}

#[test]
fn a_call_that_there_is_not_ends_with_exit_code_2() {
    let files = Files::new().plugin("orders");
    let call = |arguments| ["orders.wasm", "get-order", "--json", arguments];
    files.fails(&call("{\"id\": -1}"), 2, &["/id: expected an integer from 0 to", "found the number -1"]);
    files.fails(&call("[true]"), 2, &["/0: expected an integer", "found true"]);
    files.fails(&call("[]"), 2, &["/0: expected an integer", "found nothing"]);
    files.fails(&call("{\"id\": 1, \"more\": 2}"), 2, &["/more: "]);
    files.fails(&call("7"), 2, &["an object of the arguments, or a list of them"]);
    files.fails(&call("[1"), 2, &["the arguments are not JSON: "]);
    files.fails(
        &["orders.wasm", "get-oder"],
        2,
        &["there is no function `get-oder`", "#get-order: func(id: u64)"],
    );
    files.fails(&["gone.wasm", "x"], 2, &["gone.wasm is not there"]);
}

#[test]
fn traps_and_exhausted_budgets_end_with_exit_code_3_and_the_reason() {
    let files = Files::new().file("bad.wasm", misbehaving()).file("bad.toml", "[limits]\ncpu_ms_max = 20\n");
    files.fails(&["bad.wasm", "divide"], 3, &["the plugin trapped: ", "divide by zero"]);
    files.fails(&["bad.wasm", "spin"], 3, &["used more than its 20 ms of CPU time (cpu_ms_max)"]);
}

#[test]
fn both_verbs_are_in_the_help_with_examples() {
    let files = Files::new();
    let help = files.run(&["--help"], "").success();
    assert!(help.contains("inspect") && help.contains("call"), "{help}");
    assert!(
        files.run(&["inspect", "--help"], "").success().contains("guesthouse inspect plugins/orders.wasm")
    );
    assert!(files.run(&["call", "--help"], "").success().contains("guesthouse call orders.wasm list-orders"));
}
