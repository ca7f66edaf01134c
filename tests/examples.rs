//! Every example of `examples/`, run as its README says.

use std::process::Command;

use crate::support::run::run;
use crate::support::{Host, from_environment, repository};

#[test]
fn every_example_has_its_test_here() {
    let mut found: Vec<String> = std::fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(
        found,
        ["greeter", "orders-c", "orders-javascript", "orders-python", "private-api"],
        "a new example needs a test in this file"
    );
}

#[test]
fn the_greeter_greets() {
    let host = Host::with(&["greeter"]);
    let answer = host.get("/greeter/hello/Ada");
    assert_eq!((answer.status, answer.text()), (200, "\"Hello, Ada!\""));
    assert_eq!(host.get("/greeter/hello/A%00").status, 400);
    assert_eq!(host.get("/greeter/nobody").status, 404);
}

#[test]
fn the_private_api_lets_in_who_has_the_right_key() {
    let script = repository().join("examples/private-api/run.sh");
    let plugins = from_environment("GUESTHOUSE_TEST_PLUGINS");
    let printed = run(Command::new(script).arg(env!("CARGO_BIN_EXE_guesthouse")).arg(plugins), b"").success();
    let readme = std::fs::read_to_string(repository().join("examples/private-api/README.md")).unwrap();
    for line in printed.lines().filter(|line| line.starts_with("with")) {
        assert!(readme.contains(line), "the README does not promise: {line}");
    }
    assert_eq!(printed.lines().filter(|line| line.starts_with("with")).count(), 5);
}

/// That they answer as the one in Rust does is for the suites `typed clients`, which `make conformance` runs: their tools are large.
#[test]
fn the_orders_of_other_languages_are_granted_and_presented_as_those_in_rust() {
    let read = |path: String| std::fs::read_to_string(repository().join(path)).unwrap();
    let rust = read("plugins/orders/orders.toml".to_owned());
    for language in ["c", "javascript", "python"] {
        let manifest = read(format!("examples/orders-{language}/orders-{language}.toml"));
        let as_in_rust = manifest
            .replace(&format!("orders-{language}.wasm"), "orders.wasm")
            .replace(&format!("\"/shop-{language}\""), "\"/shop\"");
        assert_eq!(as_in_rust, rust, "{language}");
        let readme = read(format!("examples/orders-{language}/README.md"));
        assert!(readme.contains(&format!("http://127.0.0.1:8080/shop-{language}/orders ")), "{language}");
    }
}

#[test]
fn the_orders_of_other_languages_say_the_versions_of_their_tools_as_they_are_pinned() {
    let read = |path: &str| std::fs::read_to_string(repository().join("examples").join(path)).unwrap();
    let package: serde_json::Value =
        serde_json::from_str(&read("orders-javascript/package.json")).expect("package.json is JSON");
    let name = "@bytecodealliance/componentize-js";
    let version = package["devDependencies"][name].as_str().expect("a version");
    let build = read("build");
    let wit_bindgen =
        build.lines().find_map(|line| line.strip_prefix("wit_bindgen=")).expect("the version of wit-bindgen");
    for (readme, pinned) in [
        ("orders-javascript/README.md", format!("{name}@{version}")),
        ("orders-python/README.md", read("orders-python/requirements.txt").trim().to_owned()),
        ("orders-c/README.md", read("orders-c/requirements.txt").trim().to_owned()),
        ("orders-c/README.md", format!("wit-bindgen-cli@{wit_bindgen}")),
    ] {
        assert!(read(readme).contains(&format!(" {pinned}\n")), "{readme} does not name {pinned}");
    }
    let plugin = std::fs::read_to_string(repository().join("plugins/orders/Cargo.toml")).unwrap();
    assert!(plugin.contains(&format!("wit-bindgen = {{ version = \"{wit_bindgen}\"")), "{plugin}");
}
