use super::super::toolchain::Version;
use super::*;

fn toolchain(library_source: Option<&str>) -> Toolchain {
    Toolchain {
        rustc: "/bin/rustc".into(),
        cargo: "/bin/cargo".into(),
        version: Version(1, 96, 0),
        library_source: library_source.map(PathBuf::from),
        linker: library_source.map(|_| PathBuf::from("/bin/wasm-ld")),
    }
}

fn plugins() -> Vec<Plugin> {
    let plugin = |name: &str| Plugin {
        directory: name.into(),
        name: name.to_owned(),
        package_id: format!("path+file:///w/{name}#0.1.0"),
    };
    vec![plugin("todo"), plugin("bank")]
}

fn request<'a>(plugins: &'a [Plugin], toolchain: &'a Toolchain) -> Request<'a> {
    Request {
        root: Path::new("/w"),
        plugins,
        toolchain,
        target_directory: Path::new("/w/target/guest"),
        initial_memory: GuestMemory::default(),
        cargo_home: Some(Path::new("/home/me/my cargo")),
        flags: &[],
    }
}

fn line(request: &Request<'_>) -> String {
    arguments(request).iter().map(|argument| argument.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn variable(request: &Request<'_>, name: &str) -> Option<Option<String>> {
    let found = variables(request).into_iter().find(|(known, _)| *known == name)?;
    Some(found.1.map(|value| value.into_string().unwrap()))
}

#[test]
fn all_plugins_go_into_one_cargo_call_with_the_users_flags() {
    let (plugins, toolchain) = (plugins(), toolchain(None));
    let mut request = request(&plugins, &toolchain);
    assert_eq!(
        line(&request),
        "build --release --target wasm32-unknown-unknown --message-format json-render-diagnostics --target-dir \
         /w/target/guest --manifest-path /w/Cargo.toml --keep-going --lib --package path+file:///w/todo#0.1.0 \
         --package path+file:///w/bank#0.1.0"
    );
    request.flags = &["--offline", "--locked"];
    assert!(line(&request).ends_with(" --offline --locked"));
}

#[test]
fn an_installed_target_needs_no_unstable_option() {
    let (plugins, toolchain) = (plugins(), toolchain(None));
    let request = request(&plugins, &toolchain);
    assert!(!line(&request).contains("-Z"));
    assert_eq!(variable(&request, "RUSTC_BOOTSTRAP"), None);
    assert_eq!(
        variable(&request, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"),
        Some(None),
        "a linker of the user's own for this target is not ours to try"
    );
}

#[test]
fn a_library_from_source_is_built_with_the_named_compiler_and_linker() {
    let (plugins, toolchain) = (plugins(), toolchain(Some("/usr/src/library")));
    let request = request(&plugins, &toolchain);
    assert!(line(&request).ends_with(" -Z build-std=std,panic_abort"));
    assert_eq!(variable(&request, "RUSTC_BOOTSTRAP"), Some(Some("1".to_owned())));
    assert_eq!(variable(&request, "RUSTC"), Some(Some("/bin/rustc".to_owned())));
    let linker = variable(&request, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER");
    assert_eq!(linker, Some(Some("/bin/wasm-ld".to_owned())));
}

#[test]
fn flags_keep_paths_with_blanks_together_and_replace_those_of_the_user() {
    let (plugins, toolchain) = (plugins(), toolchain(Some("/usr/src/library")));
    let request = request(&plugins, &toolchain);
    let flags = variable(&request, "CARGO_ENCODED_RUSTFLAGS").unwrap().unwrap();
    let flags: Vec<&str> = flags.split('\u{1f}').collect();
    assert_eq!(
        flags,
        [
            "-Clink-arg=--initial-memory=1048576",
            "-Clink-arg=-zstack-size=262144",
            "-Clink-arg=--stack-first",
            "--remap-path-prefix=/home/me/my cargo=/cargo",
            "--remap-path-prefix=/usr/src/library=/library",
        ]
    );
    assert_eq!(variable(&request, "RUSTFLAGS"), Some(None));
}

#[test]
fn initial_memory_is_whole_pages_with_room_for_the_stack() {
    assert_eq!("1048576".parse(), Ok(GuestMemory(1_048_576)));
    assert_eq!(GuestMemory::default().to_string().parse(), Ok(GuestMemory::default()));
    assert!("1000000".parse::<GuestMemory>().unwrap_err().contains("multiple of 65536"));
    assert!("65536".parse::<GuestMemory>().unwrap_err().contains("too small"));
    assert!("2MiB".parse::<GuestMemory>().unwrap_err().contains("not a number"));
    assert!("4294967296".parse::<GuestMemory>().is_err());
}

#[test]
fn modules_are_read_from_cargos_answer_by_package() {
    let answer = concat!(
        r#"{"reason":"compiler-artifact","package_id":"dep","target":{"kind":["lib"]},"filenames":["/t/libdep.rlib"]}"#,
        "\n",
        r#"{"reason":"build-script-executed","package_id":"dep"}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"todo","target":{"kind":["rlib","cdylib"]},"#,
        r#""filenames":["/t/libtodo.rlib","/t/todo.wasm"]}"#,
        "\n",
        "a line a build tool printed\n",
        r#"{"reason":"build-finished","success":true}"#,
        "\n",
    );
    let modules = modules(answer).unwrap();
    assert_eq!(modules, BTreeMap::from([("todo".to_owned(), PathBuf::from("/t/todo.wasm"))]));
}

#[test]
fn an_answer_that_is_not_cargos_is_an_error() {
    assert!(modules("{\"reason\":\"compiler-artifact\"}").is_err());
    assert!(modules("{").is_err());
}
