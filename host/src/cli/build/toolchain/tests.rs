use super::super::scratch::Scratch;
use super::*;

fn compiler(rustc: &str) -> Compiler {
    Compiler {
        rustc: rustc.into(),
        cargo: Some(Path::new(rustc).with_file_name("cargo")),
        version: Version(1, 95, 0),
        has_target: false,
        library_source: None,
        linker: None,
    }
}

fn survey(compilers: Vec<Compiler>) -> Survey {
    Survey { compilers: compilers.into_iter().map(Ok).collect(), linkers: Vec::new(), root: true }
}

fn environment(path: Vec<PathBuf>, debian_rustc: &Path) -> Environment {
    Environment { path, rustc: None, debian_rustc: debian_rustc.to_owned(), cargo_home: None, root: false }
}

/// A `rustc` that answers as one with the given sysroot does.
fn fake_rustc(scratch: &Scratch, name: &str, release: &str, sysroot: &str) -> PathBuf {
    let sysroot = scratch.path().join(sysroot);
    let script = format!(
        "case \"$1\" in\n-vV) printf 'rustc {release}\\nhost: test-machine\\nrelease: {release}\\n';;\n\
         --print) echo '{0}'; echo '{0}/lib/rustlib/{TARGET}/lib';;\n*) exit 1;;\nesac",
        sysroot.display()
    );
    scratch.program(&format!("{}/cargo", Path::new(name).parent().unwrap().display()), "exit 1");
    scratch.program(name, &script)
}

#[test]
fn versions_are_read_with_and_without_a_channel() {
    assert_eq!(Version::parse(" 1.96.0"), Some(Version(1, 96, 0)));
    assert_eq!(Version::parse("1.97.0-nightly"), Some(Version(1, 97, 0)));
    assert_eq!(Version::parse("1.96"), None);
    assert_eq!(Version::parse("new"), None);
    assert!(Version(1, 100, 0) > Version(1, 99, 9));
}

#[test]
fn an_installed_target_is_preferred_to_compiling_the_library_whatever_the_order() {
    let from_source =
        Compiler { library_source: Some("/src".into()), linker: Some("/lld".into()), ..compiler("/a/rustc") };
    let installed = Compiler { has_target: true, linker: Some("/lld".into()), ..compiler("/b/rustc") };
    let toolchain = survey(vec![from_source, installed]).choose().unwrap();
    assert_eq!(toolchain.rustc, Path::new("/b/rustc"));
    assert_eq!(toolchain.cargo, Path::new("/b/cargo"));
    assert_eq!(toolchain.library_source, None);
    assert_eq!(toolchain.linker, None, "a compiler finds its own linker");
}

#[test]
fn the_library_is_compiled_where_only_its_source_is_and_linked_with_another_compilers_linker() {
    let without_anything = Compiler { linker: Some("/rustup/rust-lld".into()), ..compiler("/rustup/rustc") };
    let debian = Compiler { library_source: Some("/usr/src".into()), ..compiler("/usr/bin/rustc") };
    let toolchain = survey(vec![without_anything, debian]).choose().unwrap();
    assert_eq!(toolchain.rustc, Path::new("/usr/bin/rustc"));
    assert_eq!(toolchain.library_source.as_deref(), Some(Path::new("/usr/src")));
    assert_eq!(toolchain.linker.as_deref(), Some(Path::new("/rustup/rust-lld")));
    let text = toolchain.to_string();
    assert!(text.contains("/usr/bin/rustc (1.95.0)"), "{text}");
    assert!(text.contains("compiling the standard library"), "{text}");
    assert!(text.contains("/rustup/rust-lld"), "{text}");
}

#[test]
fn a_linker_in_the_path_does_where_no_compiler_brings_one() {
    let debian = Compiler { library_source: Some("/usr/src".into()), ..compiler("/usr/bin/rustc") };
    let mut survey = survey(vec![debian]);
    let refusal = survey.choose().unwrap_err().to_string();
    assert!(refusal.contains("apt-get install lld"), "{refusal}");
    assert!(survey.lacks_linker());
    survey.linkers.push("/usr/bin/wasm-ld-14".into());
    assert_eq!(survey.choose().unwrap().linker.as_deref(), Some(Path::new("/usr/bin/wasm-ld-14")));
}

