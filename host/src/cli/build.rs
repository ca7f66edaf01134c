//! `guesthouse build`: from the source of Rust plugins to components in a plugin folder.
//!
//! Owns the way from a folder with a `Cargo.toml` to `<name>.wasm` and `<name>.toml`: which compiler, which flags, one
//! cargo call per workspace, the step from core module to component, and writing the result so that a serving host
//! sees either the old file or the new one. Refuses to know how a plugin is served or what its manifest means; it
//! copies the manifest as it is, and the host that loads it judges it.
//!
//! Why not leave this to `cargo component` or to a shell script? Because it has to work where nothing can be fetched
//! but packages: where rustup has no WebAssembly target to give, Debian's compiler builds the standard library from
//! its source. Which of the two a machine can do is found out here, and said.

mod compile;
mod component;
mod features;
mod install;
mod publish;
mod text;
mod toolchain;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use self::compile::{GuestMemory, Request};
use self::publish::Change;
use self::toolchain::{Environment, Survey, Toolchain};
use self::workspace::{Plugin, Workspace};

/// The only target guests are built for: no ambient authority, the smallest file, the fastest instance.
const TARGET: &str = "wasm32-unknown-unknown";

/// What `guesthouse build` was asked to do.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Options {
    /// Folders of Rust plugins, each with a Cargo.toml whose library is a `cdylib`.
    #[arg(value_name = "DIR", required_unless_present = "install", requires = "out")]
    pub directories: Vec<PathBuf>,

    /// The plugin folder to write to; it is made if it is not there. It may be one that is being served.
    #[arg(long, value_name = "DIR", required_unless_present = "install")]
    pub out: Option<PathBuf>,

    /// First install what is missing to build plugins: `rustup target add`, else Debian's packages when run as root.
    /// Without a DIR, only that.
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
Every plugin becomes one file, named after its package: `orders` becomes orders.wasm. If the folder holds orders.toml, \
the manifest, it is copied beside it. Files that would not change are left alone, and each file is replaced in one \
step, so building into a folder that is being served swaps the plugin without dropping a request.

Examples:
  guesthouse build orders --out served          build one plugin into the folder `served`
  guesthouse build plugins/* --out served       build several, as far as possible at once
  guesthouse build --install                    only make this machine able to build plugins

The compiler is the `rustc` in PATH if it has the target wasm32-unknown-unknown (`rustup target add \
wasm32-unknown-unknown`), otherwise Debian's (`apt-get install rustc-web cargo-web rust-web-src`), which compiles the \
standard library from its source. If the linker says `initial memory too small`, the plugin has much static data: \
raise --initial-memory. RUSTFLAGS are not passed on: they are meant for this machine, not for guests.";

/// Builds the plugins in `options.directories` into `options.out`.
///
/// Plugins that compile are written even if another one does not.
///
/// # Errors
///
/// For a person to read: no usable compiler (with the commands that install one), a folder that is not a plugin, what
/// did not compile (cargo has then printed why), a module that is not a component, or a file that cannot be written.
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

    let workspaces = workspace::find(&options.directories, &environment)?;
    workspace::refuse_same_names(&workspaces)?;
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;

    let mut failures = Vec::new();
    for workspace in &workspaces {
        let toolchain = Survey::take(&environment, &workspace.root)?.choose()?;
        say(&toolchain.to_string());
        build_workspace(workspace, &toolchain, &environment, &options, out, &mut failures)?;
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
            match finish(plugin, module, out) {
                Ok(line) => say(&line),
                Err(error) => failures.push(format!("{}: {error:#}", plugin.directory.display())),
            }
        }
    }
    Ok(())
}

/// Turns one core module into files in `out` and returns the line that says so.
fn finish(plugin: &Plugin, module: &Path, out: &Path) -> anyhow::Result<String> {
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let mut component = component::encode(&core)?;
    text::embed(&mut component, &plugin.directory)?;
    let description = component::describe(&component)?;

    // The manifest first: a host that takes the new component must not meet it under the old manifest.
    let manifest = plugin.directory.join(format!("{}.toml", plugin.name));
    match fs::read(&manifest) {
        Ok(text) => drop(publish::write(out, &format!("{}.toml", plugin.name), &text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", manifest.display())),
    }
    let file = format!("{}.wasm", plugin.name);
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
