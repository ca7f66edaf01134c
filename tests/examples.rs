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
    assert_eq!(found, ["greeter", "private-api"], "a new example needs a test in this file");
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
