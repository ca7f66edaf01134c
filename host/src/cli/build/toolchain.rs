//! Which compiler on this machine can build guests.
//!
//! Owns the survey (what is installed, asked of the compilers themselves and of the file system) and the choice (pure:
//! a survey in, a toolchain or a message out). Refuses to know how to install anything or how cargo is called.
//!
//! A compiler can build guests in one of two ways. Either the standard library for the target is installed, which is
//! what `rustup target add` does; or the library's source is, and cargo compiles it with `-Z build-std`, which needs
//! `RUSTC_BOOTSTRAP=1` on a stable compiler. The first is preferred wherever it is found, because it is faster.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::TARGET;

/// Where Debian's packages put the compiler. Named in full, because a rustup shim often stands before it in PATH.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// The first compiler that knows edition 2024, which the bindings generator for guests is written in.
const OLDEST: Version = Version(1, 85, 0);

/// What of this process's environment decides over the toolchain; a value of its own so that tests can make one up.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    /// The folders of PATH.
    pub(super) path: Vec<PathBuf>,
    /// The compiler the user insists on, as cargo reads it too.
    pub(super) rustc: Option<PathBuf>,
    /// Where Debian's compiler would be.
    pub(super) debian_rustc: PathBuf,
    /// Cargo's folder, whose name must not end up in a plugin's panic messages.
    pub(super) cargo_home: Option<PathBuf>,
    /// Whether packages can be installed without asking anybody.
    pub(super) root: bool,
}

impl Environment {
    /// Reads the environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where `guesthouse build` reads its environment"
    )]
    pub(super) fn of_this_process() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            path: set("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
            rustc: set("RUSTC").map(PathBuf::from),
            debian_rustc: PathBuf::from(DEBIAN_RUSTC),
            cargo_home: set("CARGO_HOME")
                .map(PathBuf::from)
                .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cargo"))),
            root: rustix::process::geteuid().is_root(),
        }
    }

    /// The first program of this name in PATH.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
    }

    /// The compilers to ask, in order of preference, each once.
    fn candidates(&self) -> Vec<PathBuf> {
        let first = self.rustc.clone().map(|rustc| {
            if rustc.components().count() == 1 {
                rustc.to_str().and_then(|name| self.program(name)).unwrap_or(rustc)
            } else {
                rustc
            }
        });
        let mut seen = BTreeSet::new();
        [first, self.program("rustc"), Some(self.debian_rustc.clone())]
            .into_iter()
            .flatten()
            .filter(|rustc| rustc.is_file())
            .filter(|rustc| seen.insert(fs::canonicalize(rustc).unwrap_or_else(|_| rustc.clone())))
            .collect()
    }

    /// The cargo that belongs to `rustc`: the one beside it, for Debian's cargo drives Debian's compiler and rustup's
    /// shims pick the same toolchain.
    fn cargo_of(&self, rustc: &Path) -> Option<PathBuf> {
        let beside = rustc.with_file_name("cargo");
        if beside.is_file() { Some(beside) } else { self.program("cargo") }
    }

    /// Linkers for WebAssembly in PATH: `wasm-ld`, then `wasm-ld-N`, the newest first.
    fn linkers(&self) -> Vec<PathBuf> {
        let mut numbered = BTreeSet::new();
        for folder in &self.path {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let version =
                    entry.file_name().to_str().and_then(|name| name.strip_prefix("wasm-ld-")?.parse().ok());
                if let Some(version) = version {
                    let version: u32 = version;
                    numbered.insert((version, entry.path()));
                }
            }
        }
        self.program("wasm-ld").into_iter().chain(numbered.into_iter().rev().map(|(_, file)| file)).collect()
    }
}

/// A compiler's version: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl Version {
    /// Reads `1.96.0`, `1.97.0-nightly` and the like.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split(['.', '-']).map(|part| part.parse::<u32>().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One compiler and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compiler {
    pub(super) rustc: PathBuf,
    pub(super) cargo: Option<PathBuf>,
    pub(super) version: Version,
    /// The standard library for the target is installed.
    pub(super) has_target: bool,
    /// The folder of the standard library's source, if it is installed.
    pub(super) library_source: Option<PathBuf>,
    /// The linker that came with this compiler, which it finds by itself.
    pub(super) linker: Option<PathBuf>,
}

impl Compiler {
    /// Asks `rustc` what it is and where it keeps its things. A rustup shim answers for the toolchain that `directory`
    /// selects, hence the working directory.
    fn ask(rustc: &Path, cargo: Option<PathBuf>, directory: &Path) -> anyhow::Result<Self> {
        let about = answer(rustc, &["-vV"], directory)?;
        let field = |name: &str| about.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let version = field("release:").and_then(Version::parse).context("`rustc -vV` names no release")?;
        let machine = field("host:").context("`rustc -vV` names no host")?;

        let places = answer(
            rustc,
            &["--print", "sysroot", "--print", "target-libdir", "--target", TARGET],
            directory,
        )?;
        let mut places = places.lines().map(|line| PathBuf::from(line.trim()));
        let (Some(sysroot), Some(library)) = (places.next(), places.next()) else {
            bail!("`rustc --print sysroot --print target-libdir` did not answer with two folders");
        };
        let rustlib = sysroot.join("lib/rustlib");
        let source = rustlib.join("src/rust/library");
        let linker = rustlib.join(machine).join("bin/rust-lld");
        Ok(Self {
            rustc: rustc.to_owned(),
            cargo,
            version,
            has_target: holds_standard_library(&library),
            // The lock file is what `-Z build-std` resolves the library's own dependencies from.
            library_source: (source.join("std/Cargo.toml").is_file() && source.join("Cargo.lock").is_file())
                .then_some(source),
            linker: linker.is_file().then_some(linker),
        })
    }

