use std::path::PathBuf;

use super::super::scratch::Scratch;
use super::*;

/// A machine with a compiler that can build nothing yet, and an `apt-get` and a `rustup` that write down how they were
/// called and then run `apt_get` and `rustup`.
fn machine(scratch: &Scratch, rustup: &str, apt_get: &str, root: bool) -> Environment {
    let here = scratch.path().display();
    let rustc = format!(
        "case \"$1\" in\n-vV) printf 'host: machine\\nrelease: 1.95.0\\n';;\n\
         *) echo {here}/sysroot; echo {here}/sysroot/target;;\nesac"
    );
    scratch.program("bin/rustc", &rustc);
    scratch.program("bin/cargo", "exit 1");
    scratch.program("bin/rustup", &format!("echo \"rustup $*\" >> {here}/calls\n{rustup}"));
    scratch.program("bin/apt-get", &format!("echo \"apt-get $*\" >> {here}/calls\n{apt_get}"));
    scratch.file("bin/wasm-ld", "");
    Environment {
        path: vec![scratch.path().join("bin")],
        rustc: None,
        debian_rustc: PathBuf::from("/nowhere/rustc"),
        cargo_home: None,
        root,
    }
}

fn calls(scratch: &Scratch) -> Vec<String> {
    let text = std::fs::read_to_string(scratch.path().join("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What makes the fake compiler able to build guests.
fn adds_target(scratch: &Scratch) -> String {
    format!("mkdir -p {0}/sysroot/target && touch {0}/sysroot/target/libstd-1.rlib", scratch.path().display())
}

#[test]
fn nothing_is_installed_where_nothing_is_missing() {
    let scratch = Scratch::new();
    scratch.file("sysroot/target/libstd-1.rlib", "");
    missing(&machine(&scratch, "exit 1", "exit 1", true)).unwrap();
    assert!(calls(&scratch).is_empty());
}

#[test]
fn rustup_adds_the_target_and_packages_are_not_touched() {
    let scratch = Scratch::new();
    missing(&machine(&scratch, &adds_target(&scratch), "exit 1", true)).unwrap();
    assert_eq!(calls(&scratch), ["rustup target add wasm32-unknown-unknown"]);
}

#[test]
fn where_rustup_has_nothing_to_give_root_gets_debians_packages_without_losing_any() {
    let scratch = Scratch::new();
    missing(&machine(&scratch, "exit 1", &adds_target(&scratch), true)).unwrap();
    assert_eq!(
        calls(&scratch),
        [
            "rustup target add wasm32-unknown-unknown",
            "apt-get update",
            "apt-get install --yes --no-remove --no-install-recommends rustc-web cargo-web rust-web-src",
        ]
    );
}

#[test]
fn a_linker_is_installed_too_where_there_is_none() {
    let scratch = Scratch::new();
    let environment = machine(&scratch, "exit 1", &adds_target(&scratch), true);
    std::fs::remove_file(scratch.path().join("bin/wasm-ld")).unwrap();
    let refusal = missing(&environment).unwrap_err().to_string();
    assert!(calls(&scratch).last().unwrap().ends_with(" rust-web-src lld"), "{:?}", calls(&scratch));
    assert!(refusal.contains("apt-get install lld"), "the fake package brought none: {refusal}");
}

#[test]
fn who_is_not_root_is_told_the_commands() {
    let scratch = Scratch::new();
    let refusal = missing(&machine(&scratch, "exit 1", "exit 1", false)).unwrap_err().to_string();
    assert_eq!(calls(&scratch), ["rustup target add wasm32-unknown-unknown"]);
    assert!(refusal.contains("sudo apt-get install rustc-web cargo-web rust-web-src"), "{refusal}");
}

#[test]
fn packages_that_cannot_be_installed_are_an_error_naming_the_command() {
    let scratch = Scratch::new();
    let refusal = missing(&machine(&scratch, "exit 1", "exit 100", true)).unwrap_err().to_string();
    assert!(refusal.contains("apt-get install --yes") && refusal.contains("failed"), "{refusal}");
}
