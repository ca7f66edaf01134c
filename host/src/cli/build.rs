//! `guesthouse build`: from the source of Rust plugins, or the modules of other compilers, to components in a plugin folder.
//!
//! Owns the way from a folder with a `Cargo.toml` to `<name>.wasm` and `<name>.toml`: which compiler, which flags, one
//! cargo call per workspace, the step from core module to component, and writing the result so that a serving host
//! sees either the old file or the new one. A core module that is there already takes only the last two of these steps. Refuses to know how a plugin is served or what its manifest means; it
//! copies the manifest as it is, and the host that loads it judges it.
//!
//! Why not leave this to `cargo component` or to a shell script? Because it has to work where nothing can be fetched
//! but packages: where rustup has no WebAssembly target to give, Debian's compiler builds the standard library from
//! its source. Which of the two a machine can do is found out here, and said.

mod compile;
mod component;
mod features;
mod install;
mod module;
mod publish;
mod text;
mod toolchain;
mod workspace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use self::compile::{GuestMemory, Request};
use self::module::Module;
use self::publish::Change;
use self::toolchain::{Environment, Survey, Toolchain};
use self::workspace::Workspace;

/// The only target guests are built for: no ambient authority, the smallest file, the fastest instance.
const TARGET: &str = "wasm32-unknown-unknown";

/// What `guesthouse build` was asked to do.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Options {
    /// Folders of Rust plugins, each with a Cargo.toml whose library is a `cdylib`; or core modules that another compiler
    /// made of bindings by `wit-bindgen`.
    #[arg(value_name = "DIR|FILE", required_unless_present = "install", requires = "out")]
    pub sources: Vec<PathBuf>,

    /// The plugin folder to write to; it is made if it is not there. It may be one that is being served.
    #[arg(long, value_name = "DIR", required_unless_present = "install")]
    pub out: Option<PathBuf>,

    /// First install what is missing to build plugins: `rustup target add`, else Debian's packages when run as root.
    /// Without a DIR or FILE, only that.
    #[arg(long)]
    pub install: bool,

    /// Where cargo keeps its work on guests [default: `guest` in the workspace's target directory].
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,

    /// Memory a plugin starts with, in bytes, a multiple of 65536. What is left of it after the stack and the static
    /// data is what a call can allocate before memory has to grow, so raise it for plugins with much static data.
    #[arg(long, value_name = "BYTES", default_value_t = GuestMemory::default())]
    pub initial_memory: GuestMemory,

    /// Let cargo use only what it has already downloaded.
    #[arg(long)]
    pub offline: bool,

    /// Fail if Cargo.lock is missing or would have to change.
    #[arg(long)]
    pub locked: bool,
}

impl Options {
    /// What is passed on to every cargo call that resolves dependencies.
    fn cargo_flags(&self) -> Vec<&'static str> {
        [(self.offline, "--offline"), (self.locked, "--locked")]
            .into_iter()
            .filter_map(|(given, flag)| given.then_some(flag))
            .collect()
    }
}

const AFTER_HELP: &str = "\
Every plugin becomes one file, named after its package or module: `orders` becomes orders.wasm. If orders.toml, the \
manifest, is in its folder, it is copied beside it; a folder `wit` there goes into the component, for its doc comments. Files that would not change are left alone, and each file is replaced in one \
step, so building into a folder that is being served swaps the plugin without dropping a request.

