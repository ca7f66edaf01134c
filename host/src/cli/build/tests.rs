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
    assert_eq!(options.directories, [Path::new("todo"), Path::new("bank")]);
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
    let plugin = Plugin {
        directory: scratch.path().join("orders"),
        name: "orders".to_owned(),
        package_id: "orders".to_owned(),
    };
    let line = finish(&plugin, &module, &out).unwrap();
    assert!(
        line.contains("orders.wasm: written") && line.contains("exports test:plugin/counter@1.0.0"),
        "{line}"
    );
    assert_eq!(fs::read_to_string(out.join("orders.toml")).unwrap(), "mount = \"/o\"\n");
    assert!(fs::read(out.join("orders.wasm")).unwrap().starts_with(b"\0asm\x0d\0\x01\0"));
    assert!(finish(&plugin, &module, &out).unwrap().contains("unchanged"));
}
