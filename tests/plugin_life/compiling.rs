//! The compiling child and its limits.

use std::process::{Command, Stdio};

use super::*;

/// Many functions, each with a body that takes the compiler long.
fn slow_component() -> Vec<u8> {
    let body = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 7)) (i32.rotl (local.get 0) (i32.const 3))))";
    let function = format!("(func (param i32) (result i32) {} (local.get 0))", body.repeat(400));
    let functions = function.repeat(2_000);
    wat::parse_str(format!(
        r#"(component
            (core module $code {functions})
            (core instance (instantiate $code))
            (instance $api)
            (export "{ANSWER}" (instance $api)))"#
    ))
    .unwrap()
}

#[test]
fn a_component_that_takes_too_long_to_compile_is_given_up() {
    let folder = TestFolder::new();
    folder.put("slow.wasm", component(1));
    let never_ends = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/plugin_life/never-ends");
    let loader = folder.start_with(|settings| {
        settings.compiler = Compiler::new(&limits("compile_wall_ms_max = 1000")).with_program(never_ends);
    });
    let text = error(&loader, "slow").unwrap();
    assert!(text.contains("longer than 1000 ms (compile_wall_ms_max)"), "{text}");
}

#[test]
fn a_component_that_takes_too_much_cpu_time_to_compile_is_given_up() {
    let folder = TestFolder::new();
    folder.put("slow.wasm", slow_component());
    let loader = folder.start_with(|settings| {
        settings.compiler = Compiler::new(&limits("compile_cpu_s_max = 1")).with_program(executable());
    });
    let text = error(&loader, "slow").unwrap();
    assert!(text.contains("more than 1 s of CPU time (compile_cpu_s_max)"), "{text}");
}

#[test]
fn an_executable_without_the_verb_is_an_error_and_no_hang() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start_with(|settings| {
        settings.compiler = Compiler::new(&limits("")).with_program(PathBuf::from("/bin/false"));
    });
    assert!(
        error(&loader, "one").unwrap().contains("the compiler refuses it"),
        "{:?}",
        error(&loader, "one")
    );
}

#[test]
fn the_hidden_verb_says_what_it_is_when_a_person_calls_it() {
    let output = Command::new(executable()).arg("compile-component").stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("this verb is the host's own"), "{text}");
}

#[test]
fn what_the_compiler_refuses_is_said_in_one_line() {
    let folder = TestFolder::new();
    folder.put("bad.wasm", component_with("i64.const 1"));
    let loader = folder.start();
    let text = error(&loader, "bad").unwrap();
    assert!(text.starts_with("bad.wasm: the compiler refuses it: "), "{text}");
    assert!(text.contains("type mismatch"), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn an_ordinary_component_compiles_under_the_smallest_limits_that_can_be_set() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start_with(|settings| {
        let smallest = limits("compile_cpu_s_max = 1\ncompile_memory_bytes_max = 268435456");
        settings.compiler = Compiler::new(&smallest).with_program(executable());
    });
    assert_eq!((answer(&loader, "one"), error(&loader, "one")), (Some(1), None));
}
