use clap::Parser as _;

use super::scratch::Scratch;
use super::*;

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
}

fn parse(line: &str) -> Result<Options, clap::Error> {
    CommandLine::try_parse_from(line.split(' ')).map(|line| line.options)
}

#[test]
fn plugins_need_a_folder_to_go_to_and_installing_alone_needs_neither() {
    let options = parse("build todo bank --out served").unwrap();
    assert_eq!(options.sources, [Path::new("todo"), Path::new("bank")]);
    assert_eq!(options.out.as_deref(), Some(Path::new("served")));
    assert!(!options.install && !options.offline && !options.locked);
    parse("build --install").unwrap();
    parse("build --install --out served todo").unwrap();
    for line in ["build", "build todo", "build --out served", "build --install todo"] {
        assert!(parse(line).is_err(), "{line}");
    }
    assert!(parse("build todo --out served --initial-memory 5").is_err());
}

#[test]
fn a_folder_that_is_not_there_is_named_before_anything_is_built() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let options =
        parse(&format!("build {0}/nowhere --out {1}", scratch.path().display(), out.display())).unwrap();
    let refusal = format!("{:#}", run(options).unwrap_err());
    assert!(refusal.contains("nowhere: not a plugin: there is no such folder"), "{refusal}");
    assert!(!out.exists());
}

#[test]
fn a_finished_plugin_has_its_manifest_beside_it() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    fs::create_dir(&out).unwrap();
    scratch.file("orders/orders.toml", "mount = \"/o\"\n");
    let module = scratch.path().join("orders.module");
    fs::write(&module, component::tests::counter_module()).unwrap();
    let orders = scratch.path().join("orders");
    let line = finish("orders", &orders, &module, &out).unwrap();
    assert!(
        line.contains("orders.wasm: written") && line.contains("exports test:plugin/counter@1.0.0"),
        "{line}"
    );
    assert_eq!(fs::read_to_string(out.join("orders.toml")).unwrap(), "mount = \"/o\"\n");
    assert!(fs::read(out.join("orders.wasm")).unwrap().starts_with(b"\0asm\x0d\0\x01\0"));
    assert!(finish("orders", &orders, &module, &out).unwrap().contains("unchanged"));
}

#[test]
fn a_module_of_another_compiler_becomes_a_plugin_with_what_lies_beside_it() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    scratch.file("c/counts.toml", "mount = \"/counts\"\n");
    let wit = "package test:plugin@1.0.0;\ninterface counter {\n  /// Counts.\n  next: func() -> u32;\n}\n";
    scratch.file("c/wit/counter.wit", wit);
    let module = scratch.path().join("c/counts.wasm");
    fs::write(&module, component::tests::counter_module()).unwrap();
    run(parse(&format!("build {} --out {}", module.display(), out.display())).unwrap()).unwrap();
    let component = fs::read(out.join("counts.wasm")).unwrap();
    assert!(component.starts_with(b"\0asm\x0d\0\x01\0"));
    assert!(component.windows(11).any(|text| text == b"/// Counts."), "its WIT is in it");
    assert_eq!(fs::read_to_string(out.join("counts.toml")).unwrap(), "mount = \"/counts\"\n");
    let again = format!("build {0} {0} --out {1}", module.display(), out.display());
    let refusal = run(parse(&again).unwrap()).unwrap_err().to_string();
    assert!(refusal.contains("would both become counts.wasm"), "{refusal}");
}

#[test]
fn two_plugins_of_one_name_are_refused_before_anything_is_built() {
    let named = |name, source| (name, Path::new(source));
    refuse_same_names([named("todo", "a"), named("users", "b")].into_iter()).unwrap();
    let refusal =
        refuse_same_names([named("todo", "a"), named("users", "b"), named("todo", "c")].into_iter());
    let refusal = refusal.unwrap_err().to_string();
    assert!(refusal.starts_with("a and c would both become todo.wasm"), "{refusal}");
}