Examples:
  guesthouse build orders --out served          build one plugin into the folder `served`
  guesthouse build plugins/* --out served       build several, as far as possible at once
  guesthouse build orders.wasm --out served     make a component of a module that was compiled from C, say
  guesthouse build --install                    only make this machine able to build plugins

The compiler is the `rustc` in PATH if it has the target wasm32-unknown-unknown (`rustup target add \
wasm32-unknown-unknown`), otherwise Debian's (`apt-get install rustc-web cargo-web rust-web-src`), which compiles the \
standard library from its source. If the linker says `initial memory too small`, the plugin has much static data: \
raise --initial-memory. RUSTFLAGS are not passed on: they are meant for this machine, not for guests.";

/// Builds the plugins in `options.sources` into `options.out`.
///
/// Plugins that compile are written even if another one does not.
///
/// # Errors
///
/// For a person to read: no usable compiler (with the commands that install one), a folder that is not a plugin, a file that
/// is no module, what did not compile (cargo has then printed why), a module that is not a component, or a file that cannot be written.
pub fn run(options: Options) -> anyhow::Result<()> {
    let environment = Environment::of_this_process();
    if options.install {
        install::missing(&environment)?;
    }
    let Some(out) = &options.out else {
        let toolchain = Survey::take(&environment, Path::new("."))?.choose()?;
        say(&format!("{} ({}) can build plugins", toolchain.rustc.display(), toolchain.version));
        return Ok(());
    };

    let (files, directories): (Vec<PathBuf>, Vec<PathBuf>) =
        options.sources.iter().cloned().partition(|source| module::is_file(source));
    let modules: Vec<Module> = files.iter().map(|file| module::find(file)).collect::<anyhow::Result<_>>()?;
    // Who gives only modules needs no compiler for Rust.
    let workspaces = match directories.is_empty() {
        true => Vec::new(),
        false => workspace::find(&directories, &environment)?,
    };
    let plugins = workspaces.iter().flat_map(|workspace| &workspace.plugins);
    refuse_same_names(
        plugins
            .map(|plugin| (plugin.name.as_str(), plugin.directory.as_path()))
            .chain(modules.iter().map(|module| (module.name.as_str(), module.file.as_path()))),
    )?;
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;

    let mut failures = Vec::new();
    for workspace in &workspaces {
        let toolchain = Survey::take(&environment, &workspace.root)?.choose()?;
        say(&toolchain.to_string());
        build_workspace(workspace, &toolchain, &environment, &options, out, &mut failures)?;
    }
    for module in &modules {
        match finish(&module.name, &module.directory, &module.file, out) {
            Ok(line) => say(&line),
            Err(error) => failures.push(format!("{}: {error:#}", module.file.display())),
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{} not built:\n  {}", count(failures.len()), failures.join("\n  "))
}

/// Compiles the plugins of one workspace, then makes component, manifest and file of each that compiled.
fn build_workspace(
    workspace: &Workspace,
    toolchain: &Toolchain,
    environment: &Environment,
    options: &Options,
    out: &Path,
    failures: &mut Vec<String>,
) -> anyhow::Result<()> {
    let target_directory = match &options.target_dir {
        Some(directory) => std::path::absolute(directory)
            .with_context(|| format!("--target-dir {}: not a usable path", directory.display()))?,
        None => workspace.target_directory.join("guest"),
    };
    let flags = options.cargo_flags();
    let groups = features::groups(workspace, toolchain, &flags)?;
    if groups.len() > 1 {
        say(&format!("{} cargo calls, because plugins want different features of one package", groups.len()));
    }
    for plugins in groups {
        let modules = compile::run(&Request {
            root: &workspace.root,
            plugins: &plugins,
            toolchain,
            target_directory: &target_directory,
            initial_memory: options.initial_memory,
            cargo_home: environment.cargo_home.as_deref(),
            flags: &flags,
        })?;
        for plugin in &plugins {
            let Some(module) = modules.get(&plugin.package_id) else {
                failures
                    .push(format!("{}: did not compile; cargo says why above", plugin.directory.display()));
                continue;
            };
            match finish(&plugin.name, &plugin.directory, module, out) {
                Ok(line) => say(&line),
                Err(error) => failures.push(format!("{}: {error:#}", plugin.directory.display())),
            }
        }
    }
    Ok(())
}

/// Two plugins of one name would overwrite one another.
fn refuse_same_names<'a>(plugins: impl Iterator<Item = (&'a str, &'a Path)>) -> anyhow::Result<()> {
    let mut taken: BTreeMap<&str, &Path> = BTreeMap::new();
    for (name, source) in plugins {
        if let Some(first) = taken.insert(name, source) {
            bail!(
                "{} and {} would both become {name}.wasm: rename one of them, or build into different folders",
                first.display(),
                source.display(),
            );
        }
    }
    Ok(())
}

/// Turns one core module, with what lies beside it in its folder, into files in `out` and returns the line that says so.
fn finish(name: &str, directory: &Path, module: &Path, out: &Path) -> anyhow::Result<String> {
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let mut component = component::encode(&core)?;
    text::embed(&mut component, directory)?;
    let description = component::describe(&component)?;

    // The manifest first: a host that takes the new component must not meet it under the old manifest.
    let manifest = directory.join(format!("{name}.toml"));
    match fs::read(&manifest) {
        Ok(text) => drop(publish::write(out, &format!("{name}.toml"), &text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", manifest.display())),
    }
    let file = format!("{name}.wasm");
    let change = publish::write(out, &file, &component)?;
    Ok(format!(
        "{}: {}, {}.{} KiB, {description}",
        out.join(file).display(),
        match change {
            Change::Written => "written",
            Change::Unchanged => "unchanged",
        },
        component.len() / 1024,
        component.len() % 1024 * 10 / 1024,
    ))
}

/// Progress for people goes to standard error, so that standard output stays free for what a verb answers.
fn say(line: &str) {
    eprintln!("guesthouse build: {line}");
}

fn count(plugins: usize) -> String {
    if plugins == 1 { "1 plugin was".to_owned() } else { format!("{plugins} plugins were") }
}

#[cfg(test)]
mod scratch;

#[cfg(test)]
mod tests;