#[test]
fn where_nothing_works_the_message_says_what_was_found_and_what_to_run() {
    let mut survey = survey(vec![
        compiler("/home/me/.cargo/bin/rustc"),
        Compiler { version: Version(1, 63, 0), has_target: true, ..compiler("/usr/bin/rustc") },
        Compiler { cargo: None, has_target: true, ..compiler("/opt/rustc") },
    ]);
    survey.compilers.push(Err(("/broken/rustc".into(), "it does not answer".into())));
    survey.root = false;
    let text = survey.choose().unwrap_err().to_string();
    for part in [
        "no Rust compiler on this machine can build for wasm32-unknown-unknown",
        "/home/me/.cargo/bin/rustc (1.95.0): has neither the target",
        "/usr/bin/rustc (1.63.0): too old, 1.85.0 or newer is needed",
        "/opt/rustc (1.95.0): there is no cargo",
        "/broken/rustc: it does not answer",
        "\n  rustup target add wasm32-unknown-unknown\n",
        "\n  sudo apt-get install rustc-web cargo-web rust-web-src",
        "guesthouse build --install",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn without_any_compiler_the_message_says_so() {
    let text = survey(Vec::new()).choose().unwrap_err().to_string();
    assert!(text.contains("there is no rustc in PATH"), "{text}");
    assert!(text.contains("\n  apt-get install rustc-web"), "root needs no sudo: {text}");
}

#[test]
fn a_compiler_is_asked_what_it_is_and_its_folders_are_looked_into() {
    let scratch = Scratch::new();
    let rustc = fake_rustc(&scratch, "bin/rustc", "1.95.0", "root");
    let environment = environment(vec![scratch.path().join("bin")], Path::new("/nowhere/rustc"));

    let ask = || Survey::take(&environment, scratch.path()).unwrap().compilers.remove(0).unwrap();
    let bare = ask();
    assert_eq!(bare.rustc, rustc);
    assert_eq!(bare.cargo, Some(rustc.with_file_name("cargo")));
    assert_eq!(bare.version, Version(1, 95, 0));
    assert!(!bare.has_target, "rustc names the folder of a target that is not installed as well");
    assert_eq!((bare.library_source, bare.linker), (None, None));

    scratch.file(&format!("root/lib/rustlib/{TARGET}/lib/libcore-1.rlib"), "");
    assert!(!ask().has_target, "a target without the standard library is not enough");
    scratch.file(&format!("root/lib/rustlib/{TARGET}/lib/libstd-1.rlib"), "");
    assert!(ask().has_target);

    scratch.file("root/lib/rustlib/src/rust/library/std/Cargo.toml", "");
    assert_eq!(ask().library_source, None, "without the lock file cargo cannot build the library");
    scratch.file("root/lib/rustlib/src/rust/library/Cargo.lock", "");
    assert!(ask().library_source.is_some());

    let linker = scratch.file("root/lib/rustlib/test-machine/bin/rust-lld", "");
    assert_eq!(ask().linker, Some(linker));
}

#[test]
fn a_compiler_that_fails_is_reported_with_its_own_words() {
    let scratch = Scratch::new();
    let rustc = scratch.program("bin/rustc", "echo 'error: toolchain is not installed' >&2; exit 1");
    let environment = environment(vec![scratch.path().join("bin")], Path::new("/nowhere/rustc"));
    let survey = Survey::take(&environment, scratch.path()).unwrap();
    let (broken, reason) = survey.compilers.first().unwrap().as_ref().unwrap_err();
    assert_eq!(broken, &rustc);
    assert!(reason.contains("toolchain is not installed"), "{reason}");
}

#[test]
fn candidates_are_the_named_one_then_the_path_then_debians_each_once() {
    let scratch = Scratch::new();
    let shim = scratch.program("rustup/rustc", "");
    let debian = scratch.program("usr/rustc", "");
    let named = scratch.program("named/rustc", "");
    let path = vec![scratch.path().join("rustup"), scratch.path().join("usr")];
    let mut environment = environment(path, &debian);
    assert_eq!(environment.candidates(), [shim.clone(), debian.clone()]);
    environment.rustc = Some(named.clone());
    assert_eq!(environment.candidates(), [named, shim, debian.clone()]);
    environment.rustc = None;
    environment.path = vec![scratch.path().join("usr")];
    assert_eq!(environment.candidates(), [debian]);
}

#[test]
fn linkers_are_the_plain_name_first_and_then_the_newest_number() {
    let scratch = Scratch::new();
    for name in ["wasm-ld-9", "wasm-ld-14", "wasm-ld", "wasm-ld-14-old", "lld"] {
        scratch.file(&format!("bin/{name}"), "");
    }
    let environment = environment(vec![scratch.path().join("bin")], Path::new("/nowhere/rustc"));
    let linkers = environment.linkers();
    let names: Vec<_> = linkers.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["wasm-ld", "wasm-ld-14", "wasm-ld-9"]);
}