    /// Why this compiler cannot build guests, or nothing if it can.
    fn obstacle(&self) -> Option<String> {
        if self.version < OLDEST {
            Some(format!("too old, {OLDEST} or newer is needed"))
        } else if self.cargo.is_none() {
            Some("there is no cargo beside it or in PATH".to_owned())
        } else if !self.has_target && self.library_source.is_none() {
            Some(format!("has neither the target {TARGET} nor the standard library's source"))
        } else {
            None
        }
    }
}

/// Whether the folder that `rustc --print target-libdir` names really holds a library: rustc names it either way.
fn holds_standard_library(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
        })
    })
}

/// What `program` prints when called with `arguments`.
fn answer(program: &Path, arguments: &[&str], directory: &Path) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        let complaint = std::str::from_utf8(&output.stderr).unwrap_or_default();
        bail!(
            "`{} {}` failed: {}",
            program.display(),
            arguments.join(" "),
            complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why")
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} does not answer in UTF-8", program.display()))
}

/// What there is on this machine.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// The compilers found, in order of preference; with the reason for those that do not answer.
    pub(super) compilers: Vec<Result<Compiler, (PathBuf, String)>>,
    /// Linkers in PATH, in order of preference.
    pub(super) linkers: Vec<PathBuf>,
    /// Whether this user may install Debian packages; decides how the remedy is spelled.
    pub(super) root: bool,
}

impl Survey {
    /// Looks at this machine, as seen from `directory`.
    ///
    /// # Errors
    ///
    /// None that a missing program causes: that is what a survey finds out.
    pub(super) fn take(environment: &Environment, directory: &Path) -> anyhow::Result<Self> {
        let directory = fs::canonicalize(directory)
            .with_context(|| format!("cannot look into {}", directory.display()))?;
        let compilers = environment
            .candidates()
            .into_iter()
            .map(|rustc| {
                Compiler::ask(&rustc, environment.cargo_of(&rustc), &directory)
                    .map_err(|error| (rustc, format!("{error:#}")))
            })
            .collect();
        Ok(Self { compilers, linkers: environment.linkers(), root: environment.root })
    }

    /// Whether only a linker is missing.
    pub(super) fn lacks_linker(&self) -> bool {
        self.any_linker().is_none()
    }

    /// Picks the toolchain to build with.
    ///
    /// # Errors
    ///
    /// If there is none: what was found, why it does not do, and the commands that change it.
    pub(super) fn choose(&self) -> anyhow::Result<Toolchain> {
        let usable: Vec<&Compiler> =
            self.compilers.iter().flatten().filter(|compiler| compiler.obstacle().is_none()).collect();
        let best = usable.iter().find(|compiler| compiler.has_target).or(usable.first());
        let Some((compiler, cargo)) = best.and_then(|compiler| Some((*compiler, compiler.cargo.clone()?)))
        else {
            bail!(self.nothing_usable());
        };
        let linker = match &compiler.linker {
            Some(_) => None,
            None => match self.any_linker() {
                Some(linker) => Some(linker.to_owned()),
                None => bail!(
                    "{} has no linker for WebAssembly, and there is no `wasm-ld` in PATH. Run this and try again:\n  \
                     {}apt-get install lld",
                    compiler.rustc.display(),
                    self.sudo()
                ),
            },
        };
        Ok(Toolchain {
            rustc: compiler.rustc.clone(),
            cargo,
            version: compiler.version,
            library_source: if compiler.has_target { None } else { compiler.library_source.clone() },
            linker,
        })
    }

    /// Any linker: one that came with a compiler, which is the newest as a rule, or one in PATH.
    fn any_linker(&self) -> Option<&Path> {
        let bundled = self.compilers.iter().flatten().find_map(|compiler| compiler.linker.as_deref());
        bundled.or_else(|| self.linkers.first().map(PathBuf::as_path))
    }

    fn sudo(&self) -> &'static str {
        if self.root { "" } else { "sudo " }
    }

    fn nothing_usable(&self) -> String {
        let mut text = format!("no Rust compiler on this machine can build for {TARGET}\n");
        if self.compilers.is_empty() {
            text.push_str("  there is no rustc in PATH\n");
        }
        for compiler in &self.compilers {
            let line = match compiler {
                Ok(compiler) => format!(
                    "  {} ({}): {}\n",
                    compiler.rustc.display(),
                    compiler.version,
                    compiler.obstacle().unwrap_or_default()
                ),
                Err((rustc, reason)) => format!("  {}: {reason}\n", rustc.display()),
            };
            text.push_str(&line);
        }
        text.push_str(&format!(
            "Run one of these and try again, or let `guesthouse build --install` do it:\n  \
             rustup target add {TARGET}\n  {}apt-get install {}",
            self.sudo(),
            super::install::DEBIAN_PACKAGES.join(" ")
        ));
        text
    }
}

/// The compiler, its cargo and its linker, ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Toolchain {
    pub(super) rustc: PathBuf,
    pub(super) cargo: PathBuf,
    pub(super) version: Version,
    /// Where the standard library's source is, if it has to be compiled.
    pub(super) library_source: Option<PathBuf>,
    /// The linker, if the compiler does not find one by itself.
    pub(super) linker: Option<PathBuf>,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "compiling with {} ({})", self.rustc.display(), self.version)?;
        if self.library_source.is_some() {
            write!(
                formatter,
                ", which has no {TARGET}: compiling the standard library too, a minute or two at first"
            )?;
        }
        if let Some(linker) = &self.linker {
            write!(formatter, "; linking with {}", linker.display())?;
        }
        Ok(())
    }
}

/// A `Command` argument list needs owned strings once paths are glued to options.
pub(super) fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

#[cfg(test)]
mod tests;
